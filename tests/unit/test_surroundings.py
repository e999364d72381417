"""What another GPU, or none, means for a run that was recorded with or without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import cli
from mlprov_widgets.execution import surroundings
from mlprov_widgets.execution.causes import environment_cause
from mlprov_widgets.execution.surroundings import changes_before_run, environment_changes
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance

Answer = dict[str, Any]
Recorded = Callable[..., ProvenanceFile]
H100, T4 = "NVIDIA H100 80GB HBM3", "Tesla T4"
ON_GPU = {"device": "cuda", "gpu_driver": "580.159.04", "cuda": "13.0", "cudnn": "9.13.0"}


@pytest.fixture
def recorded(tiny_run: Answer, tmp_path: Path) -> Recorded:
    """Return a function that gives a document in which PyTorch calculated so, on a machine with these GPUs."""

    def made(gpus: list[str], cpu: str = "One CPU", **numerics: object) -> ProvenanceFile:
        document = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))
        document["entity"]["run:numerics"] = {f"ml:{name}": value for name, value in numerics.items()}
        document["entity"]["run:hardware_info"] |= {
            "ml:CPU": cpu,
            "ml:GPUs": {"$": json.dumps(gpus), "type": "rdf:JSON"},
        }
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return read_provenance(path)

    return made


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (([H100], ON_GPU), ([], {"device": "cpu"}), "computed on the processor instead of a GPU (CUDA)"),
        (([], {"device": "cpu"}), ([H100], ON_GPU), "computed on a GPU (CUDA) instead of the processor"),
        (([T4], ON_GPU), ([H100], ON_GPU), f"GPUs: {H100} instead of {T4}"),
        (([H100], ON_GPU), ([H100], ON_GPU | {"cudnn": "9.20.0"}), "cuDNN 9.20.0 instead of 9.13.0"),
        (([H100], ON_GPU), ([H100], ON_GPU | {"cuda": "13.2"}), "CUDA 13.2 instead of 13.0"),
        (([H100], ON_GPU), ([H100], ON_GPU | {"gpu_driver": "590.1"}), "the GPU's driver 590.1 instead of 580.159.04"),
        (
            ([H100], ON_GPU | {"float32_convolution_precision": "ieee"}),
            ([H100], ON_GPU | {"float32_convolution_precision": "tf32"}),
            "precision of convolutions: tf32 instead of ieee",
        ),
        # Documents of before the device was recorded.
        (([H100], {}), ([], {}), f"GPUs: none instead of {H100}"),
    ],
)
def test_what_is_another_about_the_gpu_is_the_cause(
    recorded: Recorded, before: tuple[list[str], Answer], after: tuple[list[str], Answer], words: str
) -> None:
    expected, actual = (recorded(gpus, cpu=f"CPU beside {gpus}", **numerics) for gpus, numerics in (before, after))
    assert environment_cause(list(environment_changes(expected, actual))) == words


def test_a_gpu_that_no_run_computed_on_is_no_cause(recorded: Recorded) -> None:
    expected, actual = recorded([], "One CPU", device="cpu"), recorded([H100], "Another CPU", device="cpu")
    changes = list(environment_changes(expected, actual))
    assert [change["name"] for change in changes] == ["CPU"]
    assert environment_cause(changes) == "processor: Another CPU instead of One CPU"


@pytest.mark.parametrize(
    ("gpus", "device", "here", "told"),
    [
        ([H100], "cuda", [], [H100]),
        ([H100], "cuda", [T4], [H100]),
        ([H100], "cuda", [H100], None),
        ([H100], "cuda", None, None),
        ([H100], "cpu", [], None),  # it was there, and left alone
        ([], "cpu", [H100], []),  # this time it would be computed on
        ([], "cpu", [], None),
    ],
)
def test_another_gpu_is_told_before_the_run(
    monkeypatch: pytest.MonkeyPatch,
    recorded: Recorded,
    gpus: list[str],
    device: str,
    here: list[str] | None,
    told: list[str] | None,
) -> None:
    monkeypatch.setattr(surroundings.gpu, "names_without_torch", lambda: here)
    changes = [change for change in changes_before_run(recorded(gpus, device=device)) if change["name"] == "GPUs"]
    assert changes == ([] if told is None else [{"name": "GPUs", "expected": told, "actual": here}])


def test_gpus_are_told_as_names_in_the_terminal() -> None:
    changes = [
        {"name": "GPUs", "expected": [T4, H100], "actual": []},
        {"name": "torch", "expected": None, "actual": "2"},
        {"name": "deterministic_algorithms", "expected": True, "actual": False},
    ]
    told = [
        "  environment       GPUs: Tesla T4, NVIDIA H100 80GB HBM3 -> not here",
        "  environment       torch: not here -> 2",
        "  environment       deterministic_algorithms: on -> off",
    ]
    assert cli._change_lines(changes) == told
