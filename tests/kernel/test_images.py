"""The image task: a run of its defaults, what it records, and every one of its options."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.terms import TABLE1
from mlprov_widgets.tasks.load import find_task

TASK = "image_classification"
Answer = dict[str, Any]
FailuresOf = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def digits(run_new: Callable[..., Answer]) -> Answer:
    """A completed run of the defaults with few epochs; only to be read."""
    return run_new(TASK, {"epochs": 3})


@pytest.fixture(scope="module")
def table(digits: Answer) -> dict[str, dict[str, dict[str, Any]]]:
    """What `mlprov show` says of that run."""
    return verbs.show(digits["provenance"])["table1"]


# A run of the defaults ---------------------------------------------------------------------------


def test_the_defaults_complete_and_recognise_nearly_all_digits(digits: Answer) -> None:
    assert digits["status"] == "completed"
    assert digits["metrics"]["accuracy"] > 0.9
    assert digits["metrics"]["majority_baseline"] < 0.15
    assert digits["metrics"]["top5_accuracy"] >= digits["metrics"]["accuracy"]


@pytest.mark.parametrize("group", sorted(TABLE1))
def test_every_field_of_table_1_has_a_value_or_a_reason(table: Answer, group: str) -> None:
    for field in TABLE1[group]:
        seen = table[group][field]
        assert seen["status"] in ("observed", "declared", "not_applicable"), (field, seen)
        assert seen["reason"] if seen["status"] == "not_applicable" else seen["value"] is not None, field


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        ("experiment_info", "task_type", TASK),
        ("data_ingestion", "dataset_id", "digits"),
        ("data_ingestion", "feature_dimensions", [8, 8]),
        ("data_ingestion", "dataset_classes", 10),
        ("data_ingestion", "training_samples", 1257),
        ("data_ingestion", "validation_samples", 180),
        ("data_ingestion", "testing_samples", 360),
        ("data_preparation", "operations", ["ToImage", "ToDtype", "Normalize"]),
        ("data_preparation", "number_of_operations", 3),
        ("model_parameters", "model_name", "small_cnn"),
        ("model_parameters", "pretrained", False),
        ("model_parameters", "loss_function", "CrossEntropyLoss"),
        ("model_parameters", "activation_function", "none"),
        ("model_parameters", "output_neurons", 10),
        ("model_parameters", "optimizer", "Adam"),
        ("model_parameters", "optimizer_learning_rate", 0.001),
        ("model_parameters", "save_checkpoint", "none"),
        ("model_training", "resulting_model_seed", 2),
        ("model_training", "batch_size", 64),
        ("model_training", "epochs", 3),
    ],
)
def test_a_field_says_what_was_so(table: Answer, group: str, field: str, value: object) -> None:
    assert table[group][field]["value"] == value


def test_the_test_images_are_told_by_their_positions(table: Answer) -> None:
    positions = table["data_segregation"]["test_set_images"]["value"]
    assert len(set(positions)) == 360
    assert set(positions) <= set(range(1797))


def test_the_confusion_matrix_counts_every_test_image(table: Answer) -> None:
    assert sum(map(sum, table["model_evaluation"]["confusion matrix"]["value"])) == 360


def test_the_pictures_and_the_model_are_kept(digits: Answer) -> None:
    kept = {path.name for path in (Path(digits["provenance"]).parent / "outputs").iterdir()}
    pictures = {f"{name}.png" for name in ("samples", "training-curves", "confusion-matrix", "roc-curves", "mistakes")}
    assert kept == {"model.pt", *pictures}


@pytest.mark.slow
def test_a_run_is_reproduced_bitwise(digits: Answer, own_folder: Path) -> None:
    again = verbs.reproduce(digits["provenance"], runs=own_folder / "again")
    assert again["verdict"] == "identical", again["first_divergence"]


# A run of much else ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fake(run_new: Callable[..., Answer]) -> dict[str, dict[str, Any]]:
    """What `mlprov show` says of a run with everything that the defaults leave out."""
    values = {
        "dataset_id": "FakeData",
        "dataset_classes": 3,
        "channels": "grayscale",
        "sizing": "center_crop",
        "image_size": 16,
        "augmentation": "flip_crop",
        "loss_function": "NLLLoss",
        "optimizer_learning_rate": 0.01,
        "schedule": "step",
        "schedule_step": 1,
        "mixed_precision": "float16",
        "save_checkpoint": "every_epoch",
        "epochs": 2,
    }
    done = run_new(TASK, values)
    assert done["status"] == "completed", done["message"]
    table: dict[str, dict[str, Any]] = verbs.show(done["provenance"])["table1"]
    return table | {"files": {path.name: {} for path in (Path(done["provenance"]).parent / "outputs").iterdir()}}


def test_the_operations_are_those_that_ran(fake: Answer) -> None:
    kept = ["ToImage", "Grayscale", "Resize", "CenterCrop"]
    varied = [*kept, "RandomHorizontalFlip", "RandomCrop", "ToDtype", "Normalize"]
    assert fake["data_preparation"]["operations"]["value"] == varied
    assert fake["data_preparation"]["operations_when_tested"]["value"] == [*kept, "ToDtype", "Normalize"]
    assert fake["data_preparation"]["prepared_dimensions"]["value"] == [1, 16, 16]


def test_the_learning_rate_is_the_first_one_of_a_schedule(fake: Answer) -> None:
    assert fake["model_parameters"]["optimizer_learning_rate"]["value"] == 0.01
    assert fake["model_parameters"]["schedule"]["value"] == "step"


def test_mixed_precision_is_recorded_as_it_ran(fake: Answer) -> None:
    import torch

    assert fake["model_training"]["mixed_precision"]["value"] == ("float16" if torch.cuda.is_available() else "none")


@pytest.mark.parametrize(
    ("device", "allowed", "capability", "half", "precision"),
    [
        ("cuda", False, (9, 0), None, "none"),
        ("cuda", True, (9, 0), None, "tf32"),
        ("cuda", True, (7, 5), None, "none"),  # older than TF32
        ("cpu", True, (9, 0), None, "none"),
        ("cuda", True, (9, 0), "torch.bfloat16", "bfloat16"),
        ("cpu", False, (9, 0), "torch.float16", "none"),
    ],
)
def test_the_precision_is_the_one_that_was_computed_in(
    device: str, allowed: bool, capability: tuple[int, int], half: str | None, precision: str
) -> None:
    torch = SimpleNamespace(
        backends=SimpleNamespace(cudnn=SimpleNamespace(allow_tf32=allowed)),
        cuda=SimpleNamespace(get_device_capability=lambda _: capability),
    )
    scope: dict[str, Any] = {"torch": torch, "device": SimpleNamespace(type=device)}
    if half is not None:
        scope |= {"half_precision": half, "in_half": device == "cuda"}
    stage = find_task(TASK).stage("training")
    assert stage is not None
    assert eval(stage.observe["mixed_precision"], scope) == precision


def test_nll_loss_has_a_log_softmax_before_it(fake: Answer) -> None:
    assert fake["model_parameters"]["loss_function"]["value"] == "NLLLoss"
    assert fake["model_parameters"]["activation_function"]["value"] == "log_softmax"


def test_every_epoch_has_its_checkpoint(fake: Answer) -> None:
    assert {"checkpoint-000001.pt", "checkpoint-000002.pt"} <= set(fake["files"])
    assert fake["model_parameters"]["save_checkpoint"]["value"] == "every_epoch"


# Own images --------------------------------------------------------------------------------------

SIZES = [(12, 14), (20, 11)]
COLOURS = ("blue", "green", "red")


def picture(colour: int, size: tuple[int, int] = (12, 12), mode: str = "RGB", form: str = "PNG") -> bytes:
    """Return an image file of noise with a tint."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(colour).integers(0, 120, (*size, 3), dtype=np.uint8)
    pixels[..., colour] += 100
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, form)
    return file.getvalue()


