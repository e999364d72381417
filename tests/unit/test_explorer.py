"""The explorer without a page: what a click opens, what the search finds, and that no text becomes markup."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import ipycytoscape
import ipywidgets as widgets
import pytest

from mlprov_widgets.provenance.graph.indexing import index_of
from mlprov_widgets.provenance.graph.pairs import between
from mlprov_widgets.provenance.graph.scene import MOST_DRAWN
from mlprov_widgets.provenance.graph.story import Story, story_of
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance
from mlprov_widgets.ui.explorer import Explorer, story_from
from mlprov_widgets.ui.graph import MOST_ELEMENTS, visible

HOSTILE = "<img src=x onerror=alert(1)> & \"x\" 'y'"
TALL_NODE = 29
PREFIXES = {"ml": "https://pypi.org/project/mlprov-widgets/#"}


@pytest.fixture(autouse=True)
def closed_widgets() -> Iterator[None]:
    """Forget a test's widgets; ipywidgets keeps all of them otherwise."""
    yield
    widgets.Widget.close_all()


@pytest.fixture(scope="module")
def tiny_story(tiny_run: dict[str, Any]) -> Story:
    """What happened in a run of the tiny task."""
    return story_from(read_provenance(Path(tiny_run["provenance"])))


@pytest.fixture
def tiny(tiny_story: Story) -> Explorer:
    """Return the explorer of a run of the tiny task."""
    return explorer(tiny_story)


def explorer(story: Story, other: Story | None = None, **more: Any) -> Explorer:
    def fail(kind: str, text: str) -> None:
        raise AssertionError(f"{kind}: {text}")

    return Explorer(story, fail, other, **more)


class Document:
    """A document as a run writes it, made by hand."""

    def __init__(self) -> None:
        self.sections: dict[str, dict[str, Any]] = {
            name: {} for name in ("entity", "activity", "used", "wasGeneratedBy")
        }
        self.activity("run:run")

    def activity(self, identifier: str, **record: Any) -> None:
        self.sections["activity"][identifier] = record

    def relate(self, kind: str, activity: str, entity: str) -> None:
        relations = self.sections[kind]
        relations[f"_:{kind}{len(relations)}"] = {"prov:entity": entity, "prov:activity": activity}

    def step(
        self,
        name: str,
        *,
        stage: str = "training",
        title: str = "",
        status: str = "ok",
        error: str | None = None,
        source: str = "",
        code: str = "plan",
        number: int = 1,
        read: dict[str, dict[str, Any]] | None = None,
        made: dict[str, dict[str, Any]] | None = None,
    ) -> str:
        """Add an execution, one second after the last, and return its record."""
        at = len(self.sections["activity"])
        record, cell = f"run:exec-{name}-{number}", f"{code}:cell-{name}"
        kind = "p-plan:Step" if code == "plan" else "ml:EditedCell"
        self.sections["entity"][f"plan:cell-{name}"] = {
            "prov:type": "p-plan:Step",
            "ml:step": name,
            "schema:name": title or name.title(),
        }
        self.sections["entity"].setdefault(cell, {}).update({"prov:type": kind, "ml:step": name, "ml:source": source})
        self.activity(
            record,
            **{
                "prov:type": "p-plan:Activity",
                "prov:startTime": f"2026-01-01T12:{at // 60:02d}:{at % 60:02d}+00:00",
                "prov:endTime": f"2026-01-01T12:{at // 60:02d}:{at % 60:02d}.500000+00:00",
                "ml:stage": stage,
                "ml:status": status,
                "ml:error": error,
            },
        )
        self.relate("used", record, cell)
        for section, items in (("used", read), ("wasGeneratedBy", made)):
            for entity, about in (items or {}).items():
                self.sections["entity"][entity] = about
                self.relate(section, record, entity)
        return record

    def failed(self, step: str) -> None:
        self.sections["activity"]["run:run"]["ml:failedStep"] = step

    def story(self) -> Story:
        return story_from(ProvenanceFile({"prefix": PREFIXES, **self.sections}))

    def open(self) -> Explorer:
        return explorer(self.story())


def variables(count: int, name: str = "v") -> dict[str, dict[str, Any]]:
    about = {"prov:type": "mls:Data"}
    return {f"run:var-{name}{k}-1": {**about, "ml:variable": f"{name}{k}"} for k in range(count)}


def settings(count: int, kind: str = "hp") -> dict[str, dict[str, Any]]:
    about = {"prov:type": "mls:HyperParameterSetting" if kind == "hp" else "mls:ModelEvaluation"}
    return {f"run:{kind}-{kind}{k}": {**about, "mls:hasValue": k} for k in range(count)}


