"""Documents of an older schema are brought to today's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance import migrate


@pytest.fixture
def older(tiny_run: dict[str, Any], tmp_path: Path) -> Path:
    """A document of a version 0, in which the metrics had another type."""
    text = Path(tiny_run["provenance"]).read_text(encoding="utf-8")
    document = json.loads(text.replace("mls:ModelEvaluation", "mls:Evaluation"))
    document["activity"]["run:run"]["ml:schemaVersion"]["$"] = "0"
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_version_that_no_step_reads_is_refused(older: Path) -> None:
    with pytest.raises(ProvenanceError, match="the document says schema version '0'"):
        verbs.show(older)


def test_an_older_version_is_read_by_its_step(
    older: Path, tiny_run: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def step(document: dict[str, Any]) -> dict[str, Any]:
        return dict(json.loads(json.dumps(document).replace("mls:Evaluation", "mls:ModelEvaluation")))

    monkeypatch.setitem(migrate.STEPS, 0, step)
    assert migrate.readable() == (0, 1)
    assert verbs.show(older)["metrics"] == tiny_run["metrics"]
