"""Whatever is typed into whichever field, a form says what it amounts to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.ui.form import Form

TASK = find_task("multiclass_classification")
NAMES = [parameter.name for parameter in TASK.parameters]
CHOICES = sorted({choice.value for parameter in TASK.parameters for choice in parameter.choices})
TYPED = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"[+-]?[0-9]{0,25}(\.[0-9]*)?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from([*CHOICES, "true", "no", "nan", "inf", "1e400", "[", '["a"]', "\ud800", "~x/y", "a\0b", "<b>"]),
    st.booleans(),
    st.none(),
    st.lists(st.text(max_size=5), max_size=3),
)


@pytest.fixture(scope="module", autouse=True)
def folder_with_a_table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Work beside a file that can be named."""
    folder = tmp_path_factory.mktemp("table")
    (folder / "t.csv").write_text("x,y,label\n1,2,u\n3,,v\n5,6,u\n7,8,v\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), TYPED), max_size=6),
    st.sampled_from([{}, {"dataset_id": "csv"}, {"dataset_id": "csv", "data_file": "t.csv"}]),
)
def test_a_form_never_raises(entered: list[tuple[str, object]], before: dict[str, object]) -> None:
    form = Form(TASK)
    for name, value in [*before.items(), *entered]:
        form.set(name, value)
    checked = form.check()
    assert (checked.draft is None) == bool(checked.errors)
    assert set(checked.errors) <= {*NAMES, ""}
    assert all(text.isprintable() for text in checked.errors.values())
