"""A Plan becomes cells, and nothing that was not meant to be source becomes source."""

from __future__ import annotations

import ast
from typing import Any

import nbformat
import pytest

from mlprov_widgets.errors import TaskError
from mlprov_widgets.files import canonical_json, sha256_of_text
from mlprov_widgets.notebook.render import (
    KERNELSPEC,
    RenderedCell,
    notebook_text,
    parameters_source,
    render_cells,
    render_notebook,
    render_template,
    template_context,
)
from mlprov_widgets.tasks.load import load_task
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import Plan, make_plan


def plan_of(task: Task, **given: object) -> Plan:
    return make_plan(task, given, requirements=["numpy==2.0"]).plan


def cells_of(task: Task, **given: object) -> dict[str, RenderedCell]:
    return {cell.step: cell for cell in render_cells(task, plan_of(task, **given))}


def failure(task: Task, template: str, **context: object) -> str:
    with pytest.raises(TaskError) as caught:
        render_template(task.folder, template, context)
    return str(caught.value)


# What stands where -------------------------------------------------------------------------------


def test_the_cells_are_in_the_notebooks_order(toy: Task) -> None:
    assert list(cells_of(toy)) == [
        "title",
        "installs",
        "recorder",
        "imports",
        "parameters",
        "setup",
        "about-data-ingestion",
        "load",
        "about-training",
        "explain",
        "count",
        "about-provenance",
        "provenance",
    ]


def test_a_stage_begins_with_its_title_and_help(toy: Task) -> None:
    assert cells_of(toy)["about-training"].source == "## Training\n\nNumbers go up."


def test_a_cell_that_renders_to_nothing_is_not_there(write_task: Any) -> None:
    task = load_task(write_task(templates={"explain.md.jinja": "{% if shuffle %}Shuffled.{% endif %}\n"}))
    assert "explain" not in cells_of(task)
    assert cells_of(task, shuffle=True)["explain"].source == "Shuffled."


def test_a_stage_without_cells_has_no_heading(write_task: Any) -> None:
    task = load_task(write_task(templates={"load.py.jinja": "{% if shuffle %}rows = []{% endif %}\n"}))
    assert "about-data-ingestion" not in cells_of(task)


def test_every_code_cell_compiles(toy: Task) -> None:
    sources = [cell.source for cell in cells_of(toy, shuffle=True, patience=4).values() if cell.kind == "code"]
    assert all(ast.parse(source) is not None for source in sources)


def test_a_chosen_value_is_the_code_that_it_stands_for(toy: Task) -> None:
    assert cells_of(toy, dataset_id="large")["load"].source == "rows = range(1000)  # Large"


def test_a_template_compares_a_choice_by_its_name(toy: Task) -> None:
    chosen = template_context(toy, plan_of(toy).values)["dataset_id"]
    assert (chosen, chosen.code, chosen.label) == ("small", "range(10)", "Small")


def test_a_parameter_that_does_not_apply_is_none_in_a_template(toy: Task) -> None:
    assert template_context(toy, plan_of(toy).values)["seed"] is None


def test_the_parameters_cell_holds_the_literals_stage_by_stage(toy: Task) -> None:
    assert parameters_source(toy, plan_of(toy, shuffle=True)) == (
        "# Training\nepochs = 3  # Epochs (rounds)\nseed = 2  # Seed"
    )


def test_a_literal_that_is_left_empty_is_not_assigned(toy: Task) -> None:
    assert "patience" not in parameters_source(toy, plan_of(toy, shuffle=True))
    assert "patience = 4  # Patience" in parameters_source(toy, plan_of(toy, shuffle=True, patience=4))


def test_a_task_without_literals_has_a_parameters_cell_all_the_same(write_task: Any) -> None:
    folder = write_task(
        ('sort = "literal"\nkind = "integer"\ndefault = 3', 'sort = "choice"\nkind = "integer"\ndefault = 3')
    )
    task = load_task(folder)
    assert parameters_source(task, plan_of(task)) == "# This task has no numbers to set."


