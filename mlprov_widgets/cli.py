"""The command line: ``mlprov``, a thin face over `mlprov_widgets.verbs`."""

from __future__ import annotations

import argparse
import atexit
import gc
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from mlprov_widgets import __version__, verbs
from mlprov_widgets.errors import MlprovError, ValueRefused, one_line
from mlprov_widgets.provenance.capture.journal import plain
from mlprov_widgets.tasks.model import SCHEMA_VERSION

Answer = tuple[dict[str, Any], str, int]
"""What a command returns: the object for ``--json``, the text for people, the exit status."""

_SOURCE = "a provenance file, a notebook, or a crate (zip)"
_GOOD_VERDICTS = ("identical", "within-tolerance")
_MOST_COLUMNS = 6
"""Runs that are shown beside each other; of more, each has a line."""


class _Usage(Exception):
    """Wrong use of the command line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _Usage(f"{self.prog}: {message}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    arguments
        As typed, without the program's name; by default those of this process.

    Returns
    -------
    int
        0 done; 1 it ran and the answer is no; 2 wrong use or bad input.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        options = _parser().parse_args(given)
        found, text, status = options.command(options)
    except _Usage as error:
        return _refuse(
            as_json, str(error), {"code": "usage", "field": "", "message": one_line(str(error)), "fix": "See --help"}
        )
    except MlprovError as error:
        return _refuse(as_json, f"mlprov: {error}", error.as_dict())
    except OSError as error:
        message = one_line(f"{error.strerror or error}")
        fields = {
            "code": "os",
            "field": str(error.filename or ""),
            "message": message,
            "fix": "Check the disk and the rights",
        }
        return _refuse(as_json, f"mlprov: {error.filename or ''}: {message}", fields)
    except KeyboardInterrupt:
        print("\nmlprov: cancelled", file=sys.stderr)
        if as_json:
            print(json.dumps({"schema_version": SCHEMA_VERSION, **_cancelled(given[0])}))
        return 1
    try:
        print(json.dumps(plain(found), allow_nan=False) if as_json else _printable(text))
    except BrokenPipeError:  # the reader, such as head, has seen enough
        sys.stderr.close()
    return int(status)


def entry() -> int:
    """Run the command that this process was started for."""
    # The interpreter's last collection walks every object of the notebook's schema: 0.2 s for nothing.
    # Not in `main`, which may be called in a process that goes on to other things.
    atexit.register(gc.freeze)
    return main()


def _refuse(as_json: bool, line: str, fields: Mapping[str, str]) -> int:
    print(one_line(line, 1000), file=sys.stderr)
    if as_json:
        print(json.dumps({"schema_version": SCHEMA_VERSION, "error": dict(fields)}))
    return 2


def _cancelled(command: str) -> dict[str, Any]:
    """Return what ``--json`` prints of a command that Ctrl-C ended before there was a run that could say so."""
    from mlprov_widgets.execution.run import without_record

    ran = without_record("cancelled", "cancelled before it began")
    if command in ("run", "demo", "recover"):
        return ran
    if command != "reproduce":
        return {"status": "cancelled"}
    lists = ("differences", "missing", "environment_changes", "not_understood")
    return {
        **ran,
        **{name: [] for name in lists},
        **{"verdict": "failed", "first_divergence": None, "verdicts": {}, "tolerance": None, "not_had": None},
    }


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="mlprov",
        description="Choices become a notebook, a run becomes provenance, provenance becomes the same notebook again.",
    )
    parser.add_argument("--version", action="version", version=f"mlprov_widgets {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=_Parser)

    def add(name: str, command: Callable[[argparse.Namespace], Answer], help_text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
        one.set_defaults(command=command)
        one.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        one.add_argument("--runs", metavar="DIR", help="where runs are kept (default: $MLPROV_RUNS or ./mlprov_runs)")
        one.add_argument("--tasks", metavar="DIR", action="append", default=[], help="one more folder of tasks")
        return one

    one = add("demo", _demo, "generate and run Iris, end to end")
    one.add_argument("--timeout", metavar="S", help="seconds for the whole run")
    add("tasks", _tasks, "list the tasks and what can be chosen")
    one = add("generate", _generate, "write the notebook of some choices")
    one.add_argument("task", metavar="TASK")
    one.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="choose; an empty VALUE leaves it empty"
    )
    one.add_argument(
        "--out", metavar="PATH", help="the notebook to write (default: in a new folder below experiments/)"
    )
    one = add("run", _run, "execute a copy of a notebook and record it")
    one.add_argument("notebook", metavar="NOTEBOOK")
    one.add_argument("--timeout", metavar="S", help="seconds for the whole run")
    one = add("show", _show, "show what a provenance file says")
    one.add_argument("provenance", metavar="PROVENANCE")
    one = add("reproduce", _reproduce, "run a recorded experiment again and compare")
    one.add_argument("source", metavar="SOURCE", help=_SOURCE)
    one.add_argument("--repeat", metavar="N", default="1", help="run it N times; the worst verdict counts")
    one.add_argument("--timeout", metavar="S", help="seconds for each run")
    one.add_argument(
        "--same-environment",
        action="store_true",
        help="install the recorded versions in a fresh environment; run there",
    )
    one.add_argument("--yes", action="store_true", help="install without asking")
    _restoring(one)
    one = add("import", _import, "make the notebook of a provenance file, without running it")
    one.add_argument("source", metavar="SOURCE", help=_SOURCE)
    one.add_argument("--out", metavar="PATH", help="the notebook to write")
    _restoring(one)
    one = add("verify", _verify, "check a provenance file and what lies beside it")
    one.add_argument("provenance", metavar="PROVENANCE")
    one = add("recover", _recover, "finish the record of a killed run")
    one.add_argument("journal", metavar="JOURNAL")
    one.add_argument("--notebook", metavar="FILE", help="the notebook that ran, when the journal does not know it")
    one = add("export", _export, "write a provenance file in another form")
    one.add_argument("provenance", metavar="PROVENANCE")
    formats = "provn, provx, ttl, jsonld, json, rocrate, html, svg or py"  # importing them would take long
    one.add_argument("--to", metavar="FORMAT", required=True, help=formats)
    one.add_argument("--out", metavar="PATH", required=True)
    one = add("runs", _runs, "list the runs")
    one.add_argument("--search", metavar="TEXT", default="", help="words, or NAME=VALUE of a parameter")
    one.add_argument(
        "--sort",
        metavar="NAME",
        default="started",
        help="started, task, status, seconds or a metric; --sort=-NAME turns",
    )
    one = add("compare", _compare, "put runs side by side")
    one.add_argument("provenance", metavar="PROVENANCE", nargs="+", help="provenance files, or folders of runs")
    one.add_argument("--all", action="store_true", help="show what is the same in all, too")
    one = add("app", _app, "serve the form as a page on this machine")
    one.add_argument("--port", metavar="N", default="0", help="the port (default: a free one)")
    one.add_argument("--trusted", action="store_true", help="allow files to be named by their path")
    one = add("check-task", _check_task, "check a task's folder")
    one.add_argument("folder", metavar="DIR")
    return parser


def _restoring(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--edits",
        metavar="HOW",
        default="refuse",
        help="code edited by hand: refuse (default), drop, or keep (runs it)",
    )
    one.add_argument("--data", metavar="PATH", action="append", default=[], help="your own data file, or its folder")


# The commands --------------------------------------------------------------------------------------


def _demo(options: argparse.Namespace) -> Answer:
    with _Progress(options) as progress:
        done = verbs.demo(runs=options.runs, progress=progress, timeout=_seconds(options.timeout))
    return _ran(done, next_step=f"mlprov reproduce {_near(done['provenance'])}")


def _tasks(options: argparse.Namespace) -> Answer:
    found = verbs.list_tasks(tasks=options.tasks)
    lines = []
    for task in found["tasks"]:
        lines += [f"{task['id']}  {task['title']} ({task['version']})", f"  {task['description']}"]
        for p in task["parameters"]:
            told = "|".join(c["value"] for c in p["choices"]) or p["kind"]
            lines.append(f"    {p['name']} = {_plain(p['default'])}  [{told}]  {p['label']}")
    lines += [f"broken  {error['field']}: {error['message']}. {error['fix']}." for error in found["broken"]]
    return found, "\n".join(lines), 0


def _generate(options: argparse.Namespace) -> Answer:
    values: dict[str, object] = {}
    for item in options.set:
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueRefused("this is not NAME=VALUE", field=item, fix="Write, for example, --set epochs=50")
        if name in values:
            raise ValueRefused("this is set twice", field=name, fix="Give it once")
        values[name.strip()] = value if value else None
    found = verbs.generate(options.task, values, out=options.out, tasks=options.tasks)
    lines = [f"Wrote {found['notebook']}"]
    lines += [f"Discouraged: {advice}" for advice in found["advice"]]
    return found, "\n".join([*lines, f"Run it with: mlprov run {found['notebook']}"]), 0


def _run(options: argparse.Namespace) -> Answer:
    timeout = _seconds(options.timeout)
    with _Progress(options) as progress:
        done = verbs.run(options.notebook, timeout=timeout, runs=options.runs, tasks=options.tasks, progress=progress)
    return _ran(done, next_step=f"mlprov reproduce {_near(done['provenance'])}")


def _ran(done: dict[str, Any], next_step: str) -> Answer:
    lines = [f"{done['status'].capitalize()} in {done['seconds']:.1f} s"]
    if done["message"]:
        lines[0] += f": {done['message']}"
    if done["failed_step"]:
        lines.append(f"  It ended in the step {done['failed_step']}.")
    lines += [f"  note        {note}" for note in done["notes"] if note != done["message"]]
    lines += [
        f"  {name:<18}{_plain(value)}" for name, value in done["metrics"].items() if not isinstance(value, list | dict)
    ]
    lines += [
        "",
        *(f"  {name:<12}{_near(done[name])}" for name in ("notebook", "provenance", "report") if done[name]),
    ]
    if done["status"] == "completed":
        lines += ["", f"Run it again and compare: {next_step}"]
    return done, "\n".join(lines), 0 if done["status"] == "completed" else 1


def _show(options: argparse.Namespace) -> Answer:
    found = verbs.show(options.provenance)
    run = found["run"]
    lines = [f"{run['task']} {run['task_version']}  {run['status']}  {run['started']}"]
    for group, fields in found["table1"].items():
        lines.append(f"\n{group}{'  (stale)' if group in found['stale_groups'] else ''}")
        for name, item in fields.items():
            told = (
                _plain(item["value"])
                if item["value"] is not None
                else f"({item['status'].replace('_', ' ')}: {item['reason']})"
            )
            lines.append(f"  {name:<30}{one_line(told, 100)}")
    lines.append("\nsteps")
    for s in found["steps"]:
        lines.append(f"  {s['step']:<24}{s['status']:<12}{s['code']}")
        lines += [f"  {'':<24}stale: {one_line(s['stale'], 200)}"] if s["stale"] else []
    return found, "\n".join(lines), 0


def _reproduce(options: argparse.Namespace) -> Answer:
    with _Progress(options) as progress:
        found = verbs.reproduce(
            options.source,
            edits=options.edits,
            repeat=_whole(options.repeat, "repeat"),
            runs=options.runs,
            tasks=options.tasks,
            data=options.data,
            timeout=_seconds(options.timeout),
            progress=progress,
            before=lambda restored, changes: _before_run(options, restored, changes),
            same_environment=options.same_environment,
        )
    good = found["verdict"] in _GOOD_VERDICTS
    return found, "\n".join(_verdict_lines(found)), 0 if good else 1


def _before_run(options: argparse.Namespace, restored: Any, changes: list[dict[str, Any]]) -> None:
    """Tell a person what is about to run, while it can still be stopped."""
    from mlprov_widgets.notebook.restore import edits_diff

    if options.edits == "keep" and (diff := edits_diff(restored)):
        print(f"This code from the file is going to run:\n{_visible(diff)}\n", file=sys.stderr)
    if changes and not options.json:
        print("Another environment than the recorded one:", file=sys.stderr)
        print("\n".join(_change_lines(changes)), file=sys.stderr)
    if options.same_environment:
        _consent(options, restored)


def _consent(options: argparse.Namespace, restored: Any) -> None:
    """Ask before anything is installed.

    Raises
    ------
    ValueRefused
        If nobody agrees.
    """
    from mlprov_widgets.execution.reproduce import wanted_of

    wanted = ", ".join(f"{name} {number}".strip() for name, number in wanted_of(restored).items()) or "nothing"
    if options.yes:
        return
    refused = ValueRefused("packages would be installed", field="same-environment", fix="Agree with --yes")
    if options.json or not sys.stdin.isatty():
        raise refused
    print(f"A fresh environment would be built, from wheels alone, with: {wanted}", file=sys.stderr)
    print("Install them there? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise refused


def _before_import(options: argparse.Namespace, restored: Any, changes: list[dict[str, Any]]) -> None:
    """Show what fills which parameter and what is missing, before anything is written."""
    from mlprov_widgets.notebook.restore import edits_diff

    if options.json:
        return
    plan = restored.draft.plan
    print("What fills which parameter:")
    for name, value in plan.as_dict()["values"].items():
        print(_printable(f"  {name:<26}{one_line(_plain(value), 60):<30}{plan.origins.get(name, '')}"))
    lines = [f"  missing         {item}" for item in restored.missing]
    lines += [f"  not understood  {item}" for item in restored.not_understood]
    lines += [f"  note            {item}" for item in restored.notes]
    lines += [f"  edited          {step}" for step in restored.edited]
    print(_printable("\n".join([*lines, *_change_lines(changes)])))
    if restored.edited and (diff := edits_diff(restored)):
        print(_printable(f"The edited code against the task's own, {options.edits}:\n{_visible(diff)}\n"))


def _change_lines(changes: list[dict[str, Any]]) -> list[str]:
    from mlprov_widgets.execution.causes import row_in_words

    told = map(row_in_words, changes[:12])
    lines = [f"  environment       {name}: {expected} -> {actual}" for name, expected, actual in told]
    more = len(changes) - 12
    return lines + ([f"  environment       … and {more} more"] if more > 0 else [])


def _verdict_lines(found: dict[str, Any]) -> list[str]:
    lines = [f"Verdict: {found['verdict']}"]
    if sum(found["verdicts"].values()) > 1:
        lines[0] += f" ({', '.join(f'{n} x {verdict}' for verdict, n in found['verdicts'].items())})"
    first = found["first_divergence"]
    if found["verdict"] == "failed":
        lines += _failure_lines(found)
    elif first and found["verdict"] == "identical":
        told = f"{first['stage']}, {first['item']}: {first['cause']}".removesuffix(": ")
        lines.append(f"  worth knowing     {told}. It made no difference.")
    elif first:
        where = f"{first['stage']}, epoch {first['epoch']}" if first["epoch"] else first["stage"]
        lines.append(f"  first difference  {where}: {first['item']}")
        lines.append(f"                    expected {_plain(first['expected'])}, got {_plain(first['actual'])}")
        if first["cause"]:
            lines.append(f"  likely cause      {first['cause']}")
        lines.append(f"  differences       {len(found['differences'])}")
    lines += _change_lines(found["environment_changes"])
    for name, band in (found["tolerance"] or {}).items():
        if isinstance(band["spread"], float | int):
            told = f"{_plain(band['lowest'])} to {_plain(band['highest'])} in {band['runs']} runs"
            lines.append(f"  measured          {name}: {told}")
    lines += [
        f"  could not be had  {item['name']} {item['expected']}; {item['actual'] or 'none'} was used"
        for item in found["not_had"] or []
    ]
    lines += [f"  missing           {item}" for item in found["missing"]]
    lines += [f"  not understood    {item}" for item in found["not_understood"]]
    lines += [f"  note              {item}" for item in found["notes"]]
    return [*lines, "", *(f"  {name:<12}{_near(found[name])}" for name in ("notebook", "provenance", "report"))]


def _failure_lines(found: Mapping[str, Any]) -> list[str]:
    """Return where a rerun ended, what happened there, and why probably; nothing of a traceback."""
    first = found["first_divergence"]
    stage = f", in the stage {first['stage'].replace('_', ' ')}" if first["stage"] != "code" else ""
    where = f"the cell {first['item']}{stage}" if first["item"] else "before any cell ran"
    lines = [
        f"  it ended in       {where}",
        f"  what happened     {one_line(found['message'] or found['status'], 300)}",
    ]
    lines.append(f"  likely cause      {first['cause']}")
    if found["not_had"] is None and found["environment_changes"]:
        lines.append("  what may help     --same-environment: run it with the recorded versions")
    return lines


def _import(options: argparse.Namespace) -> Answer:
    found = verbs.import_provenance(
        options.source,
        out=options.out,
        edits=options.edits,
        tasks=options.tasks,
        data=options.data,
        before=lambda restored, changes: _before_import(options, restored, changes),
    )
    lines = [f"Wrote {found['notebook']}"]
    lines += [f"  discouraged     {item}" for item in found["advice"]]
    return found, "\n".join(lines), 0


def _verify(options: argparse.Namespace) -> Answer:
    found = verbs.verify(options.provenance)
    lines = ["Valid" if found["valid"] else "Not valid"]
    lines += [f"  {p['code']:<17} {p['record']}: {p['message']}" for p in found["problems"][:50]]
    lines += [f"  unchecked         {name} is not beside the file" for name in found["unchecked"]]
    lines.append(f"  head              {found['head']}")
    return found, "\n".join(lines), 0 if found["valid"] else 1


def _recover(options: argparse.Namespace) -> Answer:
    done = verbs.recover(options.journal, notebook=options.notebook)
    found, text, _ = _ran(done, next_step=f"mlprov reproduce {_near(done['provenance'])}")
    return found, text, 0


def _export(options: argparse.Namespace) -> Answer:
    found = verbs.export(options.provenance, to=options.to, out=options.out)
    return found, f"Wrote {found['path']}", 0


def _runs(options: argparse.Namespace) -> Answer:
    found = verbs.list_runs(runs=options.runs, search=options.search, sort=options.sort)
    lines = []
    for one in found["runs"]:
        accuracy = one["metrics"].get("accuracy")
        told = f"accuracy {_plain(accuracy)}" if accuracy is not None else one_line(one["problem"], 60)
        told += " (stale)" if "accuracy" in one["stale_metrics"] else ""
        started = str(one["started"])[:19].replace("T", " ")
        lines.append(f"{started:<21}{one['status'] or '':<12}{one['task'] or '':<28}{told:<22}  {one['run']}")
    none = "No run matches." if options.search else "There are no runs yet."
    return found, "\n".join(lines) or none, 0


def _compare(options: argparse.Namespace) -> Answer:
    found = verbs.compare(options.provenance)
    columns = [f"[{number}]" for number in range(1, len(found["runs"]) + 1)]
    lines = [f"{column:<6}{_near(run['provenance'])}" for column, run in zip(columns, found["runs"], strict=True)]
    different = {(item["group"], item["name"]) for item in found["differences"]}
    for group in ("parameters", "environment", "metrics"):
        rows = {name: values for name, values in found[group].items() if options.all or (group, name) in different}
        lines += ["", *(_compared(group, columns, rows) if rows else [f"{group}: the same in all"])]
    return found, "\n".join(lines), 0


def _compared(group: str, columns: list[str], rows: Mapping[str, list[Any]]) -> list[str]:
    """Return a group of values as lines: with a column for each run, or, of many runs, with a line for each."""
    from mlprov_widgets.execution.side_by_side import in_short

    if len(columns) <= _MOST_COLUMNS:
        head, lines = columns, {name: [in_short(value) for value in values] for name, values in rows.items()}
        first, width = 24, 72 // len(columns)
    else:
        head = list(rows)
        lines = {column: [in_short(values[k]) for values in rows.values()] for k, column in enumerate(columns)}
        first, width = 6, max(12, *(len(name) + 2 for name in head))
    told = [f"{group:<{first + 2}}" + "".join(f"{one_line(name, width - 2):<{width}}" for name in head)]
    for name, values in lines.items():
        told.append(f"  {name:<{first}}" + "".join(f"{one_line(value, width - 2):<{width}}" for value in values))
    return [line.rstrip() for line in told]


def _check_task(options: argparse.Namespace) -> Answer:
    found = verbs.check_task(options.folder)
    text = "\n".join([f"- {problem}" for problem in found["problems"]]) or "The task is well."
    return found, text, 0 if found["valid"] else 1


def _app(options: argparse.Namespace) -> Answer:
    from mlprov_widgets.ui.app import serve

    app = serve(Path("mlprov_app"), _whole(options.port, "port"), trusted=options.trusted)
    found = {"schema_version": SCHEMA_VERSION, "url": app.url}
    print(json.dumps(found) if options.json else f"The form is at {app.url} (Ctrl-C ends it)", flush=True)
    raise SystemExit(app.wait())


# Small things --------------------------------------------------------------------------------------


def _printable(text: str) -> str:
    """Return a text that standard output can encode, whatever the system's encoding."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _near(path: str) -> str:
    """Return a path as one would type it here."""
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path


