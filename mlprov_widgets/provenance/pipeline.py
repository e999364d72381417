"""The pipeline as an SVG: one column a stage, one box a cell, with what became of it."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import Any

from mlprov_widgets.provenance.view import View

_COLUMN, _GAP, _ROW, _PAD, _HEAD = 176, 28, 46, 10, 40
_LONGEST = 23
_COLOURS = {
    "ok": ("#e8f3ec", "#1b7a43"),
    "error": ("#fdeaea", "#b3261e"),
    "died": ("#fdeaea", "#b3261e"),
    "interrupted": ("#fff4e0", "#8a5a00"),
}
_SET_UP = "set-up"


def pipeline_svg(laid_out: View, titles: dict[str, str] | None = None) -> str:
    """Return the pipeline of a run as one ``<svg>`` element, every text escaped.

    Parameters
    ----------
    laid_out
        The document.
    titles
        What each stage is called; by default its id without underscores.
    """
    columns: dict[str, dict[str, dict[str, Any]]] = {}
    for step in laid_out.steps:
        # A cell that ran twice is drawn once, as it ended.
        columns.setdefault(step["stage"] or _SET_UP, {})[step["step"]] = step
    if not columns:
        return ""
    rows = max(len(steps) for steps in columns.values())
    width = len(columns) * (_COLUMN + _GAP) - _GAP + 4
    height = _HEAD + rows * _ROW + _PAD + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The pipeline that ran" font-family="system-ui, sans-serif">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#8a94a6"/></marker></defs>',
    ]
    for number, (stage, steps) in enumerate(columns.items()):
        left = 2 + number * (_COLUMN + _GAP)
        title = (titles or {}).get(stage) or stage.replace("_", " ").capitalize()
        parts.append(
            f'<rect x="{left}" y="2" width="{_COLUMN}" height="{height - 4}" rx="10" fill="#f6f8fb" stroke="#d7dde6"/>'
            f'<text x="{left + _PAD}" y="26" font-size="13" font-weight="600" fill="#1f2a3d">{escape(title)}</text>'
        )
        if number:
            parts.append(
                f'<line x1="{left - _GAP + 2}" y1="22" x2="{left - 3}" y2="22" stroke="#8a94a6" '
                'stroke-width="1.5" marker-end="url(#arrow)"/>'
            )
        parts += [_box(step, left + _PAD, _HEAD + row * _ROW) for row, step in enumerate(steps.values())]
    return "".join([*parts, "</svg>"])


def _box(step: dict[str, Any], x: int, y: int) -> str:
    fill, ink = _COLOURS.get(str(step["status"]), ("#eef1f6", "#4a5568"))
    title = str(step["title"])
    shown = title if len(title) <= _LONGEST else f"{title[: _LONGEST - 1]}…"
    changed = "" if step["code"] == "as planned" else f" · {step['code']}"
    border = ink if changed else "none"
    told = f"{step['status']} · {_seconds(step)}{changed}"
    return (
        f"<g><title>{escape(title)}: {escape(told)}</title>"
        f'<rect x="{x}" y="{y}" width="{_COLUMN - 2 * _PAD}" height="{_ROW - 8}" rx="6" fill="{fill}" '
        f'stroke="{border}" stroke-dasharray="4 3"/>'
        f'<text x="{x + 8}" y="{y + 16}" font-size="11.5" fill="#1f2a3d">{escape(shown)}</text>'
        f'<text x="{x + 8}" y="{y + 31}" font-size="10" fill="{ink}">{escape(told)}</text></g>'
    )


def _seconds(step: dict[str, Any]) -> str:
    return duration(step.get("start"), step.get("end"))


def seconds_between(start: Any, end: Any) -> float | None:
    """Return the seconds between two ISO texts, None when one is missing."""
    try:
        return (datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds()
    except (ValueError, TypeError):
        return None


def duration(start: Any, end: Any) -> str:
    """Return the time between two ISO texts as a person says it; a dash when one is missing."""
    seconds = seconds_between(start, end)
    if seconds is None:
        return "–"
    if seconds >= 59.95:
        return "{} min {} s".format(*divmod(round(seconds), 60))
    return f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds * 1000:.0f} ms"
