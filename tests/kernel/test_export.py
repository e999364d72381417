"""Every kind of run in every form: valid where there is a schema, whole where it can be read back."""

from __future__ import annotations

import ast
import json
import re
import shutil
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import nbformat
import prov
import pytest
import rocrate
from jsonschema.validators import validator_for
from lxml import etree
from prov.model import ProvDocument, ProvRecord
from rdflib import RDF, Graph, URIRef
from rdflib.compare import isomorphic
from rdflib.namespace import PROV, SDO
from rocrate.rocrate import ROCrate
from rocrate_validator import models, services
from rocrate_validator.utils.http import HttpRequester

from mlprov_widgets import verbs
from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import sha256_of_bytes
from mlprov_widgets.provenance.export.crate import METADATA
from mlprov_widgets.provenance.export.formats import FORMATS
from mlprov_widgets.provenance.terms import NAMESPACES

Answer = dict[str, Any]
STICKS = "length,width,kind\n" + "".join(f"{n}.5,{n % 3},{'long' if n > 5 else 'short'}\n" for n in range(12))
SCHEMAS = Path(prov.__file__).parent / "tests" / "schemas"

# What each kind of run is made of: the arguments of `notebook`.
KINDS: dict[str, Answer] = {
    "completed": {"values": {"author": "Ada <&> Example", "title": "Two größe groups"}},
    "failed": {"edit": {"train": "raise ValueError('<b>\"no\"\\n\\x1b luck</b>')"}},
    "cancelled": {},
    "edited": {"replace": {"parameters": ("epochs = 4", "epochs = 6")}},
    "with new cells": {"add": {"train": "größe = {'a b': [float('nan')]}\n%pwd", "imports": "%%bash\necho hi"}},
    "recorded from outside": {"remove": ("recorder",)},
    "of many epochs": {"values": {"epochs": 2000}},
    "with own data": {"values": {"dataset_id": "csv", "data_file": "sticks.csv"}},
    "imported": {},
    "recovered": {},
}
# How much of the journal is left of some, and what comes after that.
CUT: dict[str, tuple[float, list[Answer]]] = {
    "recovered": (0.6, []),
    "cancelled": (0.6, [{"event": "end", "status": "cancelled"}]),
}
KEPT: dict[str, Path] = {}


@pytest.fixture
def provenance_of(
    notebook: Callable[..., Path],
    run: Callable[..., Answer],
    tiny_task: Path,
    own_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Path]:
    """Return a function that gives the document of a kind of run; only to be read."""

    def recorded(kind: str) -> Path:
        if kind not in KEPT:
            (own_folder / "sticks.csv").write_text(STICKS, encoding="utf-8")
            if kind == "imported":
                path = own_folder / "imported" / "tiny.ipynb"
                verbs.import_provenance(recorded("completed"), out=path, tasks=[tiny_task])
            else:
                path = notebook(**KINDS[kind])
            folder = Path(run(path)["run"])
            if kind in CUT:
                journal = folder / "journal.jsonl"
                lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
                kept, added = CUT[kind]
                lines = lines[: int(len(lines) * kept)]
                added = [json.dumps({"time": json.loads(lines[-1])["time"], **event}) + "\n" for event in added]
                journal.write_text("".join([*lines, *added]), encoding="utf-8")
                (folder / "provenance.json").unlink()
                shutil.rmtree(folder / "outputs")
                verbs.recover(journal)
            KEPT[kind] = Path(shutil.copytree(folder, tmp_path_factory.mktemp("kept") / "run")) / "provenance.json"
        return KEPT[kind]

    return recorded


