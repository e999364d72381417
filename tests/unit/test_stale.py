"""What a run from top to bottom would not give is stale, with the reason; what it would give is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.cli import main
from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.provenance.capture.account import account_of
from mlprov_widgets.provenance.capture.document import build
from mlprov_widgets.provenance.capture.lineage import lineage_of
from mlprov_widgets.provenance.capture.names import names_in
from mlprov_widgets.provenance.capture.stale import Staleness
from mlprov_widgets.provenance.export.pipeline import pipeline_svg
from mlprov_widgets.provenance.export.report import report
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.view import view
from mlprov_widgets.ui.explorer import Explorer, story_from

NOTEBOOK = {
    "load": "rows = source()",
    "model": "weights = first(rows)",
    "train": "weights = better(weights, rows)",
    "test": "metrics = {'accuracy': compare(weights, rows)}",
    "plot": "shape = draw(metrics)",
}


def moment(second: int) -> str:
    return f"2026-01-01T12:{second // 60:02}:{second % 60:02}.000000+00:00"


class Session:
    """A notebook whose cells run in any order; what a cell makes has the digest of its code and of what it read."""

    def __init__(self, notebook: dict[str, str]) -> None:
        self.notebook = dict(notebook)
        self.held: dict[str, str | None] = {}
        self.files: dict[str, str] = {}
        self.now = 0
        cells = [{"step": s, "title": s.title(), "kind": "code", "source": c, **digest(c)} for s, c in notebook.items()]
        start = {"run": "0", "recorded_by": "kernel", "generator": "0", "task": "t", "version": "1", "plan_digest": "0"}
        self.events: list[dict[str, Any]] = [{"event": "start", "time": moment(0), **start, "cells": cells}]

    def run(self, *steps: str, status: str = "ok", content: str | None = None, writes: tuple[str, ...] = ()) -> Session:
        """Run cells; `content` stands for what they make, such as the same in spite of other code."""
        for step in steps:
            self.now += 10
            source = self.notebook.get(step, step)
            loaded, bound = names_in(source)
            read = {n: self.held[n] for n in sorted(loaded) if n in self.held}
            made = content or sha256_of_text(repr((source, read)))
            for name in sorted({*bound, *writes}):
                self.held[name] = None if content == "none" else sha256_of_text(made + name)
            written = [word.strip("'") for word in source.replace(")", " ").split() if word.startswith("'out")]
            self.events.append(
                {
                    "event": "cell",
                    "time": moment(self.now + 1),
                    "step": step if step in self.notebook else "",
                    "source": source,
                    **digest(source),
                    "start": moment(self.now),
                    "end": moment(self.now + 1),
                    "status": status,
                    "error": None,
                    "reads": [{"name": n, "sha256": d} for n, d in read.items()],
                    "writes": [
                        {"name": n, "type": "t", "kind": "value", "sha256": self.held[n]}
                        for n in sorted({*bound, *writes})
                    ],
                    "files": [{"path": w, "sha256": made, "bytes": 1} for w in written if "save" in source],
                    "metrics": {"accuracy": 0.5} if "metrics" in bound else None,
                }
            )
        return self

    def edit(self, step: str, source: str) -> Session:
        self.notebook[step] = source
        return self

    def save(self, *steps: str) -> Session:
        """Save the notebook's file, of these cells if any are told."""
        self.now += 10
        cells = [{"step": s, "source": self.notebook[s], **digest(self.notebook[s])} for s in steps or self.notebook]
        self.events.append(
            {"event": "notebook", "time": moment(self.now), "modified": moment(self.now), "cells": cells}
        )
        return self

    def stale(self) -> dict[str, str]:
        """Return the reason by step, of the stale ones alone."""
        account = account_of(self.events)
        reasons = Staleness(account, lineage_of(account.executions)).reasons()
        return {e.step: reason for e, reason in zip(account.executions, reasons, strict=True) if reason}

    def document(self) -> ProvenanceFile:
        return ProvenanceFile(build(self.events).document)


def digest(source: str) -> dict[str, str]:
    return {"sha256": sha256_of_text(source)}


@pytest.fixture
def session() -> Session:
    return Session(NOTEBOOK)


@pytest.fixture
def ran(session: Session) -> Session:
    """A notebook that ran from top to bottom."""
    return session.run(*NOTEBOOK)