def elements(shown: Explorer) -> list[Any]:
    graph = shown.canvas.graph.graph
    return [*graph.nodes, *graph.edges]


def nodes(shown: Explorer) -> list[ipycytoscape.Node]:
    return visible(shown.canvas.graph.graph.nodes)


def seen(shown: Explorer, kind: str) -> list[str]:
    """Return the first lines of the nodes of a class that a person sees, from above."""
    found = sorted((n for n in nodes(shown) if kind in n.classes.split()), key=lambda n: n.position["y"])
    return [str(node.data["label"]).partition("\n")[0] for node in found]


def arrows(shown: Explorer) -> set[tuple[str, str]]:
    names = {n.data["id"]: str(n.data["label"]).partition("\n")[0] for n in nodes(shown)}
    return {(names[e.data["source"]], names[e.data["target"]]) for e in visible(shown.canvas.graph.graph.edges)}


def marked(shown: Explorer) -> list[str]:
    return sorted({*seen(shown, "open"), *seen(shown, "chosen")})


def click(shown: Explorer, text: str) -> None:
    """Do what the page does when a person clicks the node that begins with a text."""
    node = next(node for node in nodes(shown) if re.search(text, str(node.data["label"]), re.MULTILINE))
    shown.canvas.graph._interaction_handlers["node"]["click"]({"data": dict(node.data)})


def find(shown: Explorer, wanted: str) -> list[str]:
    shown.ask.search.value = wanted
    return list(shown.ask.hits.options)


