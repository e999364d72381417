"""Facts about machine and packages, from an allow-list."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mlprov_widgets.provenance.capture import environment as facts

ALLOWED = {"CPU", "RAM", "Operating_System", "programming_language", "programming_language_version", "git"}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a checkout with one commit."""
    git(tmp_path, "init", "--quiet")
    (tmp_path / "a.txt").write_text("a")
    git(tmp_path, "add", "a.txt")
    git(tmp_path, "commit", "--quiet", "--message", "One")
    return tmp_path


LOADED = """
import json, sys, warnings
warnings.simplefilter("ignore")
import dateutil, ipykernel.kernelapp, jinja2, matplotlib.pyplot, nbformat, pandas, prov, sklearn, tqdm, yaml
from importlib.metadata import packages_distributions, version
from mlprov_widgets.provenance.capture.environment import packages
homes = packages_distributions()
roots = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
# A module that several distributions share, such as a namespace package, belongs to no one of them.
expected = {homes[root][0]: version(homes[root][0]) for root in roots if len(set(homes.get(root, []))) == 1}
print(json.dumps([expected, packages()]))
"""


def test_the_packages_are_the_distributions_of_the_loaded_modules() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], check=True, capture_output=True, text=True)
    expected, found = json.loads(done.stdout)
    assert {"scikit-learn", "python-dateutil", "ipykernel"} <= set(expected)
    assert {normalised(name): number for name, number in expected.items()}.items() <= {
        normalised(name): number for name, number in found.items()
    }.items()


def test_every_package_is_installed_in_the_version_that_is_told() -> None:
    found = facts.packages()
    assert found["pytest"] == importlib.metadata.version("pytest")
    assert found == {name: importlib.metadata.version(name) for name in found}


def test_the_packages_are_sorted_by_name() -> None:
    assert list(facts.packages()) == sorted(facts.packages())


def test_a_module_of_no_distribution_is_no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    before = facts.packages()
    monkeypatch.setitem(sys.modules, "my_helpers", ModuleType("my_helpers"))
    assert facts.packages() == before


def test_a_package_that_is_not_loaded_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "hypothesis"]:
        monkeypatch.delitem(sys.modules, name)
    assert "hypothesis" not in facts.packages()


def test_only_what_is_allowed_is_told(tmp_path: Path) -> None:
    assert set(facts.environment(tmp_path)) == ALLOWED


def test_every_fact_names_the_function_that_obtained_it(tmp_path: Path) -> None:
    found = facts.environment(tmp_path)
    assert all(set(fact) == {"value", "function"} and "." in fact["function"] for fact in found.values())


def test_the_facts_are_json(tmp_path: Path) -> None:
    found = facts.environment(tmp_path)
    assert json.loads(json.dumps(found)) == found


def test_no_secret_and_no_person_is_among_the_facts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "s3cr3t")
    monkeypatch.setenv("USER", "ada-lovelace")
    monkeypatch.setenv("HOME", "/home/ada-lovelace")
    told = json.dumps(facts.environment(tmp_path))
    assert "s3cr3t" not in told
    assert "ada-lovelace" not in told
    assert str(tmp_path) not in told


def test_the_interpreter_is_this_one(tmp_path: Path) -> None:
    found = facts.environment(tmp_path)
    assert found["programming_language_version"]["value"] == platform.python_version()
    assert found["programming_language"]["value"] == platform.python_implementation()


def test_the_processor_has_a_name_and_cores() -> None:
    assert re.fullmatch(r".+, [1-9]\d* cores", facts.cpu())


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no affinity")
def test_only_the_cores_that_may_be_used_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})
    assert facts.cpu().endswith(", 1 cores")


def test_the_memory_is_told_in_bytes() -> None:
    assert (facts.ram_bytes() or 0) > 2**28


def test_memory_that_the_system_does_not_tell_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")
    assert facts.ram_bytes() is None


def test_the_operating_system_has_name_and_machine() -> None:
    assert facts.operating_system().startswith(f"{platform.system()} ")
    assert platform.machine() in facts.operating_system()


# Git ---------------------------------------------------------------------------------------------


def test_outside_of_git_there_is_no_commit(tmp_path: Path) -> None:
    assert facts.git_commit(tmp_path) is None


def test_the_commit_is_told(repository: Path) -> None:
    assert facts.git_commit(repository) == {"commit": git(repository, "rev-parse", "HEAD"), "changed": False}


def test_a_changed_checkout_is_told(repository: Path) -> None:
    (repository / "a.txt").write_text("b")
    assert (facts.git_commit(repository) or {})["changed"] is True


def test_an_untracked_file_is_no_change(repository: Path) -> None:
    (repository / "provenance.json").write_text("{}")
    assert (facts.git_commit(repository) or {})["changed"] is False


def test_the_commit_is_told_in_a_folder_further_down(repository: Path) -> None:
    (repository / "deep" / "down").mkdir(parents=True)
    assert facts.git_commit(repository / "deep" / "down") is not None


def test_a_repository_without_a_commit_has_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert facts.git_commit(tmp_path) is None


def test_without_git_there_is_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert facts.git_commit(repository) is None


def test_a_checkout_cannot_choose_a_program_that_is_run(repository: Path) -> None:
    program = repository / "program.sh"
    program.write_text(f"#!/bin/sh\ntouch {repository / 'ran'}\n")
    program.chmod(0o755)
    git(repository, "config", "core.fsmonitor", str(program))
    facts.git_commit(repository)
    assert not (repository / "ran").exists()
