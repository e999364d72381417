"""The graph of a run without a page: what a click opens, what the search finds, and that no text becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import ipycytoscape
import ipywidgets as widgets
import pytest

from mlprov_widgets.provenance.overview import items_of
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance
from mlprov_widgets.provenance.view import view
from mlprov_widgets.ui.explorer import Explorer

HOSTILE = "<img src=x onerror=alert(1)> & \"x\" 'y'"
TALL_NODE = 29


@pytest.fixture(autouse=True)
def closed_widgets() -> Iterator[None]:
    """Forget a test's widgets; ipywidgets keeps all of them otherwise."""
    yield
    widgets.Widget.close_all()


@pytest.fixture(scope="module")
def tiny_file(tiny_run: dict[str, Any]) -> ProvenanceFile:
    """The document of a run of the tiny task."""
    return read_provenance(Path(tiny_run["provenance"]))


@pytest.fixture
def tiny(tiny_file: ProvenanceFile) -> Explorer:
    """Return the explorer of a run of the tiny task."""
    return explorer(tiny_file)


def explorer(file: ProvenanceFile) -> Explorer:
    def fail(kind: str, text: str) -> None:
        raise AssertionError(f"{kind}: {text}")

    return Explorer(file, view(file), fail)


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

    def open(self) -> Explorer:
        return explorer(ProvenanceFile(self.sections))


def variables(count: int, name: str = "v") -> dict[str, dict[str, Any]]:
    return {f"run:var-{name}{k}-1": {"ml:variable": f"{name}{k}"} for k in range(count)}


def settings(count: int, kind: str = "hp") -> dict[str, dict[str, Any]]:
    return {f"run:{kind}-{kind}{k}": {"mls:hasValue": k} for k in range(count)}


def nodes(shown: Explorer) -> list[ipycytoscape.Node]:
    return list(shown.graph.widget.graph.nodes)


def edges(shown: Explorer) -> list[ipycytoscape.Edge]:
    return list(shown.graph.widget.graph.edges)


def seen(shown: Explorer, kind: str) -> list[str]:
    """Return the first lines of the nodes of a class that a person sees."""
    found = [node for node in nodes(shown) if kind in node.classes.split() and "away" not in node.classes.split()]
    return [str(node.data["label"]).partition("\n")[0] for node in found]


def marked(shown: Explorer) -> list[str]:
    return [node.data["id"] for node in nodes(shown) if "open" in node.classes.split()]


def click(shown: Explorer, identifier: str) -> None:
    """Do what the page does when a person clicks a node."""
    node = next(node for node in nodes(shown) if node.data["id"] == identifier)
    shown.graph.widget._interaction_handlers["node"]["click"]({"data": dict(node.data)})


def text_of(html: str) -> str:
    return re.sub("<[^>]*>", "", html)


# What is there at first --------------------------------------------------------------------------------------


def test_at_first_the_stages_are_seen_and_what_to_do(tiny: Explorer) -> None:
    assert seen(tiny, "stage") == ["1. Set-up", "2. Data ingestion", "3. Model", "4. Training", "5. Evaluation"]
    assert (seen(tiny, "step"), seen(tiny, "item")) == ([], ["Click a stage:"])
    assert "Click a stage:\nits steps open here" in [node.data["label"] for node in nodes(tiny)]


def test_a_stage_says_its_headline_how_it_ended_and_what_it_took(tiny: Explorer) -> None:
    label = next(node.data["label"] for node in nodes(tiny) if node.data["id"] == "stage training")
    assert re.fullmatch(r"4\. Training\n4 epochs\n✓ · [\d.]+ m?s", label)


def test_the_stages_are_joined_in_time(tiny: Explorer) -> None:
    joined = [(edge.data["source"], edge.data["target"]) for edge in edges(tiny) if "away" not in edge.classes.split()]
    assert joined == [
        ("stage ", "stage data_ingestion"),
        ("stage data_ingestion", "stage model"),
        ("stage model", "stage training"),
        ("stage training", "stage evaluation"),
    ]