def pack(
    path: Path,
    around: tuple[str, ...] = ("",),
    sizes: Any = ((12, 12),),
    modes: Any = ("RGB",),
    forms: Any = ("PNG", "GIF"),
) -> Path:
    """Write an archive of 20 images for each of three classes in each of the folders around them."""
    with zipfile.ZipFile(path, "w") as archive:
        for folder in around:
            for number, colour in enumerate(COLOURS):
                for i in range(20):
                    form = forms[i % len(forms)]
                    content = picture(2 - number, sizes[i % len(sizes)], modes[i % len(modes)], form)
                    archive.writestr(f"{folder}{colour}/{i}.{form.lower()}", content)
    return path


def add(path: Path, **files: bytes) -> Path:
    """Add files to an archive; ``_`` in a name stands for a folder."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", "/") + ".png", content)
    return path


def left_behind(path: Path) -> Path:
    """Add what systems leave behind in archives, all of which is no image of anybody's."""
    with zipfile.ZipFile(path, "a") as archive:
        for name in ("__MACOSX/red/._1.png", "red/.DS_Store", "red/Thumbs.db", "red/"):
            archive.writestr(name, b"something" if name[-1] != "/" else b"")
    return path


def arrays(path: Path, **named: Any) -> Path:
    import numpy as np

    np.savez(path, **named)
    return path


