"""A file from a stranger is read, shown and imported, or refused in words; never obeyed.

``MLPROV_EXAMPLES=1000`` tries a thousand examples of each sort instead of a few. The small files of
``tests/data/hostile`` are tried each time.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import re
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mlprov_widgets import verbs
from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.compare import compare
from mlprov_widgets.execution.summary import FILE_NAME as SUMMARY
from mlprov_widgets.execution.summary import summarise
from mlprov_widgets.files import canonical_json, sha256_of_bytes, sha256_of_text
from mlprov_widgets.provenance.capture.environment import cpu
from mlprov_widgets.provenance.capture.journal import plain
from mlprov_widgets.provenance.export.formats import FORMATS
from mlprov_widgets.provenance.reading import ProvenanceFile, parse_json, read_provenance
from mlprov_widgets.provenance.replay import replay
from mlprov_widgets.tasks.plan import plan_from_dict
from mlprov_widgets.ui.compare_view import comparison_html

Answer = dict[str, Any]

EXAMPLES = int(os.environ.get("MLPROV_EXAMPLES", "40"))
MANY = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    suppress_health_check=[
        *settings().suppress_health_check,
        HealthCheck.data_too_large,
        HealthCheck.function_scoped_fixture,
    ],
)
SOME = settings(MANY, max_examples=max(EXAMPLES // 4, 1))
LEGACY = Path(__file__).parents[1] / "data" / "legacy.json"
CORPUS = Path(__file__).parents[1] / "data" / "hostile"

MOST_SECONDS = 5.0
MOST_BYTES = 500 * 2**20
"""What one verb may take for one file, of the processor's time and of memory."""

PAYLOAD = "pwned"
"""A name and a file that are there only if something was obeyed."""

