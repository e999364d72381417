"""The pipeline without a widget: as an SVG, one column a stage and one box a cell, and as a table."""

from __future__ import annotations

from html import escape
from typing import Any

from mlprov_widgets.provenance.overview import duration, overview, shortened
from mlprov_widgets.provenance.view import View

_COLUMN, _GAP, _ROW, _PAD, _HEAD = 176, 28, 46, 10, 54
_LONGEST, _LONGEST_HEADLINE = 23, 28
_COLOURS = {
    "ok": ("#e8f3ec", "#1b7a43"),
    "error": ("#fdeaea", "#b3261e"),
    "died": ("#fdeaea", "#b3261e"),
    "interrupted": ("#fff4e0", "#8a5a00"),
}
_STALE = ("#f3e8fd", "#6b21a8")


def pipeline_svg(laid_out: View) -> str:
    """Return the pipeline of a run as one ``<svg>`` element, every text escaped; empty when nothing ran."""
    stages = overview(laid_out)
    if not stages:
        return ""
    # A cell that ran twice is drawn once, as it ended.
    columns = [{step["step"]: step for step in stage.steps} for stage in stages]
    width = len(columns) * (_COLUMN + _GAP) - _GAP + 4
    height = _HEAD + max(len(steps) for steps in columns) * _ROW + _PAD + 4
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The pipeline that ran" font-family="system-ui, sans-serif">',
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        'orient="auto"><path d="M0 0L8 4L0 8z" fill="#8a94a6"/></marker></defs>',
    ]
    for number, (stage, steps) in enumerate(zip(stages, columns, strict=True)):
        left, title, headline = 2 + number * (_COLUMN + _GAP), escape(stage.title), escape(stage.headline)
        short = escape(shortened(stage.headline, _LONGEST_HEADLINE))
        parts.append(
            f"<g><title>{title}: {headline}</title>"
            f'<rect x="{left}" y="2" width="{_COLUMN}" height="{height - 4}" rx="10" fill="#f6f8fb" stroke="#d7dde6"/>'
            f'<text x="{left + _PAD}" y="24" font-size="13" font-weight="600" fill="#1f2a3d">{title}</text>'
            f'<text x="{left + _PAD}" y="42" font-size="11" fill="#4a5568">{short}</text></g>'
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
    changed = "" if step["code"] == "as planned" else f" · {step['code']}"
    border = ink if changed else "none"
    stale = str(step.get("stale") or "")
    if stale:
        fill, ink = _STALE
        changed += " · stale"
    told = f"{step['status']} · {duration(step.get('start'), step.get('end'))}{changed}"
    return (
        f"<g><title>{escape(title)}: {escape(told)}{escape(f' – {stale}' if stale else '')}</title>"
        f'<rect x="{x}" y="{y}" width="{_COLUMN - 2 * _PAD}" height="{_ROW - 8}" rx="6" fill="{fill}" '
        f'stroke="{border}" stroke-dasharray="4 3"/>'
        f'<text x="{x + 8}" y="{y + 16}" font-size="11.5" fill="#1f2a3d">{escape(shortened(title, _LONGEST))}</text>'
        f'<text x="{x + 8}" y="{y + 31}" font-size="10" fill="{ink}">{escape(told)}</text></g>'
    )


def pipeline_table(laid_out: View) -> str:
    """Return the pipeline of a run as one ``<table>``, every text escaped; empty when nothing ran.

    It says what the picture says: for screen readers, and where pictures are not shown.
    """
    rows = []
    for stage in overview(laid_out):
        steps = {step["step"]: step for step in stage.steps}  # as drawn: a cell that ran twice, as it ended
        head = f'<th scope="rowgroup" rowspan="{len(steps)}">{escape(stage.title)}<br>{escape(stage.headline)}</th>'
        for step in steps.values():
            told = [str(step["status"]), "stale" if step.get("stale") else ""]
            told += [str(step["code"]) if step["code"] != "as planned" else ""]
            cells = (str(step["title"]), ", ".join(filter(None, told)), duration(step.get("start"), step.get("end")))
            rows.append(f"<tr>{head}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>")
            head = ""
    if not rows:
        return ""
    top = "".join(f'<th scope="col">{name}</th>' for name in ("Stage", "Step", "Outcome", "Took"))
    body = f"<thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody>"
    return f"<table><caption>The steps that ran</caption>{body}</table>"
