"""Runs side by side, as HTML: a table of what differs, and their curves in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from mlprov_widgets.execution.side_by_side import GROUPS, differs, in_short
from mlprov_widgets.ui import parts

_TITLES = {"parameters": "Parameters", "environment": "Environment", "metrics": "Metrics"}
_MOST_CURVES = 40
_MOST_COLUMNS = 6
"""Runs that stand beside each other; of more, each has a row."""

_MOST_NAMED = 12
"""Curves that have their number beside them; of more, the numbers would cover each other and a tooltip has them."""

_WIDTH, _HEIGHT = 420, 220
_LEFT = 58  # room for a number such as 0.00186


def comparison_html(found: Mapping[str, Any], *, only_differences: bool) -> str:
    """Return the comparison of runs.

    Parameters
    ----------
    found
        What `mlprov_widgets.execution.side_by_side.side_by_side` returned.
    only_differences
        Whether to leave out what is the same in all.
    """
    runs = found["runs"]
    legend = [
        (f"[{number}]", run["title"] or run["task"] or "", str(run["started"] or "")[:19].replace("T", " "), _name(run))
        for number, run in enumerate(runs, 1)
    ]
    which = parts.table(legend, ("", "Experiment", "Started", "Folder"))
    many = len(runs) > _MOST_COLUMNS
    blocks = [parts.folded(f"Which are the {len(runs)} runs", which) if many else which, overlaid(found["series"])]
    for group in GROUPS:
        columns = found[group]
        rows = [
            (name, *(in_short(value) for value in values))
            for name, values in columns.items()
            if differs(values) or not only_differences
        ]
        blocks.append(f"<h3>{_TITLES[group]}</h3>")
        blocks.append(_group_table(rows, many=many) if rows else parts.help_text("The same in all of them."))
    return "".join(blocks)


def _group_table(rows: Sequence[tuple[str, ...]], *, many: bool) -> str:
    """Return a table with a column for each run, or, of many runs, with a row for each."""
    heads = [f"[{number}]" for number in range(1, len(rows[0]))]
    if not many:
        return parts.table(rows, ("", *heads))
    names, *values = zip(*rows, strict=True)
    return parts.table([(head, *row) for head, row in zip(heads, values, strict=True)], ("", *names))


def overlaid(series: Mapping[str, Sequence[Any]]) -> str:
    """Return one small chart for each series, with a line for each run."""
    charts = [_chart(name, curves[:_MOST_CURVES]) for name, curves in series.items()]
    shown = "".join(chart for chart in charts if chart)
    told = ""
    if any(len(curves) > _MOST_CURVES for curves in series.values()):
        told = parts.help_text(f"The curves of the first {_MOST_CURVES} runs.")
    return f'<h3>Training</h3><div class="mlprov-figures">{shown}</div>{told}' if shown else ""


def _chart(name: str, curves: Sequence[Any]) -> str:
    lines = {number: points for number, curve in enumerate(curves, 1) if (points := _points(curve))}
    values = [value for points in lines.values() for _, value in points]
    if not values:
        return ""
    low, high = min(values), max(values)
    last = max(epoch for points in lines.values() for epoch, _ in points)
    span, length = (high - low) or 1.0, max(last - 1, 1)
    title = escape(name.replace("_", " "))
    edge = f'x="{_LEFT - 4}" font-size="11" text-anchor="end" fill="currentColor"'
    drawn = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{title} of {len(lines)} runs" '
        'style="width:100%" font-family="system-ui, sans-serif">'
        f'<text x="8" y="18" font-size="13" font-weight="600" fill="currentColor">{title}</text>'
        f'<text x="{_WIDTH - 8}" y="18" font-size="12" text-anchor="end" fill="currentColor">epoch {last}</text>'
        f'<rect x="{_LEFT}" y="28" width="{_WIDTH - _LEFT - 40}" height="{_HEIGHT - 44}" fill="none" stroke="#8a94a6" '
        'stroke-opacity=".5"/>'
        f'<text {edge} y="36">{high:.3g}</text>'
        f'<text {edge} y="{_HEIGHT - 18}">{low:.3g}</text>'
    ]
    ends: dict[tuple[int, int], list[tuple[int, float, float, str]]] = {}
    for place, (number, points) in enumerate(lines.items()):
        colour = f"hsl({place * 360 / max(len(lines), 6):.0f} 65% var(--mp-curve, 45%))"
        where = [
            (_LEFT + (_WIDTH - _LEFT - 40) * (epoch - 1) / length, _HEIGHT - 20 - (_HEIGHT - 52) * (value - low) / span)
            for epoch, value in points
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in where)
        drawn.append(
            f'<polyline points="{path}" fill="none" style="stroke:{colour}" stroke-width="1.8">'
            f"<title>[{number}]</title></polyline>"
        )
        x, y = where[-1]
        ends.setdefault((round(x / 20), round(y / 10)), []).append((number, x, y, colour))
    if len(lines) <= _MOST_NAMED:
        drawn += [_numbers(there) for there in ends.values()]
    return "".join([*drawn, "</svg>"])


def _numbers(ends: Sequence[tuple[int, float, float, str]]) -> str:
    """Return the number of a curve at its end; of several that end at one place the first, and how many more."""
    first, x, y, colour = ends[0]
    more = f" +{len(ends) - 1}" if len(ends) > 1 else ""
    all_of_them = ", ".join(f"[{number}]" for number, *_ in ends)
    return (
        f'<text x="{x + 3:.1f}" y="{y + 4:.1f}" font-size="10" style="fill:{colour}">[{first}]{more}'
        f"<title>{all_of_them}</title></text>"
    )


def _points(curve: Any) -> list[tuple[int, float]]:
    pairs = curve if isinstance(curve, list) else []
    return [
        (pair[0], float(pair[1]))
        for pair in pairs
        if isinstance(pair, list)
        and len(pair) == 2
        and isinstance(pair[0], int)
        and isinstance(pair[1], int | float)
        and abs(pair[1]) < float("inf")
    ]


def _name(run: Mapping[str, Any]) -> str:
    return Path(str(run["run"])).name
