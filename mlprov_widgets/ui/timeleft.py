"""How long a training is going to take, from how fast its epochs came so far."""

from __future__ import annotations

from collections import deque

_WINDOW = 40  # looks: about twenty seconds, so that a machine which got slower is soon believed


class TimeLeft:
    """An estimate that follows the speed of the last epochs.

    Parameters
    ----------
    epochs
        How many there are going to be at most; 0 if that is not known.
    """

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._seen: deque[tuple[float, int]] = deque(maxlen=_WINDOW)

    def after(self, seconds: float, done: int) -> str:
        """Return the time left in words, empty while there is nothing to say.

        Parameters
        ----------
        seconds
            Since the run was started.
        done
            Epochs that are over.
        """
        if not 0 < done < self._epochs:
            self._seen.clear()
            return ""
        self._seen.append((seconds, done))
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        if last == first or now - began < 1:
            return ""
        return in_words((self._epochs - last) * (now - began) / (last - first))


def in_words(seconds: float) -> str:
    """Return a time that is left, as exactly as an estimate deserves."""
    if seconds < 5:
        return "a few seconds left"
    if seconds < 90:
        return f"about {max(round(seconds / 5) * 5, 5)} s left"
    if seconds < 90 * 60:
        return f"about {round(seconds / 60)} min left"
    return f"about {seconds / 3600:.1f} h left"
