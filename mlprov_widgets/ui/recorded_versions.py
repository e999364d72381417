"""The offer to reproduce a run with the recorded versions: what would be installed, and a person's consent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk, row

if TYPE_CHECKING:
    from mlprov_widgets.notebook.restore import Restored

_TOLD = (
    "A fresh environment would be built with these packages, from wheels alone: nothing is compiled, and nothing else "
    "that the file names is installed. It is gone after the run. Packages that are not on this machine yet are "
    "fetched, which can take minutes and some GB for PyTorch."
)


class RecordedVersions:
    """A button that asks, and what it asks.

    Parameters
    ----------
    desk
        What the pages share. Strangers are never offered it.
    start
        Called with the packages, each with its version, once a person agreed.
    """

    def __init__(self, desk: Desk, start: Callable[[Mapping[str, str]], None]) -> None:
        self._desk, self._start = desk, start
        self._wanted: dict[str, str] = {}
        self.button = desk.button("Reproduce with the recorded versions…", self._ask)
        self.told = desk.html()
        self.agree = desk.button("Install them there and run", self._agree, primary=True)
        self.decline = desk.button("Not now", self.close)
        self.consent = widgets.VBox([self.told, row(self.agree, self.decline)])  # with a layout of its own: hidden
        self.consent.layout.display = "none"

    def offer(self, restored: Restored) -> None:
        """Offer it for a file that was read."""
        from mlprov_widgets.execution.reproduce import wanted_of

        self._wanted = wanted_of(restored)
        self.close()

    def refresh(self) -> None:
        """Show what holds now."""
        self.button.disabled = self.agree.disabled = self._desk.served or not self._wanted
        if self._desk.form.recorded_in is None:
            self.close()

    def close(self) -> None:
        """Ask no more."""
        self.consent.layout.display = "none"

    def _ask(self) -> None:
        rows = [(name, number or "today's") for name, number in self._wanted.items()]
        self.told.value = parts.note(_TOLD, "warn") + parts.table(rows, ("Package", "Version"))
        self.consent.layout.display = None

    def _agree(self) -> None:
        if self._desk.served:
            raise MlprovError(
                "no environment is built on a served page", fix="Use mlprov reproduce on your own machine"
            )
        self.close()
        self._start(self._wanted)
