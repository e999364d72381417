"""Twelve changes, each planted into a run that is otherwise the same: each is named as the first divergence."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.execution.compare import Comparison, compare
from mlprov_widgets.execution.differences import Difference
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance

Answer = dict[str, Any]
Plant = Callable[[Answer], None]
OTHER = "0" * 64


@pytest.fixture(scope="module")
def rerun(iris_run: Answer, tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """Iris, run again on this very machine."""
    return verbs.reproduce(iris_run["provenance"], runs=tmp_path_factory.mktemp("rerun"))


@pytest.fixture
def planted(iris_run: Answer, rerun: Answer) -> Callable[[Plant], Comparison]:
    """Return a function that changes the recorded document and compares it with the rerun."""

    def compared(plant: Plant) -> Comparison:
        document = copy.deepcopy(json.loads(Path(iris_run["provenance"]).read_text(encoding="utf-8")))
        plant(document)
        return compare(ProvenanceFile(document, Path(iris_run["provenance"])), read_provenance(rerun["provenance"]))

    return compared


def first_of(comparison: Comparison) -> Difference:
    assert comparison.first is not None
    return comparison.first


def entity(document: Answer, name: str) -> Answer:
    found: Answer = document["entity"][name]
    return found


def variable(document: Answer, step: str, name: str) -> Answer:
    made = {r["prov:entity"] for r in document["wasGeneratedBy"].values() if f"exec-{step}-" in str(r["prov:activity"])}
    found = [entity(document, key) for key in made if entity(document, key).get("ml:variable") == name]
    assert len(found) == 1
    return found[0]


def number(text: str) -> Answer:
    return {"$": text, "type": "xsd:double"}


def test_without_a_change_there_is_no_divergence(planted: Callable[[Plant], Comparison], rerun: Answer) -> None:
    comparison = planted(lambda document: None)
    assert (comparison.verdict, comparison.first, comparison.differences) == ("identical", None, [])
    assert (rerun["verdict"], rerun["first_divergence"]) == ("identical", None)


@pytest.mark.parametrize(
    ("name", "attribute", "value", "item", "words"),
    [
        ("run:packages", "pypi:torch", "2.12.1", "torch", " instead of 2.12.1"),
        ("run:numerics", "ml:torch_threads", 64, "torch_threads", "threads of PyTorch: 1 instead of 64"),
        ("run:numerics", "ml:default_dtype", "float64", "default_dtype", "of the type float32 instead of float64"),
        ("run:notebook", "ml:programming_language_version", "3.9.7", "programming_language_version", "Python 3."),
    ],
    ids=["package version", "thread count", "default dtype", "Python version"],
)
def test_another_environment_with_the_same_result_is_the_first_divergence(
    planted: Callable[[Plant], Comparison], name: str, attribute: str, value: object, item: str, words: str
) -> None:
    comparison = planted(lambda document: entity(document, name).update({attribute: value}))
    first = first_of(comparison)
    assert (comparison.verdict, first.stage, first.item, first.expected) == ("identical", "environment", item, value)
    assert words in first.cause


@pytest.mark.parametrize(
    ("step", "name", "stage", "verdict"),
    [
        ("load-data", "features", "data_ingestion", "within-tolerance"),
        ("split", "x_train", "data_segregation", "within-tolerance"),
        ("model", "model", "model", "within-tolerance"),
    ],
    ids=["one row of data", "split", "initial weights"],
)
def test_other_values_of_a_stage_are_the_first_divergence(
    planted: Callable[[Plant], Comparison], step: str, name: str, stage: str, verdict: str
) -> None:
    def plant(document: Answer) -> None:
        variable(document, step, name)["schema:sha256"] = OTHER
        # What follows from it is another, too.
        variable(document, "train", "model")["schema:sha256"] = OTHER

    comparison = planted(plant)
    first = first_of(comparison)
    assert (comparison.verdict, first.stage, first.item) == (verdict, stage, name)


def test_a_run_on_a_gpu_is_told_by_where_its_losses_part(planted: Callable[[Plant], Comparison]) -> None:
    def plant(document: Answer) -> None:
        entity(document, "run:numerics")["ml:device"] = "cuda"
        variable(document, "setup", "device").update({"schema:sha256": OTHER, "ml:value": "cuda"})
        series = json.loads(entity(document, "run:history")["ml:values"]["$"])
        series["loss"][0] += 0.001
        entity(document, "run:history")["ml:values"]["$"] = json.dumps(series)
        entity(document, "run:metric-loss").update({"mls:hasValue": number("9.5")})

    comparison = planted(plant)
    first = first_of(comparison)
    assert (comparison.verdict, first.stage, first.item, first.epoch) == ("different", "training", "loss", 1)
    assert first.cause.startswith("computed on the processor instead of a GPU (CUDA); the data, ")
    assert "the losses part at epoch 1" in first.cause
    assert not any(difference.item == "device" for difference in comparison.differences)


def test_another_type_of_numbers_is_the_first_divergence(planted: Callable[[Plant], Comparison]) -> None:
    def plant(document: Answer) -> None:
        variable(document, "model", "model").update({"schema:sha256": OTHER, "ml:dtype": "float64"})

    first = first_of(planted(plant))
    assert (first.stage, first.item, first.expected, first.actual) == ("model", "model", "float64", "float32")
    assert first.cause.startswith("model holds numbers of the type float32 instead of float64; the data")


def test_another_epoch_is_the_first_divergence_and_the_version_is_its_likely_cause(
    planted: Callable[[Plant], Comparison],
) -> None:
    def plant(document: Answer) -> None:
        series = json.loads(entity(document, "run:history")["ml:values"]["$"])
        series["loss"][2] += 0.5
        entity(document, "run:history")["ml:values"]["$"] = json.dumps(series)
        entity(document, "run:packages")["pypi:torch"] = "2.12.1"
        variable(document, "train", "model")["schema:sha256"] = OTHER

    first = first_of(planted(plant))
    assert (first.stage, first.epoch, first.item) == ("training", 3, "loss")
    assert first.cause.startswith("torch 2.")
    assert first.cause.endswith(
        " instead of 2.12.1; the data, the preparation, the split and the initial weights are identical; "
        "the losses part at epoch 3"
    )


def test_another_metric_is_the_first_divergence(planted: Callable[[Plant], Comparison]) -> None:
    comparison = planted(lambda document: entity(document, "run:metric-loss").update({"mls:hasValue": number("9.5")}))
    first = first_of(comparison)
    assert (comparison.verdict, first.stage, first.item, first.expected) == ("different", "metrics", "loss", 9.5)


def test_another_seed_is_the_first_divergence(planted: Callable[[Plant], Comparison]) -> None:
    def plant(document: Answer) -> None:
        cell = entity(document, "plan:cell-parameters")
        cell.update({"schema:sha256": OTHER, "ml:source": cell["ml:source"].replace("seed = 2", "seed = 3")})

    first = first_of(planted(plant))
    assert (first.stage, first.item) == ("code", "parameters")
    assert "split_seed is 2, it was 3; random_seed is 2, it was 3" in first.cause


def test_an_edited_cell_is_the_first_divergence(planted: Callable[[Plant], Comparison]) -> None:
    comparison = planted(lambda document: entity(document, "plan:cell-train").update({"schema:sha256": OTHER}))
    first = first_of(comparison)
    assert (comparison.verdict, first.stage, first.item) == ("identical", "code", "train")
    assert first.cause == "the code is not the recorded code"


@pytest.fixture
def with_other_model(iris_run: Answer) -> Iterator[None]:
    path = Path(iris_run["run"]) / "outputs" / "model.pt"
    kept = path.read_bytes()
    path.write_bytes(kept + b"x")
    yield
    path.write_bytes(kept)


def test_a_changed_artifact_is_the_first_divergence(
    planted: Callable[[Plant], Comparison], with_other_model: None
) -> None:
    comparison = planted(lambda document: None)
    first = first_of(comparison)
    assert (comparison.verdict, first.stage, first.item) == ("identical", "artifacts", "outputs/model.pt")


def test_another_task_is_the_first_divergence(tiny_run: Answer, tiny_task: Path, tmp_path: Path) -> None:
    changed = shutil.copytree(tiny_task, tmp_path / "changed")
    text = (changed / "model.py.jinja").read_text(encoding="utf-8")
    (changed / "model.py.jinja").write_text(text + "weights[0] += 1\n", encoding="utf-8")
    done = verbs.reproduce(tiny_run["provenance"], runs=tmp_path / "again", tasks=[changed])
    assert (done["first_divergence"]["stage"], done["first_divergence"]["item"]) == ("code", "model")
