"""A document at a glance: its stages in time, each with a headline, and what a step read and made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mlprov_widgets.provenance.terms import DATE_AND_DURATION, HEADLINES, group_of
from mlprov_widgets.provenance.view import View

UNKNOWN = "–"
"""How long took what nobody saw end."""

_LONGEST = 60
_WORST_FIRST = ("died", "error", "interrupted")


@dataclass(frozen=True)
class StageSummary:
    """A stage of the pipeline, as it ran.

    Attributes
    ----------
    stage : str
        Its id; empty for the cells that belong to none.
    title : str
    status : str
        ``ok``, or how the worst of its steps ended.
    took : str
        What its steps took together, for people.
    headline : str
        The one thing to know of it, such as ``accuracy 0.967``.
    steps : tuple of dict
        As in `View.steps`, in time.
    """

    stage: str
    title: str
    status: str
    took: str
    headline: str
    steps: tuple[dict[str, Any], ...]

    @property
    def stale(self) -> bool:
        """Whether a run from top to bottom would not give what one of its steps gave."""
        return any(step.get("stale") for step in self.steps)


def overview(laid_out: View) -> list[StageSummary]:
    """Return the stages of a run in the order in which they began."""
    steps: dict[str, list[dict[str, Any]]] = {}
    for step in laid_out.steps:
        steps.setdefault(str(step["stage"]), []).append(step)
    return [
        StageSummary(stage, stage_title(stage), _status(own), _took(own), _headline(laid_out, stage), tuple(own))
        for stage, own in steps.items()
    ]


def _status(steps: Iterable[dict[str, Any]]) -> str:
    # A cell that failed and then ran well has ended well.
    last = {str(step["step"]): str(step["status"]) for step in steps}.values()
    return next((bad for bad in _WORST_FIRST if bad in last), "ok" if set(last) <= {"ok"} else "unknown")


def _took(steps: Iterable[dict[str, Any]]) -> str:
    spent = [seconds for step in steps if (seconds := seconds_between(step.get("start"), step.get("end"))) is not None]
    return _spelled(sum(spent) if spent else None)


def stage_title(stage: str) -> str:
    """Return what a stage is called; the frame's steps have none."""
    return (stage or "set-up").replace("_", " ").capitalize()


def seconds_between(start: Any, end: Any) -> float | None:
    """Return the seconds between two ISO texts, None when one is missing."""
    try:
        return (datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds()
    except (ValueError, TypeError):
        return None


def duration(start: Any, end: Any) -> str:
    """Return the time between two ISO texts as a person says it; a dash when one is missing."""
    return _spelled(seconds_between(start, end))


def _spelled(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    if seconds >= 59.95:
        return "{} min {} s".format(*divmod(round(seconds), 60))
    return f"{seconds:.1f} s" if seconds >= 0.95 else f"{seconds * 1000:.0f} ms"


def stale_groups(laid_out: View) -> list[str]:
    """Return the groups of Table 1 whose stages have a stale step."""
    found = {group_of(str(step["stage"])) for step in laid_out.steps if step.get("stale")}
    return [group for group in laid_out.table1 if group in found]


def size_in_words(size: int) -> str:
    """Return bytes of memory as people write them: 15.6 GiB, 72 MiB."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def cost_of(run: dict[str, Any]) -> str:
    """Return what recording took, for people; a document without the sizes tells the time alone."""
    seconds, sizes = run["capture_seconds"], (run.get("journal_bytes"), run.get("document_bytes"))
    told = f"{seconds:.2f} s" if isinstance(seconds, int | float) else "unknown"
    if all(isinstance(size, int) for size in sizes):
        told += "; the journal has {:,} bytes, the document {:,}".format(*sizes)
    return told


def _headline(laid_out: View, stage: str) -> str:
    group = group_of(stage)
    fields = laid_out.table1.get(group, {}) if stage else {}

    def told(field: str, home: str = group) -> Any:
        return laid_out.table1.get(home, {}).get(field, {}).get("value")

    def counted(names: Iterable[tuple[str, str]], home: str = group) -> list[str]:
        return [f"{value:,} {label}" for name, label in names if isinstance(value := told(name, home), int) and value]

    said: list[str]
    if not stage:
        version = told("programming_language_version", "notebook")
        torch = laid_out.packages.get("torch")
        said = [f"Python {version}" if version else "", f"torch {torch}" if torch else ""]
    elif group == "data_ingestion":
        parts = [told(f"{part}_samples") for part in ("training", "testing", "validation")]
        samples = sum(part for part in parts if isinstance(part, int))
        said = [str(told("dataset_id") or ""), f"{samples:,} samples" if samples else ""]
        said += counted([("dataset_classes", "classes")])
    elif group == "data_preparation":
        operations = told("operations")
        said = [", ".join(map(str, operations)) or "nothing changed"] if isinstance(operations, list) else []
    elif group == "data_segregation":
        labels = [
            ("training_samples", "to learn"),
            ("validation_samples", "to validate"),
            ("testing_samples", "to test"),
        ]
        said = counted(labels, "data_ingestion")
    elif group == "model_parameters":
        said = [str(told("model_name") or ""), str(told("optimizer") or "")]
    elif group == "model_training":
        said = counted([("epochs", "epoch" if told("epochs") == 1 else "epochs")])
        if isinstance(loss := told("training_loss"), int | float):
            said.append(f"loss {loss:.3g}")
    elif group == "model_evaluation":
        found = [(label, laid_out.metrics.get(name)) for name, label in HEADLINES.items()]
        said = [f"{label} {value:.3g}".lower() for label, value in found if isinstance(value, int | float)][:1]
    else:
        own = [(name, item["value"]) for name, item in fields.items() if name not in DATE_AND_DURATION]
        said = [f"{name.replace('_', ' ')} {value}" for name, value in own if isinstance(value, str | int | float)][:2]
    return shortened(", ".join(part for part in said if part))


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text without line breaks and at most so long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= longest else f"{flat[: longest - 1]}…"