# Nothing is stale ------------------------------------------------------------------------------------


def test_a_run_from_top_to_bottom_has_nothing_stale(ran: Session) -> None:
    assert ran.stale() == {}


def test_a_second_run_from_top_to_bottom_has_nothing_stale(ran: Session) -> None:
    assert ran.run(*NOTEBOOK).stale() == {}


@pytest.mark.parametrize("first", ["load", "model", "test", "plot"])
def test_running_all_from_a_cell_on_again_has_nothing_stale(ran: Session, first: str) -> None:
    steps = list(NOTEBOOK)
    assert ran.run(*steps[steps.index(first) :]).stale() == {}


def test_an_edited_cell_with_all_that_follows_has_nothing_stale(ran: Session) -> None:
    assert ran.edit("model", "weights = second(rows)").run("model", "train", "test", "plot").stale() == {}


def test_a_cell_that_made_the_same_again_leaves_nothing_stale(ran: Session) -> None:
    assert ran.run("load").stale() == {}


def test_other_code_that_makes_the_same_leaves_nothing_stale(session: Session) -> None:
    session.run("load", content="a").run("model", "train", "test", "plot")
    assert session.edit("load", "rows = other()").run("load", content="a").stale() == {}


def test_what_has_no_digest_is_the_same_where_equal_code_made_it_of_equal_values() -> None:
    session = Session({"tool": "tool = make()", "use": "value = tool(1)"})
    session.run("tool", content="none").run("use").edit("tool", "tool = make()  # a remark").run("tool", content="none")
    assert session.stale() == {}


def test_what_has_no_digest_is_another_where_other_code_made_it() -> None:
    session = Session({"tool": "tool = make()", "use": "value = tool(1)"})
    session.run("tool", content="none").run("use").edit("tool", "tool = remake()").run("tool", content="none")
    assert list(session.stale()) == ["use"]


REUSING = {
    "names": "names = ['a', 'b']",
    "first": "figure = draw(names)\nfor number, name in enumerate(names):\n    figure.add(number, name)",
    "second": "figure = draw(names)\nfor number, name in enumerate(names):\n    figure.add(name)",
    "third": "for name in names:\n    value = measure(name)\nprint(name, value)",
}


@pytest.mark.parametrize("again", [[], ["first"], ["second"], ["third", "first"], ["second", "third", "first"]])
def test_a_name_that_several_cells_make_for_themselves_raises_no_alarm(again: list[str]) -> None:
    assert Session(REUSING).run(*REUSING).run(*again).stale() == {}


def test_a_cell_that_changes_an_object_to_the_same_again_is_not_stale() -> None:
    # As fitting a scaler again on the same rows does.
    session = Session({"make": "scaler = make()", "fit": "scaler.fit(3)"})
    session.run("make").run("fit", content="a", writes=("scaler",)).run("fit", content="a", writes=("scaler",))
    assert session.stale() == {}


def test_what_follows_a_cell_that_came_to_the_same_again_is_not_stale() -> None:
    session = Session({"make": "scaler = make()", "fit": "scaler.fit(3)", "use": "print(scaler)"})
    session.run("make").run("fit", content="a", writes=("scaler",)).run("fit").run("use")
    del session.events[3]["writes"][:]  # the recorder lists no object that is as it was
    assert session.stale() == {}


def test_an_equal_value_that_was_made_well_before_is_not_stale() -> None:
    session = Session({"model": "model = 1", "plan": "plan = f(model)", "train": "model = train(model, plan)"})
    session.run("model").run("plan", content="a").run("train").run("plan", content="a")
    assert session.stale() == {"plan": "model was as Train had left it; from top to bottom it comes from Model"}


def test_a_cell_that_keeps_what_it_has_already_made_is_not_stale() -> None:
    session = Session({"get": "if 'rows' not in found:\n    rows = get()\nprint(rows)"})
    assert session.run("get", content="a").run("get", content="a").stale() == {}


def test_a_cell_that_may_fail_is_like_any_other(session: Session) -> None:
    session.events[0]["cells"][0]["tags"] = ["raises-exception"]
    assert session.run("load", status="error").run("model", "train", "test", "plot").stale() == {}


# Something is stale ----------------------------------------------------------------------------------