def text_of(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


def row(shown: Explorer, name: str) -> str:
    found = re.search(f'<th scope="row">{re.escape(name)}</th><td>(.*?)</td></tr>', shown.details.value)
    return text_of(found[1]) if found else ""


# What is there at first --------------------------------------------------------------------------------------


def test_at_first_the_stages_are_seen_in_time_and_what_to_do(tiny: Explorer) -> None:
    assert seen(tiny, "stage") == ["1. Set-up", "2. Data ingestion", "3. Model", "4. Training", "5. Evaluation"]
    assert (seen(tiny, "step"), seen(tiny, "item")) == ([], ["Click a stage:"])
    assert arrows(tiny) == set(pairwise(seen(tiny, "stage")))


def test_a_stage_says_its_headline_how_it_ended_and_what_it_took(tiny: Explorer) -> None:
    label = next(node.data["label"] for node in nodes(tiny) if node.data["id"] == "stage:training")
    assert re.fullmatch(r"4\. Training\n4 epochs\n✓ · [\d.]+ m?s", label)
    assert "Training4 epochs" in text_of(tiny.details.value)


# What a click opens -------------------------------------------------------------------------------------------


def test_a_stage_opens_its_steps_and_another_closes_the_first() -> None:
    document = Document()
    for stage in ("training", "evaluation"):
        for number in (1, 2):
            document.step(f"{stage}{number}", stage=stage)
    shown = document.open()
    click(shown, "Training")
    assert (seen(shown, "step"), marked(shown)) == (["Training1", "Training2"], ["1. Training"])
    assert ("Training1", "Training2") in arrows(shown)
    click(shown, "Evaluation$")
    assert (seen(shown, "step"), seen(shown, "more")) == (["Evaluation1", "Evaluation2"], [])


def test_a_stage_of_one_step_opens_what_the_step_read_and_made(tiny: Explorer) -> None:
    click(tiny, "Data ingestion")
    assert seen(tiny, "step") == ["Load the data"]
    assert seen(tiny, "item") == [
        "read",
        "dataset_id = clouds",
        "made",
        "labels",
        "points",
        "cloud",
        "dataset_id (clouds)",
    ]
    assert ("dataset_id = clouds", "Load the data") in arrows(tiny)
    assert ("Load the data", "points") in arrows(tiny)


def test_what_stands_for_an_item_is_told_and_the_graph_stays(tiny: Explorer) -> None:
    click(tiny, "Data ingestion")
    click(tiny, "^labels")
    assert text_of(tiny.details.value).startswith("labels")
    assert (seen(tiny, "step"), seen(tiny, "chosen")) == (["Load the data"], ["labels"])
    click(tiny, "^made")  # the heading of a column stands for its step
    assert text_of(tiny.details.value).startswith("Load the data")


def test_no_element_is_ever_removed_and_opening_again_adds_none(
    tiny: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("remove_node", "remove_edge", "remove_node_by_id", "clear"):
        monkeypatch.setattr(ipycytoscape.Graph, name, lambda *_: pytest.fail("ipycytoscape wipes the graph"))
    for stage in tiny.stages:
        tiny.go(f"stage:{stage.key}")
    before = elements(tiny)
    for stage in tiny.stages:
        tiny.go(f"stage:{stage.key}")
    assert elements(tiny) == before
    identifiers = [part.data["id"] for part in before]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("count", [1, 10, 500])
def test_a_step_never_shows_more_rows_than_there_is_room_for(count: int) -> None:
    document = Document()
    document.step(
        "train",
        read={**variables(count, "r"), **settings(count)},
        made={**variables(count, "m"), **settings(count, "metric")},
    )
    shown = document.open()
    click(shown, "Training")
    rows = [node for node in nodes(shown) if "item" in node.classes.split()]
    heights = sorted(node.position["y"] for node in rows)
    assert (heights[0] >= 0, heights[-1] <= shown.canvas.scene.height) == (True, True)
    assert all(below - above > TALL_NODE for above, below in pairwise(heights))
    left_out = [int(text.split()[1]) for text in seen(shown, "more") if text.startswith("and ")]
    assert len(seen(shown, "entity")) + sum(left_out) == 4 * count
    assert shown.canvas.scene.size <= MOST_DRAWN


def test_of_many_steps_the_last_ones_are_drawn_and_the_earlier_ones_are_a_click_away() -> None:
    document = Document()
    for number in range(45):
        document.step(f"cell{number}", title=f"Try {number}")
    shown = document.open()
    click(shown, "Training")
    assert seen(shown, "step") == ["35 earlier steps: show", *(f"Try {k}" for k in range(35, 45))]
    click(shown, "earlier")
    assert seen(shown, "step")[1:-1] == [f"Try {k}" for k in range(25, 35)]
    find(shown, "cell3")
    shown.ask.hits.index = 0
    assert "Try 3" in seen(shown, "step")
    assert seen(shown, "chosen") + seen(shown, "open") != []


def test_however_much_is_opened_a_canvas_never_holds_more_than_it_can_bear() -> None:
    document = Document()
    for number in range(700):
        document.step(
            "again", stage=("", "training", "evaluation")[number % 3], number=number, made=variables(3, f"x{number}-")
        )
    shown = document.open()
    most = 0
    for place in range(0, 230, 10):
        shown.go(f"page:{place}:training")
        shown.choose(
            shown.canvas.scene.dots[-4].meant
            if shown.canvas.scene.dots[-4].meant[:1] == "r"
            else shown.story.stages[1].steps[place].ref
        )
        most = max(most, len(elements(shown)))
        assert len(visible(elements(shown))) <= MOST_DRAWN
    assert MOST_DRAWN < most <= MOST_ELEMENTS


# Views ----------------------------------------------------------------------------------------------------------


def test_the_engineers_view_has_code_packages_machine_and_functions(tiny: Explorer) -> None:
    tiny.lens.value = "engineer"
    titles = [text.split("  ")[0] for text in seen(tiny, "stage")]
    assert titles[-3:] == ["Packages", "Machine", "Functions that obtained facts"]
    click(tiny, "Functions")
    assert "creation date: by" in seen(tiny, "function")
    tiny.go("stage:training")
    assert seen(tiny, "cell") != []


def test_the_machine_is_told_in_words(tiny_run: dict[str, Any]) -> None:
    document = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))
    gpus = {"$": json.dumps(["NVIDIA A", "NVIDIA B"]), "type": "rdf:JSON"}
    document["entity"]["run:hardware_info"] |= {"ml:GPUs": gpus, "ml:RAM": 2**34, "ml:GPU_software": "driver 580.1"}
    shown = explorer(story_from(ProvenanceFile(document, Path(tiny_run["provenance"]))))
    shown.lens.value = "engineer"
    click(shown, "Machine")
    told = " ".join(seen(shown, "group"))
    assert all(text in told for text in ("NVIDIA A, NVIDIA B", "16.0 GiB", "GPU software", "driver 580.1"))


def test_the_auditors_view_has_times_agents_edits_digests_and_verification(tiny: Explorer) -> None:
    tiny.lens.value = "auditor"
    assert [text.split("  ")[0] for text in seen(tiny, "stage")][-3:] == ["Who", "Edits", "Verification"]
    assert any("began" in node.data["label"] for node in nodes(tiny))
    click(tiny, "Verification")
    assert "Head of the hash chain" in tiny.details.value
    tiny.go("stage:training")
    assert any("sha256" in node.data["label"] for node in nodes(tiny))


