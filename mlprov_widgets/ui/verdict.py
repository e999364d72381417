"""Whether a reproduction worked: a green or a red card, with the table of what differs under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.compare import Comparison, against_values, compare
from mlprov_widgets.execution.differences import Difference
from mlprov_widgets.execution.failures import failed
from mlprov_widgets.provenance.reading import read_provenance
from mlprov_widgets.provenance.replay import replay
from mlprov_widgets.provenance.view import plan_dict_of
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.ui import parts

_SAID = {
    "identical": ("Identical", "Metrics, every epoch and the model are the same, bit for bit."),
    "within-tolerance": ("Within tolerance", "Not bit for bit, but every metric is as close as rounding explains."),
    "different": ("Different", "The result is not the recorded one."),
    "not-comparable": ("Not comparable", "The file holds no metrics to compare with."),
    "failed": ("Not reproduced", "The run did not come to its end, so there is no result to compare."),
}
_GOOD = ("identical", "within-tolerance")
_ROWS = 12


def verdict_html(source: Path, actual: Path) -> str:
    """Return the card of a run that was to reproduce another.

    Parameters
    ----------
    source
        The file that was reproduced: a provenance file, also of MLProvCodeGen, or a notebook.
    actual
        The new run's document.
    """
    try:
        recorded, file = replay(source), read_provenance(actual)
        known = recorded.file
        comparison = compare(known, file) if known is not None else against_values(recorded, file)
    except MlprovError as error:  # somebody changed or took away the recorded file meanwhile
        return parts.note(f"The runs cannot be compared: {error}", "bad")
    return card(comparison)


def failure_html(source: Path, result: Mapping[str, Any], task: Task) -> str:
    """Return the card of a run that was to reproduce another and did not complete.

    Parameters
    ----------
    source
        See `verdict_html`.
    result
        What came of the run, as `mlprov_widgets.execution.run.Run.as_dict`.
    task
        The task that ran.
    """
    step, provenance = result.get("failed_step") or "", Path(str(result.get("provenance") or ""))
    message = str(result.get("message") or "")
    try:
        actual = read_provenance(provenance) if provenance.is_file() else None
        comparison = failed(
            replay(source),
            status=str(result["status"]),
            message=parts.named(message, plan_dict_of(actual)) if actual is not None else message,
            step=step,
            stage=task.stage_of_step(step),
            actual=actual,
        )
    except MlprovError as error:  # the recorded file may be gone, and what happened is told all the same
        cause = f"the recorded run cannot be read, so nothing is known of it: {error}"
        difference = Difference("code", None, step, "completed", str(result["status"]), cause)
        comparison = Comparison("failed", [difference], [], happened=message)
    return card(comparison)


def document_of(source: Path | None) -> Path | None:
    """Return where the document of a source lies, None for one of another tool and for a notebook alone."""
    try:
        file = replay(source).file if source is not None else None
    except MlprovError:
        return None
    return file.path if file is not None else None


def card(comparison: Comparison) -> str:
    """Return the card of a comparison."""
    title, told = _SAID[comparison.verdict]
    good = comparison.verdict in _GOOD
    first = comparison.first
    lines = [f"<p>{escape(told)}</p>"]
    if comparison.verdict == "failed" and first is not None:
        lines.append(f"<p><b>It ended in:</b> {escape(_cell(first))}</p>")
        lines.append(f"<p><b>What happened:</b> {escape(comparison.happened)}</p>")
    elif comparison.verdict == "identical" and first is not None:
        told = f"{_place(first)}: {first.cause}" if first.cause else _place(first)
        lines.append(f"<p><b>Worth knowing:</b> {escape(told)}. It made no difference.</p>")
    elif first is not None:
        lines.append(f"<p><b>Where they part:</b> {escape(_place(first))}</p>")
    if first is not None and first.cause and comparison.verdict != "identical":
        lines.append(f"<p><b>Likely cause:</b> {escape(first.cause)}</p>")
    mark, kind = ("✓", "fine") if good else ("✕", "bad")
    head = (
        f'<section class="mlprov-verdict mlprov-{kind}" role="status" aria-label="Verdict">'
        f'<h3><span aria-hidden="true">{mark}</span> {escape(title)}</h3>{"".join(lines)}</section>'
    )
    table = "" if comparison.verdict == "failed" else _table(comparison.differences)
    return head + table + _environment(comparison.environment_changes) + _missing(comparison)


def _table(differences: Sequence[Difference]) -> str:
    if not differences:
        return ""
    rows = [(d.stage.replace("_", " "), _item(d), _told(d.expected), _told(d.actual)) for d in differences]
    head = ("Stage", "What differs", "Recorded", "Now")
    more = parts.folded(f"{len(rows) - _ROWS} more", parts.table(rows[_ROWS:], head)) if len(rows) > _ROWS else ""
    return f'<div class="mlprov-differences">{parts.table(rows[:_ROWS], head)}{more}</div>'


def _environment(changes: Sequence[dict[str, Any]]) -> str:
    if not changes:
        return ""
    rows = [(c["name"], _told(c["expected"]), _told(c["actual"])) for c in changes]
    title = f"The environment differs in {len(rows)} thing{'s' if len(rows) > 1 else ''}"
    return parts.folded(title, parts.table(rows, ("What", "Recorded", "Now")))


def _missing(comparison: Comparison) -> str:
    return "".join(parts.note(f"Missing in the file: {item}", "warn") for item in comparison.missing)


def _place(difference: Difference) -> str:
    return f"{difference.stage.replace('_', ' ')}, {_item(difference)}"


def _cell(difference: Difference) -> str:
    if not difference.item:
        return "no cell: it ended before the first one ran"
    stage = f", in the stage {difference.stage.replace('_', ' ')}" if difference.stage != "code" else ""
    return f"the cell {difference.item}{stage}"


def _item(difference: Difference) -> str:
    # Metrics have names for people; what a cell made is called as the cell calls it.
    item = difference.item.replace("_", " ") if difference.stage == "metrics" else difference.item
    return f"{item}, epoch {difference.epoch}" if difference.epoch else item


def _told(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.8g}"
    if isinstance(value, list):  # of the classes, or rows of a matrix
        return f"[{', '.join(_told(item) for item in value)}]"
    return "none" if value is None else str(value)
