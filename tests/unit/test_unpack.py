"""A crate is unpacked only when it is what it says."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import sha256_of_bytes
from mlprov_widgets.provenance.reading import read_provenance
from mlprov_widgets.provenance.unpack import is_archive, opened, unpack

METADATA = "ro-crate-metadata.json"
WriteCrate = Callable[..., Path]


@pytest.fixture
def write_crate(tmp_path: Path) -> WriteCrate:
    """Return a function that writes an archive with metadata that fits, unless told otherwise."""

    def write(files: dict[str, bytes], digests: dict[str, str] | None = None, **more: Any) -> Path:
        path = tmp_path / "crate.zip"
        told = {name: sha256_of_bytes(content) for name, content in files.items()} | (digests or {})
        graph = [{"@id": name, "@type": "File", "sha256": digest} for name, digest in told.items()]
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(METADATA, json.dumps({"@graph": graph, **more}))
            for name, content in files.items():
                packed.writestr(name, content)
        return path

    return write


@pytest.fixture(scope="session")
def crate(tiny_run: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crate of a real run."""
    path = tmp_path_factory.mktemp("crate") / "run.zip"
    verbs.export(tiny_run["provenance"], to="rocrate", out=path)
    return path


def test_a_crate_made_here_is_unpacked_whole(crate: Path, tiny_run: dict[str, Any], tmp_path: Path) -> None:
    path = unpack(crate, tmp_path)
    assert read_provenance(path).document == read_provenance(tiny_run["provenance"]).document
    assert (tmp_path / "outputs" / "line.json").is_file()
    assert verbs.verify(path) == verbs.verify(tiny_run["provenance"])


def test_a_crate_is_gone_again_when_it_was_read(crate: Path) -> None:
    with opened(crate) as path:
        assert path.is_file()
    assert not path.exists()


def test_another_file_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "provenance.json"
    path.write_text("{}", encoding="utf-8")
    assert not is_archive(path)
    with opened(path) as found:
        assert found == path


def test_a_crate_is_imported_from_it_alone(crate: Path, tiny_task: Path, tmp_path: Path) -> None:
    found = verbs.import_provenance(crate, out=tmp_path / "new.ipynb", tasks=[tiny_task])
    assert (found["task"], found["missing"]) == ("tiny", [])
    assert Path(found["notebook"]).is_file()


@pytest.mark.parametrize(
    "name", ["../evil.txt", "/etc/evil.txt", "a/../../evil.txt", "..\\evil.txt", "c:evil.txt", "a/b\n.txt"]
)
def test_a_path_that_leads_out_is_refused_and_named(write_crate: WriteCrate, tmp_path: Path, name: str) -> None:
    path = write_crate({"provenance.json": b"{}", name: b"x"})
    with pytest.raises(ProvenanceError, match="leads out of the archive") as caught:
        unpack(path, tmp_path / "out")
    assert "evil" in str(caught.value) or "b" in str(caught.value)
    assert not list(tmp_path.rglob("evil.txt"))


