"""The verbs: one Python function for each command, returning what its ``--json`` prints.

A path may be a text or a `pathlib.Path`. Every function raises `mlprov_widgets.errors.MlprovError`
for wrong use and bad input, and returns normally when something ran and the answer is no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from mlprov_widgets.tasks.model import SCHEMA_VERSION

PathLike: TypeAlias = str | Path
Result: TypeAlias = dict[str, Any]

DEMO_TASK = "multiclass_classification"


def _paths(given: Iterable[PathLike]) -> list[Path]:
    return [Path(path) for path in given]


def _result(**content: Any) -> Result:
    return {"schema_version": SCHEMA_VERSION, **content}


def list_tasks(*, tasks: Iterable[PathLike] = ()) -> Result:
    """Return every task with its parameters.

    Parameters
    ----------
    tasks
        More folders of tasks.
    """
    from mlprov_widgets.tasks.load import broken_packages, find_tasks

    folders = _paths(tasks)
    return _result(
        tasks=[_task(task) for task in find_tasks(folders).values()],
        broken=[error.as_dict() for error in broken_packages(folders)],
    )


def _task(task: Any) -> Result:
    return {
        "id": task.id,
        "title": task.title,
        "version": task.version,
        "description": task.description,
        "stages": [{"id": stage.id, "title": stage.title} for stage in task.stages],
        "parameters": [
            {
                "name": p.name,
                "stage": p.stage,
                "label": p.label,
                "help": p.help,
                "sort": str(p.sort),
                "kind": str(p.kind),
                "default": list(p.default) if isinstance(p.default, tuple) else p.default,
                "choices": [{"value": c.value, "label": c.label, "help": c.help} for c in p.choices],
                "minimum": p.minimum,
                "maximum": p.maximum,
                "optional": p.optional,
                "unit": p.unit,
                "when": p.when,
            }
            for p in task.parameters
        ],
    }


def generate(
    task: str,
    values: Mapping[str, object] | None = None,
    *,
    out: PathLike | None = None,
    tasks: Iterable[PathLike] = (),
) -> Result:
    """Write the notebook of some choices.

    Parameters
    ----------
    task
        The task's id.
    values
        Parameter to value; the others take their defaults. A value may be a text as typed.
    out
        The notebook to write; by default in a new folder below ``experiments/``.
    tasks
        More folders of tasks.

    Returns
    -------
    dict
        ``notebook``, ``task``, ``parameters``, ``origins``, ``sha256``, ``advice``.
    """
    from mlprov_widgets.files import new_folder
    from mlprov_widgets.notebook.write import write_notebook
    from mlprov_widgets.tasks.load import find_task
    from mlprov_widgets.tasks.plan import make_plan

    found = find_task(task, _paths(tasks))
    draft = make_plan(found, values or {})
    path = Path(out) if out is not None else new_folder(Path("experiments"), found.id) / f"{found.id}.ipynb"
    written = write_notebook(found, draft, path)
    return _result(
        notebook=str(written.path),
        task=found.id,
        parameters=draft.plan.as_dict()["values"],
        origins=dict(draft.plan.origins),
        sha256=written.sha256,
        advice=list(draft.advice),
    )


def run(
    notebook: PathLike,
    *,
    timeout: float | None = None,
    runs: PathLike | None = None,
    tasks: Iterable[PathLike] = (),
    progress: Any = None,
) -> Result:
    """Execute a copy of a notebook in a new folder, and record it.

    Parameters
    ----------
    notebook
        A notebook that carries a Plan.
    timeout
        Seconds for the whole run.
    runs
        Where the new folder is made; by default ``MLPROV_RUNS`` or ``./mlprov_runs``.
    tasks
        More folders of tasks.
    progress
        Called with a mapping for each cell; see `mlprov_widgets.execution.session.Progress`.

    Returns
    -------
    dict
        ``run``, ``status``, ``notebook``, ``provenance``, ``journal``, ``report``, ``metrics``,
        ``seconds``, ``capture_seconds``, ``failed_step``.
    """
    from mlprov_widgets.execution.run import run_notebook
    from mlprov_widgets.files import runs_folder

    done = run_notebook(Path(notebook), runs=runs_folder(runs), timeout=timeout, tasks=_paths(tasks), progress=progress)
    return _result(**done.as_dict())


def demo(*, runs: PathLike | None = None, progress: Any = None, timeout: float | None = None) -> Result:
    """Generate and run Iris, end to end; returns what `run` returns."""
    from mlprov_widgets.execution.run import run_notebook
    from mlprov_widgets.files import new_folder, runs_folder
    from mlprov_widgets.notebook.write import write_notebook
    from mlprov_widgets.tasks.load import find_task
    from mlprov_widgets.tasks.plan import make_plan

    task = find_task(DEMO_TASK)
    folder = new_folder(runs_folder(runs), "demo").resolve()
    written = write_notebook(task, make_plan(task, {}), folder / "source" / f"{task.id}.ipynb")
    return _result(**run_notebook(written.path, folder=folder, timeout=timeout, progress=progress).as_dict())


def show(provenance: PathLike) -> Result:
    """Return what a provenance file says.

    Returns
    -------
    dict
        ``run``, ``table1``, ``metrics``, ``steps``, ``stale_metrics``, ``stale_groups``. A step's ``stale`` says why a
        run from top to bottom would not give what it gave; it is None where it would.
    """
    from mlprov_widgets.provenance.overview import stale_groups
    from mlprov_widgets.provenance.reading import read_provenance
    from mlprov_widgets.provenance.view import view

    laid_out = view(read_provenance(provenance))
    return _result(
        run=laid_out.run,
        table1=laid_out.table1,
        metrics=laid_out.metrics,
        steps=laid_out.steps,
        stale_metrics=laid_out.stale_metrics,
        stale_groups=stale_groups(laid_out),
    )


def reproduce(
    source: PathLike,
    *,
    edits: str = "refuse",
    repeat: int = 1,
    runs: PathLike | None = None,
    tasks: Iterable[PathLike] = (),
    data: Iterable[PathLike] = (),
    timeout: float | None = None,
    progress: Any = None,
    before: Any = None,
    same_environment: bool = False,
) -> Result:
    """Run a recorded experiment again and say whether the result is the same.

    Parameters
    ----------
    source
        A provenance file of this package or of MLProvCodeGen, a notebook, or a crate (zip).
    edits
        ``refuse``, ``drop`` or ``keep`` code that was edited by hand. Kept code is executed: it is
        as trustworthy as the file.
    repeat
        How many times; the verdict is the worst of all. From two on, the spread of the reruns is the tolerance.
    before
        Called once before anything runs; see `mlprov_widgets.execution.reproduce.BeforeRun`.
    same_environment
        Whether to build a fresh environment with the task's requirements at the recorded versions, which installs
        packages, and to run there; ``not_had`` lists what could not be had.
    data
        Where to look for the person's own data.
    runs, tasks, timeout, progress
        As for `run`.

    Returns
    -------
    dict
        ``verdict``, ``first_divergence``, ``differences``, ``missing``, ``environment_changes``,
        ``verdicts``, ``tolerance``, ``not_had``, ``notes``, and of the new run, ``status``, ``message``,
        ``failed_step``, ``run``, ``notebook``, ``provenance``, ``journal``, ``report``, ``metrics``, ``seconds``.
    """
    from mlprov_widgets.execution.reproduce import reproduce as again
    from mlprov_widgets.files import runs_folder

    done = again(
        source,
        edits=edits,
        repeat=repeat,
        runs=runs_folder(runs),
        tasks=_paths(tasks),
        data=_paths(data),
        timeout=timeout,
        progress=progress,
        before=before,
        same_environment=same_environment,
    )
    comparison = done.comparison
    return _result(
        verdict=done.verdict,
        first_divergence=comparison.first.as_dict() if comparison.first else None,
        differences=[difference.as_dict() for difference in comparison.differences],
        missing=list(dict.fromkeys([*done.restored.missing, *comparison.missing])),
        environment_changes=comparison.environment_changes,
        not_understood=done.restored.not_understood,
        notes=done.notes,
        verdicts=done.verdicts,
        tolerance=done.tolerance,
        not_had=done.not_had,
        **{key: value for key, value in done.run.as_dict().items() if key not in ("notes", "capture_seconds")},
    )


def import_provenance(
    source: PathLike,
    *,
    out: PathLike | None = None,
    edits: str = "refuse",
    tasks: Iterable[PathLike] = (),
    data: Iterable[PathLike] = (),
    before: Any = None,
) -> Result:
    """Make the notebook of a provenance file, without running it.

    Parameters
    ----------
    source, edits, tasks, data
        As for `reproduce`.
    out
        The notebook to write; by default in a new folder below ``experiments/``.
    before
        Called once before anything is written; see `mlprov_widgets.execution.reproduce.BeforeRun`.

    Returns
    -------
    dict
        ``notebook``, ``task``, ``parameters``, ``origins``, ``missing``, ``not_understood``,
        ``edited_steps``, ``notes``, ``sha256``.
    """
    from mlprov_widgets.execution.reproduce import environment_before
    from mlprov_widgets.files import new_folder, sha256_of_text
    from mlprov_widgets.notebook.restore import restore, write_restored
    from mlprov_widgets.provenance.unpack import opened

    with opened(source) as file:
        restored = restore(file, edits=edits, tasks=_paths(tasks), data=_paths(data), as_imported=True)
        task = restored.task.id
        if before is not None:
            before(restored, environment_before(restored.replay))
        path = Path(out) if out is not None else new_folder(Path("experiments"), task) / f"{task}.ipynb"
        write_restored(restored, path)
    plan = restored.draft.plan
    return _result(
        notebook=str(path),
        task=task,
        parameters=plan.as_dict()["values"],
        origins=dict(plan.origins),
        missing=restored.missing,
        not_understood=restored.not_understood,
        edited_steps=list(restored.edited),
        notes=restored.notes,
        advice=list(restored.draft.advice),
        sha256=sha256_of_text(restored.text),
    )


def edits_of(source: PathLike, *, tasks: Iterable[PathLike] = (), data: Iterable[PathLike] = ()) -> str:
    """Return the code that was edited by hand in a recorded run, as a unified diff."""
    from mlprov_widgets.notebook.restore import edits_diff, restore
    from mlprov_widgets.provenance.unpack import opened

    with opened(source) as file:
        return edits_diff(restore(file, edits="keep", tasks=_paths(tasks), data=_paths(data)))


def verify(provenance: PathLike) -> Result:
    """Check a provenance file and what lies beside it: ``valid``, ``problems``, ``unchecked``, ``head``."""
    from mlprov_widgets.provenance.reading import read_provenance
    from mlprov_widgets.provenance.verify import verify as check

    verdict = check(read_provenance(provenance))
    return _result(valid=verdict.valid, problems=verdict.problems, unchecked=verdict.unchecked, head=verdict.head)


def recover(journal: PathLike, *, notebook: PathLike | None = None) -> Result:
    """Finish the record of a killed run from its journal; returns what `run` returns."""
    from mlprov_widgets.execution.recover import recover as finish

    return _result(**finish(Path(journal), Path(notebook) if notebook is not None else None).as_dict())


def export(provenance: PathLike, *, to: str, out: PathLike) -> Result:
    """Write a provenance file in another form: ``path``.

    Parameters
    ----------
    provenance
        A ``provenance.json``.
    to
        ``provn``, ``provx``, ``ttl``, ``jsonld``, ``json``, ``rocrate``, ``html``, ``svg`` or ``py``.
    out
        The file to write; it must not exist.
    """
    from mlprov_widgets.provenance.export.formats import export as write
    from mlprov_widgets.provenance.reading import read_provenance

    return _result(path=str(write(read_provenance(provenance), to, Path(out))))


def list_runs(*, runs: PathLike | None = None, search: str = "", sort: str = "started") -> Result:
    """Return the runs of a folder: ``runs``.

    Parameters
    ----------
    runs
        The folder; by default ``MLPROV_RUNS`` or ``./mlprov_runs``.
    search
        Words that a run's folder, task, title, status or parameters must hold; ``name=value`` for a parameter.
    sort
        ``started`` (newest first), ``task``, ``status``, ``seconds`` or a metric; a ``-`` before it turns the order.
    """
    from mlprov_widgets.execution.listing import list_runs as look
    from mlprov_widgets.files import runs_folder

    return _result(runs=look(runs_folder(runs), search=search, sort=sort))


def compare(provenance: Iterable[PathLike]) -> Result:
    """Put any number of runs side by side, two at least.

    Parameters
    ----------
    provenance
        Provenance files, or the folders of runs.

    Returns
    -------
    dict
        ``runs``, ``parameters``, ``environment``, ``metrics`` (name to the value in each run), ``differences``
        (``group``, ``name`` and ``values`` of what is not the same in all) and ``series``.
    """
    from mlprov_widgets.execution.side_by_side import side_by_side

    return _result(**side_by_side(_paths(provenance)))


def check_task(folder: PathLike) -> Result:
    """Check a task's folder: ``valid``, ``problems``."""
    from mlprov_widgets.notebook.check import check_task as check

    problems = check(Path(folder))
    return _result(valid=not problems, problems=problems)
