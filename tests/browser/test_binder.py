"""What Binder makes of `binder/`, as far as a machine without conda can follow it.

repo2docker installs `environment.yml`, runs `postBuild` in the clone, and starts a Jupyter server through
`start`; the links then open /voila/render/demo.ipynb or /lab/tree/demo.ipynb.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml
from packaging.requirements import Requirement
from playwright.sync_api import Page, expect

from mlprov_widgets.ui.app import LIMITS, WEBSOCKET

ROOT = Path(__file__).parents[2]
VOILA, LAB = "voila/render/demo.ipynb", "lab/tree/demo.ipynb"
CONDA_NAMES = {
    "jupyter-client": "jupyter_client",
    "jupyter-server": "jupyter_server",
    "matplotlib": "matplotlib-base",
    "torch": "pytorch-cpu",
}
# What is in the folder of scripts of every image.
SCRIPTS = {"jupyter": "jupyter_core.command", "jupyter-lab": "jupyterlab.labapp"}


@dataclass
class Image:
    """A clone of the repository and an environment in which everything else is installed."""

    clone: Path
    prefix: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.pathsep.join([str(self.prefix / "bin"), os.defpath]),
            "HOME": str(self.clone),
            "LANG": "C.UTF-8",
            # The test installs nothing from elsewhere: what builds the package is there.
            "PIP_NO_BUILD_ISOLATION": "0",
            "PIP_NO_INDEX": "1",
        }


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    folder = tmp_path_factory.mktemp("binder")
    image = Image(folder / "home", folder / "env")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0"):
        if (ROOT / name).is_file():
            (image.clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, image.clone / name)
    venv.create(image.prefix)
    (packages,) = image.prefix.glob("lib/python*/site-packages")
    (packages / "outer.pth").write_text("\n".join(path for path in sys.path if path.endswith("-packages")))
    for part in ("share/jupyter", "etc/jupyter"):
        ours = shutil.ignore_patterns("mlprov")
        shutil.copytree(Path(sys.prefix, part), image.prefix / part, ignore=ours)
    for name, module in SCRIPTS.items():
        script = image.prefix / "bin" / name
        script.write_text(f"#!{image.prefix}/bin/python\nfrom {module} import main\nmain()\n")
        script.chmod(0o755)
    built = subprocess.run(
        ["binder/postBuild"], cwd=image.clone, env=image.environment, check=False, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return image


@pytest.fixture(scope="module")
def url(image: Image, browser: object, start_jupyter: Callable[..., str]) -> str:
    return start_jupyter(["binder/start", "jupyter", "lab"], image.clone, image.environment)


def test_the_image_has_every_dependency_of_the_package_and_nothing_older() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [Requirement(line) for line in project["dependencies"]]
    *conda, last = yaml.safe_load((ROOT / "binder" / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    version = conda.pop(0).removeprefix("python=")
    assert Requirement(f"python{project['requires-python']}").specifier.contains(version)
    assert conda.pop() == "pip"
    found = {one.name: (one.extras, one.specifier) for one in map(Requirement, [*conda, *last["pip"]])}
    assert found == {CONDA_NAMES.get(one.name, one.name): (one.extras, one.specifier) for one in wanted}


def test_the_page_has_the_limits_of_the_page_that_mlprov_app_serves(image: Image) -> None:
    shown = subprocess.run(
        ["binder/start", "jupyter", "lab", "--show-config-json"],
        cwd=image.clone,
        env=image.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    settings = json.loads(shown.stdout)
    assert {section: {name: settings[section][name] for name in LIMITS[section]} for section in LIMITS} == LIMITS
    assert settings["ServerApp"]["tornado_settings"] == WEBSOCKET


def test_the_template_lies_where_voila_looks_for_it_in_every_environment(image: Image) -> None:
    installed = image.prefix / "share" / "jupyter" / "voila" / "templates" / "mlprov"
    source = ROOT / "mlprov_widgets" / "ui" / "jupyter" / "voila" / "templates" / "mlprov"
    assert {path.name: path.read_text() for path in installed.iterdir()} == {
        path.name: path.read_text() for path in source.iterdir()
    }


def test_the_readme_has_a_badge_for_each_link() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    badges = re.findall(r"\[!\[[^\]]+\]\(https://mybinder\.org/badge_logo\.svg\)\]\((\S+)\)", readme)
    address = "https://mybinder.org/v2/gh/OWNER/REPO/HEAD?urlpath="
    assert [unquote(badge.removeprefix(address)) for badge in badges] == [VOILA, LAB]


@pytest.mark.slow
def test_the_first_link_shows_a_page_for_strangers_that_runs_experiments_and_fetches_nothing(
    page: Page, image: Image, url: str, tmp_path: Path, open_form: Callable[..., Any], screenshot: Any
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/{VOILA}")
    form = open_form()
    expect(page).to_have_title("Machine-learning experiment")
    screenshot("1-start")

    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    expect(form.button("Upload: Data file")).to_be_visible()
    expect(page.get_by_label("path on this machine")).to_have_count(0)
    form.field("Dataset").select_option("Iris")

    # By its default the server would drop the connection at 10 MiB, and the form would never answer.
    form.step("Start")
    large = tmp_path / "large.json"
    large.write_text(json.dumps({"text": "x" * 12 * 2**20}))
    form.upload("Upload a file", large)
    expect(page.get_by_role("alert")).to_contain_text("large.json")

    form.start_run(5)
    form.wait_for_results()
    screenshot("2-result")
    assert len(list(image.clone.glob("visitors/*/mlprov_runs/*/provenance.json"))) == 1
    assert [address for address in asked if not address.startswith((url, "data:", "blob:"))] == []


def test_the_second_link_shows_the_notebook_and_its_form_in_jupyterlab(
    page: Page, url: str, open_form: Callable[..., Any], screenshot: Any
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/{LAB}")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    page.wait_for_function("() => jupyterapp.shell.currentWidget?.context?.sessionContext.ready.then(() => true)")
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    form = open_form()
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    expect(page.get_by_label("path on this machine")).to_have_count(1)
    screenshot("data")
    assert [address for address in asked if not address.startswith((url, "data:", "blob:"))] == []
