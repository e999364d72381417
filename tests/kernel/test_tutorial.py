"""docs/tutorial.md, typed by somebody who has nothing but the page."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

TUTORIAL = (Path(__file__).resolve().parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
STEP = re.compile(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_tutorial_prints_what_it_says() -> None:
    typed: dict[str, Any] = {}
    steps = STEP.findall(TUTORIAL)
    assert len(steps) > 6
    for code, told in steps:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "tutorial.md", "exec"), typed)
        assert printed.getvalue() == told
