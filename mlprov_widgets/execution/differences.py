"""What differs between two recorded runs: code, what each stage computed, metrics and files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, NamedTuple

from mlprov_widgets.files import sha256_of_file
from mlprov_widgets.notebook.readback import literals_of
from mlprov_widgets.notebook.render import PARAMETERS_STEP
from mlprov_widgets.provenance.reading import ProvenanceFile, types_of, value_of
from mlprov_widgets.provenance.view import View, beside

_FIGURES = (".png", ".svg", ".pdf", ".jpg")
"""Files that show results and are none: fonts and library versions change their bytes."""


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in both runs.

    Attributes
    ----------
    stage : str
        ``code``, a stage of the task, ``metrics``, ``artifacts`` or ``environment``.
    epoch : int or None
        Counted from 1.
    item : str
    expected, actual : object
    cause : str
        The likely one, empty when none is known.
    decides : bool
        Whether the runs are not identical for it: a metric, an epoch, a model or a file of results. A
        variable that holds the time, or a figure, differs without that.
    is_model : bool
        Whether it is a model's weights.
    """

    stage: str
    epoch: int | None
    item: str
    expected: Any
    actual: Any
    cause: str = ""
    decides: bool = False
    is_model: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {name: value for name, value in vars(self).items() if name not in ("decides", "is_model")}


def stage_order(file: ProvenanceFile) -> list[str]:
    """Return the stages that left something to compare, in the order in which they ran."""
    return list(dict.fromkeys(variable.stage for variable in _variables(file)))


def of_code(before: View, after: View, expected: ProvenanceFile, actual: ProvenanceFile) -> Iterator[Difference]:
    """Yield the cells whose code is another; the frame's decide no result."""
    a, b = _code_digests(expected), _code_digests(actual)
    titles = {step["step"]: step["code"] for step in [*after.steps, *before.steps]}
    for step in dict.fromkeys([*a, *b]):
        if a.get(step) != b.get(step) and not _is_frame(step):
            edited = titles.get(step) in ("edited", "added")
            cause = "the cell was edited in the recorded run" if edited else "the code is not the recorded code"
            if step == PARAMETERS_STEP:
                cause = _other_values(_source_run(expected, step), _source_run(actual, step)) or cause
            yield Difference("code", None, step, _short(a.get(step)), _short(b.get(step)), cause)


def _other_values(before: str, after: str) -> str:
    """Return which values of the parameters cell are others, in words."""
    (a, _), (b, _) = literals_of(before), literals_of(after)
    told = [f"{name} is {b.get(name)!r}, it was {a.get(name)!r}" for name in {**a, **b} if a.get(name) != b.get(name)]
    return "; ".join(told[:3])


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


def _source_run(file: ProvenanceFile, step: str) -> str:
    """Return the code that a step ran last."""
    found = [
        (str(file.activity(activity).get("prov:startTime")), cell)
        for activity, cell in file.code_run().items()
        if value_of(file.entity(cell).get("ml:step")) == step
    ]
    return str(value_of(file.entity(max(found)[1]).get("ml:source")) or "") if found else ""


def _short(digest: str | None) -> str | None:
    return digest[:12] if digest else None


def of_stages(
    expected: ProvenanceFile, actual: ProvenanceFile, before: View, after: View, missing: list[str]
) -> Iterator[Difference]:
    """Compare what each variable held after each cell, in the order in which the recorded run made them."""
    if expected.entity("run:history") and not before.series:
        missing.append("history: the file with the training series is not beside the document")
    there = {(v.step, v.name): v for v in _variables(actual)}
    told_series = False
    for variable in _variables(expected):
        now = there.get((variable.step, variable.name))
        if now is not None and now.digest == variable.digest:
            continue
        if variable.stage == "training" and not told_series:
            told_series = True
            yield from _epochs(before, after)
        yield _of_variable(variable, now)
    if not told_series:
        yield from _epochs(before, after)


def _of_variable(before: _Variable, now: _Variable | None) -> Difference:
    expected, actual, cause = _short(before.digest), _short(now.digest if now else None), ""
    if now is not None and before.dtype and now.dtype and before.dtype != now.dtype:
        expected, actual = before.dtype, now.dtype
        cause = f"{before.name} holds numbers of the type {actual} instead of {expected}"
    elif now is not None and None not in (before.value, now.value) and before.value != now.value:
        expected, actual = before.value, now.value
    return Difference(
        before.stage, None, before.name, expected, actual, cause, decides=before.is_model, is_model=before.is_model
    )


class _Variable(NamedTuple):
    """What a variable held after the last execution of a step."""

    started: str
    stage: str
    step: str
    name: str
    digest: str
    is_model: bool
    dtype: str = ""
    value: Any = None
    """What it held, where that is small."""


def _variables(file: ProvenanceFile) -> list[_Variable]:
    """Return every variable that has a digest, as each step left it the last time, in the order of the run."""
    generated = file.generated()
    last: dict[tuple[str, str], _Variable] = {}
    for identifier, record in file.of_type("p-plan:Entity"):
        execution = generated.get(identifier, "")
        activity = file.activity(execution)
        digest = record.get("schema:sha256")
        # Where it computed is told by the environment, and what came of it by what follows.
        if not isinstance(digest, str) or value_of(record.get("ml:class")) == "torch.device":
            continue
        step = execution.removeprefix("run:exec-").rpartition("-")[0]
        found = _Variable(
            str(activity.get("prov:startTime")),
            str(value_of(activity.get("ml:stage")) or "set-up"),
            step,
            str(value_of(record.get("ml:variable"))),
            digest,
            "mls:Model" in types_of(record),
            str(value_of(record.get("ml:dtype")) or ""),
            value_of(record.get("ml:value")),
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


def of_metrics(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the metrics that are others; a NaN is the same as another."""
    for name, value in expected.items():
        if value != actual.get(name) and not (value != value and actual.get(name) != actual.get(name)):
            yield Difference("metrics", None, name, value, actual.get(name), decides=True)


def of_artifacts(expected: ProvenanceFile, actual: ProvenanceFile) -> Iterator[Difference]:
    """Yield the files that are others than the recorded ones, or were changed since."""
    a, b = _files(expected), _files(actual)
    for name, digest in a.items():
        if digest != b.get(name):
            decides = not name.endswith(_FIGURES)
            yield Difference("artifacts", None, name, _short(digest), _short(b.get(name)), decides=decides)
            continue
        path = beside(expected, name)
        if path is not None and path.is_file() and (there := sha256_of_file(path)) != digest:
            told = "the file beside the provenance was changed after the run; the new run wrote the recorded one"
            yield Difference("artifacts", None, name, _short(digest), _short(there), told)


def _files(file: ProvenanceFile) -> dict[str, str]:
    return {
        str(value_of(record.get("schema:name"))): str(record.get("schema:sha256"))
        for _, record in file.of_type("ml:Artifact")
    }
