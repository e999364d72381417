"""nbformat, without the second that its import takes where jsonschema finds rfc3987-syntax, as beside Jupyter."""

from __future__ import annotations

from mlprov_widgets.later import put_off

with put_off("rfc3987_syntax", by_name=True):
    import nbformat

__all__ = ["nbformat"]