def failure_of(folder: Path, failures_of: FailuresOf, values: dict[str, Any]) -> str:
    """Run a notebook and return how it fails, empty when it does not."""
    made = verbs.generate(TASK, {"epochs": 1, **values}, out=folder / "notebook" / "n.ipynb")
    return failures_of(made["notebook"]).get(made["notebook"], "")


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"split_by": "folders", "sizing": "resize", "image_size": 16, "early_stopping": 1},
        {"sizing": "center_crop", "image_size": 16, "augmentation": "flip_crop", "channels": "grayscale"},
    ],
    ids=["as they are", "in parts, of all sizes and modes", "cut out"],
)
def test_images_in_class_folders_are_classified(
    tmp_path: Path, failures_of: FailuresOf, values: dict[str, Any]
) -> None:
    if values:
        parts = ("mine/train/", "mine/VAL/", "mine/test/")
        path = pack(tmp_path / "mine.zip", parts, SIZES, ("RGB", "L", "P", "RGBA"))
    else:
        path = pack(tmp_path / "mine.zip")
    left_behind(path)
    given = {"dataset_id": "image_folder", "data_file": str(path), **values}
    assert failure_of(tmp_path, failures_of, given) == ""


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda path: add(pack(path), red_none=b""), "red/none.png: this file is empty"),
        (lambda path: add(pack(path), red_text=b"hello"), "red/text.png: this file is not an image"),
        (lambda path: add(pack(path), red_cut=picture(0)[:80]), "red/cut.png: image file is truncated"),
        (lambda path: add(pack(path), deep=picture(0, mode="I;16")), "deep.png: it lies in no folder"),
        (lambda path: add(pack(path), red_deep=picture(0, mode="I;16")), "red/deep.png: its pixels have no 8 bits"),
        # Of a TIFF, only decoding it tells the size: of the others, the form does.
        (lambda path: pack(path, sizes=SIZES, forms=["TIFF"]), "The images have 2 sizes, such as [(12, 14), (20, 11)]"),
        (lambda path: add(path, a_one=picture(0), a_two=picture(1)), "All images are of one class, a"),
        (left_behind, "holds no images"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and so on") and path, "cannot be read as a ZIP archive"),
    ],
)
def test_what_is_wrong_with_an_archive_is_said_before_the_training(
    tmp_path: Path, failures_of: FailuresOf, spoil: Callable[[Path], Path], said: str
) -> None:
    path = spoil(tmp_path / "mine.zip")
    failure = failure_of(tmp_path, failures_of, {"dataset_id": "image_folder", "data_file": str(path)})
    assert said in failure
    assert 'File "load-data"' in failure


def test_an_archive_without_parts_is_not_split_by_folders(tmp_path: Path, failures_of: FailuresOf) -> None:
    given = {"dataset_id": "image_folder", "data_file": str(pack(tmp_path / "mine.zip")), "split_by": "folders"}
    assert "The folders around the classes are ['']" in failure_of(tmp_path, failures_of, given)


def images_and_labels() -> tuple[Any, Any]:
    import numpy as np

    return np.random.default_rng(0).integers(0, 256, (60, 9, 11), dtype=np.uint8), np.arange(60) % 3


def test_arrays_in_one_file_are_classified(tmp_path: Path, failures_of: FailuresOf) -> None:
    images, labels = images_and_labels()
    path = arrays(tmp_path / "mine.npz", x=images, y=labels)
    given = {"dataset_id": "npz", "data_file": str(path), "images_array": "x", "labels_array": "y"}
    assert failure_of(tmp_path, failures_of, given) == ""


def test_arrays_in_two_files_are_classified(tmp_path: Path, failures_of: FailuresOf) -> None:
    import numpy as np

    images, labels = images_and_labels()
    # Colours first, from 0 to 1, and names for classes.
    np.save(tmp_path / "images.npy", np.stack([images] * 3, axis=1) / 255)
    np.save(tmp_path / "labels.npy", np.array(["a", "b", "c"])[labels][:, None])
    given = {
        "dataset_id": "npy",
        "data_file": str(tmp_path / "images.npy"),
        "labels_file": str(tmp_path / "labels.npy"),
    }
    assert failure_of(tmp_path, failures_of, given) == ""


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda x, y: {"x": x, "y": y}, "its arrays are x, y"),
        (lambda x, y: {"images": x, "labels": y[:5]}, "The classes are of shape (5,)"),
        (lambda x, y: {"images": x, "labels": y / 2}, "The classes are of shape (60,) and type float64"),
        (lambda x, y: {"images": x, "labels": y * 0}, "All images are of one class, 0"),
        (lambda x, y: {"images": x[0], "labels": y}, "the images have the shape (9, 11)"),
        (lambda x, y: {"images": x[:0], "labels": y[:0]}, "the images have the shape (0, 9, 11)"),
        (lambda x, y: {"images": x * 3.0, "labels": y}, "pixels are float64 from 0.0 to 765.0"),
        (lambda x, y: {"images": x / 0.0, "labels": y}, "pixels are float64 from nan to nan"),
        (lambda x, y: {"images": x, "labels": y.astype(object)}, "Object arrays cannot be loaded"),
    ],
)
@pytest.mark.filterwarnings("ignore:(divide by zero|invalid value)")
def test_what_is_wrong_with_arrays_is_said_before_the_training(
    tmp_path: Path, failures_of: FailuresOf, change: Callable[[Any, Any], dict[str, Any]], said: str
) -> None:
    path = arrays(tmp_path / "mine.npz", **change(*images_and_labels()))
    failure = failure_of(tmp_path, failures_of, {"dataset_id": "npz", "data_file": str(path)})
    assert said in failure
    assert 'File "load-data"' in failure


