"""Pieces of HTML that the pages share; every text in them is escaped here."""

from __future__ import annotations

import base64
import struct
import zipfile
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from mlprov_widgets.provenance.terms import HEADLINES
from mlprov_widgets.tasks.model import Parameter, Task, Value
from mlprov_widgets.tasks.plan import Plan
from mlprov_widgets.tasks.values import display

_MIME = {
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".html": "text/html",
    ".py": "text/x-python",
    ".svg": "image/svg+xml",
    ".zip": "application/zip",
}
LARGEST_LINK = 20 * 10**6
"""A link carries its file into the page, and the page's connection drops over more."""


def note(text: str, kind: str = "") -> str:
    """Return a message; `kind` is ``bad``, ``fine``, ``warn`` or empty."""
    role = ' role="alert"' if kind == "bad" else ' role="status"'
    return f'<div class="mlprov-note{f" mlprov-{kind}" if kind else ""}"{role}>{escape(text)}</div>'


def heading(title: str, lead: str = "") -> str:
    """Return a page's title and the sentence below it."""
    told = f'<p class="mlprov-lead">{escape(lead)}</p>' if lead else ""
    return f"<h2>{escape(title)}</h2>{told}"


def table(rows: Sequence[Sequence[Any]], head: Sequence[str] = ()) -> str:
    """Return a table of texts."""
    top = f"<tr>{''.join(f'<th>{escape(str(cell))}</th>' for cell in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="mlprov-scroll"><table class="mlprov-table">{top}{body}</table></div>'


def help_text(text: str) -> str:
    """Return a line of help."""
    return f'<div class="mlprov-help">{escape(text)}</div>'


def grouped_table(groups: Mapping[str, Sequence[Sequence[str]]], head: Sequence[str]) -> str:
    """Return a table whose rows stand under titles."""
    body = []
    for title, rows in groups.items():
        body.append(f'<tr><th colspan="{len(head)}" scope="rowgroup">{escape(title)}</th></tr>')
        for row in rows:
            own = "" if row[-1] == "default" else ' class="mlprov-chosen"'
            body.append(f"<tr{own}>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>")
    top = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>"
    table = f'<table class="mlprov-table mlprov-grouped">{top}{"".join(body)}</table>'
    return f'<div class="mlprov-scroll">{table}</div>'


def plan_rows(task: Task, plan: Plan) -> list[tuple[str, str, str]]:
    """Return each parameter of a Plan as its label, its value and where that came from."""
    rows = []
    for name, value in plan.values.items():
        parameter = task.parameter(name)
        label = name if parameter is None else parameter.label + (f" ({parameter.unit})" if parameter.unit else "")
        # A person knows their file by its name, not by where its copy lies.
        told = plan.files[name].name if name in plan.files else _plan_value(parameter, value)
        rows.append((label, told, plan.origins.get(name, "")))
    return rows


def _plan_value(parameter: Parameter | None, value: Value) -> str:
    chosen = parameter.choice(value) if parameter and isinstance(value, str) else None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return chosen.label if chosen else display(value) or "empty"


def named(text: str, plan: Mapping[str, Any] | None) -> str:
    """Return a text with a person's own files by their names, in place of where their copies lie.

    Parameters
    ----------
    text
        What a cell said.
    plan
        That of the run, as JSON data; None if it is not known.
    """
    values, files = (dict((plan or {}).get(key) or {}) for key in ("values", "files"))
    for name, file in files.items():
        if values.get(name):
            text = text.replace(str(values[name]), str(file["name"]))
    return text


def folded(title: str, html: str) -> str:
    """Return HTML that opens on a click."""
    return f'<details class="mlprov-folded"><summary>{escape(title)}</summary>{html}</details>'


def numbers(metrics: Mapping[str, Any]) -> str:
    """Return the results that stand out."""
    tiles = [
        f"<div><b>{metrics[name]:.4g}</b><span>{label}</span></div>"
        for name, label in HEADLINES.items()
        if isinstance(metrics.get(name), int | float)
    ]
    return f'<div class="mlprov-numbers">{"".join(tiles)}</div>' if tiles else ""