def test_the_details_begin_with_every_stage(tiny: Explorer) -> None:
    assert tiny.details.value.startswith("<h3>The run in time</h3>")
    assert "<td>Training</td><td>4 epochs</td>" in tiny.details.value


# What a click opens -------------------------------------------------------------------------------------------


def test_a_stage_opens_its_steps(tiny: Explorer) -> None:
    click(tiny, "stage data_ingestion")
    assert seen(tiny, "step") == ["Load the data"]
    assert marked(tiny) == ["stage data_ingestion"]
    assert seen(tiny, "more") == []


def test_another_stage_closes_the_first(tiny: Explorer) -> None:
    click(tiny, "stage data_ingestion")
    click(tiny, "stage training")
    assert (seen(tiny, "step"), marked(tiny)) == (["Move the line"], ["stage training"])


def test_the_edges_of_a_stage_open_and_close_with_it(tiny: Explorer) -> None:
    own = [edge for edge in edges(tiny) if edge.data["target"] == "run:exec-train-1"]
    away = []
    for stage in ("", "stage training", "stage model"):
        if stage:
            click(tiny, stage)
        away.append(["away" in edge.classes.split() for edge in own])
    assert away == [[True], [False], [True]]


def test_the_steps_of_a_stage_are_joined_in_time() -> None:
    document = Document()
    first, second, third = (document.step(name) for name in ("split", "batch", "train"))
    joined = [(edge.data["source"], edge.data["target"]) for edge in edges(document.open())]
    assert joined == [("stage training", first), (first, second), (second, third)]


def test_a_step_opens_what_it_read_and_made(tiny: Explorer) -> None:
    click(tiny, "run:exec-load-data-1")
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
    assert sorted(marked(tiny)) == ["run:exec-load-data-1", "stage data_ingestion"]


def test_another_step_closes_the_items_of_the_first(tiny: Explorer) -> None:
    click(tiny, "run:exec-load-data-1")
    click(tiny, "run:exec-evaluate-1")
    assert "line.json" in "".join(seen(tiny, "file"))
    assert "dataset_id = clouds" not in seen(tiny, "item")


def test_an_arrow_leads_from_what_was_read_and_to_what_was_made(tiny: Explorer) -> None:
    before = len(edges(tiny))
    click(tiny, "run:exec-load-data-1")
    names = {node.data["id"]: node.data["label"] for node in nodes(tiny)}
    added = [(names[edge.data["source"]], names[edge.data["target"]]) for edge in edges(tiny)[before:]]
    step = names["run:exec-load-data-1"]
    assert added == [
        ("dataset_id = clouds", step),
        *((step, made) for made in ("labels", "points", "cloud", "dataset_id (clouds)")),
    ]


def test_a_step_that_read_and_made_nothing_says_so(tiny: Explorer) -> None:
    click(tiny, "run:exec-imports-1")
    assert seen(tiny, "item") == ["read and made nothing"]


def test_what_a_row_stands_for_is_told(tiny: Explorer) -> None:
    click(tiny, "run:exec-load-data-1")
    row = next(node for node in nodes(tiny) if node.data["label"] == "labels")
    click(tiny, row.data["id"])
    assert tiny.details.value.startswith("<h3>run:var-labels-1</h3>")
    assert seen(tiny, "step") == ["Load the data"]  # the graph stays as it was


def test_a_rows_heading_stands_for_its_step(tiny: Explorer) -> None:
    click(tiny, "run:exec-load-data-1")
    click(tiny, next(node for node in nodes(tiny) if node.data["label"] == "labels").data["id"])
    click(tiny, next(node for node in nodes(tiny) if node.data["label"] == "made").data["id"])
    assert tiny.details.value.startswith("<h3>Load the data</h3>")


def test_the_hint_stands_for_nothing(tiny: Explorer) -> None:
    before = tiny.details.value
    click(tiny, "hint")
    assert (tiny.details.value, seen(tiny, "more")) == (before, ["Click a stage:"])


