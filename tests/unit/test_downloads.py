"""What can be taken along of a run, each file made when it is asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest

from mlprov_widgets.notebook.readback import load_notebook, plan_of
from mlprov_widgets.provenance.export.formats import FORMATS
from mlprov_widgets.provenance.reading import read_provenance
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.downloads import Downloads, Offer, as_script, notebook_with_data, offers_of


@pytest.fixture(scope="session")
def run(tiny_run: dict[str, Any]) -> Path:
    return Path(tiny_run["provenance"])


@pytest.fixture(scope="session")
def offers(run: Path) -> dict[str, Offer]:
    return {offer.label: offer for group in offers_of(read_provenance(run)).values() for offer in group}


@pytest.fixture
def desk(tmp_path: Path, tiny_task: Path) -> Iterator[Desk]:
    yield Desk(tmp_path, [tiny_task])
    widgets.Widget.close_all()


def test_every_form_of_the_provenance_is_offered(offers: dict[str, Offer]) -> None:
    assert [offer.name for offer in offers.values() if offer.name.startswith("provenance.")] == [
        "provenance.json",
        "provenance.provn",
        "provenance.xml",
        "provenance.ttl",
        "provenance.jsonld",
    ]
    assert len(offers) == len(FORMATS) + 3  # the two notebooks and everything


def test_every_offer_is_a_file_with_something_in_it(offers: dict[str, Offer]) -> None:
    assert [label for label, offer in offers.items() if not offer.make()] == []


def test_the_notebook_with_its_data_can_be_run_again(offers: dict[str, Offer], tmp_path: Path) -> None:
    with zipfile.ZipFile(BytesIO(offers["Notebook with its data (zip)"].make())) as packed:
        packed.extractall(tmp_path)
    (notebook,) = tmp_path.glob("*/*.ipynb")
    assert plan_of(load_notebook(notebook)).task == "tiny"
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    assert [
        cell for cell in cells if cell["cell_type"] == "code" and (cell["outputs"] or cell["execution_count"])
    ] == []


def test_the_data_beside_a_notebook_goes_with_it(run: Path, tmp_path: Path) -> None:
    executed = tmp_path / "own.ipynb"
    executed.write_bytes(next(run.parent.glob("*.ipynb")).read_bytes())
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.csv").write_text("a,b\n")
    (tmp_path / "data" / "outside.csv").symlink_to("/etc/hostname")
    with zipfile.ZipFile(BytesIO(notebook_with_data(executed))) as packed:
        assert packed.namelist() == ["own/own.ipynb", "own/data/rows.csv"]


def test_the_script_runs_by_itself(run: Path, tmp_path: Path) -> None:
    script = tmp_path / "own.py"
    script.write_bytes(as_script(next(run.parent.glob("*.ipynb"))))
    assert "# %% [markdown]" in script.read_text(encoding="utf-8")
    ended = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_a_file_is_handed_over_when_its_button_is_clicked(desk: Desk, run: Path) -> None:
    box = Downloads(desk, read_provenance(run))
    buttons = [w for w in below(box.widget) if isinstance(w, widgets.Button)]
    assert box.link.value == ""
    next(b for b in buttons if b.description == "PROV-N").click()
    assert 'class="mlprov-now" download="provenance.provn"' in box.link.value


def test_too_large_a_file_is_told_and_not_sent(desk: Desk, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LARGEST_LINK", 10)
    box = Downloads(desk, read_provenance(run))
    next(w for w in below(box.widget) if getattr(w, "description", "") == "PROV-JSON").click()
    assert box.link.value == ""
    assert "provenance.json: the file has" in desk.message.value


def below(widget: widgets.Widget) -> list[widgets.Widget]:
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in below(child))]
