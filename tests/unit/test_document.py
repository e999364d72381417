"""The document as a pure function of a journal: no kernel, no file."""

from __future__ import annotations

import copy
import io
import json
import warnings
from pathlib import Path
from typing import Any

import prov
import prov.model as pm
import pytest
from jsonschema.validators import validator_for

from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.provenance.capture.account import account_of
from mlprov_widgets.provenance.capture.document import build, local_name
from mlprov_widgets.provenance.constraints import violations
from mlprov_widgets.provenance.reading import ProvenanceFile, value_of
from mlprov_widgets.provenance.terms import TABLE1
from mlprov_widgets.provenance.verify import verify
from mlprov_widgets.provenance.view import view

DIGEST = "0" * 64


def moment(second: float) -> str:
    return f"2026-01-01T00:00:{second:09.6f}+00:00"


def cell(step: str, source: str, stage: str = "", kind: str = "code") -> dict[str, Any]:
    digest = sha256_of_text(source)
    return {
        "step": step,
        "stage": stage,
        "title": step.title(),
        "kind": kind,
        "source": source,
        "sha256": digest,
        "tags": [],
    }


CELLS = [
    cell("load", "x = 1", "data_ingestion"),
    cell("train", "y = x + 1", "training"),
    cell("about", "# hi", "", "markdown"),
]


def executed(step: str, source: str, at: float, **more: Any) -> dict[str, Any]:
    return {
        "event": "cell",
        "time": moment(at + 0.5),
        "step": step,
        "stage": next((c["stage"] for c in CELLS if c["step"] == step), ""),
        "source": source,
        "sha256": sha256_of_text(source),
        "start": moment(at),
        "end": moment(at + 0.5),
        "status": "ok",
        "error": None,
        "reads": [],
        "writes": [],
        "files": [],
        "observed": {},
        "metrics": None,
        "capture_seconds": 0.001,
        **more,
    }


def variable(name: str, digest: str = DIGEST, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "int", "kind": "value", "sha256": digest, **more}


@pytest.fixture
def events() -> list[dict[str, Any]]:
    plan = {
        "schema_version": 1,
        "task": "tiny",
        "version": "1",
        "digest": DIGEST,
        "values": {"epochs": 2, "author": "Ada", "optimizer": "Adam", "rate": None},
        "origins": {"epochs": "user"},
        "cells": {c["step"]: c["sha256"] for c in CELLS},
    }
    return [
        {
            "event": "start",
            "time": moment(0),
            "schema_version": 1,
            "run": "11111111-2222-3333-4444-555555555555",
            "recorded_by": "kernel",
            "generator": "0",
            "task": "tiny",
            "version": "1",
            "plan_digest": DIGEST,
            "plan": plan,
            "cells": CELLS,
            "notebook": {"name": "n.ipynb", "bytes": 5, "sha256": DIGEST, "created": moment(0), "modified": moment(0)},
            "stages": [
                {
                    "id": "data_ingestion",
                    "title": "Data",
                    "fields": ["dataset_id", "training_samples"],
                    "not_applicable": {},
                },
                {
                    "id": "model",
                    "title": "M",
                    "fields": ["optimizer"],
                    "not_applicable": {"pretrained": "no such thing"},
                },
            ],
            "not_observed_because": "",
        },
        {
            "event": "environment",
            "time": moment(0),
            "facts": {"CPU": {"value": "a CPU", "function": "platform.processor"}},
        },
        {"event": "cell_start", "time": moment(1), "step": "load"},
        executed(
            "load",
            "x = 1",
            1,
            writes=[variable("x", value=1), variable("epochs", value=3)],
            observed={"data_ingestion": {"dataset_id": {"value": "iris"}, "training_samples": {"reason": "NameError"}}},
        ),
        {"event": "history", "time": moment(2), "step": "train", "series": {"loss": {"from": 0, "values": [0.5]}}},
        {"event": "history", "time": moment(2), "step": "train", "series": {"loss": {"from": 1, "values": [0.25]}}},
        executed(
            "train",
            "y = x + 1",
            2,
            reads=[variable("x")],
            writes=[variable("y", "1" * 64)],
            files=[{"path": "outputs/m.pt", "sha256": DIGEST, "bytes": 3}],
            observed={"model": {"optimizer": {"value": "SGD"}}},
            metrics={"accuracy": 0.5, "loss": "NaN", "confusion_matrix": [[1, 0], [0, 1]]},
        ),
        {"event": "packages", "time": moment(3), "packages": {"numpy": "2.0"}, "gpus": []},
        {"event": "end", "time": moment(4)},
    ]


