"""What should hold before a run, so that it can be made again: a short list, each with what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlprov_widgets.provenance.capture import gpu
from mlprov_widgets.provenance.capture.environment import cores, git_commit
from mlprov_widgets.provenance.replay import Code
from mlprov_widgets.tasks.expressions import evaluate, holds
from mlprov_widgets.tasks.model import Kind, Task, Value
from mlprov_widgets.tasks.plan import Plan

_SEEDS = ("random_seed", "split_seed", "seed")
_DETERMINISTIC = "deterministic"
DROP_EDITS = "edits"
"""The `parameter` of a check that is mended by dropping edited code."""


@dataclass(frozen=True)
class Check:
    """One thing that should hold.

    Attributes
    ----------
    name : str
    fine : bool
    told : str
        What holds, or what does not and what to do.
    parameter : str
        What a form can set to mend it, empty where it cannot; `DROP_EDITS` for edited code.
    value : Value
        What to set it to.
    action : str
        What that does, as a button's label.
    """

    name: str
    fine: bool
    told: str
    parameter: str = ""
    value: Value = None
    action: str = ""


def preflight(task: Task, plan: Plan, kept: Sequence[Code] = (), folder: Path | None = None) -> list[Check]:
    """Return the list for a Plan.

    Parameters
    ----------
    task, plan
        What is going to run.
    kept
        Edited code that is kept.
    folder
        Where it runs; the repository around it should be clean.
    """
    return [
        *_seeds(task, plan),
        *_deterministic(task, plan),
        *_data(task, plan),
        _versions(plan),
        _code(kept),
        *([_repository(folder)] if folder is not None else []),
    ]


def _seeds(task: Task, plan: Plan) -> Iterator[Check]:
    for name in _SEEDS:
        parameter = task.parameter(name)
        if parameter is None or name not in plan.values:
            continue
        value = plan.values[name]
        if value is not None:
            yield Check(name, True, f"{parameter.label} is {value}.")
            continue
        seed = parameter.default if parameter.default is not None else 2
        told = f"{parameter.label} is empty: another run draws other random numbers."
        yield Check(name, False, told, name, seed, f"Set it to {seed}")


def _deterministic(task: Task, plan: Plan) -> Iterator[Check]:
    """Yield what of the chosen values depends on the machine, as the task says."""
    values = {p.name: plan.values.get(p.name) for p in task.parameters}
    context = {**values, "machine": {"cores": cores(), "gpu": gpu.seems_here()}}
    found = [item for item in task.varies if item.field in plan.values and holds(item.when, context)]
    for item in found:
        parameter = task.parameter(item.field)
        value = evaluate(item.value, context)
        told = f"{parameter.label if parameter else item.field}: {item.message}."
        yield Check(_DETERMINISTIC, False, told, item.field, value, item.fix.replace("{value}", str(value)))
    if task.varies and not found:
        told = "Only deterministic algorithms are used, and nothing that was chosen depends on this machine."
        yield Check(_DETERMINISTIC, True, told)


def _data(task: Task, plan: Plan) -> Iterator[Check]:
    own = [p for p in task.parameters if p.kind is Kind.FILE and plan.values.get(p.name)]
    for parameter in own:
        file = plan.files.get(parameter.name)
        if file is not None:
            yield Check("data", True, f"{file.name} is known by its content ({file.sha256[:12]}…).")
        else:
            yield Check("data", False, f"{parameter.label}: its content is not known. Upload it.")
    if not own:
        yield Check(
            "data",
            True,
            "The data comes with a package, from a known address or out of the notebook; what is read is recorded.",
        )


def _versions(plan: Plan) -> Check:
    unknown = [name for name in plan.requirements if "==" not in name]
    if unknown:
        return Check("versions", False, f"Not installed here, so of no known version: {', '.join(unknown)}.")
    return Check("versions", True, f"The versions of all {len(plan.requirements)} packages are known.")


def _code(kept: Sequence[Code]) -> Check:
    if not kept:
        return Check("code", True, "All code is the task's own.")
    told = f"Edited by hand: {', '.join(item.step for item in kept)}. It runs as it was edited."
    return Check("code", False, told, DROP_EDITS, None, "Use the task's own code")


def _repository(folder: Path) -> Check:
    commit = git_commit(folder)
    if commit is None:
        return Check("repository", True, "The folder is in no git repository.")
    if commit["changed"]:
        told = "The git repository has changes that are in no commit. Commit them, so that the record names what ran."
        return Check("repository", False, told)
    return Check("repository", True, f"The git repository is clean, at {commit['commit'][:12]}.")
