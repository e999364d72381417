"""What a person's machine knows and nobody else should: none of it is in anything that a run leaves or prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.provenance.export.formats import FORMATS

Answer = dict[str, Any]

NAMED = ("AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "MY_PASSWORD", "OPENAI_API_KEY")
"""Variables whose names say that they are secret."""

SECRETS = {
    **{name: f"zq{number}x7Kp1Lm4Vn8Rt2{number}" for number, name in enumerate(NAMED)},
    "innocuous": "zqa9Yt4Wc1Hd6Jf3Bs8a",
    "home": "zqb2Xv5Ge7Ma1Pu9Qk4b",
    "git": "zqc6Nr3Tz8Ld2Fh5Wy1c",
    "pip": "zqd1Jm9Kb4Sx7Cv2Ge6d",
    "uv": "zqe8Ha2Pw5Ty3Uk7Rd1e",
    "netrc": "zqf4Bq6Xe1Vn9Mz3Ls8f",
    "database": "zqg7Cd2Wf5Ju8Oi1Tk4g",
}

OUTPUTS = ("run", "notebook", "provenance", "journal", "report")
"""Keys of the answer that say where the run lies, for whoever asked."""

READS_ALL = """\
import os, subprocess
from pathlib import Path
remotes = subprocess.run(["git", "remote", "-v"], capture_output=True, text=True, check=True).stdout
token = os.environ["HF_TOKEN"]
index = os.environ["PIP_INDEX_URL"]
database = os.environ["DATABASE_URL"]
home = str(Path.home())
raise RuntimeError(f"{token} {remotes} {index} {database} {home} {home}/data/points.csv {os.environ['MY_PASSWORD']}")
"""


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, plain_environment: None) -> Iterator[Path]:
    """A repository below a person's home, with secrets wherever tools keep them."""
    home = tmp_path_factory.mktemp("machine") / SECRETS["home"]
    project = home / "project"
    project.mkdir(parents=True)
    pip = f"[global]\nindex-url = https://ada:{SECRETS['pip']}@pypi.example/simple\n"
    for place in (".config/pip/pip.conf", ".pip/pip.conf"):
        write(home / place, pip)
    write(home / ".config/uv/uv.toml", f'[[index]]\nurl = "https://ada:{SECRETS["uv"]}@pypi.example/simple"\n')
    write(home / ".netrc", f"machine pypi.example login ada password {SECRETS['netrc']}\n")
    settings = {
        **{name: SECRETS[name] for name in NAMED},
        "HOME": str(home),
        "COLOUR_OF_THE_DAY": SECRETS["innocuous"],
        "PIP_INDEX_URL": f"https://ada:{SECRETS['pip']}@pypi.example/simple",
        "UV_INDEX_URL": f"https://{SECRETS['uv']}@pypi.example/simple",
        "DATABASE_URL": f"postgresql://ada:{SECRETS['database']}@db.example:5432/flowers",
    }
    git = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-C", str(project)]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.chdir(project)
        subprocess.run([*git, "init", "--quiet"], check=True)
        address = f"https://ada:{SECRETS['git']}@git.example/flowers.git"
        subprocess.run([*git, "remote", "add", "origin", address], check=True)
        subprocess.run([*git, "commit", "--quiet", "--allow-empty", "-m", "Begin"], check=True)
        yield project


def command(machine: Path, *arguments: str) -> tuple[Answer, str]:
    """Run a command there and return what it answers with ``--json``, and all it prints elsewhere."""
    done = subprocess.run(
        [sys.executable, "-m", "mlprov_widgets.cli", *arguments, "--json"],
        capture_output=True,
        text=True,
        cwd=machine,
        env=os.environ,
        check=False,
    )
    answer: Answer = json.loads(done.stdout)
    return answer, done.stderr


@pytest.fixture(scope="module", params=["completes", "fails"])
def ran(request: pytest.FixtureRequest, machine: Path, tiny_task: Path) -> tuple[Answer, str]:
    """What a command answered and printed that ran a notebook there."""
    path = machine / request.param / "tiny.ipynb"
    verbs.generate("tiny", {"title": "Points"}, out=path, tasks=[tiny_task])
    if request.param == "fails":
        content = nbformat.read(path, as_version=4)
        next(cell for cell in content.cells if cell.id == "train").source = READS_ALL
        nbformat.write(content, path)
    return command(machine, "run", str(path), "--tasks", str(tiny_task))


def known_to(texts: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, secret) for name, text in texts.items() for secret, value in SECRETS.items() if value in text]


def test_the_notebook_ran_among_the_secrets(ran: tuple[Answer, str], request: pytest.FixtureRequest) -> None:
    answer, _ = ran
    assert answer["status"] == {"completes": "completed", "fails": "failed"}[request.node.callspec.params["ran"]]
    git = [fact for fact in Path(answer["provenance"]).read_text(encoding="utf-8").split("\n") if "commit" in fact]
    assert git, "the repository was looked at"
    if answer["status"] == "failed":
        assert answer["message"].startswith("RuntimeError: <secret> origin\thttps://<secret>@git.example/flowers.git")


def test_no_secret_is_in_what_a_run_writes(ran: tuple[Answer, str]) -> None:
    answer, _ = ran
    texts = {key: Path(answer[key]).read_text(encoding="utf-8") for key in ("provenance", "journal", "report")}
    executed = nbformat.read(answer["notebook"], as_version=4)
    texts["metadata"] = json.dumps([executed.metadata, *(cell.metadata for cell in executed.cells)])
    assert known_to(texts) == []


def test_no_secret_is_in_what_a_command_prints(ran: tuple[Answer, str]) -> None:
    answer, errors = ran
    told = {key: value for key, value in answer.items() if key not in OUTPUTS}
    assert known_to({"answer": json.dumps(told), "errors": errors}) == []


@pytest.mark.parametrize("form", FORMATS)
def test_no_secret_is_in_an_export(ran: tuple[Answer, str], tmp_path: Path, form: str) -> None:
    out = tmp_path / "exported"
    verbs.export(ran[0]["provenance"], to=form, out=out)
    if zipfile.is_zipfile(out):
        with zipfile.ZipFile(out) as crate:
            texts = {name: crate.read(name).decode("utf-8", "replace") for name in crate.namelist()}
        # The notebook as it was executed shows what its cells printed, as Jupyter does; see docs/security.md.
        texts = {name: text for name, text in texts.items() if not name.endswith(".ipynb")}
        assert texts
    else:
        texts = {form: out.read_text(encoding="utf-8")}
    assert known_to(texts) == []


def test_no_secret_is_in_what_is_shown_and_checked(ran: tuple[Answer, str]) -> None:
    provenance = ran[0]["provenance"]
    assert known_to({"show": json.dumps(verbs.show(provenance)), "verify": json.dumps(verbs.verify(provenance))}) == []