@pytest.fixture
def exported(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Return a function that exports a document and says where to."""

    def write(provenance: Path, to: str) -> Path:
        out = tmp_path / f"exported-{len(list(tmp_path.iterdir()))}"
        return Path(verbs.export(provenance, to=to, out=out)["path"])

    return write


def read_by_prov(text: str, form: str, **options: str) -> ProvDocument:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # rdflib's own
        return ProvDocument.deserialize(content=text, format=form, **options)


def records_of(document: ProvDocument) -> Counter[ProvRecord]:
    return Counter(document.get_records())


kinds = pytest.mark.parametrize("kind", KINDS)


@pytest.mark.slow
def test_the_kinds_of_runs_are_what_they_are_called(provenance_of: Any) -> None:
    statuses = {kind: verbs.list_runs(runs=provenance_of(kind).parents[1])["runs"][0]["status"] for kind in KINDS}
    odd = {"failed": "failed", "cancelled": "cancelled", "recovered": "incomplete"}
    assert {kind: status for kind, status in statuses.items() if status != "completed"} == odd
    code = {kind: {step["code"] for step in verbs.show(provenance_of(kind))["steps"]} for kind in KINDS}
    assert ("edited" in code["edited"], "added" in code["with new cells"]) == (True, True)
    assert list(provenance_of("of many epochs").parent.glob("series/*.json"))
    assert list(provenance_of("with own data").parent.glob("data/*.csv"))


@kinds
def test_a_document_satisfies_the_schema_of_prov_json(provenance_of: Any, exported: Any, kind: str) -> None:
    schema = json.loads((SCHEMAS / "prov-json.schema.json").read_text(encoding="utf-8"))
    written = exported(provenance_of(kind), "json")
    assert written.read_bytes() == provenance_of(kind).read_bytes()
    document = json.loads(written.read_text(encoding="utf-8"))
    assert [error.message[:200] for error in validator_for(schema)(schema).iter_errors(document)] == []


@kinds
def test_prov_xml_satisfies_its_schema_and_is_read_back_equal(provenance_of: Any, exported: Any, kind: str) -> None:
    text = exported(provenance_of(kind), "provx").read_text(encoding="utf-8")
    schema = etree.XMLSchema(etree.parse(SCHEMAS / "prov.xsd"))
    assert [str(entry) for entry in schema.error_log if not schema.validate(etree.fromstring(text))] == []
    assert schema.validate(etree.fromstring(text))
    original = read_by_prov(provenance_of(kind).read_text(encoding="utf-8"), "json")
    assert "rdf:JSON" not in text
    assert read_by_prov(text.replace('"xsd:normalizedString"', '"rdf:JSON"'), "xml") == original


@kinds
def test_prov_n_is_read_back_equal(provenance_of: Any, exported: Any, kind: str) -> None:
    text = exported(provenance_of(kind), "provn").read_text(encoding="utf-8")
    assert read_by_prov(text, "provn") == read_by_prov(provenance_of(kind).read_text(encoding="utf-8"), "json")


@kinds
def test_turtle_holds_every_record_and_beyond_them_only_direct_relations(
    provenance_of: Any, exported: Any, kind: str
) -> None:
    original = records_of(read_by_prov(provenance_of(kind).read_text(encoding="utf-8"), "json"))
    text = exported(provenance_of(kind), "ttl").read_text(encoding="utf-8")
    found = records_of(read_by_prov(text, "rdf", rdf_format="turtle"))
    assert original - found == Counter()
    ends = {(type(record), *(value for _, value in record.formal_attributes[:2])) for record in original}
    for record in found - original:
        assert (type(record), *(value for _, value in record.formal_attributes[:2])) in ends
        assert [value for _, value in record.formal_attributes[2:] if value is not None] == []


@kinds
def test_every_attribute_of_a_record_is_a_property_of_its_own_in_turtle(
    provenance_of: Any, exported: Any, kind: str
) -> None:
    document = json.loads(provenance_of(kind).read_text(encoding="utf-8"))
    graph = Graph().parse(exported(provenance_of(kind), "ttl"), format="turtle")

    def full(name: str) -> URIRef:
        prefix, _, local = name.partition(":")
        return URIRef(document["prefix"].get(prefix, str(PROV) if prefix == "prov" else "") + local)

    for identifier, record in (*document["entity"].items(), *document["activity"].items(), *document["agent"].items()):
        for name, value in record.items():
            values = value if isinstance(value, list) else [value]
            if name == "prov:type":
                assert {full(item["$"]) for item in values} <= set(graph.objects(full(identifier), RDF.type))
            elif not name.startswith("prov:"):
                there = list(graph.objects(full(identifier), full(name)))
                assert len(there) == len(values)
                for item in values:
                    expected = str(item["$"]) if isinstance(item, dict) else item
                    reference = isinstance(item, dict) and item["type"] == "xsd:QName"
                    wanted = full(expected) if reference else expected if isinstance(expected, str) else None
                    assert wanted is None or str(wanted) in {str(one) for one in there}


P_PLAN = "Plan Step Variable Activity Entity isStepOfPlan isPrecededBy hasInputVar hasOutputVar isVariableOfPlan"
MLS = "Run Model Dataset Data HyperParameter HyperParameterSetting ModelEvaluation EvaluationMeasure specifiedBy"
TERMS = {
    NAMESPACES["p-plan"]: {*P_PLAN.split(), "correspondsToStep", "correspondsToVariable"},
    NAMESPACES["mls"]: {*MLS.split(), "hasValue"},
}


@kinds
def test_turtle_uses_the_terms_that_its_vocabularies_have(provenance_of: Any, exported: Any, kind: str) -> None:
    graph = Graph().parse(exported(provenance_of(kind), "ttl"), format="turtle")
    for term in {*graph.predicates(), *graph.objects(None, RDF.type)}:
        space = max((uri for uri in (*NAMESPACES.values(), str(PROV)) if term.startswith(uri)), key=len)
        local = str(term).removeprefix(space)
        if space == str(PROV):
            assert local in PROV
        elif space in TERMS:
            assert local in TERMS[space]
        elif space == NAMESPACES["schema"]:
            assert local in SDO or local == "sha256"  # newer than rdflib's copy of schema.org


@kinds
def test_json_ld_says_what_turtle_says_and_needs_no_network(provenance_of: Any, exported: Any, kind: str) -> None:
    text = exported(provenance_of(kind), "jsonld").read_text(encoding="utf-8")
    assert all(isinstance(value, str) for value in json.loads(text)["@context"].values())
    turtle = Graph().parse(exported(provenance_of(kind), "ttl"), format="turtle")
    assert isomorphic(Graph().parse(data=text, format="json-ld"), turtle)


@kinds
def test_a_script_is_python_and_has_the_code_of_each_execution_in_its_order(
    provenance_of: Any, exported: Any, kind: str
) -> None:
    text = exported(provenance_of(kind), "py").read_text(encoding="utf-8")
    ast.parse(text)
    titles = [str(step["title"]) for step in verbs.show(provenance_of(kind))["steps"]]
    headings = [line.removeprefix("# %% ") for line in text.splitlines() if line.startswith("# %% ")]
    assert len(headings) == len(titles)
    assert all(heading.startswith(title) for heading, title in zip(headings, titles, strict=True))


def test_a_script_has_what_ran_rather_than_what_was_planned(provenance_of: Any, exported: Any) -> None:
    assert "epochs = 6" in exported(provenance_of("edited"), "py").read_text(encoding="utf-8")
    assert "# %% Move the line (edited; error: ValueError" in exported(provenance_of("failed"), "py").read_text(
        encoding="utf-8"
    )
    added = exported(provenance_of("with new cells"), "py").read_text(encoding="utf-8")
    assert "\n# %pwd\n" in added
    assert "\n# %%bash\n# echo hi\n" in added


@kinds
def test_a_picture_is_svg_with_every_step(provenance_of: Any, exported: Any, kind: str) -> None:
    root = ElementTree.fromstring(exported(provenance_of(kind), "svg").read_text(encoding="utf-8"))
    steps = {step["step"] for step in verbs.show(provenance_of(kind))["steps"]}
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert len([e for e in root.iter() if e.get("stroke-dasharray")]) == len(steps)


@pytest.mark.parametrize("form", FORMATS)
def test_two_exports_are_the_same_bytes(provenance_of: Any, exported: Any, form: str) -> None:
    source = provenance_of("completed")
    assert exported(source, form).read_bytes() == exported(source, form).read_bytes()


# RO-Crate --------------------------------------------------------------------------------------------------


def contexts() -> dict[str, Answer]:
    """Return the two contexts of a crate, as far as a crate of ours needs them."""
    # schema.org as the wheel of `rocrate` has it, in RO-Crate 1.3; in 1.1 these four were called otherwise.
    path = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
    terms = json.loads(path.read_text(encoding="utf-8"))["@context"]
    terms |= {name: f"https://bioschemas.org/{name}" for name in ("ComputationalWorkflow", "FormalParameter")}
    terms |= {name: f"https://bioschemas.org/ComputationalWorkflow#{name}" for name in ("input", "output")}
    return {
        "https://w3id.org/ro/crate/1.1/context": {"@context": terms},
        "https://w3id.org/ro/terms/workflow-run/context": {
            "@context": {"sha256": "https://w3id.org/ro/terms/workflow-run#sha256"}
        },
    }


class Answered:
    """What the validator takes for an answer from the network."""

    status_code = 200
    headers = {"Content-Type": "application/ld+json"}  # noqa: RUF012

    def __init__(self, content: Answer) -> None:
        self.content = content

    def json(self) -> Answer:
        return self.content


@pytest.fixture
def broken_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], list[str]]]:
    """Return a function that lists the required rules of the profiles that a crate breaks."""
    known = contexts()
    monkeypatch.setattr(HttpRequester, "get", lambda _, url, **__: Answered(known[url]), raising=False)

    def broken(crate: Path) -> list[str]:
        settings = {
            "rocrate_uri": str(crate),
            "profile_identifier": "provenance-run-crate-0.5",  # which holds the rules of all the others
            "requirement_severity": models.Severity.REQUIRED,
            "no_cache": True,
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the validator's and pyshacl's own
            result = services.validate(settings)
        assert len(result.executed_checks) > 50
        return [f"{issue.check.identifier}: {issue.message} {issue.violatingEntity}" for issue in result.get_issues()]

    return broken


def crate_of(exported: Any, provenance: Path) -> Path:
    path: Path = exported(provenance, "rocrate")
    return path.rename(path.with_suffix(".zip"))


def graph_of(crate: Path) -> dict[str, Answer]:
    with zipfile.ZipFile(crate) as archive:
        return {entity["@id"]: entity for entity in json.loads(archive.read(METADATA))["@graph"]}


def one_of_type(graph: dict[str, Answer], kind: str, **properties: Any) -> Answer:
    (found,) = (e for e in graph.values() if e["@type"] == kind and properties.items() <= e.items())
    return found


@kinds
def test_a_crate_breaks_no_required_rule_of_its_profiles(
    provenance_of: Any, exported: Any, broken_rules: Any, kind: str
) -> None:
    assert broken_rules(crate_of(exported, provenance_of(kind))) == []


def test_a_broken_rule_is_seen(provenance_of: Any, exported: Any, broken_rules: Any) -> None:
    crate = crate_of(exported, provenance_of("completed"))
    with zipfile.ZipFile(crate) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    metadata = json.loads(contents[METADATA])
    metadata["@graph"] = [{k: v for k, v in entity.items() if k != "instrument"} for entity in metadata["@graph"]]
    with zipfile.ZipFile(crate, "w") as archive:
        for name, content in {**contents, METADATA: json.dumps(metadata)}.items():
            archive.writestr(name, content)
    assert any("instrument" in rule for rule in broken_rules(crate))


@kinds
def test_a_crate_uses_declared_terms_and_every_reference_of_its_own_ends(
    provenance_of: Any, exported: Any, kind: str
) -> None:
    graph = graph_of(crate_of(exported, provenance_of(kind)))
    declared = {term for context in contexts().values() for term in context["@context"]}
    for entity in graph.values():
        types = entity["@type"] if isinstance(entity["@type"], list) else [entity["@type"]]
        assert {*entity, *types} - {"@id", "@type"} <= declared
        values = [item for value in entity.values() for item in (value if isinstance(value, list) else [value])]
        for reference in (item["@id"] for item in values if isinstance(item, dict)):
            assert reference in graph or reference.startswith(("https://w3id.org/ro/crate/", "https://bioschemas.org/"))


@kinds
def test_a_crate_holds_the_files_of_the_run_as_they_are(provenance_of: Any, exported: Any, kind: str) -> None:
    source = provenance_of(kind)
    crate = crate_of(exported, source)
    graph = graph_of(crate)
    with zipfile.ZipFile(crate) as archive:
        names = archive.namelist()
        contents = {name: archive.read(name) for name in names}
    wanted = {"tiny.ipynb", "provenance.json", "journal.jsonl"}
    for folder in ("outputs", "series", "data"):
        wanted |= {path.relative_to(source.parent).as_posix() for path in source.parent.glob(f"{folder}/*")}
    assert set(names) == wanted | {"report.html", METADATA}
    assert names == sorted(names)
    assert [name for name in wanted if contents[name] != (source.parent / name).read_bytes()] == []
    told = {name: graph[name]["sha256"] for name in names if name != METADATA}
    assert told == {name: sha256_of_bytes(content) for name, content in contents.items() if name != METADATA}
    assert {part["@id"] for part in graph["./"]["hasPart"]} == set(told)


def test_a_crate_is_read_by_rocrate(provenance_of: Any, exported: Any) -> None:
    crate = ROCrate(crate_of(exported, provenance_of("completed")))
    assert crate.mainEntity.id == "tiny.ipynb"
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} <= set(crate.mainEntity.type)
    assert crate.name == "Two größe groups"
    assert crate.root_dataset["author"]["name"] == "Ada <&> Example"


def test_the_run_is_an_action_with_what_went_in_and_what_came_out(provenance_of: Any, exported: Any) -> None:
    shown = verbs.show(provenance_of("completed"))
    graph = graph_of(crate_of(exported, provenance_of("completed")))
    (identifier,) = (name for name in graph if name.endswith("#run"))
    run = graph[identifier]
    assert run["instrument"] == {"@id": "tiny.ipynb"}
    assert run["actionStatus"] == "http://schema.org/CompletedActionStatus"
    assert "error" not in run
    assert run["startTime"][:19] == shown["run"]["started"][:19]
    values = {graph[r["@id"]]["name"]: graph[r["@id"]].get("value") for r in run["object"]}
    assert (values["epochs"], values["optimizer"]) == (4, "Descent")
    results = {graph[r["@id"]]["name"]: graph[r["@id"]].get("value") for r in run["result"]}
    assert results["accuracy"] == shown["metrics"]["accuracy"]
    assert json.loads(results["confusion_matrix"]) == shown["metrics"]["confusion_matrix"]
    assert "line.json" in results
    kernel = one_of_type(graph, "OrganizeAction")["instrument"]["@id"]
    assert graph[kernel]["softwareVersion"]


def test_a_run_that_failed_is_an_action_that_failed_with_its_error(provenance_of: Any, exported: Any) -> None:
    graph = graph_of(crate_of(exported, provenance_of("failed")))
    failed = {
        e["@id"].partition("#")[2]: e for e in graph.values() if "FailedActionStatus" in str(e.get("actionStatus"))
    }
    assert set(failed) == {"run", "exec-train-1"}
    assert failed["exec-train-1"]["error"].startswith("ValueError: <b>")


def test_own_data_is_what_the_run_used(provenance_of: Any, exported: Any) -> None:
    graph = graph_of(crate_of(exported, provenance_of("with own data")))
    (data,) = (e for e in graph.values() if str(e["@id"]).startswith("data/"))
    assert (data["alternateName"], data["encodingFormat"]) == ("sticks.csv", "text/csv")
    run = next(e for name, e in graph.items() if name.endswith("#run"))
    assert {"@id": data["@id"]} in run["object"]


@pytest.fixture
def run_folder(provenance_of: Any, tmp_path: Path) -> Path:
    """A copy of a run that may be changed."""
    return Path(shutil.copytree(provenance_of("completed").parent, tmp_path / "copy"))


def test_a_document_alone_is_a_crate_with_the_notebook_made_of_it(
    run_folder: Path, exported: Any, broken_rules: Any, tmp_path: Path
) -> None:
    (tmp_path / "alone").mkdir()
    alone = Path(shutil.copy(run_folder / "provenance.json", tmp_path / "alone"))
    crate = crate_of(exported, alone)
    with zipfile.ZipFile(crate) as archive:
        assert set(archive.namelist()) == {"tiny.ipynb", "provenance.json", "report.html", METADATA}
        made = nbformat.reads(archive.read("tiny.ipynb").decode(), as_version=4)
    nbformat.validate(made)
    executed = nbformat.read(run_folder / "tiny.ipynb", as_version=4)
    ran = [cell.source for cell in executed.cells if cell.cell_type == "code" and cell.execution_count]
    assert set(ran) >= {cell.source for cell in made.cells} != set()
    graph = graph_of(crate)
    assert graph["tiny.ipynb"]["description"].startswith("The code that ran")
    (absent,) = (e for e in graph.values() if e.get("name") == "outputs/line.json")
    assert absent["sha256"] == sha256_of_bytes((run_folder / "outputs" / "line.json").read_bytes())
    assert broken_rules(crate) == []


def test_what_else_lies_in_the_folder_of_a_run_stays_there(run_folder: Path, exported: Any) -> None:
    for name in (".env", "secret.txt", "outputs/note.txt", "source/other.ipynb"):
        (run_folder / name).parent.mkdir(exist_ok=True)
        (run_folder / name).write_text("secret", encoding="utf-8")
    with zipfile.ZipFile(crate_of(exported, run_folder / "provenance.json")) as archive:
        assert not any(b"secret" in archive.read(name) for name in archive.namelist())


@pytest.mark.parametrize("name", ["outputs/line.json", "outputs", "tiny.ipynb", "journal.jsonl"])
def test_a_link_is_not_followed(run_folder: Path, exported: Any, tmp_path: Path, name: str) -> None:
    (run_folder / name).rename(tmp_path / "outside")
    (run_folder / name).symlink_to(tmp_path / "outside")
    with zipfile.ZipFile(crate_of(exported, run_folder / "provenance.json")) as archive:
        assert not any(found.startswith(name) for found in archive.namelist() if name != "tiny.ipynb")
        made = nbformat.reads(archive.read("tiny.ipynb").decode(), as_version=4)
    assert (made.cells[0].get("id") == "execution-1") == (name == "tiny.ipynb")


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/etc/passwd", "outputs/../../outside.txt", "a\x00b", "C:\\x", ".", "./provenance.json"]
)
def test_no_name_leads_out_of_the_folder_of_a_run(run_folder: Path, exported: Any, name: str) -> None:
    (run_folder.parent / "outside.txt").write_text("outside", encoding="utf-8")
    path = run_folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    artifact = document["entity"]["run:file-outputs_x2f_line.json-1"]
    artifact["schema:name"], artifact["schema:sha256"] = name, sha256_of_bytes(b"outside")
    path.write_text(json.dumps(document), encoding="utf-8")
    with zipfile.ZipFile(crate_of(exported, path)) as archive:
        assert set(archive.namelist()) == {"tiny.ipynb", "provenance.json", "journal.jsonl", "report.html", METADATA}


@pytest.mark.parametrize(
    "name", ["../x.ipynb", "a/../..\\x.ipynb", "x\x00.ipynb", "..", "", "x" * 300 + ".ipynb", "report.html"]
)
def test_a_notebook_that_is_not_there_gets_a_name_that_any_folder_takes(
    run_folder: Path, exported: Any, name: str
) -> None:
    path = run_folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["entity"]["plan:notebook"]["schema:name"] = name
    path.write_text(json.dumps(document), encoding="utf-8")
    with zipfile.ZipFile(crate_of(exported, path)) as archive:
        (made,) = (found for found in archive.namelist() if found.endswith(".ipynb"))
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,60}\.ipynb", made)
    assert ".." not in made


def test_a_changed_artifact_is_refused(run_folder: Path, exported: Any) -> None:
    (run_folder / "outputs" / "line.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ProvenanceError) as refused:
        exported(run_folder / "provenance.json", "rocrate")
    assert str(refused.value) == (
        "outputs/line.json: the file outputs/line.json is not the one that the run wrote. Look with: mlprov verify."
    )


def test_no_form_takes_a_document_that_is_no_prov(run_folder: Path, exported: Any) -> None:
    path = run_folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["wasDreamtOf"] = {"_:x": {"prov:entity": "run:run"}}
    path.write_text(json.dumps(document), encoding="utf-8")
    for form in ("provn", "provx", "ttl", "jsonld"):
        with pytest.raises(ProvenanceError, match="the document is not PROV-JSON"):
            exported(path, form)
