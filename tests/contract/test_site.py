"""The site of docs/: it builds without a warning, and its reference has all that the code and the tasks have."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest

import mlprov_widgets
from mlprov_widgets.tasks.load import find_tasks

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
LARGEST_IMAGE = 150_000  # bytes: a reader may be on a train


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(folder / "doctrees")]
    built = subprocess.run(
        [*command, str(DOCS), str(folder / "html")],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    return folder / "html"


def text_of(page: Path) -> str:
    """What a reader sees of a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))).split())


def test_every_page_is_there_and_found_from_the_first(site: Path) -> None:
    first = (site / "index.html").read_text(encoding="utf-8")
    pages = [page.relative_to(DOCS).with_suffix(".html").as_posix() for page in DOCS.rglob("*.md")]
    assert len(pages) > 15
    assert [page for page in pages if page != "index.html" and f'href="{page}"' not in first] == []


def test_the_site_asks_nobody_for_anything(site: Path) -> None:
    fetched = re.compile(
        r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"(https?:[^\"]+)|<link\b[^>]*\bhref=\"(https?:[^\"]+)"
    )
    assert {page.name: found for page in site.rglob("*.html") if (found := fetched.findall(page.read_text()))} == {}
    styles = [
        sheet for sheet in site.rglob("*.css") if re.search(r"url\(['\"]?https?:|@import ['\"]?http", sheet.read_text())
    ]
    assert styles == []


def test_the_reference_has_every_parameter_of_every_task_with_its_default_choices_and_help(site: Path) -> None:
    told = text_of(site / "tasks.html")
    for task in find_tasks([]).values():
        assert task.description in told
        for parameter in task.parameters:
            assert f"{parameter.name}: {parameter.label}" in told
            assert " ".join(parameter.help.split()) in told, parameter.name
            assert str(parameter.kind) in told
            for choice in parameter.choices:
                assert f"{choice.value} {choice.label} {choice.help}".strip() in told, choice.value


def test_the_reference_has_what_each_stage_observes_and_what_is_refused(site: Path) -> None:
    told = text_of(site / "tasks.html")
    for task in find_tasks([]).values():
        assert all(field in told for stage in task.stages for field in (*stage.observe, *stage.not_applicable))
        assert all(" ".join(rule.message.split()) in told for rule in (*task.rules, *task.advice))


def test_the_reference_has_every_public_name_with_its_parameters(site: Path) -> None:
    page = (site / "python.html").read_text(encoding="utf-8")
    assert [name for name in mlprov_widgets.__all__ if f'id="mlprov_widgets.{name}"' not in page] == []
    assert "As for run." in text_of(site / "python.html")


def test_the_page_of_settings_has_every_environment_variable_that_the_package_reads() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "mlprov_widgets").rglob("*.py"))
    listed = set(re.findall(r"`(MLPROV_\w+)`", (DOCS / "settings.md").read_text(encoding="utf-8")))
    assert listed == set(re.findall(r"MLPROV_[A-Z_]+[A-Z]", sources))


def test_every_picture_is_shown_and_small() -> None:
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md"]
    shown = {
        Path(name).name
        for page in pages
        for name in re.findall(r"!\[[^\]]+\]\((?!https:)([^)]+)\)", page.read_text("utf-8"))
    }
    pictures = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    assert shown == set(pictures)
    assert {name: size for name, size in pictures.items() if size > LARGEST_IMAGE} == {}