def test_opening_again_adds_nothing(tiny: Explorer) -> None:
    click(tiny, "run:exec-train-1")
    before = nodes(tiny), edges(tiny)
    rows = seen(tiny, "item")
    for identifier in ("stage model", "run:exec-train-1", "run:exec-train-1"):
        click(tiny, identifier)
    assert (nodes(tiny), edges(tiny)) == before
    assert seen(tiny, "item") == rows


def test_no_element_is_ever_removed(tiny: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("remove_node", "remove_edge", "remove_node_by_id", "clear"):
        monkeypatch.setattr(ipycytoscape.Graph, name, lambda *_: pytest.fail("ipycytoscape wipes the graph"))
    identifiers = [node.data["id"] for node in nodes(tiny) if "corner" not in node.classes]
    for identifier in identifiers:
        before = nodes(tiny), edges(tiny)
        click(tiny, identifier)
        after = nodes(tiny)[: len(before[0])], edges(tiny)[: len(before[1])]
        assert after == before
    assert len(nodes(tiny)) > len(identifiers)


def test_every_element_has_an_identifier_of_its_own(tiny: Explorer) -> None:
    for identifier in [node.data["id"] for node in nodes(tiny)]:
        click(tiny, identifier)
    identifiers = [part.data["id"] for part in [*nodes(tiny), *edges(tiny)]]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("count", [1, 10, 500])
def test_a_step_never_shows_more_rows_than_there_is_room_for(count: int) -> None:
    document = Document()
    record = document.step(
        "train",
        read={**variables(count, "r"), **settings(count)},
        made={**variables(count, "m"), **settings(count, "metric")},
    )
    shown = document.open()
    lowest = max(node.position["y"] for node in nodes(shown))
    click(shown, record)
    rows = [node for node in nodes(shown) if "item" in node.classes and "away" not in node.classes]
    heights = sorted(node.position["y"] for node in rows)
    assert (heights[0] >= 0, heights[-1] <= lowest) == (True, True)
    assert all(below - above > TALL_NODE for above, below in pairwise(heights))
    left_out = [int(text.split()[1]) for text in seen(shown, "more") if text.startswith("and ")]
    items = len(seen(shown, "data") + seen(shown, "parameter") + seen(shown, "metric"))
    assert items + sum(left_out) == 4 * count


def test_every_kind_has_a_row_where_there_is_little_room() -> None:
    document = Document()
    record = document.step("train", made={**variables(99), **settings(99, "metric")}, read=settings(99))
    shown = document.open()
    click(shown, record)
    assert all(seen(shown, kind) for kind in ("data", "metric", "parameter"))


def test_however_many_steps_ran_the_graph_stays_small() -> None:
    document = Document()
    stages = ("", "data_ingestion", "data_preparation", "data_segregation", "model", "training", "evaluation")
    for number in range(1001):
        document.step("again", stage=stages[number % 7], number=number)
    shown = document.open()
    assert len(nodes(shown)) + len(edges(shown)) <= 300
    click(shown, "stage training")
    assert len(seen(shown, "step")) == 10
    assert shown.details.value.count("<tr>") == 1001 // 7 + 1  # its table holds all of them, under one head


def test_of_many_steps_the_last_ones_are_drawn_and_the_others_are_told_all_the_same() -> None:
    document = Document()
    records = [document.step(f"cell{k}", title=f"Try {k}") for k in range(30)]
    shown = document.open()
    shown.hits.value = hits(shown, "Try 3")[0][1]
    assert shown.details.value.startswith("<h3>Try 3</h3>")
    click(shown, "stage training")
    assert seen(shown, "step") == [f"Try {k}" for k in range(20, 30)]
    click(shown, records[-1])
    assert records[-1] in marked(shown)


# Details --------------------------------------------------------------------------------------------------------


def test_the_details_of_a_stage_are_its_steps(tiny: Explorer) -> None:
    click(tiny, "stage evaluation")
    assert re.search(
        r'^<h3>Evaluation</h3><p class="mlprov-lead">accuracy [\d.]+</p>.*'
        r"<td>Measure</td><td>ok</td><td>[\d.]+ m?s</td><td>as planned</td>",
        tiny.details.value,
    )


def test_the_details_of_a_step_are_what_it_read_and_made(tiny: Explorer, tiny_file: ProvenanceFile) -> None:
    accuracy = next(i.value for i in items_of(tiny_file, "run:exec-evaluate-1") if i.name == "accuracy")
    click(tiny, "run:exec-evaluate-1")
    rows = dict(re.findall("<td>([^<]*)</td><td>([^<]*)</td>", tiny.details.value))
    assert re.fullmatch(r"ok after [\d.]+ m?s", rows["Outcome"])
    assert rows["Code"] == "as planned"
    assert rows["Data read"] == "answer, labels, points, weights"
    assert f"accuracy = {accuracy}, loss = " in rows["Metrics made"]
    assert rows["Files made"] == "outputs/line.json"
    assert "Error" not in rows


def test_the_details_of_a_step_hold_its_parameters(tiny: Explorer) -> None:
    click(tiny, "run:exec-train-1")
    assert "<td>Parameters read</td><td>epochs = 4, optimizer = Descent</td>" in tiny.details.value


def test_the_details_of_a_step_hold_its_code_highlighted(tiny: Explorer) -> None:
    click(tiny, "run:exec-train-1")
    assert '<span class="t-k">for</span>' in tiny.details.value
    assert "slopes, loss = [0] * len(weights), 0" in text_of(tiny.details.value)


def test_the_code_of_an_edited_step_is_what_ran() -> None:
    document = Document()
    record = document.step("train", code="run", source="mine = 1")
    document.sections["entity"]["plan:cell-train"]["ml:source"] = "theirs = 1"
    shown = document.open()
    click(shown, record)
    assert "mine = 1" in text_of(shown.details.value)
    assert "<td>Code</td><td>edited</td>" in shown.details.value
    node = next(node for node in nodes(shown) if node.data["id"] == record)
    assert (node.data["label"], "changed" in node.classes.split()) == ("Train\n✓ · 500 ms · edited", True)


# What failed ----------------------------------------------------------------------------------------------------


def test_a_failed_run_opens_its_failing_step() -> None:
    document = Document()
    document.step("load", stage="data_ingestion")
    record = document.step("train", status="error", error="ValueError: too <few> rows")
    document.failed("train")
    shown = document.open()
    assert sorted(marked(shown)) == [record, "stage training"]
    assert seen(shown, "error") == ["2. Training", "Train"]
    assert "<td>Error</td><td>ValueError: too &lt;few&gt; rows</td>" in shown.details.value


def test_of_a_step_that_failed_twice_the_last_failure_is_opened() -> None:
    document = Document()
    document.step("train", status="error", error="first")
    second = document.step("train", status="error", error="second", number=2)
    document.failed("train")
    shown = document.open()
    assert second in marked(shown)
    assert "second" in shown.details.value


def test_a_step_that_failed_and_then_ran_well_is_not_opened() -> None:
    document = Document()
    document.step("train", status="error", error="ValueError")
    document.step("train", number=2)
    shown = document.open()
    assert marked(shown) == []
    assert shown.details.value.startswith("<h3>The run in time</h3>")


# Hostile texts --------------------------------------------------------------------------------------------------


@pytest.fixture
def hostile() -> Explorer:
    """Return the explorer of a document whose every text is markup."""
    document = Document()
    entity = {
        "run:var-evil-1": {"ml:variable": f"name{HOSTILE}", "ml:value": f"value{HOSTILE}"},
        "run:hp-evil": {"mls:specifiedBy": "plan:evil", "mls:hasValue": f"setting{HOSTILE}"},
        f"run:file-{HOSTILE}": {"schema:name": f"file{HOSTILE}"},
    }
    document.sections["entity"]["plan:evil"] = {"schema:name": f"called{HOSTILE}"}
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


def test_no_text_becomes_markup_in_the_details(hostile: Explorer) -> None:
    told = hostile.details.value
    click(hostile, "run:exec-evil-1")
    for node in nodes(hostile):
        click(hostile, node.data["id"])
        told += hostile.details.value
    assert "<img" not in told
    for word in ("name", "setting", "called", "file", "stage", "title", "status", "error"):
        assert f"{word}{escape('<img src=x')}".lower() in told.lower(), word
    assert "code&lt;img src=x" in told


def test_no_text_becomes_markup_in_the_search(hostile: Explorer) -> None:
    hostile.search.value = "<img src=x"
    html = [w.value for w in hostile.widget.children[1].children[0].children if isinstance(w, widgets.HTML)]
    assert not any("<img" in text for text in html)
    assert len(hostile.hits.options) > 1


def test_the_graph_draws_text_and_has_no_tooltip_that_could_be_markup(hostile: Explorer) -> None:
    click(hostile, "run:exec-evil-1")
    # A label is painted; a tooltip would be set as HTML by the page.
    assert {key for node in nodes(hostile) for key in node.data} == {"id", "label", "record"}
    assert {key for edge in edges(hostile) for key in edge.data} == {"id", "source", "target"}
    assert hostile.graph.widget.tooltip_source == "tooltip"


# Search ---------------------------------------------------------------------------------------------------------


def hits(shown: Explorer, wanted: str) -> list[tuple[str, str]]:
    shown.search.value = wanted
    return list(shown.hits.options)[1:]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("measure", ("Measure", "run:exec-evaluate-1")),
        ("  MEASURE ", ("Measure", "run:exec-evaluate-1")),
        ("slopes", ("Move the line made data slopes", "run:exec-train-1")),
        ("Descent", ("Move the line read parameter optimizer = Descent", "run:exec-train-1")),
        ("epochs = 4", ("Move the line read parameter epochs = 4", "run:exec-train-1")),
        ("line.json", ("Measure made file outputs/line.json", "run:exec-evaluate-1")),
        ("4 epochs", ("Training: 4 epochs", "stage training")),
    ],
)
def test_the_search_finds_stages_steps_variables_and_values(
    tiny: Explorer, wanted: str, found: tuple[str, str]
) -> None:
    options = hits(tiny, wanted)
    assert found in options
    assert all(wanted.strip().lower() in label.lower() for label, _ in options)
    assert tiny.hits.layout.display is None
    assert f">{len(options)} found<" in tiny._found.value