def test_the_standard_view_has_every_record_and_relation_by_its_prov_name(tiny: Explorer) -> None:
    tiny.lens.value = "standard"
    assert {text.split()[0] for text in seen(tiny, "item")} == {"Entity", "Activity", "Agent"}
    labels = "\n".join(edge.data["label"] for edge in visible(tiny.canvas.graph.graph.edges))
    assert re.search(r"^wasGeneratedBy × \d+$", labels, re.MULTILINE)
    assert "as PROV draws them" in tiny._legend.value
    click(tiny, "^Activity")
    click(tiny, "^Activity\n")
    click(tiny, "^run:exec-train-1")
    assert ("run:exec-train-1", "plan:cell-train") in arrows(tiny)
    assert tiny.details.value.startswith("<h3")


# Asking ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("accuracy", "accuracy = "),
        ("what is the accuracy?", "accuracy = "),
        ("what determined the creation date", "creation_date = "),
        ("which optimizer really ran", "optimizer = Descent"),
        ("  EPOCHS ", "epochs = 4"),
        ("line.json", "outputs/line.json"),
        ("which machine", "Machine"),
    ],
)
def test_a_question_finds_its_answer_first(tiny: Explorer, question: str, first: str) -> None:
    assert find(tiny, question)[0].startswith(first)
    assert tiny.ask.hits.layout.display is None


def test_a_hit_opens_the_way_to_it_and_says_what_it_is(tiny: Explorer) -> None:
    find(tiny, "accuracy")
    assert marked(tiny) == []  # nothing opens while a person is typing
    tiny.ask.hits.index = 0
    assert {"5. Evaluation", "Measure"} <= set(marked(tiny))
    assert seen(tiny, "chosen")[0].startswith("accuracy = ")
    assert row(tiny, "Made by (wasGeneratedBy)") == "Measure"


def test_a_hit_can_be_chosen_again_after_another_thing_was_looked_at(tiny: Explorer) -> None:
    find(tiny, "accuracy")
    tiny.ask.hits.index = 0
    tiny.go("stage:training")
    assert tiny.ask.hits.index is None
    tiny.ask.hits.index = 0
    assert text_of(tiny.details.value).startswith("accuracy")


def test_a_hit_that_the_view_does_not_show_opens_the_view_that_does(tiny: Explorer) -> None:
    find(tiny, "creation date")
    tiny.ask.hits.index = 0
    assert (tiny.lens.value, seen(tiny, "chosen")) == ("engineer", ["creation date: by"])
    assert row(tiny, "Made by (wasGeneratedBy)") == "os.stat st_ctime"


def test_a_field_says_which_function_determined_it(tiny: Explorer) -> None:
    options = find(tiny, "creation date")
    tiny.ask.hits.index = next(k for k, label in enumerate(options) if "in Experiment" in label)
    assert row(tiny, "Determined by") == "os.stat st_ctime"


def test_nothing_found_and_nothing_asked_are_said(tiny: Explorer) -> None:
    assert find(tiny, "zzzz") == []
    assert "Nothing found for “zzzz”" in tiny.ask.told.value
    assert tiny.ask.hits.layout.display == "none"
    assert find(tiny, "  ") == []
    assert text_of(tiny.ask.told.value) == ""


def test_of_many_hits_the_best_ones_are_listed() -> None:
    document = Document()
    document.step("train", made=variables(80, "value"))
    shown = document.open()
    assert len(find(shown, "value7")) == 11
    assert len(find(shown, "value")) == 50
    assert "found for “value”, the 50 best are listed" in shown.ask.told.value


def test_where_something_comes_from_and_what_depends_on_it(tiny: Explorer) -> None:
    find(tiny, "accuracy")
    tiny.ask.hits.index = 0
    tiny.lineage.came_from.click()
    places = {dot.label.partition("\n")[0]: dot for dot in tiny.canvas.scene.dots}
    assert places["weights"].x < places["Measure"].x < next(d.x for n, d in places.items() if n.startswith("accuracy"))
    tiny.lineage.hops.value = 1000
    tiny.lineage.came_from.click()
    assert re.search(r"comes from: \d+ things, by \d+ steps", tiny.canvas.scene.title)
    heights = {dot.label: dot.y for dot in tiny.canvas.scene.dots}
    taken = {y for label, y in heights.items() if re.match(r"\d parameters|\w+ = ", label) and "accuracy" not in label}
    assert taken <= {y for label, y in heights.items() if label.endswith("\nstep")}
    assert heights["Move the line\nstep"] < heights["Measure\nstep"]
    assert "weights" not in "".join(heights)  # what a step hands to the next is in the details
    find(tiny, "optimizer")
    tiny.ask.hits.index = 0
    tiny.lineage.hops.value = 1
    tiny.lineage.leads_to.click()
    assert {d.label.partition("\n")[0] for d in tiny.canvas.scene.dots} == {"optimizer = Descent", "Move the line"}


