"""README.md and docs/ say what is there, all of it, and nothing else."""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import shlex
from dataclasses import fields
from pathlib import Path
from urllib.parse import unquote

import pytest

import mlprov_widgets
from mlprov_widgets import cli, verbs
from mlprov_widgets.execution import differences, reproduce, tolerance
from mlprov_widgets.notebook import restore
from mlprov_widgets.provenance import reading, terms, verify
from mlprov_widgets.provenance.capture import account, fingerprint, journal, locate
from mlprov_widgets.provenance.export import formats as export
from mlprov_widgets.tasks import load, model, plan, tables, values

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))]

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def prose_of(page: Path) -> str:
    return FENCE.sub("", text_of(page))


def blocks(page: Path, language: str) -> list[str]:
    return [content for found, content in FENCE.findall(text_of(page)) if found == language]


def shell_lines(page: Path) -> list[list[str]]:
    """The words of every line that a reader may type, without comments."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def section(page: Path, heading: str) -> str:
    """What stands below a heading, up to the next one of any level."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#+ |\Z)", prose_of(page), re.MULTILINE | re.DOTALL)
    assert found, f"{page.name} has no heading {heading!r}"
    return found[1]


def codes_in_first_column(text: str) -> set[str]:
    """The words in backquotes in the first column of every table, without the tables' heads."""
    rows = re.findall(r"^\| (.*?) \|.*$(?!\n\|-)", text, re.MULTILINE)
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row)}


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands() -> dict[str, argparse.ArgumentParser]:
    found = next(action for action in cli._parser()._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


# The README ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["sh .ci/uv run mlprov demo", "sh .ci/uv run pytest"])
def test_the_readme_has_the_two_commands_each_in_a_block_of_its_own(command: str) -> None:
    assert f"{command}\n" in blocks(README, "sh")


def test_one_line_of_the_readmes_blocks_runs_the_tests() -> None:
    lines = [line for _, content in FENCE.findall(text_of(README)) for line in content.splitlines()]
    assert [line for line in lines if "uv run pytest" in line] == ["sh .ci/uv run pytest"]


@pytest.mark.parametrize("command", sorted(commands()))
def test_the_readme_lists_every_command(command: str) -> None:
    assert f"| `mlprov {command}` |" in section(README, "Commands and verbs")


def test_the_readme_lists_no_other_command() -> None:
    listed = codes_in_first_column(section(README, "Commands and verbs"))
    assert listed == {f"mlprov {command}" for command in commands()}


@pytest.mark.parametrize("name", sorted(mlprov_widgets.__all__))
def test_the_readme_names_every_public_function(name: str) -> None:
    assert f"`{name}`" in section(README, "Commands and verbs")


@pytest.mark.parametrize("format_", export.FORMATS)
def test_every_format_of_an_export_is_described(format_: str) -> None:
    assert f"`{format_}`" in prose_of(README)
    assert format_ in codes_in_first_column(section(DOCS / "provenance.md", "Other forms"))


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_the_readme_leads_to_every_page(page: Path) -> None:
    assert f"](docs/{page.name})" in section(README, "Documentation")


# What a reader may copy ----------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_is_one_that_the_program_takes(page: Path) -> None:
    typed = [words[words.index("mlprov") + 1 :] for words in shell_lines(page) if "mlprov" in words]
    for words in typed:
        options = cli._parser().parse_args(words)
        for item in getattr(options, "set", []):
            assert "=" in item, words


def test_the_values_in_the_readmes_command_lines_are_ones_that_the_task_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flowers.csv").write_text("size;kind;id\n" + "".join(f"{n};{'ab'[n % 2]};{n}\n" for n in range(40)))
    generated = [words[1:] for words in shell_lines(README) if words[:2] == ["mlprov", "generate"]]
    assert generated
    for words in generated:
        assert cli.main(words) == 0, words


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_call_in_an_example_is_one_that_python_takes(page: Path) -> None:
    for block in blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            of_package = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if of_package and isinstance(node.func.value, ast.Name) and node.func.value.id == "mlprov":
                name = node.func.attr
                assert name in mlprov_widgets.__all__, name
                keywords = {str(keyword.arg): None for keyword in node.keywords}
                inspect.signature(getattr(mlprov_widgets, name)).bind(*node.args, **keywords)


# Links ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(prose_of(page)):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


# The reference of task.toml ------------------------------------------------------------------------

GUIDE = DOCS / "task-toml.md"
NOT_IN_THE_FILE = {"folder", "digest"}


@pytest.mark.parametrize(
    ("kind", "heading"),
    [
        (model.Task, "The file"),
        (model.Stage, "Stages"),
        (model.Parameter, "Parameters"),
        (model.Choice, "Choices"),
        (model.CellTemplate, "Cells"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_reference_of_a_task_lists_every_key_of_a_table(kind: type, heading: str) -> None:
    keys = {item.name for item in fields(kind)} - NOT_IN_THE_FILE
    first_table = section(GUIDE, heading).split("\n\n| kind |")[0].split("\n\n| stage |")[0]
    assert codes_in_first_column(first_table) == keys


@pytest.mark.parametrize(
    ("kind", "title"),
    [(model.Rule, "key of a rule"), (model.Advice, "key of an advice"), (model.Varying, "key of a varies")],
    ids=["Rule", "Advice", "Varying"],
)
def test_the_reference_of_a_task_lists_every_key_of_rules_and_advice(kind: type, title: str) -> None:
    parts = section(GUIDE, "Rules and advice").strip().split("\n\n")
    table = next(part for part in parts if part.startswith(f"| {title} |"))
    assert codes_in_first_column(table) == {item.name for item in fields(kind)}


def test_the_reference_of_a_task_says_which_keys_are_needed() -> None:
    for kind, heading in ((model.Stage, "Stages"), (model.Choice, "Choices"), (model.CellTemplate, "Cells")):
        needed = {name for name, item in inspect.signature(kind).parameters.items() if item.default is item.empty}
        rows = [line for line in section(GUIDE, heading).splitlines() if re.match(r"\| `\w+` \| yes \|", line)]
        assert {re.findall(r"`(\w+)`", row)[0] for row in rows} == needed, heading


@pytest.mark.parametrize("member", sorted({*map(str, model.Kind), *map(str, model.Sort)}))
def test_the_reference_of_a_task_names_every_kind_and_sort(member: str) -> None:
    assert f"`{member}`" in section(GUIDE, "Parameters")


@pytest.mark.parametrize(("stage", "group"), terms.GROUP_OF_STAGE.items())
def test_the_reference_of_a_task_says_which_group_a_stage_fills(stage: str, group: str) -> None:
    assert f"| `{stage}` | `{group}` |" in section(GUIDE, "Stages")


def test_the_reference_of_a_task_names_where_tasks_are_found() -> None:
    found = section(GUIDE, "Where tasks are found")
    assert f"`{load.ENTRY_POINTS}`" in found
    assert f"`{load.ENVIRONMENT_VARIABLE}`" in found


# The provenance file -------------------------------------------------------------------------------

MAPPING = DOCS / "provenance.md"
SOURCES = [
    (ROOT / "mlprov_widgets" / "provenance" / "capture" / name).read_text(encoding="utf-8")
    for name in ("document.py", "seal.py")
]


def written(pattern: str) -> list[str]:
    return sorted({found for source in SOURCES for found in re.findall(pattern, source)})


@pytest.mark.parametrize("identifier", written(r'f?"((?:run|plan):[A-Za-z_]+-?)'))
def test_every_identifier_of_a_document_is_in_the_mapping(identifier: str) -> None:
    shown = f"`{identifier}X" if identifier.endswith("-") else f"`{identifier}`"
    assert shown in text_of(MAPPING)


@pytest.mark.parametrize("group", terms.TABLE1)
def test_every_group_of_table_1_is_in_the_mapping_with_its_fields(group: str) -> None:
    row = next(line for line in text_of(MAPPING).splitlines() if line.startswith(f"| `run:{group}` |"))
    listed = row.split("|")[2].strip()
    assert listed == ", ".join(terms.TABLE1[group]) or group == "packages"


@pytest.mark.parametrize(
    "attribute",
    sorted(
        {
            *(f"ml:{name}" for name in written(r"\bml_([A-Za-z]+)=")),
            *(f"p-plan:{name}" for name in written(r"\bp_plan_([A-Za-z]+)=")),
            *(f"mls:{name}" for name in written(r"\bmls_([A-Za-z]+)=")),
            *written(r'"((?:ml|mls|p-plan|schema):[A-Za-z]+)"'),
        }
    ),
)
def test_every_term_of_a_document_is_in_the_mapping(attribute: str) -> None:
    assert f"`{attribute}`" in text_of(MAPPING)


@pytest.mark.parametrize("relation", sorted(verify._ENDS))
def test_every_relation_is_in_the_mapping(relation: str) -> None:
    assert relation in codes_in_first_column(section(MAPPING, "How they hang together"))


@pytest.mark.parametrize("prefix", [*terms.NAMESPACES, "run", "plan"])
def test_every_prefix_is_in_the_mapping(prefix: str) -> None:
    assert f"{prefix}:" in codes_in_first_column(section(MAPPING, "Names"))


@pytest.mark.parametrize("event", ["start", *account._READERS])
def test_every_event_of_the_journal_is_described(event: str) -> None:
    assert event in codes_in_first_column(section(MAPPING, "The journal"))
    assert f"``{event}``" in str(journal.__doc__)


def test_every_problem_that_verify_can_name_is_described() -> None:
    codes = set(re.findall(r'_problem\(\s*"(\w+)"', inspect.getsource(verify)))
    assert codes_in_first_column(section(MAPPING, "The seal")) == codes


# Numbers and closed lists --------------------------------------------------------------------------


def test_every_verdict_and_every_way_with_edits_is_described() -> None:
    page = DOCS / "reproduce.md"
    assert codes_in_first_column(section(page, "Verdicts")) == set(reproduce._WORST)
    assert codes_in_first_column(section(page, "Edited code")) == set(restore.EDITS)
    assert all(f"`{suffix}`" in text_of(page) for suffix in differences._FIGURES)
    assert f"{tolerance.ROUNDING:f}" in text_of(page)


@pytest.mark.parametrize(
    "limit",
    [
        f"{reading.LARGEST_FILE // 2**20} MiB, {reading.MOST_RECORDS:,} records, nested {reading.DEEPEST} deep",
        f"{journal.LARGEST_JOURNAL // 2**20} MiB, {journal._LONGEST_LINE // 2**20} MiB a line",
        f"| {locate.LARGEST_NOTEBOOK // 2**20} MiB |",
        f"{tables.MOST_BYTES // 1_000_000} MB, {tables.MOST_COLUMNS:,} columns, {tables.MOST_CLASSES:,} classes",
        f"{values.LONGEST_TEXT:,} characters",
        f"| {values.MOST_NAMES:,} |",
    ],
)
def test_the_limits_are_the_ones_in_the_code(limit: str) -> None:
    assert limit in section(DOCS / "security.md", "Limits")


@pytest.mark.parametrize("page", [README, MAPPING, DOCS / "reproduce.md"], ids=lambda page: page.name)
def test_the_size_above_which_digests_are_of_a_sample_is_the_one_in_the_code(page: Path) -> None:
    assert f"{fingerprint.SAMPLED_ABOVE // 2**20} MiB" in prose_of(page)


def test_the_sizes_of_the_data_sets_are_the_ones_that_the_task_states() -> None:
    parameter = load.find_task(verbs.DEMO_TASK).parameter("dataset_id")
    assert parameter is not None
    built_in = [choice for choice in parameter.choices if choice.facts]
    for choice in built_in:
        facts = choice.facts
        row = [facts["samples"], facts["features"], facts["classes"], facts["smallest_class"]]
        assert f"| `{choice.value}` | {' | '.join(map(str, row))} |" in text_of(DOCS / "datasets.md")
    assert len(built_in) == 7


def test_the_sizes_of_the_image_sets_are_the_ones_that_the_task_states() -> None:
    parameter = load.find_task("image_classification").parameter("dataset_id")
    assert parameter is not None
    known = [choice for choice in parameter.choices if "classes" in choice.facts]
    for choice in known:
        facts = choice.facts
        row = [facts["samples"], f"{facts['pixels']} × {facts['pixels']}", facts["colours"], facts["classes"]]
        row.append(facts["smallest_class"])
        assert f"| `{choice.value}` | {' | '.join(map(str, row))} |" in text_of(DOCS / "datasets.md")
    assert len(known) == 4


def test_the_origins_of_values_are_described() -> None:
    assert f"({', '.join(f'`{origin}`' for origin in plan.ORIGINS)})" in text_of(MAPPING)