HOSTILE = [
    f"__import__('pathlib').Path('{PAYLOAD}').touch()",
    f"1\nimport pathlib; pathlib.Path('{PAYLOAD}').touch()",
    f"Descent({PAYLOAD}); {PAYLOAD}",
    f"'); {PAYLOAD}(); ('",
    '"""\n' + PAYLOAD + '\n"""',
    "{{ 7 * 7 }}{% for x in y %}",
    f"<script>{PAYLOAD}()</script>",
    f'"><img src=x onerror="{PAYLOAD}()">',
    f"</pre></details><svg/onload={PAYLOAD}()>",
    f"javascript:{PAYLOAD}()",
    "../../../../../../etc/passwd",
    "/etc/passwd",
    "outputs/../../outside.png",
    "series/" + "a" * 5000,
    "C:\\Windows\\win.ini",
    "a\x00b",
    "\x1b[2J\x07\u202e",
    "\ud800",
    "\N{PILE OF POO}" * 100,
    "9" * 5000,
    "1e999",
    "-0",
    "NaN",
    "INF",
    "",
    "run:run",
    "plan:form",
    "2026-13-45T99:99:99",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
]
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=10**300, max_value=10**301),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(HOSTILE),
)
VALUES = st.recursive(
    st.one_of(
        SCALARS,
        st.builds(
            lambda text, kind: {"$": text, "type": kind},
            st.one_of(SCALARS, st.sampled_from(['["a"]', '{"a": {"b": [1, NaN, 1e999]}}', '"\\ud800"', "[" * 5000])),
            st.sampled_from(
                ["rdf:JSON", "xsd:integer", "xsd:double", "xsd:boolean", "xsd:dateTime", "xsd:QName", "ex:unknown"]
            ),
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=6,
)


class Original(NamedTuple):
    """A document, and what was changed in it: Hypothesis prints that, and not all of the document."""

    document: Answer
    changes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return "; ".join(self.changes)[:2000] or "as it was"


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to everything in a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def wrapped(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


@st.composite
def mutations(draw: st.DrawFn, original: Original) -> Original:
    """Draw a document with some things dropped, replaced, renamed or nested."""
    document = copy.deepcopy(original.document)
    changes = []
    for _ in range(draw(st.integers(1, 4))):
        # A section first, or the many relations would hide the few records that matter.
        section = draw(st.sampled_from(sorted(document))) if document else ""
        ways = [way for way in places({section: document.get(section)}) if len(way) > 1] or [(section,)]
        *above, key = draw(st.sampled_from(ways))
        holder: Any = document
        for step in above:
            holder = holder[step]
        action = draw(st.sampled_from(["drop", "replace", "hostile", "rename", "nest", "inside"]))
        if action == "drop":
            del holder[key]
        elif action == "replace":
            holder[key] = draw(VALUES)
        elif action == "hostile":
            holder[key] = draw(st.sampled_from(HOSTILE))
        elif action == "rename" and isinstance(holder, dict):
            holder[draw(st.one_of(st.text(max_size=10), st.sampled_from(HOSTILE)))] = holder.pop(key)
        elif action == "nest":
            holder[key] = wrapped(holder[key], draw(st.sampled_from([1, 2, 45])))
        elif action == "inside" and isinstance(holder[key], dict) and holder[key].get("type") == "rdf:JSON":
            holder[key] = {**holder[key], "$": draw(changed_inside(str(holder[key].get("$"))))}
        changes.append(f"{action} {[*above, key]}: {str(holder[key] if action == 'replace' else '')[:300]}")
    return Original(document, tuple(changes))


@st.composite
def changed_inside(draw: st.DrawFn, text: str) -> str:
    """Draw the text of a JSON literal with something else at one place."""
    try:
        inner = json.loads(text)
    except ValueError:
        return text
    ways = list(places(inner))
    if not ways:
        return text
    *above, last = draw(st.sampled_from(ways))
    target = inner
    for step in above:
        target = target[step]
    target[last] = draw(VALUES)
    return json.dumps(inner)


class _Watch:
    """Hears of all that the interpreter opens and starts, and keeps what no file may make it do."""

    def __init__(self) -> None:
        self.place: str | None = None
        self.seen: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.place is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and (flags & _WRITES or "passwd" in os.fsdecode(path)):
                self._touches(event, path)
        elif event in _CHANGES:
            for path in arguments[:2]:
                if isinstance(path, str | bytes | os.PathLike):
                    self._touches(event, path)
        elif event == "exec":
            name = str(getattr(arguments[0], "co_filename", "<string>"))
            # Imports execute files of packages; a task's templates are its author's code.
            if name.startswith(("<", self.place)) and not name.startswith(("<template>", "<frozen")):
                self.seen.append(f"exec {name}")
        elif event.startswith(_STARTS):
            self.seen.append(f"{event} {arguments!r}"[:300])

    def _touches(self, event: str, path: Any) -> None:
        place, self.place = self.place, None
        try:
            real = os.path.realpath(os.fsdecode(path))
            if place is not None and not real.startswith(place) and real not in _OWN:
                self.seen.append(f"{event} {real}"[:300])
        finally:
            self.place = place


_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = {f"os.{name}" for name in ("chmod", "link", "mkdir", "remove", "rename", "rmdir", "symlink", "truncate")}
_STARTS = ("subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.", "socket.", "urllib.")
_OWN = {os.devnull, f"/proc/{os.getpid()}/clear_refs"}
_watch = _Watch()
sys.addaudithook(_watch)


@pytest.fixture(scope="module", autouse=True)
def known_machine() -> None:
    """Let Python find out what processor this is: once in a process it starts ``uname`` for that, whatever the file."""
    cpu()


@contextmanager
def watched(place: Path) -> Iterator[None]:
    """See that nothing is started, and nothing written outside a folder."""
    _watch.place, _watch.seen = str(place), []
    try:
        yield
    finally:
        _watch.place = None
    assert _watch.seen == []


def test_what_must_not_happen_is_seen(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "outside-by-link")
    deeds: list[Callable[[], object]] = [
        lambda: exec("1"),
        lambda: eval("1"),
        lambda: os.system("true"),
        lambda: (tmp_path / "outside").write_text(""),
        lambda: (folder / ".." / "outside-2").mkdir(),
        lambda: (folder / "link").write_text(""),
        lambda: Path("/etc/passwd").read_bytes(),
        lambda: __import__("socket").create_connection(("127.0.0.1", 9), 0.1),
    ]
    for deed in deeds:
        with pytest.raises(AssertionError), watched(folder), suppress(OSError):
            deed()
    with watched(folder):
        (folder / "inside").write_text("")


@contextmanager
def folder_of(content: bytes, name: str = "provenance.json", links: Mapping[str, str] | None = None) -> Iterator[Path]:
    """Put a file, and links, into a folder of its own, work there, and see that nothing was obeyed."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place).resolve() / "theirs"
        folder.mkdir()
        (folder / name).write_bytes(content)
        for link, target in (links or {}).items():
            (folder / link).parent.mkdir(exist_ok=True)
            (folder / link).symlink_to(target)
        os.chdir(folder)
        try:
            with watched(folder):
                yield folder
            assert not list(folder.parent.rglob(f"*{PAYLOAD}*"))
            assert {path.name for path in folder.parent.iterdir()} == {"theirs"}
        finally:
            os.chdir(before)


most_taken: dict[str, tuple[float, float]] = {}
"""The most seconds and MiB that each verb took."""


@contextmanager
def frugal(name: str) -> Iterator[None]:
    """See that no more is taken than is allowed."""
    began, before = time.process_time(), _memory(fresh=True)
    yield
    seconds, grown = time.process_time() - began, _memory() - before
    known = most_taken.get(name, (0.0, 0.0))
    most_taken[name] = (max(known[0], seconds), max(known[1], grown / 2**20))
    assert seconds < MOST_SECONDS
    assert grown < MOST_BYTES


def _memory(*, fresh: bool = False) -> int:
    """Return the most bytes that this process held, since it was last asked for a fresh count; 0 where nobody knows."""
    try:
        if fresh:
            Path("/proc/self/clear_refs").write_text("5")
        told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    except OSError:
        return 0
    return int(told[1]) * 1024 if told else 0


def as_bytes(document: Answer | Original) -> bytes:
    return json.dumps(document.document if isinstance(document, Original) else document).encode()


def answered(verb: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Return what a verb says, None when it refuses in words; every other error fails the test."""
    with frugal(f"{verb.__name__} {options.get('to', '')}".strip()):
        try:
            return verb(*arguments, **options)
        except MlprovError as refusal:
            assert str(refusal).isprintable()
            assert refusal.field
            assert refusal.fix
            return None


def looked_at(path: Path, other: ProvenanceFile | None = None) -> None:
    """Do with a file all that does not write."""
    before = sorted(path.parent.rglob("*"))
    found = answered(read_provenance, path)
    if found is not None:
        answered(compare, found, other or found)
        answered(compare, other or found, found)
    answered(verbs.show, path)
    answered(verbs.verify, path)
    answered(replay, path)
    answered(verbs.list_runs, runs=path.parent.parent)
    assert sorted(path.parent.rglob("*")) == before


def names_in_code(notebook: Path) -> set[str]:
    """Return every name that a notebook's code speaks of; what stands in a literal is none."""
    names = set()
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                names |= {node.id} if isinstance(node, ast.Name) else set()
                names |= {node.attr} if isinstance(node, ast.Attribute) else set()
    return names


def imported(path: Path, task: Path, edits: str = "refuse") -> None:
    """Import a file; what is written is one notebook, in whose code no word of the file stands."""
    out = path.parent / f"out-{edits}" / "made.ipynb"
    found = answered(verbs.import_provenance, path, out=out, edits=edits, tasks=[task])
    if found is None:
        assert not out.exists()
    else:
        assert PAYLOAD not in names_in_code(out)


@pytest.fixture(scope="module", autouse=True)
def _all_is_imported(tiny_run: Answer, tiny_task: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Import what the verbs import when they are first used: that executes code, of packages."""
    folder = tmp_path_factory.mktemp("first")
    verbs.import_provenance(tiny_run["provenance"], out=folder / "made.ipynb", tasks=[tiny_task])
    for to in FORMATS:
        verbs.export(tiny_run["provenance"], to=to, out=folder / f"out.{to}")
    (folder / "journal.jsonl").write_bytes(Path(tiny_run["journal"]).read_bytes())
    verbs.recover(folder)
    verbs.list_runs(runs=folder)
    for verb in (verbs.show, verbs.verify):
        verb(folder / "provenance.json")
    with pytest.raises(MlprovError):
        verbs.reproduce(folder / "nowhere.json")


@pytest.fixture(scope="module")
def ours(tiny_run: Answer) -> Original:
    """A document that a run wrote."""
    return Original(parse_json(Path(tiny_run["provenance"]).read_bytes(), "provenance.json"))


@pytest.fixture(scope="module")
def theirs() -> Original:
    """A file as MLProvCodeGen laid it out."""
    return Original(json.loads(LEGACY.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def journal(tiny_run: Answer) -> Original:
    """The events of a run's journal, by their number."""
    lines = Path(tiny_run["journal"]).read_text(encoding="utf-8").splitlines()
    return Original({str(number): json.loads(line) for number, line in enumerate(lines)})


# Bytes -----------------------------------------------------------------------------------------------------


@MANY
@given(content=st.binary(max_size=300))
def test_any_bytes_are_refused(content: bytes) -> None:
    with folder_of(content) as folder:
        for verb in (read_provenance, verbs.show, verbs.verify, replay, verbs.import_provenance, verbs.reproduce):
            with pytest.raises(MlprovError):
                verb(folder / "provenance.json")
        assert [path.name for path in folder.iterdir()] == ["provenance.json"]


@MANY
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read(ours: Original, data: st.DataObject) -> None:
    content = bytearray(as_bytes(ours.document))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        end = min(len(content), place + data.draw(st.integers(0, 20)))
        content[place:end] = data.draw(st.binary(max_size=5))
    with folder_of(bytes(content)) as folder:
        looked_at(folder / "provenance.json")


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"prefix": {}, "prefix": {}}',
        b'{"entity": {"run:a": {}, "run:a": {}}}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": %s}' % (b"9" * 10_000),
        b"\xef\xbb\xbf",
        '{"a": "\u00e9"}'.encode("latin-1"),
        '{"a": 1}'.encode("utf-16"),
        b"\x00" * 1000,
        b"null",
        b"3",
        b'"text"',
        b"{}",
        b'{"a": 1} {"b": 2}',
        b'{"prefix": {"ml": "https://pypi.org/project/mlprov-widgets/#"}}',
        b"{" + b",".join(b'"k%d":0' % n for n in range(200_000)) + b',"k199999":0}',
    ],
    ids=lambda content: content[:30].decode("latin-1"),
)
def test_what_is_no_document_is_refused(content: bytes) -> None:
    with folder_of(content) as folder, pytest.raises(MlprovError):
        read_provenance(folder / "provenance.json")


# Documents -------------------------------------------------------------------------------------------------


@MANY
@given(data=st.data())
def test_a_changed_document_is_looked_at_or_refused(ours: Original, data: st.DataObject) -> None:
    with folder_of(as_bytes(data.draw(mutations(ours)))) as folder:
        looked_at(folder / "provenance.json", ProvenanceFile(ours.document))


@MANY
@given(data=st.data())
def test_a_changed_file_of_the_original_is_imported_or_refused(
    theirs: Original, tiny_task: Path, data: st.DataObject
) -> None:
    with folder_of(as_bytes(data.draw(mutations(theirs)))) as folder:
        looked_at(folder / "provenance.json")
        imported(folder / "provenance.json", tiny_task)


@MANY
@given(data=st.data())
def test_a_changed_document_is_imported_or_refused(ours: Original, tiny_task: Path, data: st.DataObject) -> None:
    with folder_of(as_bytes(data.draw(mutations(ours)))) as folder:
        imported(folder / "provenance.json", tiny_task, data.draw(st.sampled_from(["refuse", "drop"])))


def forged(document: Answer, plan: Any) -> Answer:
    """Return a document with another Plan whose digests fit, as somebody who knows the format writes it."""
    changed = copy.deepcopy(document)
    digest = plan_from_dict(plan).digest
    changed["entity"]["plan:form"]["ml:plan"] = {"$": canonical_json({**plan, "digest": digest}), "type": "rdf:JSON"}
    changed["entity"]["plan:notebook"]["ml:planDigest"] = digest
    return changed


@MANY
@given(data=st.data())
def test_values_of_a_forged_plan_reach_the_code_as_literals_or_not_at_all(
    ours: Original, tiny_task: Path, data: st.DataObject
) -> None:
    plan = json.loads(ours.document["entity"]["plan:form"]["ml:plan"]["$"])
    place = data.draw(st.sampled_from(["values", "origins", "requirements", "files", "task", "version", "task_digest"]))
    if place in ("values", "origins"):
        name = data.draw(st.sampled_from([*plan["values"], "title", "author", "data_file", PAYLOAD]))
        plan[place][name] = data.draw(st.one_of(st.sampled_from(HOSTILE), SCALARS))
    elif place == "requirements":
        plan[place] = [data.draw(st.sampled_from(["torch==1; x", "-r /etc/passwd", f"{PAYLOAD}==1", "a\nb"]))]
    elif place == "files":
        name, digest = data.draw(st.sampled_from(HOSTILE)), "0" * 64
        plan["files"] = {"data_file": {"name": name, "sha256": digest, "bytes": data.draw(st.integers())}}
        plan["values"] |= {"dataset_id": "csv", "data_file": data.draw(st.sampled_from([name, f"data/{digest}.csv"]))}
        plan["values"]["target_column"] = data.draw(st.sampled_from(HOSTILE))
    else:
        plan[place] = data.draw(st.sampled_from(HOSTILE))
    try:
        document = forged(ours.document, plan)
    except (MlprovError, ValueError):
        assume(False)
    with folder_of(as_bytes(document)) as folder:
        imported(folder / "provenance.json", tiny_task)


def with_edit(document: Answer, source: str, step: str) -> Answer:
    """Return a document that says that a cell ran with this source."""
    changed = copy.deepcopy(document)
    changed["entity"]["run:cell-x-1"] = {
        "prov:type": {"$": "ml:AddedCell", "type": "xsd:QName"},
        "ml:step": step,
        "ml:source": source,
        "schema:sha256": sha256_of_text(source),
    }
    changed["activity"]["run:exec-x-1"] = {
        "prov:startTime": "9000-01-01T00:00:00+00:00",
        "prov:type": {"$": "p-plan:Activity", "type": "xsd:QName"},
    }
    changed["used"]["_:x"] = {"prov:activity": "run:exec-x-1", "prov:entity": "run:cell-x-1"}
    return changed


@MANY
@given(source=st.one_of(st.sampled_from(HOSTILE), st.text(max_size=40)), step=st.sampled_from([*HOSTILE, "train"]))
def test_code_from_a_file_stays_out_unless_it_is_kept(ours: Original, tiny_task: Path, source: str, step: str) -> None:
    with folder_of(as_bytes(with_edit(ours.document, source, step))) as folder:
        path = folder / "provenance.json"
        assert answered(verbs.import_provenance, path, tasks=[tiny_task]) is None
        imported(path, tiny_task, "drop")
        out = folder / "kept" / "made.ipynb"
        answered(verbs.import_provenance, path, out=out, edits="keep", tasks=[tiny_task])
        answered(verbs.edits_of, path, tasks=[tiny_task])


@pytest.fixture(scope="module")
def form(tiny_task: Path) -> Any:
    """The form, which is given one file after the other."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLPROV_HOME", raising=False)
        from mlprov_widgets.ui.wizard import Wizard

        return Wizard(tasks=[tiny_task])


def filled(form: Any, path: Path) -> None:
    """Fill the form from a file; what it then shows has no tag and no handler of the file's."""
    form.desk.folder = path.parent
    answered(form.start.import_file, path.name, path.read_bytes())
    assert obeyed(form.start.imported.value) == []


@SOME
@given(data=st.data(), legacy=st.booleans())
def test_the_form_is_filled_from_a_changed_document_or_refuses(
    ours: Original, theirs: Original, form: Any, data: st.DataObject, legacy: bool
) -> None:
    with folder_of(as_bytes(data.draw(mutations(theirs if legacy else ours)))) as folder:
        filled(form, folder / "provenance.json")


# What is shown ---------------------------------------------------------------------------------------------


class _Tags(HTMLParser):
    """Collects what a browser would obey."""

    def __init__(self) -> None:
        super().__init__()
        self.obeyed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "iframe", "object", "embed", "base", "form", "link"):
            self.obeyed.append(tag)
        for name, value in attrs:
            if name.startswith("on") or (name in ("href", "src", "xlink:href") and not _is_harmless(str(value))):
                self.obeyed.append(f"{tag} {name}")


