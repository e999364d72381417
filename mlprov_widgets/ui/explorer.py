"""The provenance of a run, or of any PROV-JSON, to look at and to ask."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

import ipywidgets as widgets

from mlprov_widgets.provenance.graph import layers
from mlprov_widgets.provenance.graph.answers import Answer
from mlprov_widgets.provenance.graph.difference import differences
from mlprov_widgets.provenance.graph.indexing import Progress, index_of, read_index
from mlprov_widgets.provenance.graph.items import lens_for
from mlprov_widgets.provenance.graph.lenses import SEAL, lensed
from mlprov_widgets.provenance.graph.pairs import told_apart
from mlprov_widgets.provenance.graph.pipeline import pipeline
from mlprov_widgets.provenance.graph.scene import Scene
from mlprov_widgets.provenance.graph.story import HERE, Stage, Story, number_of, story_of
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.ui import lists, parts
from mlprov_widgets.ui.ask import Ask
from mlprov_widgets.ui.changes import counted_html
from mlprov_widgets.ui.details import record_html
from mlprov_widgets.ui.graph import Canvas
from mlprov_widgets.ui.guard import Tell, guarded
from mlprov_widgets.ui.legend import legend
from mlprov_widgets.ui.lineage import Lineage
from mlprov_widgets.ui.verification import Verification

_LENSES: Final = (
    ("Analyst", "analyst"),
    ("Engineer", "engineer"),
    ("Auditor", "auditor"),
    ("Standard (PROV)", "standard"),
)
_ABOUT: Final = {
    "analyst": "data, model, metrics",
    "engineer": "code, functions, packages, hardware",
    "auditor": "agents, times, digests, edits, verification",
    "standard": "every record and relation with its PROV name",
}
_FIRST_ALONE: Final = (
    "This view draws one document, and here the first run's. What is found of the second run, or chosen in a list of "
    "its relations, is drawn with what is around it"
)
_STAGE_OF: Final = {"packages": "packages", "agent": "agents", "function": "functions", "seal": SEAL}


def story_from(file: ProvenanceFile) -> Story:
    """Return what happened in a document that has been read."""
    return story_of(index_of(json.dumps(file.document), file.path))


def read_story(source: str | Path, progress: Progress | None = None) -> Story:
    """Read a PROV-JSON file of any tool.

    Raises
    ------
    ProvenanceError
        If it cannot be read.
    """
    return story_of(read_index(source, progress))


class Explorer:
    """Views, search, graph and details of one document, or of two side by side.

    Parameters
    ----------
    story
        The document.
    tell
        Shows a message.
    other
        The document to compare it with.
    fields
        Labels of the form's fields by parameter, where there is a form.
    to_field
        Opens a field of the form.
    """

    def __init__(
        self,
        story: Story,
        tell: Tell,
        other: Story | None = None,
        *,
        fields: Mapping[str, str] | None = None,
        to_field: Callable[[str], None] | None = None,
    ) -> None:
        self.first_story, self.other = story, other
        self._compared = differences(story.index, other.index) if other is not None else None
        self._fields, self._to_field = fields, to_field
        self._tell = tell
        indexes = [story.index, *([other.index] if other is not None else [])]
        self._acting = threading.RLock()
        self.verification = Verification(indexes, self._guard(self._show_verified), lambda act: guarded(tell, act))
        self.stage: str | None = None
        self.step = self.chosen = ""
        self._first: int | None = None
        self._scene: Scene | None = None
        self._make()
        self._tell_apart()
        if story.laid_out is None:
            self._set_lens("standard")
        self._draw()
        self._show_overview()
        self._open_failure()

    def _guard(self, action: Callable[..., Any]) -> Callable[..., None]:
        def alone(*args: Any) -> None:
            with self._acting:  # a check ends in a thread of its own, while a person may be clicking
                action(*args)

        return guarded(self._tell, alone)

    # Widgets ---------------------------------------------------------------------------------------

    def _make(self) -> None:
        guard = self._guard
        # Every model costs the page time, so what never changes its layout shares one.
        self._plain = widgets.Layout()
        self.canvas = Canvas(guard(self.go))
        self.lens = widgets.Dropdown(
            options=_LENSES, value="analyst", description="View", tooltip="", layout=self._plain
        )
        self.lens.observe(guard(self._on_lens), names="value")
        self.ask = Ask(lambda: self.story, self._on_answer, guard, self._plain)
        self.lineage = Lineage(
            lambda: self.story, lambda: str(self.lens.value), self._show_scene, self._on_back, guard, self._plain
        )
        fields = [self.lens, self.ask.search]
        self.only = None
        if self._compared is not None:
            self.only = widgets.Checkbox(value=False, description="Only what differs", indent=False, tooltip="")
            self.only.observe(guard(self._on_only), names="value")
            fields.insert(0, self.only)
        bar = self._box([*fields, self.ask.told, self.ask.hits], "mlprov-field mlprov-ask")
        self._above, self._legend, self.table = self._html(), self._html(), self._html()
        self.details = self._html()
        self.details.add_class("mlprov-details")
        self._goto = widgets.Text(tooltip="", layout=widgets.Layout(display="none"))
        self._goto.add_class("mlprov-goto")
        self._goto.observe(guard(lambda change: self.go(change["new"].rpartition(" ")[0])), names="value")
        left = self._box([self._above, self.canvas.widget, self._legend, self.table])
        right = self._box([bar, self.lineage.widget, self.details], "mlprov-telling")
        self.widget = self._box([left, right, self._goto], "mlprov-explorer")

    def _html(self) -> widgets.HTML:
        return widgets.HTML("", layout=self._plain)

    def _box(self, children: list[widgets.Widget], css: str = "") -> widgets.VBox:
        box = widgets.VBox(children, layout=self._plain)
        for name in css.split():
            box.add_class(name)
        return box

    # What is shown -----------------------------------------------------------------------------------

    def _tell_apart(self) -> None:
        if self.other is None or self._compared is None:
            self.story = self.first_story
            return
        only = self.only is not None and bool(self.only.value)
        self.story = told_apart(self.first_story, self.other, self._compared, only_differences=only)

    @property
    def stages(self) -> list[Stage]:
        """The stages of the view that is open."""
        checked = self.verification
        return lensed(self.story, self._lens, checked.headline, "ok" if checked.is_valid else "error")

    @property
    def _lens(self) -> str:
        return "analyst" if self.lens.value == "standard" else str(self.lens.value)

    def _draw(self) -> None:
        scene = self._scene or self._default_scene()
        self.canvas.show(scene)
        told = f"{scene.title} · {_ABOUT[str(self.lens.value)]}"
        if self.other is not None and self.lens.value == "standard" and not self.chosen:
            told += f". {_FIRST_ALONE}."
        self._above.value = f'<div class="mlprov-scene" role="status">{escape(told)}</div>'
        self._legend.value = legend(scene, as_prov=self.lens.value == "standard")
        self.table.value = (
            '<details class="mlprov-folded mlprov-seen"><summary>What is drawn, as a table</summary>'
            f"{lists.scene_table(scene)}</details>"
        )

    def _default_scene(self) -> Scene:
        index = self.story.index
        if self.lens.value == "standard":
            if self.chosen:
                return layers.around(self.story.index_of(self.chosen), number_of(self.chosen), prefix=self.chosen[0])
            return layers.whole(index) if layers.is_small(index) else layers.sections(index)
        return pipeline(
            self.story, self.stages, self._lens, stage=self.stage, step=self.step, chosen=self.chosen, first=self._first
        )

    def _show_overview(self) -> None:
        story, html = self.story, counted_html(self.story)
        if self.lens.value == "standard":
            html += "".join(parts.note(note, "warn") for note in story.notes) + lists.sections_html(story)
        else:
            html += lists.overview_html(story)
        counted = story.index.counted
        size = f"The document has {counted:,} record{'s' if counted != 1 else ''}."
        self.details.value = html + (parts.help_text(size) if story.beside is None else "")

    def _open_failure(self) -> None:
        laid_out = self.story.laid_out
        failed = laid_out.run.get("failed_step") if laid_out is not None else None
        if failed and laid_out is not None:  # a cell that failed and then ran well has ended well: then there is none
            record = next((str(s["record"]) for s in reversed(laid_out.steps) if s["step"] == failed), "")
            number = self.story.index.number(record)
            if number is not None:
                self.go(f"{HERE}{number}")

    # Acting ------------------------------------------------------------------------------------------

    def go(self, meant: str) -> None:
        """Open what a dot, a link or a row of the table stands for."""
        kind, _, rest = meant.partition(":")
        self._scene = None
        if kind != "relation":
            self.ask.forget()
        if kind == "stage":
            self._open_stage(rest)
        elif kind == "page":
            first, _, key = rest.partition(":")
            self.stage, self.step, self._first = key, "", int(first)
            self._draw()
        elif kind == "section":
            self._show_part(layers.types_of_section(self.story.index, rest) if rest else None)
        elif kind == "type":
            section, place, first = rest.split(":")
            self._show_part(layers.members(self.story.index, section, int(place), int(first)))
        elif kind == "relation":
            self.details.value = lists.relations_html(self.story, rest)
        elif kind == "field":
            if self._to_field is not None:
                self._to_field(rest)
        elif meant[:1] in ("r", "t") and meant[1:].isdigit():
            self.choose(meant)

    def _show_part(self, scene: Scene | None) -> None:
        self.chosen, self._scene = "", scene
        self._draw()

    def _open_stage(self, key: str) -> None:
        stage = next((stage for stage in self.stages if stage.key == key), None)
        if stage is None:
            return
        if len(stage.steps) == 1:
            self.choose(stage.steps[0].ref)
            return
        self.stage, self.step, self.chosen, self._first = key, "", "", None
        told = self.verification.html() if key == SEAL else lists.stage_html(self.story, stage)
        self._draw()
        self.details.value = told

    def _show_verified(self) -> None:
        if self.stage == SEAL and not self.chosen and self._scene is None:  # nobody went on meanwhile
            self._open_stage(SEAL)

    def choose(self, ref: str, attribute: str = "") -> None:
        """Open the way to an element, mark it, and show its details."""
        self.chosen, self._scene = ref, None
        index, number = self.story.index_of(ref), number_of(ref)
        if self.lens.value != "standard":
            self._find_place(index.kind(number), index.ids[number], ref)
        self._draw()
        self.lineage.choose(ref)
        self.details.value = record_html(self.story, ref, attribute, self._fields)

    def _find_place(self, kind: str, identifier: str, ref: str) -> None:
        """Open the stage and step at which an element is found, in a view that shows its kind."""
        if self.story.laid_out is not None and self._compared is None:
            machine = identifier == "run:hardware_info"
            wanted = "engineer" if machine else lens_for(kind, self._lens)
            if wanted != self._lens:
                self._set_lens(wanted)
            key = "machine" if machine else _STAGE_OF.get(kind)
            if kind == "fact":
                makers = [r.object for r in self.story.index.out(number_of(ref)) if r.name == "wasGeneratedBy"]
                key, self.chosen = "functions", f"{HERE}{makers[0]}" if makers else ref
            if key and any(stage.key == key for stage in self.stages):
                self.stage, self.step = key, ""
                return
        stage, step = self.story.place_of(ref)
        if not step and self.story.stage_of(ref) is None and not any(s.key == stage for s in self.stages if stage):
            own = self.story.index_of(ref)
            self._scene = layers.around(own, number_of(ref), prefix=ref[0], as_prov=False)
            return
        self.stage, self.step = stage, step
        if step != ref:
            self._first = None

    def _set_lens(self, lens: str) -> None:
        self._quiet = True
        try:
            self.lens.value = lens
        finally:
            self._quiet = False

    _quiet = False

    def _show_scene(self, scene: Scene) -> None:
        self._scene = scene
        self._draw()

    def _on_back(self) -> None:
        self.stage, self.step, self.chosen, self._scene, self._first = (None, "", "", None, None)
        self._draw()
        self._show_overview()

    def _on_lens(self, change: dict[str, Any]) -> None:
        if self._quiet:
            return
        self._scene = None
        if not self.chosen and self.lens.value != "standard" and any(s.key == self.stage for s in self.stages):
            self._open_stage(str(self.stage))
            return
        if not any(stage.key == self.stage for stage in self.stages):
            self.stage, self.step = None, ""
        self._draw()
        if not self.chosen:
            self._show_overview()

    def _on_only(self, change: dict[str, Any]) -> None:
        self._tell_apart()
        self.stage, self.step, self._scene = None, "", None
        self._draw()
        self._show_overview()

    def _on_answer(self, answer: Answer) -> None:
        if answer.is_relation:
            self.go(f"relation:{answer.ref}{answer.attribute}")
        else:
            self.choose(answer.ref, answer.attribute)