def test_the_path_between_two_chosen_things(tiny: Explorer) -> None:
    find(tiny, "optimizer")
    tiny.ask.hits.index = 0
    tiny.lineage.path.click()
    find(tiny, "accuracy")
    tiny.ask.hits.index = 0
    assert tiny.lineage.path.description.startswith("Path from optimizer")
    tiny.lineage.path.click()
    assert tiny.canvas.scene.title.startswith("From optimizer to accuracy")
    assert seen(tiny, "execution") == ["Move the line", "Measure"]
    tiny.lineage.back.click()
    assert seen(tiny, "stage")[0] == "1. Set-up"


# Details --------------------------------------------------------------------------------------------------------


def test_the_details_of_a_step_are_its_outcome_agent_data_parameters_metrics_and_code(tiny: Explorer) -> None:
    tiny.go("stage:evaluation")
    assert re.fullmatch(r"ok after [\d.]+ m?s", row(tiny, "Outcome"))
    assert (row(tiny, "Code"), row(tiny, "By")) == ("as planned", "CPython")
    assert (row(tiny, "Data read"), row(tiny, "Functions read")) == ("labels, points, weights", "answer")
    assert "accuracy = " in row(tiny, "Metrics made")
    assert row(tiny, "Files made") == "outputs/line.json"
    tiny.go("stage:training")
    assert row(tiny, "Parameters read") == "epochs = 4, optimizer = Descent"
    assert '<span class="t-k">for</span>' in tiny.details.value


def test_every_attribute_is_told_and_the_identifier_can_be_copied(tiny: Explorer) -> None:
    find(tiny, "optimizer")
    tiny.ask.hits.index = 0
    assert 'data-copy="run:hp-optimizer"' in tiny.details.value
    assert [row(tiny, name) for name in ("mls:hasValue", "planned", "status", "origin")][:3] == [
        "Descent",
        "Descent",
        "observed",
    ]


def test_a_link_opens_what_it_names(tiny: Explorer) -> None:
    find(tiny, "accuracy")
    tiny.ask.hits.index = 0
    meant = re.search('data-go="(r[0-9]+)">Measure<', tiny.details.value)
    assert meant is not None
    tiny._goto.value = f"{meant[1]} 1700000000"  # what the page's script writes
    assert text_of(tiny.details.value).startswith("Measure")


def test_what_is_drawn_stands_in_a_table_of_links(tiny: Explorer) -> None:
    tiny.go("stage:training")
    drawn = {d.label.partition("\n")[0] for d in tiny.canvas.scene.dots if d.meant}
    table = text_of(tiny.table.value)
    assert all(label in table for label in drawn)
    assert tiny.table.value.count("data-go=") >= len(drawn)


def test_the_code_of_an_edited_step_is_what_ran_and_it_is_marked() -> None:
    document = Document()
    document.step("train", code="run", source="mine = 1")
    document.step("test", stage="training")
    document.sections["entity"]["plan:cell-train"]["ml:source"] = "theirs = 1"
    shown = document.open()
    click(shown, "Training")
    assert seen(shown, "edited") == ["1. Training", "Train"]
    click(shown, "^Train\n")
    assert "mine = 1" in text_of(shown.details.value)
    assert row(shown, "Code") == "edited"
    assert find(shown, "edited")[0].startswith("Train")


def test_a_failed_run_opens_its_last_failing_step() -> None:
    document = Document()
    document.step("load", stage="data_ingestion")
    document.step("train", status="error", error="first")
    document.step("train", status="error", error="ValueError: too <few> rows", number=2)
    document.failed("train")
    shown = document.open()
    assert seen(shown, "error") == ["2. Training", "Train", "Train"] or set(seen(shown, "error")) == {
        "2. Training",
        "Train",
    }
    assert row(shown, "Error") == "ValueError: too &lt;few&gt; rows"


# Verification ---------------------------------------------------------------------------------------------------


def test_the_verification_says_what_came_of_it_in_the_graph_too(tiny: Explorer) -> None:
    tiny.lens.value = "auditor"
    tiny.go("stage:seal")
    tiny.verification._thread.join()  # type: ignore[union-attr]
    tiny.go("stage:seal")
    assert "Valid: no record was changed since" in tiny.details.value
    assert any("valid" in dot.label for dot in tiny.canvas.scene.dots if "Verification" in dot.label)


