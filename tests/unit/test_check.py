"""What is wrong with a task is said before anybody uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.notebook.check import check_task

EPOCHS = 'name = "epochs"'


def test_nothing_is_wrong_with_the_toy(write_task: Any) -> None:
    assert check_task(write_task()) == []


def test_a_folder_without_a_task_is_a_problem(tmp_path: Path) -> None:
    assert check_task(tmp_path) == [f"{tmp_path}: there is no task.toml. Name a task's folder."]


def test_a_wrong_description_is_the_only_problem(write_task: Any) -> None:
    folder = write_task(('unit = "rounds"', "unit = 5"))
    assert check_task(folder) == [
        f"{folder / 'task.toml'}: [[parameters]] epochs: unit = 5 must be a text. Correct the file."
    ]


CASES: list[tuple[str, tuple[str, str], list[str]]] = [
    (
        "default out of range",
        ("default = 3", "default = 300"),
        [
            "the default does not fit: epochs: 300 is out of range. "
            "Give a whole number of at least 1 and at most 100, such as 300."
        ],
    ),
    (
        "default not among the choices",
        ('default = "small"', 'default = "smal"'),
        [
            "the default does not fit: dataset_id: 'smal' is not one of the choices. "
            "Did you mean small? Choose one of small, large, own."
        ],
    ),
    (
        "no default",
        ("default = 3\n", ""),
        ["epochs: it needs a default, or optional = true"],
    ),
    (
        "condition on an unknown parameter",
        ('when = "shuffle"\n', 'when = "shufle"\n'),
        ["seed: there is no parameter 'shufle'"],
    ),
    (
        "condition that cannot be read",
        ('when = "shuffle"\n', 'when = "shuffle and"\n'),
        ["seed: 'shuffle and': this expression cannot be read: unexpected 'end of template'. Correct task.toml."],
    ),
    (
        "rule on an unknown parameter",
        ("facts.samples >= epochs", "facts.samples >= epoch"),
        ["rule on epochs: there is no parameter 'epoch'"],
    ),
    (
        "rule of an unknown field",
        ('field = "epochs"\nmessage = "there', 'field = "epoch"\nmessage = "there'),
        ["a rule or advice names 'epoch', which is no parameter"],
    ),
    (
        "advice on an unknown parameter",
        ('when = "epochs > 5"', 'when = "epoch > 5"'),
        ["advice on epochs: there is no parameter 'epoch'"],
    ),
    (
        "advice that cannot be read",
        ('when = "epochs > 5"', 'when = "epochs > "'),
        [
            "advice on epochs: 'epochs > ': this expression cannot be read: unexpected 'end of template'. "
            "Correct task.toml."
        ],
    ),
    (
        "observation that cannot be read",
        ('dataset_id = "rows"', 'dataset_id = "rows ="'),
        ["data_ingestion.observe.dataset_id: invalid syntax"],
    ),
]


@pytest.mark.parametrize(("replaced", "problems"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_problem_of_the_description_is_found(write_task: Any, replaced: tuple[str, str], problems: list[str]) -> None:
    assert check_task(write_task(replaced)) == problems


def test_a_rule_that_fails_on_the_defaults_is_found(write_task: Any) -> None:
    assert check_task(write_task(("facts.samples >= epochs", "facts.sample >= epochs"))) == [
        "the notebook of the defaults: 'facts.samples == 0 or facts.sample >= epochs': this expression fails: "
        "'dict object' has no attribute 'sample'. Correct task.toml."
    ]


def test_defaults_that_a_rule_refuses_are_found(write_task: Any) -> None:
    assert check_task(write_task(("samples = 10 }", "samples = 1 }"))) == [
        "the notebook of the defaults: epochs: there are fewer rows than epochs. Lower epochs."
    ]


def test_a_missing_template_is_found(write_task: Any) -> None:
    assert check_task(write_task(templates={"explain.md.jinja": None})) == ["explain.md.jinja: the template is missing"]


def test_a_template_that_cannot_be_parsed_is_found(write_task: Any) -> None:
    problems = check_task(write_task(templates={"explain.md.jinja": "{% if %}"}))
    assert problems == ["explain.md.jinja: Expected an expression, got 'end of statement block'"]


def test_a_template_that_is_not_utf_8_is_found(write_task: Any) -> None:
    folder = write_task()
    (folder / "explain.md.jinja").write_bytes(b"\xff")
    assert check_task(folder) == [
        "explain.md.jinja: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"
    ]


def test_a_variable_that_is_no_parameter_is_found(write_task: Any) -> None:
    assert check_task(write_task(templates={"explain.md.jinja": "{{ speed | literal }}"})) == [
        "explain.md.jinja: 'speed' is no parameter"
    ]


def test_a_variable_that_the_template_sets_itself_is_no_problem(write_task: Any) -> None:
    assert (
        check_task(write_task(templates={"explain.md.jinja": "{% set fast = shuffle %}{% if fast %}x{% endif %}"}))
        == []
    )


def test_a_parameter_that_nothing_uses_is_found(write_task: Any) -> None:
    more = '\n[[parameters]]\nname = "speed"\nstage = "training"\nlabel = "Speed"\nhelp = "How fast."\n'
    more += 'sort = "literal"\nkind = "number"\ndefault = 1.0\n'
    assert check_task(write_task(more=more)) == ["speed: no template uses it"]


def test_a_template_that_puts_a_plain_value_into_a_cell_is_found(write_task: Any) -> None:
    assert check_task(write_task(templates={"explain.md.jinja": "{{ epochs }}"})) == [
        "the notebook of the defaults: explain.md.jinja: the template fails: a template may output only "
        "`value | literal`, `value | markdown` or `choice.code`. Correct the template."
    ]


def test_code_that_does_not_compile_is_found(write_task: Any) -> None:
    assert check_task(write_task(templates={"count.py.jinja": "total = seed * patience\nfor _ in rows\n"})) == [
        "the cell count does not compile: expected ':' in line 2"
    ]


def test_a_parameter_whose_name_python_has_taken_is_found(write_task: Any) -> None:
    folder = write_task(
        (EPOCHS, 'name = "lambda"'), ("facts.samples >= epochs", "true"), ('"epochs > 5"', '"false"'),
        ('field = "epochs"', 'field = "lambda"'), ('field = "epochs"', 'field = "lambda"'),
        templates={"setup.py.jinja": "total = lambda: 0\n"},
    )  # fmt: skip
    assert check_task(folder) == ["the cell parameters does not compile: invalid syntax in line 2"]


def test_a_task_that_needs_a_file_is_checked_as_far_as_possible(write_task: Any) -> None:
    folder = write_task(
        ("help = \"The rows to count.\"\nsort = \"literal\"\nkind = \"file\"\nwhen = \"dataset_id == 'own'\"",
         "help = \"The rows to count.\"\nsort = \"literal\"\nkind = \"file\""),
        templates={"explain.md.jinja": None},
    )  # fmt: skip
    assert check_task(folder) == ["explain.md.jinja: the template is missing"]


def test_several_problems_are_all_found(write_task: Any) -> None:
    problems = check_task(write_task(("default = 3", "default = 300"), templates={"explain.md.jinja": None}))
    assert len(problems) == 2