@pytest.mark.parametrize(
    ("dataset_id", "name", "said"),
    [
        ("image_folder", "mine.npz", "data_file: images in folders are read from a .zip, and this is another file."),
        ("npz", "mine.zip", "data_file: this file's name does not end as that of the chosen dataset does."),
        ("npz", "mine.csv", "mine.csv: its name does not end in .zip or .npz or .npy."),
        ("npz", "none.npz", "none.npz: there is no such file."),
        ("npz", "empty.npz", "empty.npz: this file is empty."),
    ],
)
def test_another_kind_of_file_is_refused(tmp_path: Path, dataset_id: str, name: str, said: str) -> None:
    if name != "none.npz":
        (tmp_path / name).write_bytes(b"" if name == "empty.npz" else b"something")
    with pytest.raises(MlprovError) as caught:
        verbs.generate(TASK, {"dataset_id": dataset_id, "data_file": str(tmp_path / name)}, out=tmp_path / "n.ipynb")
    assert str(caught.value).startswith(said)
    assert not (tmp_path / "n.ipynb").exists()


@pytest.mark.slow
def test_own_images_are_recorded_by_their_digest_and_reproduced_without_the_original(own_folder: Path) -> None:
    original = pack(own_folder / "mine.zip")
    given = {"dataset_id": "image_folder", "data_file": str(original), "epochs": 1, "validation_split": 0.2}
    made = verbs.generate(TASK, given, out=own_folder / "n" / "n.ipynb")
    original.unlink()
    done = verbs.run(made["notebook"], runs=own_folder / "runs")
    seen = verbs.show(done["provenance"])["table1"]["data_ingestion"]
    assert done["status"] == "completed"
    assert seen["dataset_id"]["value"] == "image_folder"
    assert seen["data_format"]["value"] == "image files"
    assert seen["feature_dimensions"]["value"] == [12, 12, 3]
    assert seen["class_names"]["value"] == list(COLOURS)
    assert seen["root_location"]["value"] == made["parameters"]["data_file"]
    again = verbs.reproduce(done["provenance"], runs=own_folder / "again")
    assert again["verdict"] == "identical", again["first_divergence"]


# Larger than the memory ---------------------------------------------------------------------------


def weights_of(notebook: str) -> Any:
    """Return the digest of what a notebook's network learned."""
    import torch

    saved = torch.load(Path(notebook).parent / "outputs" / "model.pt", weights_only=True)
    return hashlib.sha256(b"".join(weights.numpy().tobytes() for weights in saved["weights"].values())).hexdigest()


def given_files(folder: Path) -> list[dict[str, Any]]:
    import numpy as np

    images, labels = images_and_labels()
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", labels)
    npz, zipped = arrays(folder / "mine.npz", images=images, labels=labels), pack(folder / "mine.zip", sizes=SIZES)
    return [
        {"dataset_id": "npz", "data_file": str(npz)},
        {"dataset_id": "npy", "data_file": str(folder / "images.npy"), "labels_file": str(folder / "labels.npy")},
        {"dataset_id": "image_folder", "data_file": str(zipped), "sizing": "center_crop", "image_size": 10},
    ]


def test_images_that_are_read_anew_each_time_teach_the_same(tmp_path: Path, failures_of: FailuresOf) -> None:
    made: dict[str, list[str]] = {}
    for given in given_files(tmp_path):
        for limit in (2, 0):
            values = {**given, "epochs": 1, "augmentation": "crop", "memory_limit": limit}
            out = tmp_path / f"{given['dataset_id']}-{limit}" / "n.ipynb"
            made.setdefault(given["dataset_id"], []).append(verbs.generate(TASK, values, out=out)["notebook"])
    assert failures_of(*(one for notebooks in made.values() for one in notebooks)) == {}
    learned = {name: [weights_of(one) for one in notebooks] for name, notebooks in made.items()}
    assert all(kept == streamed for kept, streamed in learned.values())
    assert len({kept for kept, _ in learned.values()}) == 2  # of the npz and the npy, which hold the same