def test_a_check_that_takes_long_is_told_when_it_ends_unless_a_person_went_on(
    tiny: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlprov_widgets.provenance import verify as module

    may_end = threading.Event()
    check = module.verify

    def slow(file: ProvenanceFile) -> module.Verdict:
        assert may_end.wait(30)
        return check(file)

    monkeypatch.setattr(module, "verify", slow)
    monkeypatch.setattr("mlprov_widgets.ui.verification._AT_ONCE", 0.0)
    tiny.lens.value = "auditor"
    tiny.go("stage:seal")
    assert re.search(r"Checking \d+ records. The graph can be used meanwhile.", tiny.details.value)
    may_end.set()
    tiny.verification._thread.join()  # type: ignore[union-attr]
    assert "Valid: no record was changed since" in tiny.details.value


# Two runs -------------------------------------------------------------------------------------------------------


def two_runs() -> tuple[Story, Story]:
    stories = []
    for epochs, accuracy in ((20, 0.9), (30, 0.7)):
        document = Document()
        document.step("load", stage="data_ingestion", made=variables(1))
        document.step(
            "train",
            source=f"epochs = {epochs}",
            read={"run:hp-epochs": {"prov:type": "mls:HyperParameterSetting", "mls:hasValue": epochs}},
        )
        metric = {"run:metric-accuracy": {"prov:type": "mls:ModelEvaluation", "mls:hasValue": accuracy}}
        document.step("test", stage="evaluation", made=metric)
        if epochs == 30:
            document.step("more", stage="evaluation")
        stories.append(document.story())
    return stories[0], stories[1]


def test_two_runs_say_what_is_the_same_changed_and_only_there() -> None:
    shown = explorer(*two_runs())
    assert seen(shown, "same") == ["1. Data ingestion"]
    assert seen(shown, "changed") == ["≠ 2. Training", "≠ 3. Evaluation"]
    shown.go("stage:evaluation")
    assert seen(shown, "only-there") == ["+ More"]
    shown.go("stage:training")
    assert "≠ epochs = 20 → 30" in seen(shown, "changed")


@pytest.mark.parametrize(
    ("here", "there", "told"),
    [
        ("accuracy 0.9", "accuracy 0.7", "accuracy 0.9 → 0.7"),
        ("60 epochs, loss 1.03", "100 epochs, loss 0.04", "60 → 100 epochs, loss 1.03 → 0.04"),
        ("small_cnn, Adam", "small_cnn, SGD", "Adam → SGD"),
        ("iris, 150 samples", "3 classes", "iris, 150 samples → 3 classes"),
        ("iris", "wine", "iris → wine"),
    ],
)
def test_two_headlines_say_what_differs_and_no_more(here: str, there: str, told: str) -> None:
    assert between(here, there) == told


def test_what_stands_below_the_pipeline_is_compared_too(tiny_story: Story) -> None:
    text = tiny_story.index.text
    package = re.search(r'"pypi:([^"]+)": "([^"]+)"', text)
    assert package is not None
    other = story_of(index_of(text.replace(package[0], f'"pypi:{package[1]}": "0.1"')))
    shown = explorer(tiny_story, other)
    shown.lens.value = "engineer"
    shown.go("stage:packages")
    assert f"{package[1]}</button></td><td>{package[2]} → 0.1</td><td>changed</td>" in shown.details.value
    assert "≠ Packages" in seen(shown, "changed")
    shown.only.value = True
    assert {"≠ Packages"} == set(seen(shown, "aside"))
    assert "No stage differs." in shown.details.value


def test_the_verification_of_two_runs_is_of_both() -> None:
    shown = explorer(*two_runs())
    shown.lens.value = "auditor"
    shown.go("stage:seal")
    shown.verification._thread.join()  # type: ignore[union-attr]
    shown.go("stage:seal")
    assert "Verification: first run" in shown.details.value
    assert "Verification: second run" in shown.details.value


def test_an_uploaded_record_is_called_by_its_name_and_a_run_by_its_folder(tiny_story: Story, tmp_path: Path) -> None:
    text = tiny_story.index.text
    own, sent = tmp_path / "20260101-iris" / "provenance.json", tmp_path / "uploads" / "0a1b2c" / "provenance.json"
    shown = explorer(story_of(index_of(text, own)), story_of(index_of(text, sent)))
    assert "<td>20260101-iris</td>" in shown.details.value
    assert "<td>provenance.json</td>" in shown.details.value
    assert "0a1b2c" not in shown.details.value


def test_a_standard_view_of_two_says_that_it_draws_the_first_alone(tiny_story: Story) -> None:
    both, one = explorer(tiny_story, tiny_story), explorer(tiny_story)
    for shown in (both, one):
        shown.lens.value = "standard"
    assert "here the first run" in both._above.value
    assert "the first run" not in one._above.value
    both.lens.value = "analyst"
    assert "here the first run" not in both._above.value


def test_another_view_tells_of_the_same_stage(tiny: Explorer) -> None:
    tiny.go("stage:data_ingestion")
    tiny.lineage.back.click()
    tiny.lens.value = "standard"
    assert "wasGeneratedBy" in tiny.details.value
    tiny.lens.value = "engineer"
    assert text_of(tiny.details.value).startswith("The run in time")


def test_the_legend_names_only_what_is_drawn(tiny: Explorer) -> None:
    assert "step, activity" in tiny._legend.value
    assert "metric" not in tiny._legend.value
    tiny.go("stage:evaluation")
    assert "metric" in tiny._legend.value
    assert "failed" not in tiny._legend.value


def test_only_what_differs_is_shown_on_request() -> None:
    shown = explorer(*two_runs())
    shown.only.value = True
    assert seen(shown, "stage") == ["≠ 1. Training", "≠ 2. Evaluation"]


def test_a_change_shows_both_values_and_leads_to_the_field_and_the_cell() -> None:
    asked: list[str] = []
    shown = explorer(*two_runs(), fields={"epochs": "Epochs"}, to_field=asked.append)
    find(shown, "epochs")
    shown.ask.hits.index = 0
    assert "<td>mls:hasValue</td><td>20</td><td>30</td>" in shown.details.value
    assert ">Form field: Epochs<" in shown.details.value
    assert ">Cell: Train<" in shown.details.value
    shown.go("field:epochs")
    assert asked == ["epochs"]
    cell = re.search('data-go="(r[0-9]+)">Cell: Train<', shown.details.value)
    assert cell is not None
    shown.go(cell[1])
    assert text_of(shown.details.value).startswith("Train")
    assert "changed" in shown.canvas.scene.dots[1].classes  # the way to the cell opens the stage that ran it


def test_a_changed_step_lists_what_it_read_and_made_that_differs_and_the_lines_of_its_code() -> None:
    shown = explorer(*two_runs())
    shown.go("stage:training")
    assert "epochs</button></td><td>20 → 30</td><td>changed</td>" in shown.details.value
    told = text_of(shown.details.value)
    assert "-epochs = 20" in told
    assert "+epochs = 30" in told


@pytest.mark.parametrize(
    ("wanted", "expected", "told"),
    [
        ("epochs", ["epochs = 20 … in the first run", "epochs = 30 … in the second run"], "2 found"),
        ("v0", ["v0 … in both runs"], ""),
        ("More", ["More … in the second run"], "0 found for “More” in the first run, "),
        ("nowhere", [], "Nothing found for “nowhere”"),
        ("  ", [], ""),
    ],
)
def test_a_search_in_two_runs_covers_both_and_says_in_which_a_hit_is(
    wanted: str, expected: list[str], told: str
) -> None:
    shown = explorer(*two_runs())
    found = [f"{h.partition('  ·  ')[0]} … {h.rpartition('  ·  ')[2]}" for h in find(shown, wanted)]
    assert [hit for hit in found if hit in expected] == expected
    assert told in text_of(shown.ask.told.value)


def test_what_is_in_both_runs_opens_as_one_and_what_is_only_there_as_what_it_is() -> None:
    shown = explorer(*two_runs())
    for hit in (0, 1):  # epochs of the first run, and of the second
        find(shown, "epochs")
        shown.ask.hits.index = hit
        assert "<td>mls:hasValue</td><td>20</td><td>30</td>" in shown.details.value
    find(shown, "More")
    shown.ask.hits.index = 0
    assert "Only there: the second run has this" in shown.details.value
    assert seen(shown, "chosen") or "+ More" in seen(shown, "open")


def test_the_relations_of_a_name_are_told_for_each_run() -> None:
    shown = explorer(*two_runs())
    labels = find(shown, "wasGeneratedBy")
    for number, (run, count) in enumerate((("first", 2), ("second", 2))):
        assert labels[number].endswith("in both runs" if len(labels) == 1 else f"in the {run} run")
        shown.ask.hits.index = number if len(labels) > 1 else 0
        assert f"{count} relations in the" in shown.details.value


# Hostile texts --------------------------------------------------------------------------------------------------


@pytest.fixture
def hostile() -> Explorer:
    """Return the explorer of a document whose every text is markup."""
    document = Document()
    entity = {
        "run:var-evil-1": {"prov:type": "mls:Data", "ml:variable": f"name{HOSTILE}", "ml:value": f"value{HOSTILE}"},
        "run:hp-evil": {"prov:type": "mls:HyperParameterSetting", "mls:hasValue": f"setting{HOSTILE}"},
        f"run:file-{HOSTILE}": {"prov:type": "ml:Artifact", "schema:name": f"file{HOSTILE}"},
    }
    document.step(
        "evil",
        stage=f"stage{HOSTILE}",
        title=f"title{HOSTILE}",
        status=f"status{HOSTILE}",
        error=f"error{HOSTILE}",
        source=f"# code{HOSTILE}",
        read=entity,
    )
    return document.open()


def test_no_text_becomes_markup(hostile: Explorer) -> None:
    told = hostile.details.value
    for lens in ("analyst", "engineer", "auditor", "standard"):
        hostile.lens.value = lens
        hostile.go(f"stage:stage{HOSTILE}")
        for number in range(len(hostile.story.index)):
            hostile.go(f"r{number}")
            told += hostile.details.value + hostile.table.value + hostile._above.value
    assert "<img" not in told
    for word in ("name", "setting", "file", "title", "status", "error"):
        assert f"{word}{escape('<img src=x')}".lower() in told.lower(), word
    assert "code&lt;img src=x" in told


def test_no_text_becomes_markup_in_the_search(hostile: Explorer) -> None:
    assert len(find(hostile, "<img src=x")) > 1
    assert "<img" not in hostile.ask.told.value


def test_the_graph_draws_text_and_has_no_tooltip_that_could_be_markup(hostile: Explorer) -> None:
    hostile.go("r1")
    # A label is painted; a tooltip would be set as HTML by the page.
    assert {key for node in hostile.canvas.graph.graph.nodes for key in node.data} == {"id", "label", "meant"}
    assert hostile.canvas.graph.tooltip_source == "tooltip"


ODD = {
    "markup": HOSTILE,
    "emoji": "🧪" * 40,
    "right to left": "\u202eאבג\u202d 123",
    "long": "x" * 10_000,
    "line breaks": "a\nb\r\nc\td",
}


@pytest.mark.parametrize("text", list(ODD.values()), ids=list(ODD))
def test_a_foreign_document_with_odd_texts_is_shown_whole(text: str) -> None:
    document = {
        "entity": {f"ex:{text}": {"prov:label": text, "prov:type": text, text: text}},
        "activity": {"ex:a": {"prov:label": text}},
        "used": {"_:u": {"prov:activity": "ex:a", "prov:entity": f"ex:{text}"}},
    }
    shown = explorer(story_of(index_of(json.dumps(document))))
    for lens in ("analyst", "engineer", "auditor", "standard"):
        shown.lens.value = lens
        for number in range(2):
            shown.go(f"r{number}")
            assert "<img" not in shown.details.value + shown.table.value
    assert max(len(dot.label) for dot in shown.canvas.scene.dots) < 200
    assert len(find(shown, text[:30])) >= 1


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"prefix": {"ex": "http://example.org/"}},
        {"entity": {"ex:one": {}}},
        {"activity": {"ex:one": {}}},
        {"wasDerivedFrom": {"_:1": {"prov:generatedEntity": "ex:a", "prov:usedEntity": "ex:a"}}},
        {
            "wasDerivedFrom": {
                f"_:{a}": {"prov:generatedEntity": f"ex:{a}", "prov:usedEntity": f"ex:{(a + 1) % 5}"} for a in range(5)
            }
        },
        {
            "entity": {"ex:a": [{"x": 1}, {"x": 2}], "ex:b": "no record", "ex:c": [1]},
            "used": {"_:1": 3, "_:2": {"prov:activity": 1}},
        },
        {"entity": [], "agent": {"ex:me": {}}, "bundle": {"ex:b": {"entity": {"ex:in": {}}}, "ex:c": 1}},
    ],
)
def test_a_document_that_is_small_broken_or_a_circle_can_be_looked_at(document: dict[str, Any]) -> None:
    shown = explorer(story_of(index_of(json.dumps(document))))
    for lens in ("analyst", "engineer", "auditor", "standard"):
        shown.lens.value = lens
        for number in range(len(shown.story.index)):
            shown.go(f"r{number}")
            for up in (True, False):
                shown.lineage.trace(up=up)
    shown._on_back()
    assert "records" in shown.details.value or "1 record" in shown.details.value
    if not len(shown.story.index):
        assert "The document is empty" in shown.details.value