def test_a_hit_opens_its_step(tiny: Explorer) -> None:
    options = hits(tiny, "slopes")
    assert marked(tiny) == []  # nothing opens while a person is typing
    tiny.hits.value = options[0][1]
    assert sorted(marked(tiny)) == ["run:exec-train-1", "stage training"]
    assert tiny.details.value.startswith("<h3>Move the line</h3>")


def test_a_hit_of_the_next_search_opens_too(tiny: Explorer) -> None:
    tiny.hits.value = hits(tiny, "slopes")[0][1]
    tiny.hits.value = hits(tiny, "4 epochs")[0][1]
    assert marked(tiny) == ["stage training"]
    tiny.hits.value = hits(tiny, "slopes")[0][1]
    assert "run:exec-train-1" in marked(tiny)


def test_nothing_found_is_said(tiny: Explorer) -> None:
    hits(tiny, "slopes")
    assert hits(tiny, "no such thing") == []
    assert ">nothing found<" in tiny._found.value
    assert tiny.hits.layout.display == "none"


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_search_says_nothing(tiny: Explorer, empty: str) -> None:
    hits(tiny, "slopes")
    assert hits(tiny, empty) == []
    assert text_of(tiny._found.value) == ""
    assert tiny.hits.layout.display == "none"


def test_of_many_hits_the_first_ones_are_listed() -> None:
    document = Document()
    document.step("train", made=variables(80))
    shown = document.open()
    assert len(hits(shown, "made data")) == 50
    assert ">80 found, the first 50 are listed<" in shown._found.value