def built(events: list[dict[str, Any]]) -> ProvenanceFile:
    """Return the document of a journal, which never contradicts itself."""
    file = ProvenanceFile(build(events).document)
    assert list(violations(file.document)) == []
    return file


@pytest.mark.parametrize(
    ("numerics", "told"),
    [
        (
            {"device": "cuda", "gpu_driver": "580.1", "cuda": "13.0", "cudnn": "9.19.0"},
            "driver 580.1, CUDA 13.0, cuDNN 9.19.0",
        ),
        ({"device": "cuda", "rocm": "6.4"}, "ROCm 6.4"),
        ({"device": "cpu"}, None),
    ],
)
def test_the_software_of_a_gpu_is_told_beside_its_name(
    events: list[dict[str, Any]], numerics: dict[str, str], told: str | None
) -> None:
    events[-2]["numerics"] = numerics
    file = built(events)
    assert file.entity("run:hardware_info").get("ml:GPU_software") == told
    assert file.entity("run:numerics") == {"prov:type": file.entity("run:numerics")["prov:type"]} | {
        f"ml:{name}": value for name, value in numerics.items()
    }


def test_the_same_journal_gives_the_same_bytes(events: list[dict[str, Any]]) -> None:
    assert build(events).text == build(copy.deepcopy(events)).text


def test_a_document_is_read_back_equal_through_prov(events: list[dict[str, Any]]) -> None:
    events[6]["metrics"]["loss"] = 0.25  # a NaN is equal to nothing
    text = build(events).text
    document = pm.ProvDocument.deserialize(content=text, format="json")
    again = pm.ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert document == again


@pytest.mark.parametrize("form", ["xml", "rdf", "provn"])
def test_a_document_can_be_written_in_every_form(events: list[dict[str, Any]], form: str) -> None:
    events[3]["writes"].append(
        variable("größe", value="\x07bell and \ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"))
    )
    document = pm.ProvDocument.deserialize(content=build(events).text, format="json")
    stream = io.BytesIO() if form == "xml" else io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own
        document.serialize(stream, format=form)
    assert len(stream.getvalue()) > 1000


def test_every_relation_ends_in_a_record(events: list[dict[str, Any]]) -> None:
    assert verify(built(events)).problems == []


def test_the_run_begins_with_the_cell_that_started_the_recorder(events: list[dict[str, Any]]) -> None:
    events[2:3] = [executed("recorder", "record()", 0.5, start="2025-12-31T23:59:59+00:00")]
    assert built(events).activity("run:run")["prov:startTime"] == "2025-12-31T23:59:59+00:00"
    assert verify(built(events)).problems == []


def test_a_run_ends_with_its_last_execution(events: list[dict[str, Any]]) -> None:
    events[-1] = {"event": "end", "time": moment(2.25)}
    assert built(events).activity("run:run")["prov:endTime"] == moment(2.5)
    assert verify(built(events)).problems == []


def test_what_a_cell_run_by_another_made_is_used_once_it_is_there(events: list[dict[str, Any]]) -> None:
    inner = executed("", "x = 5", 1.5, writes=[variable("fresh")])
    outer = executed("outer", "%%capture", 1, end=moment(2), reads=[variable("fresh")], writes=[variable("more")])
    events[4:4] = [inner, outer]
    file = built(events)
    usage = next(u for u in file.records("used").values() if u["prov:entity"] == "run:var-fresh-1")
    assert usage["prov:time"] == "2026-01-01T00:00:02+00:00"  # not 1, when the cell that used it had begun
    assert verify(file).problems == []


def test_every_field_of_table_1_is_there_with_a_status_and_a_reason(events: list[dict[str, Any]]) -> None:
    table1 = view(built(events)).table1
    for group, fields in TABLE1.items():
        assert set(fields) <= set(table1[group])
        for field in fields:
            item = table1[group][field]
            assert item["status"] in ("observed", "declared", "not_applicable", "not_observed")
            assert item["status"] == "observed" or item["reason"], field


