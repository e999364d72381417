"""How Sphinx makes the site of these pages; see CONTRIBUTING.md."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import derived

from mlprov_widgets import __version__

project = "mlprov_widgets"
author = "the mlprov_widgets developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4  # links within a page are the ones that work on GitHub
suppress_warnings = ["misc.highlighting_failure"]  # a prompt or a cut-off output is not wrong Python

smartquotes = False  # what stands in a task or in the code stands here as it is

# Docstrings are in NumPy's form; what stands in single backquotes is code.
default_role = "literal"
napoleon_google_docstring = False
autodoc_typehints = "signature"
autodoc_member_order = "bysource"

html_theme = "furo"
html_title = "mlprov_widgets"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False


def setup(app: object) -> None:
    """Put what is derived from the code and the tasks where a page names it."""
    app.connect("source-read", lambda app, name, source: derived.fill(source))  # type: ignore[attr-defined]
