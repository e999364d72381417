"""Two recorded runs side by side: the same or not, and where they part.

The order is the pipeline's own: what a stage computed is compared before what the next made of it, so
that the first divergence is the one to look at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, NamedTuple

from mlprov_widgets.provenance.reading import ProvenanceFile, types_of, value_of
from mlprov_widgets.provenance.view import View, packages_of, view

RELATIVE_TOLERANCE = 1e-3
ABSOLUTE_TOLERANCE = 1e-3
"""Metrics this close count as `within-tolerance`: far below what one more right answer changes."""

_FIGURES = (".png", ".svg", ".pdf", ".jpg")
"""Files that show results and are none: fonts and library versions change their bytes."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in both runs.

    Attributes
    ----------
    stage : str
        ``code``, a stage of the task, ``metrics`` or ``artifacts``.
    epoch : int or None
        Counted from 1.
    item : str
    expected, actual : object
    cause : str
        The likely one, empty when none is known.
    decides : bool
        Whether the runs are not identical for it: a metric, an epoch, a model or a file of results. A
        variable that holds the time, or a figure, differs without that.
    """

    stage: str
    epoch: int | None
    item: str
    expected: Any
    actual: Any
    cause: str = ""
    decides: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {name: value for name, value in vars(self).items() if name != "decides"}


@dataclass(frozen=True)
class Comparison:
    """What came of comparing two runs.

    Attributes
    ----------
    verdict : str
        ``identical``, ``within-tolerance``, ``different`` or ``not-comparable``.
    differences : list of Difference
        In the order of the pipeline.
    environment_changes : list of dict
        ``name``, ``expected``, ``actual``.
    missing : list of str
        What the recorded run lacks.
    """

    verdict: str
    differences: list[Difference]
    environment_changes: list[dict[str, Any]]
    missing: list[str] = field(default_factory=list)

    @property
    def first(self) -> Difference | None:
        """The first divergence; None for runs that are identical in all that decides."""
        return self.differences[0] if self.differences and self.verdict != "identical" else None


def compare(expected: ProvenanceFile, actual: ProvenanceFile) -> Comparison:
    """Compare a recorded run with a new one."""
    before, after = view(expected), view(actual)
    changes = list(environment_changes(expected, actual))
    missing: list[str] = []
    found = [
        *_code(before, after, expected, actual),
        *_stages(expected, actual, before, after, missing),
        *_metrics(before.metrics, after.metrics),
        *_artifacts(expected, actual),
    ]
    cause = _cause(found, changes)
    found = [replace(difference, cause=difference.cause or cause) for difference in found]
    return Comparison(verdict_of(before.metrics, after.metrics, found), found, changes, missing)


def verdict_of(expected: Mapping[str, Any], actual: Mapping[str, Any], found: Sequence[Difference]) -> str:
    """Return the verdict on two runs' metrics and whatever else was found to differ."""
    if not expected:
        return "not-comparable"
    if not any(difference.decides for difference in found):
        return "identical"
    close = all(_close(value, actual.get(name)) for name, value in expected.items())
    return "within-tolerance" if close and set(expected) <= set(actual) else "different"


def _close(expected: Any, actual: Any) -> bool:
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(_close(a, b) for a, b in zip(expected, actual, strict=True))
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        return abs(expected - actual) <= max(ABSOLUTE_TOLERANCE, RELATIVE_TOLERANCE * abs(expected))
    return bool(expected == actual)


def environment_changes(expected: ProvenanceFile, actual: ProvenanceFile) -> Iterator[dict[str, Any]]:
    """Yield what is another version, or another machine, than in the recorded run."""
    yield from package_changes(packages_of(expected), packages_of(actual))
    for group, name in (
        ("notebook", "programming_language_version"),
        ("hardware_info", "CPU"),
        ("hardware_info", "GPUs"),
        ("hardware_info", "Operating_System"),
    ):
        a, b = (value_of(f.entity(f"run:{group}").get(f"ml:{name}")) for f in (expected, actual))
        if a != b:
            yield {"name": name, "expected": a, "actual": b}