def test_what_was_read_and_then_made_anew_makes_stale(ran: Session) -> None:
    told = ran.edit("load", "rows = other()").run("load").stale()
    assert told["model"] == "rows was made again by Load at 12:01:00 UTC after this ran"


def test_all_that_follows_is_stale_each_with_its_own_reason(ran: Session) -> None:
    told = ran.edit("model", "weights = second(rows)").run("model").stale()
    assert told == {
        "train": "weights was made again by Model at 12:01:00 UTC after this ran",
        "test": "weights comes from Train, which is stale",
        "plot": "metrics comes from Test, which is stale",
    }


def test_a_cell_that_goes_on_from_what_it_left_itself_is_stale(ran: Session) -> None:
    told = ran.run("train", "test", "plot").stale()
    assert (
        told["train"] == "this had changed weights before, and ran again on it; from top to bottom it comes from Model"
    )
    assert told["test"] == "weights comes from Train, which is stale"


def test_running_what_it_needs_before_it_makes_it_well_again(ran: Session) -> None:
    assert ran.run("train", "test").run("model", "train", "test", "plot").stale() == {}


def test_what_reads_a_cell_further_down_is_stale(session: Session) -> None:
    session = Session({"use": "print(value)", "make": "value = 1"})
    assert session.run("make", "use").stale() == {"use": "value came from Make, which stands further down"}


def test_what_reads_what_another_cell_left_is_stale() -> None:
    session = Session({"one": "value = 1", "use": "print(value)", "two": "value = 2"})
    told = session.run("one", "use", "two", "use").stale()
    assert told == {"use": "value was as Two had left it; from top to bottom it comes from One"}


def test_a_cell_above_that_ran_late_makes_stale() -> None:
    session = Session({"one": "value = 1", "two": "value = 2", "use": "print(value)"})
    assert session.run("one", "use", "two").stale() == {"use": "value was made by Two at 12:00:30 UTC after this ran"}


@pytest.mark.parametrize(("status", "word"), [("error", "failed"), ("interrupted", "was interrupted")])
def test_what_reads_what_a_cell_left_that_did_not_end_well_is_stale(session: Session, status: str, word: str) -> None:
    session.run("load", "model").run("train", status=status).run("test")
    assert session.stale() == {"test": f"weights comes from Train, which {word}"}


def test_only_what_is_made_of_the_stale_value_is_stale() -> None:
    session = Session({"a": "a = 1", "b": "b = 2", "both": "x = f(a)\ny = g(b)", "of a": "p = x", "of b": "q = y"})
    session.run(*session.notebook).edit("a", "a = 3").run("a")
    assert set(session.stale()) == {"both", "of a"}


def test_a_file_that_was_written_again_makes_stale_what_read_it() -> None:
    session = Session({"make": "save(1, 'out.pt' )", "use": "value = load('out.pt')"})
    session.run("make", "use").edit("make", "save(2, 'out.pt' )").run("make")
    assert session.stale() == {"use": "out.pt was made again by Make at 12:00:30 UTC after this ran"}


def test_only_the_last_execution_of_a_cell_is_judged(ran: Session) -> None:
    file = ran.edit("model", "weights = second(rows)").run("model", "train", "test", "plot").document()
    assert [step["stale"] for step in view(file).steps] == [None] * 9


def test_more_than_three_reasons_are_counted() -> None:
    parts = {f"p{n}": f"v{n} = 1" for n in range(5)}
    session = Session({**parts, "use": "print(v0, v1, v2, v3, v4)"}).run(*parts, "use")
    for step, source in parts.items():
        session.edit(step, source + "1").run(step)
    assert session.stale()["use"].endswith("; and 2 more")


# The notebook's file ---------------------------------------------------------------------------------


def test_a_cell_that_was_edited_after_it_ran_is_stale_with_what_follows(ran: Session) -> None:
    told = ran.edit("test", "metrics = {'accuracy': 1}").save().stale()
    assert told == {"test": "its code was changed after it ran", "plot": "metrics comes from Test, which is stale"}


@pytest.mark.parametrize("source", ["rows = source()  # a remark", "rows=source()"])
def test_another_form_of_the_same_code_is_no_other_code(ran: Session, source: str) -> None:
    assert ran.edit("load", source).save().stale() == {}


def test_a_file_that_was_saved_before_a_cell_ran_says_nothing_of_it(ran: Session) -> None:
    ran.save()
    assert ran.edit("plot", "shape = draw(metrics, 2)").run("plot").stale() == {}


