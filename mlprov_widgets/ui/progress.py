"""How far a run is, in words and as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from mlprov_widgets.execution.background import Glance
from mlprov_widgets.tasks.model import Task


def epochs_done(glance: Glance) -> int:
    """Return how many epochs are over."""
    return max((len(values) for values in glance.series.values()), default=0)


def spoken(glance: Glance) -> str:
    """Return what a screen reader is told: every cell, but not every second."""
    if glance.before:
        return _waiting(glance.before)
    return (
        f"{glance.title}, cell {glance.done + 1} of {glance.total}" if 0 < glance.total > glance.done else glance.title
    )


def _waiting(before: int) -> str:
    runs = "one run is" if before == 1 else f"{before} runs are"
    return f"Waiting for its turn: {runs} before this one"


def progress_html(glance: Glance, task: Task, epochs: int, left: str = "") -> str:
    """Return how far a run is.

    Parameters
    ----------
    glance
        What is known of it.
    task
        Whose stages are shown.
    epochs
        How many there are going to be, 0 if that is not known.
    left
        How long it is going to take, in words.
    """
    share = glance.done / glance.total if glance.total else 0.0
    done = epochs_done(glance)
    told = (
        f"{glance.title} ({glance.done} of {glance.total} cells)" if glance.total else f"{glance.title or 'Starting'}…"
    )
    if done and share < 1:
        told += f", epoch {done}" + (f" of {epochs}" if epochs else "")
    if glance.before:
        told = _waiting(glance.before)
    elif glance.seconds >= 1:  # while it waits, nothing has to be drawn anew: twenty that wait are twenty pages
        told += f" · {glance.seconds:.0f} s"
    if left and share < 1:
        told += f" · {left}"
    return (
        f'<div role="status" aria-live="off">{escape(told)}</div>'
        f'<div class="mlprov-bar"><i style="width:{share:.1%}"></i></div>' + _stages_html(glance, task)
    )


def _stages_html(glance: Glance, task: Task) -> str:
    """Return the stages as a line: those that are done, the one that runs, those to come."""
    running = task.stage_of_step(glance.step)
    # The notebook's own cells are at both ends; a run that waits is at none.
    at_the_end = 0 < glance.total <= 2 * glance.done
    elsewhere = len(task.stages) if at_the_end else -1
    now = next((number for number, stage in enumerate(task.stages) if stage.id == running), elsewhere)
    items = []
    for number, stage in enumerate(task.stages):
        state = "done" if number < now else "now" if number == now else "next"
        mark = {"done": "✓ ", "now": "▸ ", "next": ""}[state]
        items.append(f'<li class="mlprov-{state}">{mark}{escape(stage.title)}</li>')
    return f'<ol class="mlprov-stages">{"".join(items)}</ol>'


def state(glance: Glance) -> str:
    """Return how far a run is in a few words, for a line of the queue."""
    if glance.result is not None:
        return _ending(glance.result)
    if glance.before:
        return f"waiting, {_ordinal(glance.before)} in the line"
    return f"running, {glance.done} of {glance.total} cells" if glance.total else "starting"


def _ending(result: Mapping[str, Any]) -> str:
    metrics = result.get("metrics")
    accuracy = metrics.get("accuracy") if isinstance(metrics, Mapping) else None
    told = str(result.get("status", "failed"))
    return f"{told}, accuracy {accuracy:.3g}" if isinstance(accuracy, int | float) else told


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