def _visible(text: str) -> str:
    """Return a text whose control characters a terminal does not obey."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _seconds(raw: str | None) -> float | None:
    if raw is None:
        return None
    try:
        value = float(raw)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ValueRefused(
            f"{raw!r} is not a number of seconds", field="timeout", fix="Give, for example, --timeout 600"
        )
    return value


def _whole(raw: str, name: str) -> int:
    try:
        return int(raw)
    except ValueError:
        raise ValueRefused(f"{raw!r} is not a whole number", field=name, fix="Give, for example, 3") from None


class _Progress:
    """A progress bar by step on standard error; lines where standard error is no terminal."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.quiet = bool(options.json)
        self._bar: Any = None

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def __call__(self, event: Mapping[str, Any]) -> None:
        if self.quiet:
            return
        kind = event["event"]
        if not sys.stderr.isatty():
            if kind == "cell_start":
                print(f"[{event['index'] + 1}/{event['total']}] {event['title']}", file=sys.stderr)
            return
        if kind == "started":
            from tqdm import tqdm

            if self._bar is not None:
                self._bar.close()
            bar = "{desc:<28.28}|{bar}| {n_fmt}/{total_fmt} [{elapsed}]"
            self._bar = tqdm(total=event["total"], desc="Starting the kernel", bar_format=bar, file=sys.stderr)
        elif kind == "cell_start" and self._bar is not None:
            self._bar.set_description_str(str(event["title"]))
        elif kind == "cell_end" and self._bar is not None:
            self._bar.update(event["index"] + 1 - self._bar.n)


if __name__ == "__main__":
    sys.exit(entry())