def with_parameters(events: list[dict[str, Any]], source: str) -> list[dict[str, Any]]:
    """Return the events of a notebook that has a cell of parameters, too."""
    events[0]["cells"] = [*CELLS, {**cell("parameters", source), "tags": ["parameters"]}]
    return events


def test_what_was_seen_wins_over_what_was_planned(events: list[dict[str, Any]]) -> None:
    file = built(with_parameters(events, "epochs = 2"))
    assert view(file).table1["model_parameters"]["optimizer"]["value"] == "SGD"
    setting = file.entity("run:hp-epochs")
    assert value_of(setting["mls:hasValue"]) == 3
    assert value_of(setting["ml:planned"]) == 2
    assert value_of(setting["ml:status"]) == "observed"


@pytest.mark.parametrize("tags", [["parameters"], [], None])
def test_a_variable_that_only_happens_to_be_called_so_is_no_value_of_a_parameter(
    events: list[dict[str, Any]], tags: object
) -> None:
    events[3]["writes"].append(variable("author", value="the last author of a loop"))
    events[0]["cells"] = [*CELLS, {**cell("parameters", "epochs = 2"), "tags": tags}]
    setting = built(events).entity("run:hp-author")
    assert value_of(setting["mls:hasValue"]) == "Ada"
    assert value_of(setting["ml:status"]) == "declared"


def test_an_expression_that_failed_is_not_observed_and_says_why(events: list[dict[str, Any]]) -> None:
    item = view(built(events)).table1["data_ingestion"]["training_samples"]
    assert (item["value"], item["status"], item["reason"]) == (None, "not_observed", "NameError")


def test_what_a_task_has_not_is_not_applicable_with_its_reason(events: list[dict[str, Any]]) -> None:
    item = view(built(events)).table1["model_parameters"]["pretrained"]
    assert (item["status"], item["reason"]) == ("not_applicable", "no such thing")


def test_an_empty_value_stays_visible(events: list[dict[str, Any]]) -> None:
    setting = built(events).entity("run:hp-rate")
    assert "mls:hasValue" in setting
    assert value_of(setting["mls:hasValue"]) is None


def test_an_edited_cell_is_a_revision_attributed_to_the_author(events: list[dict[str, Any]]) -> None:
    events[6]["source"], events[6]["sha256"] = "y = 9", sha256_of_text("y = 9")
    file = built(events)
    revision = file.entity("run:cell-train-1")
    assert value_of(revision["ml:source"]) == "y = 9"
    assert {"prov:generatedEntity": "run:cell-train-1", "prov:usedEntity": "plan:cell-train"}.items() <= next(
        iter(r for r in file.records("wasDerivedFrom").values() if r["prov:generatedEntity"] == "run:cell-train-1")
    ).items()
    attributed = [
        r["prov:agent"] for r in file.records("wasAttributedTo").values() if r["prov:entity"] == "run:cell-train-1"
    ]
    assert attributed == ["run:author"]
    assert value_of(file.entity("plan:cell-train")["ml:source"]) == "y = x + 1"


def test_a_new_cell_is_an_added_cell_of_somebody_when_there_is_no_author(events: list[dict[str, Any]]) -> None:
    del events[0]["plan"]["values"]["author"]
    events.insert(7, executed("3f2a", "z = 1", 3))
    file = built(events)
    assert "ml:AddedCell" in str(file.entity("run:cell-_x33_f2a-1")["prov:type"])
    assert "run:person" in file.records("agent")


def test_a_cell_that_ran_twice_has_two_executions_of_one_step(events: list[dict[str, Any]]) -> None:
    events.insert(7, executed("train", "y = x + 1", 3, writes=[variable("y", "2" * 64)]))
    file = built(events)
    for number in (1, 2):
        step = file.activity(f"run:exec-train-{number}")["p-plan:correspondsToStep"]
        assert step["$"] == "plan:cell-train"
    assert file.entity("run:var-y-2")["schema:sha256"] == "2" * 64