def test_the_recorder_is_told_which_task_and_plan_it_records(toy: Task) -> None:
    recorder = cells_of(toy)["recorder"].source
    assert all(f'"{text}"' in recorder for text in ("toy", "1.0.0", plan_of(toy).digest))


def test_the_requirements_stand_in_a_comment(toy: Task) -> None:
    lines = cells_of(toy)["installs"].source.splitlines()
    assert lines[-1] == "# %pip install numpy==2.0"
    assert all(line.startswith("#") for line in lines)


def test_the_title_is_the_tasks_unless_another_is_given(toy: Task) -> None:
    assert cells_of(toy)["title"].source.startswith("# A toy\n\nCounts.\n")
    assert cells_of(toy, title="Mine")["title"].source.startswith("# Mine\n")


def test_an_author_is_named_when_there_is_one(toy: Task) -> None:
    assert "Author: Ada" in cells_of(toy, author="Ada")["title"].source
    assert "Author" not in cells_of(toy)["title"].source


def test_a_title_cannot_bring_markup_into_the_notebook(toy: Task) -> None:
    source = cells_of(toy, title="<script>alert(1)</script> [x](javascript:alert)")["title"].source
    assert source.splitlines()[0] == ("# &lt;script&gt;alert\\(1\\)&lt;/script&gt; \\[x\\]\\(javascript\\:alert\\)")


def test_a_cells_digest_is_that_of_its_source(toy: Task) -> None:
    cell = cells_of(toy)["count"]
    assert cell.digest == sha256_of_text(cell.source)


# What a template may not do ----------------------------------------------------------------------


@pytest.mark.parametrize("template", ["{{ epochs }}", "{{ title }}", "{{ 1 + 1 }}", "{{ 'text' }}"])
def test_a_template_cannot_put_a_plain_value_into_a_cell(write_task: Any, template: str) -> None:
    task = load_task(write_task(templates={"count.py.jinja": template}))
    assert failure(task, "count.py.jinja", epochs=3, title="import os") == (
        "count.py.jinja: the template fails: a template may output only `value | literal`, `value | markdown` or "
        "`choice.code`. Correct the template."
    )


@pytest.mark.parametrize("template", ["{{ dataset_id }}", "{{ dataset_id.value }}", "{{ dataset_id ~ '' }}"])
def test_a_template_cannot_put_a_choices_name_into_a_cell(write_task: Any, template: str) -> None:
    task = load_task(write_task(templates={"count.py.jinja": template}))
    with pytest.raises(TaskError, match=r"^count\.py\.jinja: the template fails: .*\. Correct the template\.$"):
        list(render_cells(task, plan_of(task)))


@pytest.mark.parametrize(
    ("filtered", "source"),
    [("{{ title | literal }}", '"import os"'), ("{{ title | markdown }}", "import os")],
)
def test_a_template_can_put_a_value_through_a_filter(write_task: Any, filtered: str, source: str) -> None:
    task = load_task(write_task(templates={"count.py.jinja": filtered}))
    assert render_template(task.folder, "count.py.jinja", {"title": "import os"}) == source


def test_a_text_that_was_put_through_a_filter_and_changed_is_plain_again(write_task: Any) -> None:
    task = load_task(write_task(templates={"count.py.jinja": "{{ (title | literal)[1:-1] }}"}))
    assert "a template may output only" in failure(task, "count.py.jinja", title="import os")


def test_an_undeclared_variable_is_an_error(write_task: Any) -> None:
    task = load_task(write_task(templates={"count.py.jinja": "{% if epoch %}x{% endif %}"}))
    assert failure(task, "count.py.jinja", epochs=3) == (
        "count.py.jinja: the template fails: 'epoch' is undefined. Correct the template."
    )