def _is_harmless(target: str) -> bool:
    return target.startswith(("data:image/png;base64,", "#"))


def obeyed(html: str) -> list[str]:
    tags = _Tags()
    tags.feed(html)
    return tags.obeyed


def test_what_a_browser_obeys_is_seen() -> None:
    assert obeyed('<script>x</script><img src="https://x" onerror="x">') == ["script", "img src", "img onerror"]


@MANY
@given(data=st.data(), form=st.sampled_from(FORMATS))
def test_a_changed_document_is_exported_or_refused(ours: Original, data: st.DataObject, form: str) -> None:
    with folder_of(as_bytes(data.draw(mutations(ours)))) as folder:
        out = folder / f"out.{form}"
        found = answered(verbs.export, folder / "provenance.json", to=form, out=out)
        assert out.exists() == (found is not None)
        if found is not None and form in ("html", "svg"):
            assert obeyed(out.read_text(encoding="utf-8")) == []


def everywhere(value: Any, text: str, key: str = "") -> Any:
    """Return a document whose every text is hostile, except those by which it is known as one of ours."""
    if isinstance(value, dict) and value.get("type") == "rdf:JSON":
        return {**value, "$": json.dumps(everywhere(json.loads(value["$"]), text))}
    if isinstance(value, dict):
        return {k: item if k in ("prefix", "$", "type") else everywhere(item, text, k) for k, item in value.items()}
    if isinstance(value, list):
        return [everywhere(item, text) for item in value]
    # References and times are left alone, or there would be nothing to show.
    kept = not isinstance(value, str) or key.startswith("prov:") or re.match(r"(run|plan):", value)
    return value if kept else f"{value}{text}"