def test_a_variable_is_derived_from_what_its_cell_read(events: list[dict[str, Any]]) -> None:
    pairs = {
        (r["prov:generatedEntity"], r["prov:usedEntity"]) for r in built(events).records("wasDerivedFrom").values()
    }
    assert ("run:var-y-1", "run:var-x-1") in pairs


def test_short_series_are_in_the_document_and_long_ones_beside_it(events: list[dict[str, Any]]) -> None:
    assert view(built(events)).series == {"loss": [0.5, 0.25]}
    events[4]["series"]["loss"]["values"] = [i / 7 for i in range(5000)]
    events[5]["series"]["loss"]["from"] = 5000
    result = build(events)
    ((name, text),) = result.files.items()
    assert len(json.loads(text)["loss"]) == 5001
    entity = ProvenanceFile(result.document).entity("run:history")
    assert (entity["schema:name"], entity["schema:sha256"]) == (name, sha256_of_text(text))
    assert "ml:values" not in entity


def test_a_series_that_begins_anew_replaces_the_first_one(events: list[dict[str, Any]]) -> None:
    events[5]["series"]["loss"] = {"from": 0, "values": [9.0]}
    assert view(built(events)).series == {"loss": [9.0]}


def test_a_metric_that_is_not_a_number_stays_one(events: list[dict[str, Any]]) -> None:
    metrics = view(built(events)).metrics
    assert metrics["loss"] != metrics["loss"]
    assert metrics["accuracy"] == 0.5
    assert metrics["confusion_matrix"] == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda e: e, "completed"),
        (lambda e: e[:-1], "incomplete"),
        (lambda e: [*e[:6], *e[7:]], "incomplete"),
        (lambda e: [*e[:6], {**e[6], "status": "error", "error": {"type": "E", "message": "m"}}, *e[7:]], "failed"),
        (lambda e: [*e[:6], {**e[6], "status": "interrupted"}, *e[7:]], "cancelled"),
        (lambda e: [*e[:6], {"event": "cell_start", "time": moment(3), "step": "train"}, e[-1]], "failed"),
        (
            lambda e: [*e[:7], {"event": "note", "time": moment(3), "incomplete": True, "message": "m"}, *e[7:]],
            "incomplete",
        ),
        (lambda e: [*e, {"event": "end", "time": moment(5), "status": "cancelled"}], "cancelled"),
    ],
    ids=["all ran", "no end", "a cell left out", "error", "interrupt", "died", "journal lost", "told"],
)
def test_the_status_follows_from_what_ran(events: list[dict[str, Any]], change: Any, status: str) -> None:
    assert account_of(change(events)).status == status


def test_a_cell_that_failed_and_was_run_again_counts_by_its_last_try(events: list[dict[str, Any]]) -> None:
    failed = {**events[6], "status": "error", "error": {"type": "E", "message": "m"}}
    assert account_of([*events[:6], failed, *events[6:]]).status == "completed"


@pytest.mark.parametrize("text", ["a b", "größe", "{x}", "9lives", "", "a_x20_b", "x" * 300])
def test_any_text_becomes_a_legal_local_name(text: str) -> None:
    assert local_name(text).isascii()
    assert pm.ProvDocument().add_namespace("n", "urn:n#")[local_name(text)] is not None


def test_different_texts_never_share_a_local_name() -> None:
    texts = ["a b", "a_x20_b", "a.b", "a-b", "9a", "_9a", "_x39_a", "é", "e", "", "_x_"]
    assert len({local_name(text) for text in texts}) == len(texts)


def test_an_unknown_plan_still_gives_a_document(events: list[dict[str, Any]]) -> None:
    events[0] |= {"plan": None, "cells": [], "notebook": None}
    file = built(events)
    assert verify(file).problems == []
    assert "plan:form" not in file.records("entity")
    assert view(file).table1["experiment_info"]["file_size"]["reason"] == "the notebook's file was not found"


def test_a_document_satisfies_the_prov_json_schema(events: list[dict[str, Any]]) -> None:
    schema = json.loads((Path(prov.__file__).parent / "tests/schemas/prov-json.schema.json").read_text())
    validator = validator_for(schema)(schema)
    assert [
        f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(build(events).document)
    ] == []