def test_numbers_that_are_no_bytes_are_not_read_piece_by_piece(tmp_path: Path, failures_of: FailuresOf) -> None:
    images, labels = images_and_labels()
    path = arrays(tmp_path / "mine.npz", images=images / 255, labels=labels)
    given = {"dataset_id": "npz", "data_file": str(path), "memory_limit": 0}
    assert "its pixels are float64: save them as uint8, from 0 to 255" in failure_of(tmp_path, failures_of, given)


# A folder in the place of an archive --------------------------------------------------------------


def unpacked(folder: Path) -> Path:
    with zipfile.ZipFile(pack(folder / "mine.zip")) as archive:
        archive.extractall(folder / "mine")
    (folder / "mine" / ".hidden").mkdir()
    (folder / "mine" / ".hidden" / "secret.png").write_bytes(b"not an image")
    return folder / "mine"


def test_a_folder_of_images_is_packed_and_known_by_its_content(tmp_path: Path, failures_of: FailuresOf) -> None:
    given = {"dataset_id": "image_folder", "data_file": str(unpacked(tmp_path)), "epochs": 1}
    one, other = (verbs.generate(TASK, given, out=tmp_path / name / "n.ipynb") for name in ("a", "b"))
    assert one["parameters"] == other["parameters"]
    assert failures_of(one["notebook"]) == {}
    (tmp_path / "mine" / "red" / "0.png").write_bytes(picture(2))
    changed = verbs.generate(TASK, given, out=tmp_path / "c" / "n.ipynb")
    assert changed["parameters"]["data_file"] != one["parameters"]["data_file"]


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(MlprovError, match="none: this folder holds no files"):
        verbs.generate(
            TASK, {"dataset_id": "image_folder", "data_file": str(tmp_path / "none")}, out=tmp_path / "n.ipynb"
        )


# Checkpoints --------------------------------------------------------------------------------------

KILLED = """
import os
import signal

keep = torch.save


def killed(state, path):
    if state["epoch"] < 3:
        return keep(state, path)
    path.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)


torch.save = killed
"""
CUT_SHORT: dict[str, Any] = {
    "epochs": 4,
    "augmentation": "crop",
    "schedule": "cosine",
    "early_stopping": 3,
    "save_checkpoint": "every_epoch",
    "checkpoints_kept": 2,
}


@pytest.fixture(scope="module")
def cut_short(tmp_path_factory: pytest.TempPathFactory, plain_environment: None) -> Path:
    """The outputs of a run that was killed while it wrote the checkpoint of its third epoch; only to be read."""
    folder = tmp_path_factory.mktemp("killed")
    path = Path(verbs.generate(TASK, CUT_SHORT, out=folder / "n" / "n.ipynb")["notebook"])
    content = json.loads(path.read_text(encoding="utf-8"))
    before = next(number for number, cell in enumerate(content["cells"]) if cell["id"] == "train")
    cell = {"id": "kill", "cell_type": "code", "source": KILLED, "metadata": {}, "outputs": [], "execution_count": None}
    content["cells"].insert(before, cell)
    path.write_text(json.dumps(content), encoding="utf-8")
    done = verbs.run(path, runs=folder / "runs")
    assert done["status"] != "completed"
    return Path(done["provenance"]).parent / "outputs"


@pytest.mark.slow
def test_a_training_that_was_killed_goes_on_as_if_it_had_not_been(
    cut_short: Path, tmp_path: Path, failures_of: FailuresOf
) -> None:
    assert {path.name for path in cut_short.glob("checkpoint*.pt")} == {"checkpoint-000001.pt", "checkpoint-000002.pt"}
    whole = verbs.generate(TASK, CUT_SHORT, out=tmp_path / "whole" / "n.ipynb")["notebook"]
    values = {**CUT_SHORT, "resume_from": str(cut_short / "checkpoint-000002.pt")}
    resumed = verbs.generate(TASK, values, out=tmp_path / "resumed" / "n.ipynb")["notebook"]
    assert failures_of(whole, resumed) == {}
    assert weights_of(whole) == weights_of(resumed)
    kept = {path.name for path in (Path(whole).parent / "outputs").glob("checkpoint*")}
    assert kept == {"checkpoint-000003.pt", "checkpoint-000004.pt"}


ANOTHER: list[tuple[dict[str, Any], str]] = [
    ({"batch_size": 32}, "is of a training with another batch size"),
    ({"optimizer": "SGD"}, "is of a training with another optimizer"),
    ({"split_seed": 5}, "is of a training with another training images"),
    ({"epochs": 2}, "is of a training with another number of epochs"),
]


