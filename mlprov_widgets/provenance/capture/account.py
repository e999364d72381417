"""The account of a run: a journal's events put together, still without any PROV term."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.capture.journal import Event, size_of
from mlprov_widgets.provenance.capture.locate import FoundNotebook

STATUSES = ("completed", "failed", "cancelled", "incomplete")


@dataclass(frozen=True)
class Execution:
    """One execution of one cell.

    Attributes
    ----------
    step : str
        The cell's id, or ``cell-<k>`` for a cell without one.
    number : int
        1 for the first execution of this step.
    stage, source, sha256 : str
    start, end : datetime.datetime
    status : str
        ``ok``, ``error``, ``interrupted`` or ``died``.
    error : dict or None
    reads, writes : list of dict
        Variables, with the digest of what they held.
    files : list of dict
    """

    step: str
    number: int
    stage: str
    source: str
    sha256: str
    start: datetime
    end: datetime | None
    status: str
    error: Mapping[str, str] | None
    reads: Sequence[Mapping[str, Any]]
    writes: Sequence[Mapping[str, Any]]
    files: Sequence[Mapping[str, Any]]


@dataclass
class Account:
    """A run, as its journal tells it.

    ``unnamed`` are the steps of cells that came without an id; ``cells_now`` is the notebook's file as it was last
    saved, at ``looked``, None when it was not saved since the run began.
    """

    run: str
    task: str
    version: str
    plan_digest: str
    generator: str
    recorded_by: str
    plan: Mapping[str, Any] | None
    cells: Sequence[Mapping[str, Any]]
    notebook: Mapping[str, Any] | None
    stages: Sequence[Mapping[str, Any]]
    terms: Mapping[str, str]
    not_observed_because: str
    started: datetime
    ended: datetime | None = None
    facts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    gpus: list[str] | None = None
    numerics: dict[str, Any] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    observed: dict[str, dict[str, Mapping[str, Any]]] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    metrics_step: str = ""
    series: dict[str, list[Any]] = field(default_factory=dict)
    series_step: str = ""
    notes: list[str] = field(default_factory=list)
    unnamed: set[str] = field(default_factory=set)
    cells_now: Sequence[Mapping[str, Any]] | None = None
    looked: datetime | None = None
    capture_seconds: float = 0.0
    journal_bytes: int = 0
    in_progress: bool = True
    incomplete: bool = False
    told_status: str = ""

    @property
    def status(self) -> str:
        """One of `STATUSES`, from what ran; a cell that failed and was run again counts by its last try."""
        if self.told_status in STATUSES:
            return self.told_status
        last = {execution.step: execution for execution in self.executions}
        if any(execution.status in ("error", "died") for execution in last.values()):
            return "failed"
        if any(execution.status == "interrupted" for execution in last.values()):
            return "cancelled"
        planned = [cell["step"] for cell in self.cells if _must_run(cell)]
        complete = all(step in last for step in planned) and self.executions and not self.in_progress
        return "completed" if complete and not self.incomplete else "incomplete"

    @property
    def failed_step(self) -> str | None:
        """The step whose last execution failed, None when there is none."""
        last = {execution.step: execution for execution in self.executions}
        return next((step for step, execution in last.items() if execution.status != "ok"), None)


def _must_run(cell: Mapping[str, Any]) -> bool:
    return cell.get("kind") == "code" and has_code(str(cell.get("source", "")))


def has_code(source: str) -> bool:
    """Return whether a cell does anything: one of comments only, such as the installs, fires no event."""
    lines = [line.strip() for line in source.split("\n")]
    return any(line and not line.startswith("#") for line in lines)


def account_of(events: Sequence[Event], notebook: FoundNotebook | None = None) -> Account:
    """Put the events of a journal together.

    Parameters
    ----------
    events
        In the order of the journal.
    notebook
        The notebook that ran, for a journal that does not know it.

    Raises
    ------
    ProvenanceError
        If an event lacks what every event of its kind has.
    """
    try:
        return _account(events, notebook)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise ProvenanceError(
            f"an event of the journal is not as it was written: {type(error).__name__}: {error}",
            field="journal",
            fix="Use the journal as the run wrote it",
        ) from None


def _account(events: Sequence[Event], notebook: FoundNotebook | None) -> Account:
    start = events[0]
    plan = notebook.plan if notebook and start.get("plan") is None else start.get("plan")
    account = Account(
        run=str(start["run"]),
        task=str(start["task"]),
        version=str(start["version"]),
        plan_digest=str(start["plan_digest"]),
        generator=str(start["generator"]),
        recorded_by=str(start["recorded_by"]),
        plan=plan,
        cells=list(notebook.cells if notebook and not start.get("cells") else start.get("cells") or []),
        notebook=notebook.facts if notebook and not start.get("notebook") else start.get("notebook"),
        stages=list(start.get("stages") or []),
        terms=dict(start.get("terms") or {}),
        not_observed_because=str(start.get("not_observed_because") or ""),
        started=datetime.fromisoformat(start["time"]),
    )
    steps = _Steps(account)
    account.journal_bytes = sum(size_of(event) for event in events)
    for event in events[1:]:
        reader = _READERS.get(event["event"])
        if reader is not None:
            reader(account, steps, event)
    steps.finish()
    return account


class _Steps:
    """Counts executions and remembers the cell that began and has not ended."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.counts: dict[str, int] = {}
        self.stages = {str(cell["step"]): str(cell.get("stage", "")) for cell in account.cells}
        self.open: Event | None = None
        self.unnamed: dict[str, str] = {}

    def execution(self, event: Event, start: str, end: str | None, status: str) -> Execution:
        step = str(event.get("step") or "") or self._name(str(event.get("sha256", "")))
        self.counts[step] = self.counts.get(step, 0) + 1
        return Execution(
            step=step,
            number=self.counts[step],
            stage=str(event.get("stage") or self.stages.get(step, "")),
            source=str(event.get("source", "")),
            sha256=str(event.get("sha256", "")),
            start=datetime.fromisoformat(start),
            end=datetime.fromisoformat(end) if end else None,
            status=status,
            error=event.get("error"),
            reads=list(event.get("reads") or []),
            writes=list(event.get("writes") or []),
            files=list(event.get("files") or []),
        )

    def _name(self, digest: str) -> str:
        """Name a cell that came without an id: by its source among the planned ones, else by a number."""
        planned = next((str(c["step"]) for c in self.account.cells if c.get("sha256") == digest), None)
        if planned:
            return planned
        name = self.unnamed.setdefault(digest, f"cell-{len(self.unnamed) + 1}")
        self.account.unnamed.add(name)
        return name

    def finish(self) -> None:
        # A cell that began and never ended: the kernel died in it, unless it is running now.
        if self.open is not None and not self.account.in_progress:
            source = next((c for c in self.account.cells if c["step"] == self.open.get("step")), {})
            event = {**self.open, "source": source.get("source", ""), "sha256": source.get("sha256", "")}
            self.account.executions.append(self.execution(event, self.open["time"], None, "died"))