def test_a_file_of_another_digest_is_refused_and_named(write_crate: WriteCrate, tmp_path: Path) -> None:
    path = write_crate({"provenance.json": b"{}", "outputs/model.pt": b"x"}, {"outputs/model.pt": "0" * 64})
    with pytest.raises(ProvenanceError, match=r"^outputs/model\.pt: the file is not the one"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize(
    ("files", "digests", "told"),
    [
        ({"provenance.json": b"{}", "z/model.pt": b"x"}, {"z/model.pt": "0" * 64}, "its digest differs"),
        ({"provenance.json": b"{}", "a": b"x", "a/b": b"y"}, {}, "'a/b' lies in what is a file of the archive"),
        ({"provenance.json": b"{}", "a" * 300: b"x"}, {}, "is too long"),
        ({"outputs/model.pt": b"x"}, {}, r"the crate holds no provenance\.json"),
    ],
    ids=["digest", "file and folder", "long name", "no provenance"],
)
def test_a_crate_that_is_refused_leaves_no_folder_and_no_file(
    write_crate: WriteCrate, tmp_path: Path, files: dict[str, bytes], digests: dict[str, str], told: str
) -> None:
    path = write_crate(files, digests)
    with pytest.raises(ProvenanceError, match=told):
        unpack(path, tmp_path / "out")
    assert [file.name for file in tmp_path.iterdir()] == ["crate.zip"]


def test_a_crate_that_is_refused_is_not_unpacked_to_be_read(
    write_crate: WriteCrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_crate({"provenance.json": b"{}"}, {"provenance.json": "0" * 64})
    monkeypatch.setattr("mlprov_widgets.provenance.unpack.TemporaryDirectory", None)  # it is not called
    with pytest.raises(ProvenanceError, match="its digest differs"), opened(path):
        pass


def test_a_file_that_is_named_and_absent_is_refused(write_crate: WriteCrate, tmp_path: Path) -> None:
    path = write_crate({"provenance.json": b"{}"}, {"data/rows.csv": "0" * 64})
    with pytest.raises(ProvenanceError, match=r"the crate names 'data/rows\.csv' and does not hold it"):
        unpack(path, tmp_path / "out")


def test_a_bomb_is_refused(write_crate: WriteCrate, tmp_path: Path) -> None:
    path = write_crate({"provenance.json": b"{}", "zeros.bin": bytes(20 * 2**20)})
    with pytest.raises(ProvenanceError, match=r"'zeros\.bin' is far larger unpacked than packed"):
        unpack(path, tmp_path / "out")


def test_a_link_is_refused(write_crate: WriteCrate, tmp_path: Path) -> None:
    path = write_crate({"provenance.json": b"{}"})
    with zipfile.ZipFile(path, "a") as packed:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(link, "/etc/passwd")
    with pytest.raises(ProvenanceError, match="'link' is a link"):
        unpack(path, tmp_path / "out")


def test_a_name_that_differs_in_case_alone_is_refused(write_crate: WriteCrate, tmp_path: Path) -> None:
    path = write_crate({"provenance.json": b"{}", "Provenance.json": b"{}"})
    with pytest.raises(ProvenanceError, match="is there twice"):
        unpack(path, tmp_path / "out")


def test_too_many_files_are_refused(write_crate: WriteCrate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlprov_widgets.provenance.unpack.MOST_FILES", 1)
    with pytest.raises(ProvenanceError, match="the archive holds 2 files"):
        unpack(write_crate({"provenance.json": b"{}"}), tmp_path / "out")


def test_too_much_is_refused(write_crate: WriteCrate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlprov_widgets.provenance.unpack.LARGEST_CRATE", 100)
    with pytest.raises(ProvenanceError, match="bytes unpacked"):
        unpack(write_crate({"provenance.json": b"{}" * 60}), tmp_path / "out")


def test_what_the_metadata_does_not_name_stays_in_the_archive(write_crate: WriteCrate, tmp_path: Path) -> None:
    path = write_crate({"provenance.json": b"{}"})
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("stowaway.py", "x")
    (tmp_path / "out").mkdir()
    unpack(path, tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["provenance.json"]


@pytest.mark.parametrize("content", [b"PK\x03\x04", b"PK\x03\x04" + b"x" * 500])
def test_a_damaged_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "crate.zip"
    path.write_bytes(content)
    with pytest.raises(ProvenanceError, match="this archive cannot be read"):
        unpack(path, tmp_path / "out")


def test_a_truncated_crate_is_refused(crate: Path, tmp_path: Path) -> None:
    path = tmp_path / "crate.zip"
    path.write_bytes(crate.read_bytes()[:-100])
    with pytest.raises(ProvenanceError, match="this archive cannot be read"):
        unpack(path, tmp_path / "out")


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    pets = Path(__file__).parents[1] / "data" / "pets.zip"
    with pytest.raises(ProvenanceError, match=r"no RO-Crate: it holds no ro-crate-metadata\.json"):
        unpack(pets, tmp_path / "out")