@pytest.mark.slow
def test_a_checkpoint_of_another_training_is_refused(cut_short: Path, tmp_path: Path, failures_of: FailuresOf) -> None:
    values = {**CUT_SHORT, "resume_from": str(cut_short / "checkpoint-000002.pt")}
    made = [
        verbs.generate(TASK, {**values, **change}, out=tmp_path / str(number) / "n.ipynb")["notebook"]
        for number, (change, _) in enumerate(ANOTHER)
    ]
    failures = failures_of(*made)
    for notebook, (_, said) in zip(made, ANOTHER, strict=True):
        assert said in failures[notebook]


@pytest.mark.slow
def test_a_checkpoint_with_all_epochs_is_refused(tmp_path: Path, failures_of: FailuresOf) -> None:
    import torch

    values = {"epochs": 1, "schedule": "none", "save_checkpoint": "best", "mixed_precision": "float16"}
    whole = verbs.generate(TASK, values, out=tmp_path / "whole" / "n.ipynb")["notebook"]
    assert failures_of(whole) == {}
    values["resume_from"] = str(Path(whole).parent / "outputs" / "checkpoint-best.pt")
    assert "is from epoch 1: set more epochs" in failure_of(tmp_path, failures_of, values)
    # As it was computed: a training on a GPU, with 16 bits, is another one.
    state = torch.load(values["resume_from"], weights_only=True)
    assert state["trained_with"]["precision"] == f"torch.float{16 if torch.cuda.is_available() else 32}"


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("ran"),)


def test_a_checkpoint_with_code_in_it_is_refused_and_not_run(tmp_path: Path, failures_of: FailuresOf) -> None:
    import torch

    torch.save({"trained_with": Evil()}, tmp_path / "coded.pt")
    values = {"save_checkpoint": "best", "resume_from": str(tmp_path / "coded.pt")}
    assert "is no checkpoint made here" in failure_of(tmp_path, failures_of, values)
    assert list(tmp_path.rglob("ran")) == []


# Public data, small and made up: nothing is downloaded -------------------------------------------

NOWHERE = "http://127.0.0.1:9/"


def idx(shape: tuple[int, ...], content: Any) -> bytes:
    """Return an array in the format of MNIST, packed."""
    header = bytes([0, 0, 8, len(shape)]) + b"".join(side.to_bytes(4, "big") for side in shape)
    return gzip.compress(header + content.tobytes(), mtime=0)


def mnist_files() -> dict[str, bytes]:
    """Return 300 training and 100 test images as the files of MNIST."""
    import numpy as np

    pixels = np.random.default_rng(0)
    files = {}
    for part, count in (("train", 300), ("t10k", 100)):
        images = pixels.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        files[f"{part}-images-idx3-ubyte.gz"] = idx(images.shape, images)
        files[f"{part}-labels-idx1-ubyte.gz"] = idx((count,), np.arange(count, dtype=np.uint8) % 10)
    return files


def cifar_file() -> tuple[bytes, dict[str, str]]:
    """Return 250 training and 50 test images as the archive of CIFAR10, and the MD5 of each file in it."""
    import numpy as np

    pixels = np.random.default_rng(0)
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch", "batches.meta"]
    packed, sums = io.BytesIO(), {}
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in names:
            batch = {"data": pixels.integers(0, 256, (50, 3072), dtype=np.uint8), "labels": [n % 10 for n in range(50)]}
            if name == "batches.meta":
                batch = {"label_names": [f"thing {number}" for number in range(10)]}
            content = pickle.dumps(batch)
            sums[name] = hashlib.md5(content).hexdigest()
            about = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return packed.getvalue(), sums


def run_with(notebook: str, prelude: str, failures_of: FailuresOf) -> str:
    """Run a notebook with a cell more before the data is loaded, and return how it fails."""
    path = Path(notebook)
    content = json.loads(path.read_text(encoding="utf-8"))
    before = next(number for number, cell in enumerate(content["cells"]) if cell["id"] == "load-data")
    content["cells"].insert(before, {"id": "prelude", "cell_type": "code", "source": prelude})
    path.write_text(json.dumps(content), encoding="utf-8")
    return failures_of(notebook).get(notebook, "")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the notebooks look for public data: an empty folder of the test's own."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch" / "datasets"