def package_changes(expected: Mapping[str, str], actual: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the packages whose version is another one, or that only one run loaded."""
    for name in sorted({*expected, *actual}):
        if expected.get(name) != actual.get(name):
            yield {"name": name, "expected": expected.get(name), "actual": actual.get(name)}


def _code(before: View, after: View, expected: ProvenanceFile, actual: ProvenanceFile) -> Iterator[Difference]:
    a, b = _code_digests(expected), _code_digests(actual)
    titles = {step["step"]: step["code"] for step in [*after.steps, *before.steps]}
    for step in dict.fromkeys([*a, *b]):
        if a.get(step) != b.get(step) and not _is_frame(step):
            edited = titles.get(step) in ("edited", "added")
            cause = "the cell was edited in the recorded run" if edited else "the code is not the recorded code"
            yield Difference("code", None, step, _short(a.get(step)), _short(b.get(step)), cause)


def _is_frame(step: str) -> bool:
    # The recorder line names the Plan's digest: it follows from the values and decides no result.
    return step in ("recorder", "provenance", "installs")


def _code_digests(file: ProvenanceFile) -> dict[str, str]:
    """Return the digest of the code that each step ran last."""
    moments = {key: str(r.get("prov:startTime")) for key, r in file.of_type("p-plan:Activity", "activity")}
    usages = [(moments[activity], cell) for activity, cell in file.code_run().items() if activity in moments]
    return {
        str(value_of(file.entity(cell).get("ml:step"))): str(file.entity(cell).get("schema:sha256"))
        for _, cell in sorted(usages)
    }


def _short(digest: str | None) -> str | None:
    return digest[:12] if digest else None


def _stages(
    expected: ProvenanceFile, actual: ProvenanceFile, before: View, after: View, missing: list[str]
) -> Iterator[Difference]:
    """Compare what each variable held after each cell, in the order in which the recorded run made them."""
    if expected.entity("run:history") and not before.series:
        missing.append("history: the file with the training series is not beside the document")
    there = {(v.step, v.name): v.digest for v in _variables(actual)}
    told_series = False
    for variable in _variables(expected):
        digest = there.get((variable.step, variable.name))
        if digest == variable.digest:
            continue
        if variable.stage == "training" and not told_series:
            told_series = True
            yield from _epochs(before, after)
        yield Difference(
            variable.stage, None, variable.name, _short(variable.digest), _short(digest), decides=variable.is_model
        )
    if not told_series:
        yield from _epochs(before, after)


class _Variable(NamedTuple):
    """What a variable held after the last execution of a step."""

    started: str
    stage: str
    step: str
    name: str
    digest: str
    is_model: bool


def _variables(file: ProvenanceFile) -> list[_Variable]:
    """Return every variable that has a digest, as each step left it the last time, in the order of the run."""
    generated = file.generated()
    last: dict[tuple[str, str], _Variable] = {}
    for identifier, record in file.of_type("p-plan:Entity"):
        execution = generated.get(identifier, "")
        activity = file.activity(execution)
        digest = record.get("schema:sha256")
        if not isinstance(digest, str):
            continue
        step = execution.removeprefix("run:exec-").rpartition("-")[0]
        found = _Variable(
            str(activity.get("prov:startTime")),
            str(value_of(activity.get("ml:stage")) or "set-up"),
            step,
            str(value_of(record.get("ml:variable"))),
            digest,
            "mls:Model" in types_of(record),
        )
        known = last.get((step, found.name))
        if known is None or known.started <= found.started:
            last[step, found.name] = found
    return sorted(last.values())


def _epochs(before: View, after: View) -> Iterator[Difference]:
    firsts = []
    for name, values in before.series.items():
        pairs = zip_longest(values, after.series.get(name, []))
        first = next(((k, a, b) for k, (a, b) in enumerate(pairs, 1) if a != b), None)
        if first is not None:
            firsts.append((first[0], name, first[1], first[2]))
    for epoch, name, a, b in sorted(firsts, key=lambda item: item[:2]):
        yield Difference("training", epoch, name, a, b, decides=True)


def _metrics(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[Difference]:
    for name, value in expected.items():
        if value != actual.get(name) and not (value != value and actual.get(name) != actual.get(name)):
            yield Difference("metrics", None, name, value, actual.get(name), decides=True)


def _artifacts(expected: ProvenanceFile, actual: ProvenanceFile) -> Iterator[Difference]:
    a, b = _files(expected), _files(actual)
    for name, digest in a.items():
        if digest != b.get(name):
            decides = not name.endswith(_FIGURES)
            yield Difference("artifacts", None, name, _short(digest), _short(b.get(name)), decides=decides)


def _files(file: ProvenanceFile) -> dict[str, str]:
    return {
        str(value_of(record.get("schema:name"))): str(record.get("schema:sha256"))
        for _, record in file.of_type("ml:Artifact")
    }


def _cause(found: Sequence[Difference], changes: Sequence[Mapping[str, Any]]) -> str:
    """Return the likely cause of differences that name none themselves."""
    told = next((d.cause for d in found if d.cause), "")
    if told:
        return told
    if found and found[0].stage == "data_ingestion":
        return "the data is not the recorded data"
    for name in ("torch", "numpy", "scikit-learn", "pandas", "programming_language_version", "GPUs", "CPU"):
        change = next((c for c in changes if c["name"] == name), None)
        if change is not None:
            return f"{name} is {change['actual']}, it was {change['expected']}"
    return ""