def _cell_start(account: Account, steps: _Steps, event: Event) -> None:
    steps.open = event


def _cell(account: Account, steps: _Steps, event: Event) -> None:
    steps.open = None
    execution = steps.execution(event, event["start"], event["end"], str(event["status"]))
    account.executions.append(execution)
    account.capture_seconds += float(event.get("capture_seconds", 0))
    for stage, fields in dict(event.get("observed") or {}).items():
        known = account.observed.setdefault(str(stage), {})
        for name, seen in fields.items():
            # A later failure to look does not undo what was seen, unless the stage's own cell ran again.
            if "value" in seen or name not in known or execution.stage == stage:
                known[str(name)] = {**seen, "step": execution.step}
    if isinstance(event.get("metrics"), dict):
        account.metrics, account.metrics_step = event["metrics"], execution.step


def _history(account: Account, steps: _Steps, event: Event) -> None:
    for name, new in event["series"].items():
        known = account.series.get(name, [])
        account.series[str(name)] = [*known[: int(new["from"])], *new["values"]]
    account.series_step = str(event.get("step") or account.series_step)


def _environment(account: Account, steps: _Steps, event: Event) -> None:
    account.facts.update(event["facts"])


def _packages(account: Account, steps: _Steps, event: Event) -> None:
    account.packages = {str(name): str(number) for name, number in event["packages"].items()}
    account.gpus = [str(name) for name in event["gpus"]]
    account.numerics = {str(name): value for name, value in dict(event.get("numerics") or {}).items()}


def _notebook(account: Account, steps: _Steps, event: Event) -> None:
    account.cells_now = [dict(cell) for cell in event["cells"]]
    account.looked = datetime.fromisoformat(event["modified"])


def _note(account: Account, steps: _Steps, event: Event) -> None:
    account.notes.append(str(event["message"]))
    account.incomplete = account.incomplete or bool(event.get("incomplete"))


def _end(account: Account, steps: _Steps, event: Event) -> None:
    account.ended = datetime.fromisoformat(event["time"])
    account.in_progress = False
    if event.get("within_cell"):
        steps.open = None
    account.told_status = str(event.get("status") or account.told_status)
    if event.get("message"):
        account.notes.append(str(event["message"]))


_READERS = {
    "cell_start": _cell_start,
    "cell": _cell,
    "history": _history,
    "environment": _environment,
    "packages": _packages,
    "notebook": _notebook,
    "note": _note,
    "end": _end,
}