def put(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST"])
def test_files_of_mnist_that_lie_in_the_cache_are_used(
    cache: Path, tmp_path: Path, failures_of: FailuresOf, name: str
) -> None:
    files = mnist_files()
    put(cache / name / "raw", files)
    # The real files are 11 MB; the made-up ones pass for them with their own sums.
    sums = [(file, hashlib.md5(content).hexdigest()) for file, content in files.items()]
    prelude = f"{name}.mirrors, {name}.resources = [{NOWHERE!r}], {sums!r}"
    made = verbs.generate(TASK, {"dataset_id": name, "epochs": 1}, out=tmp_path / "n" / "n.ipynb")
    assert run_with(made["notebook"], prelude, failures_of) == ""


def test_the_file_of_cifar_that_lies_in_the_cache_is_used(cache: Path, tmp_path: Path, failures_of: FailuresOf) -> None:
    content, sums = cifar_file()
    put(cache, {"cifar-10-python.tar.gz": content})
    *training, tested, meta = sums.items()
    prelude = (
        f"CIFAR10.url, CIFAR10.tgz_md5 = {NOWHERE!r}, {hashlib.md5(content).hexdigest()!r}\n"
        f"CIFAR10.train_list, CIFAR10.test_list = {training!r}, {[tested]!r}\n"
        f"CIFAR10.meta = CIFAR10.meta | {{'md5': {meta[1]!r}}}"
    )
    given = {"dataset_id": "CIFAR10", "epochs": 1, "validation_split": 0.2, "augmentation": "flip"}
    made = verbs.generate(TASK, given, out=tmp_path / "n" / "n.ipynb")
    assert run_with(made["notebook"], prelude, failures_of) == ""


@pytest.mark.parametrize("name", ["MNIST", "FashionMNIST", "CIFAR10"])
@pytest.mark.parametrize("spoilt", [False, True], ids=["nothing there", "another file there"])
def test_without_a_network_it_is_said_which_file_belongs_where(
    cache: Path, tmp_path: Path, failures_of: FailuresOf, name: str, spoilt: bool
) -> None:
    cifar = name == "CIFAR10"
    place = cache if cifar else cache / name / "raw"
    if spoilt:  # as of a download that was cut short: its sum is not the right one
        put(place, {"cifar-10-python.tar.gz": b"half"} if cifar else mnist_files())
    prelude = f"CIFAR10.url = {NOWHERE!r}" if cifar else f"{name}.mirrors = [{NOWHERE!r}]"
    made = verbs.generate(TASK, {"dataset_id": name}, out=tmp_path / "n" / "n.ipynb")
    failure = run_with(made["notebook"], prelude, failures_of)
    said = failure.strip().splitlines()[-1]
    assert f"{name} cannot be downloaded. Put " in said
    file = (
        "cifar-10-python.tar.gz (MD5 c58f30108f718f92721af3b95e74349a)" if cifar else "t10k-labels-idx1-ubyte.gz (MD5 "
    )
    assert file in said
    assert f"into {place}, which is the folder {place.relative_to(cache.parent)} in PyTorch's cache (TORCH_HOME" in said


def test_data_with_a_test_part_of_its_own_takes_no_share_for_it(tmp_path: Path) -> None:
    with pytest.raises(MlprovError, match="testing_split: this applies only when"):
        verbs.generate(TASK, {"dataset_id": "MNIST", "testing_split": 0.3}, out=tmp_path / "n.ipynb")


# Networks of torchvision --------------------------------------------------------------------------

NETWORKS = ("resnet18", "resnet50", "shufflenet_v2_x1_0", "vgg16", "mobilenet_v3_small", "efficientnet_b0")


@pytest.mark.slow
@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_takes_grey_and_coloured_images(tmp_path: Path, failures_of: FailuresOf, network: str) -> None:
    given = {
        "dataset_id": "image_folder",
        "data_file": str(pack(tmp_path / "mine.zip")),
        "sizing": "resize",
        "image_size": 32,
        "model_name": network,
        "gpu_enable": False,
        "epochs": 1,
    }
    colours = [("grayscale", "NLLLoss"), ("RGB", "CrossEntropyLoss")][: 1 if network == "vgg16" else 2]
    made = [
        verbs.generate(TASK, {**given, "channels": colour, "loss_function": loss}, out=tmp_path / colour / "n.ipynb")
        for colour, loss in colours
    ]
    assert failures_of(*[one["notebook"] for one in made]) == {}


@pytest.mark.parametrize("network", NETWORKS)
def test_a_network_is_known_by_its_layers(network: str) -> None:
    import torch
    import torchvision.models

    stage = find_task(TASK).stage("model")
    assert stage is not None
    with torch.device("meta"):  # without memory for its weights
        model = getattr(torchvision.models, network)(num_classes=7)
    for last in ("none", "log_softmax"):
        whole = model if last == "none" else torch.nn.Sequential(model, torch.nn.LogSoftmax(dim=1))
        seen = {
            field: eval(stage.observe[field], {"model": whole, "nn": torch.nn})
            for field in ("model_name", "activation_function", "output_neurons")
        }
        assert seen == {"model_name": network, "activation_function": last, "output_neurons": 7}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({}, "model_name"),
        ({"dataset_id": "MNIST"}, "model_name"),
        ({"dataset_id": "npz", "data_file": "mine.npz"}, "model_name"),
        ({"sizing": "resize", "image_size": 28}, "image_size"),
        ({"sizing": "resize", "image_size": 224, "pretrained": True}, "pretrained"),
        ({"dataset_id": "CIFAR10", "gpu_enable": False, "channels": "grayscale", "pretrained": True}, "pretrained"),
    ],
)
def test_what_a_network_cannot_take_is_refused(
    own_folder: Path, network: str, values: dict[str, Any], field: str
) -> None:
    (own_folder / "mine.npz").write_bytes(b"something")
    with pytest.raises(MlprovError) as caught:
        verbs.generate(TASK, {**values, "model_name": network}, out=own_folder / "n.ipynb")
    assert caught.value.field == field
    assert caught.value.fix