def test_a_template_cannot_leave_the_sandbox(write_task: Any) -> None:
    task = load_task(write_task(templates={"count.py.jinja": "{% if ''.__class__.__mro__ %}x{% endif %}"}))
    assert "access to attribute '__class__' of 'str' object is unsafe" in failure(task, "count.py.jinja")


@pytest.mark.parametrize("place", ["../secret.txt", "/etc/passwd", "a/../../secret.txt"])
def test_a_template_cannot_include_a_file_from_elsewhere(write_task: Any, place: str) -> None:
    folder = write_task(templates={"count.py.jinja": f"{{% include '{place}' %}}"})
    (folder.parent / "secret.txt").write_text("secret")
    assert failure(load_task(folder), "count.py.jinja").startswith("count.py.jinja: the template fails: ")


def test_a_missing_template_is_named(write_task: Any) -> None:
    task = load_task(write_task(templates={"count.py.jinja": None}))
    message = failure(task, "count.py.jinja")
    assert message.startswith("count.py.jinja: the template fails: ")
    assert "not found" in message
    assert message.endswith("Correct the template.")


def test_a_template_that_cannot_be_parsed_is_named(write_task: Any) -> None:
    task = load_task(write_task(templates={"count.py.jinja": "{% if %}"}))
    assert failure(task, "count.py.jinja").startswith("count.py.jinja: the template fails: Expected an expression")


def test_a_template_that_divides_by_zero_is_named(write_task: Any) -> None:
    task = load_task(write_task(templates={"count.py.jinja": "{% if 1 / 0 %}{% endif %}"}))
    assert failure(task, "count.py.jinja") == (
        "count.py.jinja: the template fails: division by zero. Correct the template."
    )


# The notebook ------------------------------------------------------------------------------------


def test_the_notebook_is_valid(toy: Task) -> None:
    nbformat.validate(render_notebook(toy, plan_of(toy)))


def test_the_notebook_names_its_kernel(toy: Task) -> None:
    assert render_notebook(toy, plan_of(toy)).metadata.kernelspec == KERNELSPEC


def test_the_cells_ids_are_their_steps(toy: Task) -> None:
    notebook = render_notebook(toy, plan_of(toy))
    assert [cell.id for cell in notebook.cells] == list(cells_of(toy))


def test_papermill_finds_the_parameters_cell(toy: Task) -> None:
    tagged = {cell.id: cell.metadata.get("tags") for cell in render_notebook(toy, plan_of(toy)).cells}
    assert {step: tags for step, tags in tagged.items() if tags} == {"parameters": ["parameters"]}


def test_each_cell_knows_its_stage_and_title(toy: Task) -> None:
    count = next(cell for cell in render_notebook(toy, plan_of(toy)).cells if cell.id == "count")
    assert count.metadata.mlprov == {"stage": "training", "title": "Count"}


def test_the_notebook_carries_its_plan(toy: Task) -> None:
    plan = plan_of(toy, epochs=4)
    carried = dict(render_notebook(toy, plan).metadata.mlprov)
    assert {key: carried[key] for key in plan.as_dict()} == plan.as_dict()


def test_the_notebook_carries_the_digest_of_each_cell_and_of_all(toy: Task) -> None:
    carried = render_notebook(toy, plan_of(toy)).metadata.mlprov
    digests = {step: cell.digest for step, cell in cells_of(toy).items()}
    assert carried["cells"] == digests
    assert carried["cells_digest"] == sha256_of_text(canonical_json(digests))


def test_an_equal_plan_gives_an_equal_file(toy: Task, write_task: Any) -> None:
    again = load_task(write_task(name="elsewhere"))
    texts = {notebook_text(render_notebook(task, plan_of(task, title="größe"))) for task in (toy, again)}
    assert len(texts) == 1


def test_the_file_can_be_read_again(toy: Task) -> None:
    notebook = render_notebook(toy, plan_of(toy, title="größe"))
    text = notebook_text(notebook)
    assert nbformat.reads(text, as_version=4) == notebook
    assert text.endswith("}\n")