@pytest.mark.parametrize("text", [text for text in HOSTILE if "<" in text])
@pytest.mark.parametrize("form", ["html", "svg"])
def test_no_text_of_a_document_becomes_a_tag(ours: Original, text: str, form: str) -> None:
    with folder_of(as_bytes(everywhere(ours.document, text))) as folder:
        out = folder / f"out.{form}"
        verbs.export(folder / "provenance.json", to=form, out=out)
        assert PAYLOAD in out.read_text(encoding="utf-8")
        assert obeyed(out.read_text(encoding="utf-8")) == []


@pytest.mark.timeout(60)
def test_a_document_of_very_many_records_takes_no_more_than_its_share(ours: Original) -> None:
    document = copy.deepcopy(ours.document)
    for number in range(20_000):
        document["activity"][f"run:exec-x-{number}"] = {
            "prov:startTime": "2026-01-01T00:00:00+00:00",
            "prov:type": {"$": "p-plan:Activity", "type": "xsd:QName"},
        }
        document["used"][f"_:x{number}"] = {
            "prov:activity": f"run:exec-x-{number}",
            "prov:entity": f"run:cell-x-{number}",
        }
        document["entity"][f"run:cell-x-{number}"] = {
            "prov:type": {"$": "ml:AddedCell", "type": "xsd:QName"},
            "ml:step": f"x-{number}",
            "ml:source": "1",
            "schema:sha256": sha256_of_text("1"),
        }
    with folder_of(as_bytes(document)) as folder:
        looked_at(folder / "provenance.json")
        assert answered(verbs.export, folder / "provenance.json", to="html", out=folder / "out.html") is not None


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "outputs/../../secret.png", "a\x00b.png", "a" * 5000])
def test_a_file_outside_the_folder_of_the_run_is_not_read(ours: Original, name: str) -> None:
    document = copy.deepcopy(ours.document)
    document["entity"]["run:file-x-1"] = {
        "prov:type": {"$": "ml:Artifact", "type": "xsd:QName"},
        "schema:name": name,
        "schema:sha256": "0" * 64,
    }
    with folder_of(as_bytes(document)) as folder:
        found = verbs.verify(folder / "provenance.json")
        codes = {problem["code"] for problem in found["problems"] if problem["record"] == "run:file-x-1"}
        assert codes <= {"outside"}
        verbs.export(folder / "provenance.json", to="html", out=folder / "out.html")


