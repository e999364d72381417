"""PROV in its serialisations: odd values and hostile text, which no run of a test has."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import prov
import pytest
from lxml import etree
from rdflib import Graph, Literal, URIRef
from rdflib.compare import isomorphic

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.export.serialisations import json_ld, prov_n, prov_xml, turtle
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.terms import NAMESPACES

RUN = "urn:uuid:11111111-2222-3333-4444-555555555555#"
ALL = pytest.mark.parametrize("write", [prov_n, prov_xml, turtle, json_ld])
VALUES = [
    "a \"quoted\" \\ line\nand\tanother </ml:value> ]]> &amp; 'x' \N{PILE OF POO}",
    "",
    True,
    {"$": "NaN", "type": "xsd:double"},
    {"$": "0.1", "type": "xsd:double"},
    {"$": "123456789012345678901234567890", "type": "xsd:integer"},
    {"$": '[1,{"a b":"x  y\\n"}]', "type": "rdf:JSON"},
    {"$": "2026-01-01T00:00:00+00:00", "type": "xsd:dateTime"},
    {"$": "run:x", "type": "xsd:QName"},
]


def file(**sections: Any) -> ProvenanceFile:
    return ProvenanceFile({"prefix": {**NAMESPACES, "run": RUN}, **sections})


def of_value(value: Any) -> ProvenanceFile:
    return file(entity={"run:x": {"ml:value": value}})


def in_xml(value: Any) -> Any:
    return etree.fromstring(prov_xml(of_value(value))).find(f".//{{{NAMESPACES['ml']}}}value")


def in_graph(value: Any, write: Any = turtle) -> Any:
    graph = Graph().parse(data=write(of_value(value)), format="turtle" if write is turtle else "json-ld")
    return graph.value(URIRef(f"{RUN}x"), URIRef(f"{NAMESPACES['ml']}value"))


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_prov_xml_keeps_a_value_and_satisfies_its_schema(value: Any) -> None:
    schema = etree.XMLSchema(etree.parse(Path(prov.__file__).parent / "tests" / "schemas" / "prov.xsd"))
    schema.assertValid(etree.fromstring(prov_xml(of_value(value))))
    text = value["$"] if isinstance(value, dict) else "true" if value is True else value
    assert (in_xml(value).text or "") == text


@pytest.mark.parametrize(
    ("kind", "written"),
    [("rdf:JSON", "xsd:normalizedString"), ("ml:own", "xsd:string"), ("xsd:double", "xsd:double")],
)
def test_a_type_that_the_schema_has_not_is_another_in_prov_xml(kind: str, written: str) -> None:
    found = in_xml({"$": "1", "type": kind})
    assert found.get("{http://www.w3.org/2001/XMLSchema-instance}type") == written


@pytest.mark.parametrize("write", [turtle, json_ld])
@pytest.mark.parametrize("value", VALUES, ids=str)
def test_rdf_keeps_a_value_and_its_type(value: Any, write: Any) -> None:
    found = in_graph(value, write)
    if isinstance(value, dict) and value["type"] == "xsd:QName":
        assert found == URIRef(f"{RUN}x")
    else:
        text = value["$"] if isinstance(value, dict) else "true" if value is True else value
        kind = value["type"].partition(":")[2] if isinstance(value, dict) else "boolean" if value is True else None
        assert str(found.datatype or "").endswith(kind or "")
        assert str(found) == str(Literal(text, datatype=found.datatype))


@pytest.mark.parametrize("text", ["NaN", "INF", "-INF", "1.0", "0.1", "1e-320", "1.7976931348623157e+308"])
def test_json_ld_keeps_a_number_of_any_size_a_number(text: str) -> None:
    entity = json.loads(json_ld(of_value({"$": text, "type": "xsd:double"})))
    assert entity["ml:value"] == {"@type": "xsd:double", "@value": str(float(text)) if "N" not in text else text}


def test_qualified_relations_have_their_direct_ones_beside_them() -> None:
    when = {"prov:time": "2026-01-01T00:00:00+00:00"}
    made = file(
        entity={"run:a": {}, "run:b": {}, "run:plan": {}},
        activity={"run:do": {}},
        agent={"run:kernel": {}},
        wasGeneratedBy={"_:1": {"prov:entity": "run:a", "prov:activity": "run:do", **when}},
        used={"_:2": {"prov:activity": "run:do", "prov:entity": "run:b", **when}},
        wasDerivedFrom={
            "_:3": {"prov:generatedEntity": "run:a", "prov:usedEntity": "run:b", "prov:activity": "run:do"}
        },
        wasAssociatedWith={"_:4": {"prov:activity": "run:do", "prov:agent": "run:kernel", "prov:plan": "run:plan"}},
    )
    graph = Graph().parse(data=turtle(made), format="turtle")
    for ends in ("a wasGeneratedBy do", "do used b", "a wasDerivedFrom b", "do wasAssociatedWith kernel"):
        subject, relation, target = ends.split()
        triple = URIRef(f"{RUN}{subject}"), URIRef(f"http://www.w3.org/ns/prov#{relation}"), URIRef(f"{RUN}{target}")
        assert triple in graph, ends
    assert isomorphic(graph, Graph().parse(data=json_ld(made), format="json-ld"))


def test_equal_relations_stay_as_many_as_they_are() -> None:
    usage = {"prov:activity": "run:do", "prov:entity": "run:a", "prov:time": "2026-01-01T00:00:00+00:00"}
    graph = Graph().parse(data=turtle(file(used={"_:1": usage, "_:2": usage})), format="turtle")
    assert len(list(graph.objects(None, URIRef("http://www.w3.org/ns/prov#qualifiedUsage")))) == 2


@ALL
def test_the_order_of_sets_in_memory_does_not_change_a_byte(write: Any) -> None:
    made = file(
        entity={
            f"run:e{n}": {"ml:value": [f"{n}", f"{n * 7 % 10}", {"$": f"[{n}]", "type": "rdf:JSON"}]} for n in range(9)
        },
        used={
            f"_:{n}": {"prov:activity": f"run:a{n % 3}", "prov:entity": f"run:e{n}", "prov:role": "x"} for n in range(9)
        },
    )
    program = (
        "import json, sys; from mlprov_widgets.provenance import reading; from mlprov_widgets.provenance.export import serialisations; "
        f"sys.stdout.buffer.write(serialisations.{write.__name__}"
        "(reading.ProvenanceFile(json.load(sys.stdin))).encode())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(made.document).encode(),
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert found == {write(made).encode()}


@pytest.mark.parametrize("text", ["run:x y", "run:<x>", 'run:x"', "run:x\ny", "run:", "nobody:x", "x", "http://x/ y"])
@ALL
def test_a_hostile_name_is_written_as_one_or_refused_in_words(write: Any, text: str) -> None:
    made = file(entity={text: {"ml:value": "1"}}, used={"_:1": {"prov:activity": "run:a", "prov:entity": text}})
    try:
        written = write(made)
    except ProvenanceError as error:
        assert str(error).startswith("provenance: the document is not PROV-JSON: ")
        return
    if write is prov_xml:
        etree.fromstring(written)
    elif write is not prov_n:
        Graph().parse(data=written, format="turtle" if write is turtle else "json-ld")


@pytest.mark.parametrize("write", [turtle, json_ld])
def test_bundles_are_refused_rather_than_left_out(write: Any) -> None:
    with pytest.raises(ProvenanceError, match="a document of this package has no bundles"):
        write(file(bundle={"run:b": {"entity": {"run:x": {}}}}))


def test_a_value_of_xml_does_not_become_an_element() -> None:
    assert Literal(in_xml("<ml:x/>").text) == Literal("<ml:x/>")
    assert len(in_xml("<ml:x/>")) == 0


def test_what_takes_long_to_import_is_not_imported_before_it_is_used() -> None:
    program = "import mlprov_widgets.provenance.export.formats, sys; print(sorted({'lxml', 'nbformat', 'rdflib'} & {*sys.modules}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
