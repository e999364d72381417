"""A document in the serialisations of PROV: PROV-JSON, PROV-N, PROV-XML, and PROV-O as Turtle and JSON-LD."""

from __future__ import annotations

import io
import json
import math
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import canonical_json, sha256_of_text
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.terms import NAMESPACES

if TYPE_CHECKING:
    from prov.model import ProvDocument
    from rdflib import Graph
    from rdflib.term import Node

_XSD = "http://www.w3.org/2001/XMLSchema"
_PROV = "http://www.w3.org/ns/prov#"
_XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

_DIRECT: Final = {
    "Association": ("wasAssociatedWith", "agent"),
    "Attribution": ("wasAttributedTo", "agent"),
    "Communication": ("wasInformedBy", "activity"),
    "Delegation": ("actedOnBehalfOf", "agent"),
    "Derivation": ("wasDerivedFrom", "entity"),
    "Generation": ("wasGeneratedBy", "activity"),
    "Usage": ("used", "entity"),
}
"""A qualified relation of PROV-O: the direct one, and the property that leads to its other end."""


def prov_json(file: ProvenanceFile) -> str:
    """Return a document in PROV-JSON, as a run writes it."""
    return json.dumps(file.document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def prov_n(file: ProvenanceFile) -> str:
    """Return a document in PROV-N.

    Raises
    ------
    ProvenanceError
        If it is not PROV.
    """
    with _told_in_words():
        return str(_document(file).get_provn()) + "\n"


def prov_xml(file: ProvenanceFile) -> str:
    """Return a document in PROV-XML that satisfies the schema of PROV-XML; see `prov_n`."""
    from lxml import etree
    from prov.serializers.provxml import ProvXMLSerializer

    with _told_in_words():
        stream = io.BytesIO()
        ProvXMLSerializer(_document(file)).serialize(stream)
        root = etree.fromstring(stream.getvalue(), etree.XMLParser(resolve_entities=False, huge_tree=True))
        for element in root.iter(etree.Element):
            _keep_to_xsd_types(element)
        return str(etree.tostring(root, encoding="unicode")) + "\n"


def _keep_to_xsd_types(element: Any) -> None:
    # prov writes every datatype as xsi:type, whose type a validator must find: XSD's own it knows, rdf:JSON
    # it does not. JSON has no line breaks and no tabs, so it is a normalizedString, and nothing else here is.
    # An attribute of ours would say more, but prov cannot read an element that has one.
    kind = element.attrib.get(_XSI_TYPE)
    if kind is None:
        return
    prefix, _, name = str(kind).rpartition(":")
    namespace = element.nsmap.get(prefix or None)
    if namespace != _XSD:
        as_json = (namespace, name) == (NAMESPACES["rdf"], "JSON")
        element.set(_XSI_TYPE, "xsd:normalizedString" if as_json else "xsd:string")


def turtle(file: ProvenanceFile) -> str:
    """Return a document as PROV-O in Turtle; see `prov_n`."""
    with _told_in_words():
        return _graph(file).serialize(format="turtle")


def json_ld(file: ProvenanceFile) -> str:
    """Return a document as PROV-O in JSON-LD, with its context in it; see `prov_n`."""
    with _told_in_words():
        graph = _graph(file)
        context = {prefix: str(uri) for prefix, uri in sorted(graph.namespaces())}
        written = json.loads(graph.serialize(format="json-ld", context=context))
        return json.dumps(_in_order(written), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _in_order(value: Any) -> Any:
    # An array stands for a set here, and rdflib writes it in the order of its own sets.
    if isinstance(value, list):
        return sorted(map(_in_order, value), key=canonical_json)
    if isinstance(value, dict):
        number = _as_literal(value.get("@value"))
        return number or {key: _in_order(value[key]) for key in sorted(value)}
    return _as_literal(value) or value


def _as_literal(value: Any) -> dict[str, str] | None:
    # rdflib writes a number as one of JSON, where 1.0 is an integer to other readers and NaN is none.
    if isinstance(value, float):
        text = repr(value) if math.isfinite(value) else "NaN" if math.isnan(value) else "INF" if value > 0 else "-INF"
        return {"@type": "xsd:double", "@value": text}
    if isinstance(value, int) and abs(value) > 2**53:
        return {"@type": "xsd:integer", "@value": str(value)}
    return None


def _document(file: ProvenanceFile) -> ProvDocument:
    from prov.model import ProvDocument

    return ProvDocument.deserialize(content=json.dumps(file.document), format="json")


@contextmanager
def _told_in_words() -> Iterator[None]:
    try:
        with warnings.catch_warnings():  # about what the file holds; its writer is not here to read them
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # prov's own, those of Python, lxml's; rdflib raises Exception itself
        raise ProvenanceError(
            f"the document is not PROV-JSON: {error}", field="provenance", fix="Use an unchanged file"
        ) from None


def _graph(file: ProvenanceFile) -> Graph:
    """Return a document as PROV-O, with nodes that are called alike each time."""
    from prov.serializers.provrdf import ProvRDFSerializer
    from rdflib import BNode, Graph, URIRef

    document = _document(file)
    if document.has_bundles():
        raise ValueError("a document of this package has no bundles")
    encoded = ProvRDFSerializer(document).encode_container(document)
    triples = sorted({*encoded, *_direct(encoded)}, key=_as_text)
    # prov's own names of nodes are random. Nodes of equal content are interchangeable, and numbered.
    content: dict[Node, list[str]] = {}
    for s, p, o in triples:
        if isinstance(s, BNode):
            content.setdefault(s, []).append(f"{p.n3()} {o.n3()}")
        if isinstance(o, BNode):
            content.setdefault(o, []).append(f"{s.n3()} {p.n3()}")
    names: dict[Node, Node] = {}
    alike: Counter[str] = Counter()
    for node, lines in content.items():
        digest = sha256_of_text("\n".join(sorted(lines)))[:24]
        names[node] = BNode(f"q{digest}n{alike[digest]}")
        alike[digest] += 1
    graph = Graph(bind_namespaces="none")
    for prefix, uri in (file.document.get("prefix") or {}).items():
        graph.bind(prefix, URIRef(uri))
    graph.bind("prov", _PROV)
    graph.bind("xsd", f"{_XSD}#")
    for triple in sorted(((names.get(s, s), p, names.get(o, o)) for s, p, o in triples), key=_as_text):
        graph.add(triple)
    return graph


def _direct(graph: Graph) -> Iterator[tuple[Node, Node, Node]]:
    """Yield the direct relations that prov leaves out where it writes a qualified one."""
    from rdflib import URIRef

    for qualified, (direct, influencer) in _DIRECT.items():
        for subject, node in graph.subject_objects(URIRef(f"{_PROV}qualified{qualified}")):
            for target in graph.objects(node, URIRef(f"{_PROV}{influencer}")):
                yield subject, URIRef(f"{_PROV}{direct}"), target


def _as_text(triple: Iterable[Node]) -> list[str]:
    return [term.n3() for term in triple]