@MANY
@given(data=st.data())
def test_a_changed_summary_is_listed_and_compared_or_does_not_count(ours: Original, data: st.DataObject) -> None:
    content = as_bytes(ours)
    kept = {"version": 2, "bytes": len(content), "sha256": sha256_of_bytes(content)}
    told = data.draw(mutations(Original({"summary": summarise(ProvenanceFile(ours.document)), **kept})))
    with folder_of(content) as folder:
        path = folder / "provenance.json"
        (folder / SUMMARY).write_bytes(as_bytes(told))
        found = answered(verbs.list_runs, runs=folder.parent)
        assert found is not None
        json.dumps(plain(found), allow_nan=False)
        compared = answered(verbs.compare, [path, path])
        if compared is not None:
            json.dumps(plain(compared), allow_nan=False)
            assert obeyed(comparison_html(compared, only_differences=False)) == []


# Journals --------------------------------------------------------------------------------------------------


@MANY
@given(data=st.data())
def test_a_changed_journal_is_recovered_or_refused(journal: Original, data: st.DataObject) -> None:
    changed = data.draw(mutations(journal))
    content = "".join(json.dumps(event) + "\n" for event in changed.document.values())
    with folder_of(content.encode(), "journal.jsonl") as folder:
        recovered(folder / "journal.jsonl")


