"""What a task says of its values, in the words of the form; what one click sets right."""

from __future__ import annotations

import pytest

from mlprov_widgets.errors import DataFileError, ValueRefused
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.ui.in_words import in_words, mend_of

TABLES, IMAGES = find_task("multiclass_classification"), find_task("image_classification")


@pytest.mark.parametrize(
    ("text", "field", "told"),
    [
        (
            "Set sizing to resize and image_size to 32 or more, or model_name to small_cnn",
            "model_name",
            "Set “Size” to “Resize” and “Height and width” to 32 or more, or “Network” to “Small CNN”",
        ),
        (
            "float16 is for GPUs, and gpu_enable is false",
            "mixed_precision",
            "float16 is for GPUs, and “Use a GPU if there is one” is no",
        ),
        ("Choose resize or center_crop", "sizing", "Choose “Resize” or “Resize and cut out the centre”"),
        ("Set stratify to false, or change testing_split", "stratify", None),
        ("Raise it, or set it to 0", "validation_split", "Raise it, or set it to 0"),
        ("A file of 3.5 MB is to blame", "", "A file of 3.5 MB is to blame"),
    ],
)
def test_names_of_the_command_line_become_labels(text: str, field: str, told: str | None) -> None:
    stratify, share = (IMAGES.parameter(name) for name in ("stratify", "testing_split"))
    assert stratify is not None
    assert share is not None
    assert in_words(IMAGES, text, field) == (told or f"Set “{stratify.label}” to no, or change “{share.label}”")


@pytest.mark.parametrize("task", [TABLES, IMAGES])
def test_no_rule_names_a_parameter_otherwise_than_the_form_does(task: object) -> None:
    names = {p.name for p in task.parameters if "_" in p.name}  # type: ignore[attr-defined]
    for rule in task.rules:  # type: ignore[attr-defined]
        for text in (rule.message, rule.fix):
            words = set(in_words(task, text, rule.field).replace("“", " ").split())  # type: ignore[arg-type]
            assert not words & names, text


def test_columns_to_leave_out_are_one_click_and_those_left_out_already_are_not_told() -> None:
    error = DataFileError("no", fix="""Leave it out with --set ignored_columns='["id", "it\\u0027s"]', or change it""")
    mend = mend_of(TABLES, error, ["id"])
    assert mend is not None
    assert (mend.parameter, mend.value, mend.label) == (
        "ignored_columns",
        ("id", "it's"),
        "Add to “Columns to leave out”: it's",
    )


def test_a_choice_that_mends_is_named_by_its_label() -> None:
    mend = mend_of(TABLES, DataFileError("no", fix="Fill the cells instead, with --set missing_values=mean"))
    assert mend is not None
    assert (mend.value, mend.label) == ("mean", "Set “Missing values” to “Mean of the column”")


@pytest.mark.parametrize("fix", ["Give another", "with --set nothing_known=1", "with --set ignored_columns='[broken'"])
def test_what_proposes_nothing_that_can_be_set_has_no_mend(fix: str) -> None:
    assert mend_of(TABLES, ValueRefused("no", fix=fix)) is None
