"""Of what a value is made: what its cell's code says, and all that the cell read where the code does not say."""

from __future__ import annotations

from typing import Any

import pytest

from mlprov_widgets.provenance.capture import lineage
from mlprov_widgets.provenance.capture.account import account_of
from mlprov_widgets.provenance.capture.flow import Known, flow_of

START = {"run": "0", "recorded_by": "kernel", "generator": "0", "task": "t", "version": "1", "plan_digest": "0"}


def sources(code: str, name: str, known: Known | None = None) -> set[str]:
    return set(flow_of(code, known or Known()).sources[name])


@pytest.mark.parametrize(
    ("code", "name", "made_of"),
    [
        ("y = x\nq = z", "y", {"x"}),
        ("a = x\nb = a\ny = b", "y", {"x"}),
        ("y, q = x, z", "y", {"x"}),
        ("y = [k for k in x]", "y", {"x"}),
        ("if x:\n    y = z", "y", {"x", "z"}),
        ("y = 0\nfor k in x:\n    y += k", "y", {"x"}),
        ("y = []\nfor k in x:\n    y.append(k)", "y", {"x"}),
        ("y = {}\ny['k'] = x", "y", {"x"}),
        ("import np\ny = np.array(x)\nq = np.array(z)\nnp.plot(y, q)", "y", {"x"}),
        ("def f(k):\n    return k + z\ny = f(x)", "y", {"x", "z"}),
        ("net = Net()\nsteps = Steps(net)\nsteps.go(x)", "net", {"x", "Net", "Steps"}),
        ("y = eval(x)", "y", {"*", "eval", "x"}),
    ],
)
def test_a_name_is_made_of_what_its_statements_read(code: str, name: str, made_of: set[str]) -> None:
    assert sources(code, name) == made_of


def test_what_an_object_holds_is_known_in_later_cells() -> None:
    known = Known()
    flow_of("steps = Steps(net)", known)
    assert sources("steps.go(x)", "net", known) == {"steps", "x"}


@pytest.mark.parametrize("code", ["1 +", "x = " + "+".join(["1"] * 5000), "\n".join(f"a{n} = x" for n in range(1001))])
def test_of_code_that_cannot_be_followed_nothing_is_said(code: str) -> None:
    assert flow_of(code, Known()).sources == {}


def traces(*cells: dict[str, Any]) -> list[lineage.Trace]:
    common = {"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-01T00:00:01+00:00", "status": "ok"}
    events = [{"event": "start", "time": common["start"], **START}]
    events += [{"event": "cell", "time": common["end"], "step": f"s{n}", **common, **c} for n, c in enumerate(cells)]
    return lineage.lineage_of(account_of(events).executions)


def named(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "sha256": "0"} for name in names]


def test_what_changed_without_being_named_is_made_of_all_that_was_read() -> None:
    first = {"source": "x = 1\nz = 2", "writes": named("x", "z")}
    last = traces(first, {"source": "%run more.py", "reads": named("x", "z"), "writes": named("y")})[1]
    assert [(made.name, of.name) for made, of in last.derived] == [("y", "x"), ("y", "z")]


def test_a_name_that_a_cell_makes_first_is_not_read() -> None:
    first = {"source": "figure = 1", "writes": named("figure")}
    last = traces(first, {"source": "figure = 2\nprint(figure)", "reads": named("figure"), "writes": named("figure")})[
        1
    ]
    assert last.used == {}


def test_derivations_are_bounded_and_the_others_are_counted() -> None:
    many = named(*(f"v{n}" for n in range(100)))
    first, last = {"source": "", "writes": many}, {"source": "%run more.py", "reads": many, "writes": many}
    found = traces(first, last)[1]
    assert (len(found.derived), found.left_out) == (lineage.MOST_DERIVATIONS, 100 * 100 - lineage.MOST_DERIVATIONS)


def test_a_file_that_a_cell_names_is_read_and_handed_on() -> None:
    first = {"source": "save('m.pt')", "files": [{"path": "outputs/m.pt", "sha256": "0", "bytes": 1}]}
    last = traces(first, {"source": "y = load('m.pt')", "writes": named("y")})[1]
    assert [(made.name, of.name) for made, of in last.derived] == [("y", "file outputs/m.pt")]