def test_vgg_on_a_gpu_takes_images_of_one_size_only(tmp_path: Path) -> None:
    given = {"dataset_id": "CIFAR10", "model_name": "vgg16"}
    with pytest.raises(MlprovError, match="no deterministic form on CUDA"):
        verbs.generate(TASK, given, out=tmp_path / "n.ipynb")
    assert verbs.generate(TASK, {**given, "sizing": "resize", "image_size": 224}, out=tmp_path / "a.ipynb")
    assert verbs.generate(TASK, {**given, "gpu_enable": False}, out=tmp_path / "b.ipynb")


def pretrained(folder: Path) -> str:
    given = {
        "dataset_id": "FakeData",
        "model_name": "mobilenet_v3_small",
        "pretrained": True,
        "normalisation": "imagenet",
        "epochs": 1,
    }
    return str(verbs.generate(TASK, given, out=folder / "n" / "n.ipynb")["notebook"])


def address(name: str) -> str:
    """Return code that looks for the weights under another name, and nowhere in the net."""
    return (
        "import dataclasses\n"
        "weights = MobileNet_V3_Small_Weights.IMAGENET1K_V1\n"
        f"weights._value_ = dataclasses.replace(weights.value, url={NOWHERE + name!r})"
    )


def test_weights_that_lie_in_the_cache_are_used(cache: Path, tmp_path: Path, failures_of: FailuresOf) -> None:
    import torch
    from torchvision.models import mobilenet_v3_small

    file = io.BytesIO()
    torch.save(mobilenet_v3_small().state_dict(), file)
    name = f"mine-{hashlib.sha256(file.getvalue()).hexdigest()[:8]}.pth"
    put(cache.parent / "hub" / "checkpoints", {name: file.getvalue()})
    assert run_with(pretrained(tmp_path), address(name), failures_of) == ""


def test_weights_that_are_not_what_their_name_says_are_refused(
    cache: Path, tmp_path: Path, failures_of: FailuresOf
) -> None:
    import torch

    file = io.BytesIO()
    torch.save({}, file)
    put(cache.parent / "hub" / "checkpoints", {"mine-01234567.pth": file.getvalue()})
    failure = run_with(pretrained(tmp_path), address("mine-01234567.pth"), failures_of)
    assert "mine-01234567.pth is another file: its SHA-256 is" in failure


def test_without_a_network_it_is_said_which_weights_belong_where(
    cache: Path, tmp_path: Path, failures_of: FailuresOf
) -> None:
    failure = run_with(pretrained(tmp_path), address("mine-01234567.pth"), failures_of)
    place = cache.parent / "hub" / "checkpoints"
    assert f"Put {NOWHERE}mine-01234567.pth into {place}, or run this elsewhere" in failure


# All options -------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_pairs_of_options_run_or_are_refused_with_a_fix(
    tmp_path: Path, failures_of: FailuresOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    images_measures = importlib.import_module("images")
    rows, left = images_measures.rows_of_pairs(tmp_path)
    for pair in left:  # what stands in no row is refused by itself, with a reason
        with pytest.raises(MlprovError) as caught:
            verbs.generate(TASK, {**dict(pair)}, out=tmp_path / "refused.ipynb")
        assert caught.value.field
        assert caught.value.fix
    # The others are run by benchmarks/measure.py: they hold large networks.
    paths = {}
    for number, values in enumerate(rows[:30]):
        paths[verbs.generate(TASK, values, out=tmp_path / str(number) / "n.ipynb")["notebook"]] = values
    failures = failures_of(*paths)
    assert {json.dumps(paths[path]): why for path, why in failures.items()} == {}
    assert len(paths) == 30