def test_a_cell_that_is_deleted_leaves_its_outputs_and_what_read_them_stale(ran: Session) -> None:
    told = ran.save("load", "model", "test", "plot").stale()
    assert told["train"] == "the notebook has this cell no longer"
    assert told["test"] == "weights was as Train had left it; from top to bottom it comes from Model"


def test_what_only_a_deleted_cell_made_says_where_it_came_from(ran: Session) -> None:
    assert ran.save("model", "train", "test", "plot").stale()["model"] == (
        "rows came from Load, which the notebook has no longer"
    )


def test_a_new_cell_has_its_place_once_the_notebook_is_saved() -> None:
    session = Session({"use": "print(value)", "other": "other = 1"})
    session.notebook["new"] = "value = 2"
    session.run("new", "use")
    assert session.stale() == {}
    assert session.save("use", "other", "new").stale() == {"use": "value came from new, which stands further down"}


def test_cells_that_are_moved_are_judged_where_they_stand_now() -> None:
    session = Session({"one": "value = 1", "use": "print(value)"}).run("one", "use")
    assert session.save("use", "one").stale() == {"use": "value came from One, which stands further down"}


def test_what_came_without_an_id_is_not_looked_for_in_the_notebook(ran: Session) -> None:
    # As from a console on the same kernel.
    assert ran.run("print(1)").save().stale() == {}


# Where it is said ------------------------------------------------------------------------------------


@pytest.fixture
def outdated(ran: Session) -> ProvenanceFile:
    return ran.edit("model", "weights = second(rows)").run("model").document()


def test_the_document_says_it_of_the_execution_and_of_what_it_made(outdated: ProvenanceFile) -> None:
    reason = "weights comes from Train, which is stale"
    assert outdated.activity("run:exec-test-1")["ml:stale"] == reason
    assert outdated.entity("run:metric-accuracy")["ml:stale"] == reason
    assert outdated.entity("run:var-metrics-1")["ml:stale"] == reason
    assert "ml:stale" not in outdated.activity("run:exec-model-2")


def test_the_view_says_it_of_the_step_and_of_the_metrics(outdated: ProvenanceFile) -> None:
    laid_out = view(outdated)
    told = {step["record"]: step["stale"] for step in laid_out.steps}
    assert told["run:exec-load-1"] is None
    assert told["run:exec-test-1"] == laid_out.stale_metrics["accuracy"] == "weights comes from Train, which is stale"


def test_every_derivation_is_of_what_its_execution_used_and_made(outdated: ProvenanceFile) -> None:
    used = {(r["prov:activity"], r["prov:entity"]) for r in outdated.records("used").values()}
    derived = [r for r in outdated.records("wasDerivedFrom").values() if "prov:activity" in r]
    assert len(derived) > 3
    assert all((r["prov:activity"], r["prov:usedEntity"]) in used for r in derived)
    assert all(outdated.generated()[r["prov:generatedEntity"]] == r["prov:activity"] for r in derived)


def test_the_drawing_says_it(outdated: ProvenanceFile) -> None:
    assert pipeline_svg(view(outdated)).count("· stale</text>") == 3


def test_the_report_says_it_of_the_cells_and_of_the_results(outdated: ProvenanceFile) -> None:
    text = report(outdated)
    assert "<b>Test</b>: weights comes from Train, which is stale" in text
    assert '<span class="tag stale" title="weights comes from Train, which is stale">stale</span>' in text


def test_the_graph_says_it_and_the_details_say_why(outdated: ProvenanceFile) -> None:
    shown = Explorer(story_from(outdated), lambda kind, text: None)
    steps = {step.identifier: step.ref for stage in shown.stages for step in stage.steps}
    shown.go(steps["run:exec-test-1"])
    nodes = {node.data["id"]: node for node in shown.canvas.graph.graph.nodes}
    assert "stale" in nodes[steps["run:exec-test-1"]].classes.split()
    assert nodes[steps["run:exec-test-1"]].data["label"].endswith("stale")
    assert "weights comes from Train, which is stale" in shown.details.value


def test_the_command_line_says_it(outdated: ProvenanceFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(outdated.document), encoding="utf-8")
    assert main(["show", str(path)]) == 0
    assert "stale: weights comes from Train, which is stale" in capsys.readouterr().out
