"""Whatever is given, a value is read or refused in words, and a Plan stays what it is."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.notebook.literals import literal
from mlprov_widgets.notebook.readback import literals_of
from mlprov_widgets.notebook.render import notebook_text, parameters_source, render_cells, render_notebook
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.model import Choice, Kind, Parameter, Sort
from mlprov_widgets.tasks.plan import Plan, make_plan, plan_from_dict
from mlprov_widgets.tasks.values import display, read_value

TASK = find_task("multiclass_classification")
PINNED = ["torch==2.15.0", "numpy"]
QUICK = settings(max_examples=100)

JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=20),
        st.just("9" * 5000),
    ),
    lambda children: st.one_of(
        st.lists(children, max_size=3), st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
    max_leaves=5,
)
HUGE = st.integers(20_000, 20_003).map(lambda bits: 1 << bits)  # Python refuses to write these
ANYTHING = st.one_of(JSON, HUGE, st.binary(max_size=5), st.complex_numbers(), st.just(object()), st.just(Kind))
TYPED = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[+-]?[0-9]{0,25}(\.[0-9]*)?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.from_regex(r'\[("[a-z]{0,3}"(, )?){0,3}\]?', fullmatch=True),
    st.sampled_from(["true", "no", "adam", "Adma", "nan", "-inf", "[", "\ud800", "1_0", "٣"]),
)


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    """Draw any parameter that a task could describe."""
    low, high = sorted([draw(st.integers(-5, 5)), draw(st.integers(-5, 5))])
    return Parameter(
        "thing",
        "training",
        "Thing",
        "A thing.",
        draw(st.sampled_from(Sort)),
        draw(st.sampled_from(Kind)),
        choices=(Choice("Adam", "Adam"), Choice("SGD", "SGD"), Choice("sgd", "sgd")),
        minimum=draw(st.sampled_from([None, low])),
        maximum=draw(st.sampled_from([None, high])),
        exclusive_minimum=draw(st.booleans()),
        exclusive_maximum=draw(st.booleans()),
        optional=draw(st.booleans()),
        detect=draw(st.sampled_from(["", "separator"])),
    )


@settings(max_examples=500)
@given(parameters(), st.one_of(ANYTHING, TYPED))
def test_a_value_is_read_or_refused_in_one_line(parameter: Parameter, raw: object) -> None:
    try:
        read_value(parameter, raw)
    except MlprovError as error:
        assert str(error).isprintable()
        assert len(str(error)) < 1500
        assert error.fix


@settings(max_examples=500)
@given(parameters(), st.one_of(ANYTHING, TYPED))
def test_a_value_that_was_read_is_of_its_kind_and_has_a_literal(parameter: Parameter, raw: object) -> None:
    try:
        value = read_value(parameter, raw)
    except MlprovError:
        return
    kinds: dict[Kind, type] = {Kind.INTEGER: int, Kind.NUMBER: float, Kind.BOOLEAN: bool, Kind.NAMES: tuple}
    assert value is None or type(value) is kinds.get(parameter.kind, str)
    assert literal(value)


@settings(max_examples=500)
@given(parameters(), st.one_of(ANYTHING, TYPED))
def test_a_value_that_was_read_is_read_the_same_again(parameter: Parameter, raw: object) -> None:
    try:
        value = read_value(parameter, raw)
    except MlprovError:
        return
    assert read_value(parameter, value) == value
    assert read_value(parameter, display(value)) == value


@settings(max_examples=500)
@given(parameters(), st.one_of(st.integers(), st.floats(), TYPED))
def test_a_number_that_was_read_is_within_its_bounds(parameter: Parameter, raw: object) -> None:
    try:
        value = read_value(parameter, raw)
    except MlprovError:
        return
    if type(value) in (int, float):
        low = -math.inf if parameter.minimum is None else parameter.minimum
        high = math.inf if parameter.maximum is None else parameter.maximum
        assert low <= value <= high  # type: ignore[operator]


# Plans -------------------------------------------------------------------------------------------


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    """Draw values for some of the task's parameters, as a form would give them."""
    given_values: dict[str, Any] = {}
    for parameter in TASK.parameters:
        if parameter.of or parameter.kind is Kind.FILE or not draw(st.booleans()):
            continue
        if parameter.kind is Kind.CHOICE:
            values = [choice.value for choice in parameter.choices if choice.value != "csv"]
            given_values[parameter.name] = draw(st.sampled_from(values))
        elif parameter.kind is Kind.BOOLEAN:
            given_values[parameter.name] = draw(st.booleans())
        elif parameter.kind is Kind.INTEGER:
            low, high = int(parameter.minimum or 0), int(parameter.maximum or 10**6)
            given_values[parameter.name] = draw(st.integers(low, high))
        elif parameter.kind is Kind.NUMBER:
            given_values[parameter.name] = draw(st.floats(0, 1))
        else:
            given_values[parameter.name] = draw(st.text(st.characters().filter(str.isprintable), max_size=40))
    return given_values


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Draw a Plan of the task."""
    given_values = draw(choices())
    try:
        return make_plan(TASK, given_values, requirements=PINNED).plan
    except MlprovError:
        given_values = {name: value for name, value in given_values.items() if name in ("title", "optimizer", "epochs")}
        return make_plan(TASK, given_values, requirements=PINNED).plan


@QUICK
@given(choices())
def test_choices_make_a_plan_or_are_refused_in_one_line(given_values: dict[str, Any]) -> None:
    try:
        make_plan(TASK, given_values, requirements=PINNED)
    except MlprovError as error:
        assert str(error).isprintable()


@QUICK
@given(plans())
def test_a_plan_is_read_as_it_was_written(plan: Plan) -> None:
    read = plan_from_dict(json.loads(json.dumps(plan.as_dict())))
    assert read == plan
    assert read.digest == plan.as_dict()["digest"]


@QUICK
@given(plans())
def test_a_plan_made_of_a_plans_values_is_the_same(plan: Plan) -> None:
    again = make_plan(TASK, plan.values, origins=plan.origins, requirements=plan.requirements).plan
    assert again == plan


@QUICK
@given(plans())
def test_equal_plans_give_equal_notebooks(plan: Plan) -> None:
    again = plan_from_dict(json.loads(json.dumps(plan.as_dict())))
    assert notebook_text(render_notebook(TASK, plan)) == notebook_text(render_notebook(TASK, again))


@QUICK
@given(plans())
def test_every_code_cell_of_a_notebook_compiles(plan: Plan) -> None:
    for cell in render_cells(TASK, plan):
        if cell.kind == "code":
            compile(cell.source, cell.step, "exec")


@QUICK
@given(plans())
def test_the_parameters_cell_gives_the_literals_back(plan: Plan) -> None:
    names = {p.name for p in TASK.parameters if p.sort is Sort.LITERAL and p.stage}
    values = {name: value for name, value in plan.values.items() if name in names and value is not None}
    assert literals_of(parameters_source(TASK, plan)) == (values, [])


@QUICK
@given(JSON)
def test_any_json_is_a_plan_or_refused_in_one_line(raw: object) -> None:
    try:
        plan_from_dict(raw)
    except MlprovError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize("part", make_plan(TASK, {}).plan.as_dict())
def test_a_plan_with_any_json_in_a_part_is_a_plan_or_refused_in_one_line(part: str) -> None:
    whole = make_plan(TASK, {}, requirements=PINNED).plan.as_dict()

    @QUICK
    @given(st.one_of(JSON, st.dictionaries(st.sampled_from(["epochs", "title", "data_file"]), JSON), st.lists(JSON)))
    def with_anything(value: object) -> None:
        try:
            plan = plan_from_dict({**whole, part: value})
        except MlprovError as error:
            assert str(error).isprintable()
        else:
            assert len(plan.digest) == 64

    with_anything()
