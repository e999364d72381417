"""Two recorded runs side by side: the same or not, and where they part.

The order is the pipeline's own: what a stage computed is compared before what the next made of it, so
that the first divergence is the one to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mlprov_widgets.execution.causes import change_in_words, environment_cause, first_cause
from mlprov_widgets.execution.differences import (
    Difference,
    of_artifacts,
    of_code,
    of_metrics,
    of_stages,
    stage_order,
)
from mlprov_widgets.execution.surroundings import environment_changes, is_software, package_changes
from mlprov_widgets.execution.tolerance import within
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.replay import Replay
from mlprov_widgets.provenance.view import metrics_of, packages_of, view


@dataclass(frozen=True)
class Comparison:
    """What came of comparing two runs.

    Attributes
    ----------
    verdict : str
        ``identical``, ``within-tolerance``, ``different``, ``not-comparable`` or ``failed``.
    differences : list of Difference
        In the order of the pipeline.
    environment_changes : list of dict
        ``name``, ``expected``, ``actual``.
    missing : list of str
        What the recorded run lacks.
    happened : str
        What ended a run that did not complete.
    """

    verdict: str
    differences: list[Difference]
    environment_changes: list[dict[str, Any]]
    missing: list[str] = field(default_factory=list)
    happened: str = ""

    @property
    def first(self) -> Difference | None:
        """The first divergence.

        Of runs with the same result it is other code, another file than the run wrote or another version of a
        package, which made no difference; None where there is no such thing.
        """
        return next((d for d in self.differences if self.verdict != "identical" or d.stage in _WORTH_KNOWING), None)


_WORTH_KNOWING = ("code", "artifacts", "environment")


def compare(expected: ProvenanceFile, actual: ProvenanceFile, measured: Sequence[Mapping[str, Any]] = ()) -> Comparison:
    """Compare a recorded run with a new one.

    Parameters
    ----------
    expected, actual
        The two runs.
    measured
        The metrics of all reruns, from whose spread the tolerance follows; by default those of `actual` alone.
    """
    before, after = view(expected), view(actual)
    changes = list(environment_changes(expected, actual))
    missing: list[str] = []
    found = [
        *of_code(before, after, expected, actual),
        *of_stages(expected, actual, before, after, missing),
        *of_metrics(before.metrics, after.metrics),
        *of_artifacts(expected, actual),
    ]
    verdict = verdict_of(before.metrics, after.metrics, found, measured)
    found = _explained(found, verdict, stage_order(expected), changes)
    return Comparison(verdict, found, changes, missing)


def verdict_of(
    expected: Mapping[str, Any],
    actual: Mapping[str, Any],
    found: Sequence[Difference],
    measured: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Return the verdict on two runs' metrics and whatever else was found to differ; see `compare`."""
    if not expected:
        return "not-comparable"
    if not any(difference.decides for difference in found):
        return "identical"
    runs = measured or [actual]
    close = all(within(value, [run.get(name) for run in runs]) for name, value in expected.items())
    return "within-tolerance" if close and set(expected) <= set(actual) else "different"


def _explained(
    found: list[Difference], verdict: str, order: Sequence[str], changes: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """Add the environment, put the first divergence to the front, and say why each is likely."""
    surroundings = [
        Difference("environment", None, c["name"], c["expected"], c["actual"], change_in_words(c))
        for c in changes
        if is_software(c)
    ]
    ranked = [d for d in surroundings if d.cause == environment_cause(changes)]
    found = [*found, *ranked, *(d for d in surroundings if d not in ranked)]
    first = Comparison(verdict, found, []).first
    if first is None:
        return found
    common = first.cause or environment_cause(changes)
    others = [replace(d, cause=d.cause or common) for d in found if d is not first]
    differing = {d.stage for d in found}
    same = [stage for stage in _before(first.stage, order) if stage not in differing]
    return [replace(first, cause=first_cause(first, same, changes)), *others]


def _before(stage: str, order: Sequence[str]) -> list[str]:
    stages = list(order)
    return stages[: stages.index(stage)] if stage in stages else stages


def against_values(recorded: Replay, actual: ProvenanceFile, measured: Sequence[Mapping[str, Any]] = ()) -> Comparison:
    """Compare with a file that holds metrics only, such as the original's."""
    metrics = metrics_of(actual)
    found = [
        Difference("metrics", None, name, value, metrics.get(name), "the recorded run did not seed its weights", True)
        for name, value in recorded.metrics.items()
        if value != metrics.get(name)
    ]
    known = packages_of(actual)
    changes = [c for c in package_changes(recorded.packages, known) if c["name"] in recorded.packages]
    verdict = verdict_of(recorded.metrics, metrics, found, measured)
    return Comparison(verdict, found, changes, list(recorded.missing))