@MANY
@given(data=st.data())
def test_a_damaged_journal_is_recovered_or_refused(journal: Original, data: st.DataObject) -> None:
    content = bytearray(b"".join(as_bytes(event) + b"\n" for event in journal.document.values()))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        end = min(len(content), place + data.draw(st.sampled_from([0, 1, 20, 2000])))
        content[place:end] = data.draw(st.one_of(st.binary(max_size=5), st.just(bytes(content[place:end]) * 2)))
    with folder_of(bytes(content), "journal.jsonl") as folder:
        recovered(folder / "journal.jsonl")


def recovered(path: Path) -> None:
    """Make a document of a journal; nothing is written if it is refused."""
    found = answered(verbs.recover, path)
    if found is None:
        assert [child.name for child in path.parent.iterdir()] == [path.name]
    else:
        looked_at(Path(found["provenance"]))
        assert obeyed(Path(found["report"]).read_text(encoding="utf-8")) == []


# The corpus ------------------------------------------------------------------------------------------------


def corpus(kind: str) -> Any:
    """Return a mark that gives a test each file of a folder of the corpus."""
    files = sorted((CORPUS / kind).iterdir())
    return pytest.mark.parametrize("file", files, ids=[file.stem for file in files])


def everything(path: Path, task: Path, form: Any, other: ProvenanceFile) -> None:
    """Do with a document all that can be done without running it."""
    looked_at(path, other)
    for edits in ("refuse", "drop"):
        imported(path, task, edits)
    for to in FORMATS:
        out = path.parent / "exported" / f"out.{to}"
        found = answered(verbs.export, path, to=to, out=out)
        if found is not None and to in ("html", "svg"):
            assert obeyed(out.read_text(encoding="utf-8")) == []
        if found is not None and to == "rocrate":
            assert is_safe_zip(out)
    filled(form, path)