def figures(pairs: Sequence[tuple[str, bytes]]) -> str:
    """Return PNG images, each with its name."""
    images = []
    for name, raw in pairs:
        width, height = struct.unpack(">II", raw[16:24]) if len(raw) >= 24 else (4, 3)
        ratio = width / max(height, 1)
        # The place is kept before the picture is there: nothing below it jumps. Rows fill by themselves.
        place = (
            f"aspect-ratio:{ratio:.4f};flex:{ratio:.4f} 1 {ratio * 200:.0f}px;max-width:min(100%,{ratio * 240:.0f}px)"
        )
        data = base64.b64encode(raw).decode()
        # With the focus it is as wide as the page: the style sheet does that, and a click or a key gives it.
        images.append(f'<img alt="{escape(name)}" tabindex="0" style="{place}" src="data:image/png;base64,{data}">')
    return f'<div class="mlprov-figures">{"".join(images)}</div>' if images else ""


def download(path: Path, label: str) -> str:
    """Return a link that carries a file with it: it works in JupyterLab, Notebook and Voilà alike."""
    if path.stat().st_size > LARGEST_LINK:
        return f"<span>{escape(label)}: {escape(path.name)} is too large to be downloaded from here</span>"
    return data_link(path.name, mime_of(path.name), path.read_bytes(), label)


def mime_of(name: str) -> str:
    """Return the media type of a file by its name."""
    return _MIME.get(Path(name).suffix, "application/octet-stream")


def archive(folder: Path, label: str, largest: int = LARGEST_LINK) -> str:
    """Return a link that carries a folder as a zip, and names the files that would make it too large."""
    stream, size, left_out = BytesIO(), 0, []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.is_symlink():
                continue
            name = path.relative_to(folder).as_posix()
            if size + path.stat().st_size > largest:
                left_out.append(name)
                continue
            size += path.stat().st_size
            packed.write(path, name)
    link = data_link(f"{folder.name}.zip", "application/zip", stream.getvalue(), label)
    return link + (f"<span>Too large for it: {escape(', '.join(left_out))}</span>" if left_out else "")


def data_link(name: str, mime: str, raw: bytes, label: str, css: str = "") -> str:
    """Return a link that carries some bytes as a file."""
    data = base64.b64encode(raw).decode()
    own = f' class="{css}"' if css else ""
    return f'<a{own} download="{escape(name)}" href="data:{mime};base64,{data}">{escape(label)}</a>'


def curves(series: Mapping[str, Sequence[Any]]) -> str:
    """Return the training series as one small SVG a group: losses, and shares."""
    groups = {
        "Loss": [name for name in series if "loss" in name],
        "Accuracy": [name for name in series if "accuracy" in name],
    }
    charts = [_chart(title, {name: series[name] for name in names}) for title, names in groups.items() if names]
    return f'<div class="mlprov-figures">{"".join(charts)}</div>' if charts else ""


def _chart(title: str, lines: Mapping[str, Sequence[Any]]) -> str:
    finite = [v for values in lines.values() for v in values if isinstance(v, int | float)]
    if not finite:
        return ""
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    longest = max(len(values) for values in lines.values())
    parts = [
        '<svg viewBox="0 0 320 170" role="img" style="width:100%" font-family="system-ui, sans-serif">'
        f'<text x="8" y="18" font-size="13" font-weight="600" fill="currentColor">{escape(title)}</text>'
        f'<text x="312" y="18" font-size="12" text-anchor="end" fill="currentColor">epoch {longest}</text>'
        '<rect x="8" y="28" width="304" height="112" fill="none" stroke="#8a94a6" stroke-opacity=".5"/>'
    ]
    for number, (name, values) in enumerate(lines.items()):
        css = f"mlprov-curve-{number % 4}"  # a colour of the theme
        step = max(1, len(values) // 300)
        points = " ".join(
            f"{8 + 304 * k / max(longest - 1, 1):.1f},{138 - 106 * (v - low) / span:.1f}"
            for k, v in enumerate(values)
            if isinstance(v, int | float) and (k % step == 0 or k == len(values) - 1)
        )
        last = values[-1] if values and isinstance(values[-1], int | float) else None
        told = f"{name.replace('_', ' ')} {last:.4g}" if last is not None else name
        parts.append(f'<polyline class="{css}" points="{points}" fill="none" stroke="currentColor" stroke-width="2"/>')
        place = f'x="{8 + 156 * (number % 2)}" y="158" font-size="12"'
        parts.append(f'<text class="{css}" {place} fill="currentColor">{escape(told)}</text>')
    return "".join([*parts, "</svg>"])


def diff(text: str) -> str:
    """Return a unified diff, with what was taken out and what was put in told by sign and colour."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    lines = [
        f'<span class="mlprov-{kinds[line[0]]}">{escape(line)}</span>' if line[:1] in kinds else escape(line)
        for line in text.splitlines()
    ]
    return f'<div class="mlprov-code-box mlprov-diff" tabindex="0"><pre>{chr(10).join(lines)}</pre></div>'