def is_safe_zip(path: Path) -> bool:
    """Return whether all that a zip holds would be unpacked below the folder where that is done."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    parts = [re.split(r"[/\\\\]", name) for name in names]
    return not any(".." in part or part[0] == "" or ":" in part[0] for part in parts)


@corpus("refused")
def test_a_file_of_the_corpus_that_is_no_document_is_refused_in_words(file: Path) -> None:
    with folder_of(file.read_bytes()) as folder:
        path = folder / "provenance.json"
        for verb in (read_provenance, verbs.show, verbs.verify, replay, verbs.import_provenance, verbs.reproduce):
            assert answered(verb, path) is None
        assert answered(verbs.export, path, to="html", out=folder / "out.html") is None
        assert [child.name for child in folder.iterdir()] == ["provenance.json"]


@corpus("documents")
def test_a_hostile_document_of_the_corpus_is_used_or_refused_in_words(
    file: Path, ours: Original, tiny_task: Path, form: Any
) -> None:
    with folder_of(file.read_bytes()) as folder:
        everything(folder / "provenance.json", tiny_task, form, ProvenanceFile(ours.document))


@corpus("journals")
def test_a_hostile_journal_of_the_corpus_is_recovered_or_refused_in_words(file: Path) -> None:
    with folder_of(file.read_bytes(), "journal.jsonl") as folder:
        recovered(folder / "journal.jsonl")


def test_an_artifact_that_is_a_link_out_of_the_folder_is_not_read(ours: Original, tiny_task: Path, form: Any) -> None:
    document = copy.deepcopy(ours.document)
    links = {
        "outputs/passwd.png": "/etc/passwd",
        "outputs/line.json": "/etc/passwd",
        "series": "/etc",
        "outputs/loop.png": "loop.png",
    }
    for number, name in enumerate(links):
        document["entity"][f"run:file-x-{number}"] = {
            "prov:type": {"$": "ml:Artifact", "type": "xsd:QName"},
            "schema:name": f"{name}/passwd" if name == "series" else name,
            "schema:sha256": "0" * 64,
        }
    document["entity"]["run:history"] = {
        "prov:type": {"$": "ml:Series", "type": "xsd:QName"},
        "schema:name": "outputs/line.json",
        "schema:sha256": "0" * 64,
    }
    with folder_of(as_bytes(document), links=links) as folder:
        everything(folder / "provenance.json", tiny_task, form, ProvenanceFile(ours.document))
        codes = [problem["code"] for problem in verbs.verify(folder / "provenance.json")["problems"]]
        assert codes.count("outside") >= 3


@pytest.mark.parametrize("text", ["a", "<b>&", "\U0001f4a9", "/x/"], ids=["plain", "markup", "wide", "paths"])
def test_enormous_texts_take_no_more_than_their_share(ours: Original, tiny_task: Path, form: Any, text: str) -> None:
    document = copy.deepcopy(ours.document)
    enormous = text * (8 * 2**20 // len(text.encode()))
    document["entity"]["plan:notebook"]["schema:name"] = enormous
    document["activity"]["run:run"]["ml:note"] = enormous
    document["entity"]["run:metric-accuracy"]["mls:hasValue"] = enormous
    with folder_of(as_bytes(document)) as folder:
        everything(folder / "provenance.json", tiny_task, form, ProvenanceFile(ours.document))
