import ast
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
import typer
from typer.main import get_command

from benchmarks import markdown
from benchmarks.results import LATEST
from cluster import commands
from cluster.command_line import with_commands
from cluster.commands import dataflows
from cluster.settings import PREFIX, RAY_ADDRESS_NAME, Settings
from domain.events import AnyEvent, Event
from telemetry import metrics
from tests.unit.test_alerts import exported_metrics, exporter_metrics
from tests.unit.test_tidy import ROOT, ROOT_PACKAGES, tracked_files

DOCUMENTS = sorted(path for path in tracked_files() if path.suffix == ".md")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
FOLDERS = "|".join(sorted({*ROOT_PACKAGES, "deploy", "docs"}))
README_LINES_MAX = 180
GLOSSARY_LINES_MAX = 60
HOPS_MAX = 2
SETTING_ROW = re.compile(r"^\| `((?:MURMUR|RAY)_\w+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_lines(text: str) -> Iterator[str]:
    """Everything that is set as code: the lines of fenced blocks, and what stands between backticks."""
    for block in FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()[1:-1]
    yield from re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def command_options() -> dict[str, dict[str, set[str]]]:
    """The commands of each command line, each with its options."""
    return {"cluster": options_of(with_commands(commands)), "cluster dataflows": options_of(dataflows.app)}


def options_of(app: typer.Typer) -> dict[str, set[str]]:
    commands: dict[str, typer.core.TyperCommand] = get_command(app).commands  # type: ignore[attr-defined]
    return {name: {"--help", *(o for p in made.params for o in p.opts)} for name, made in commands.items()}


def setting_rows() -> list[tuple[str, str, str]]:
    """The rows that docs/settings.md must have: name, default and meaning, as the code has them."""
    body = ast.parse(inspect.getsource(Settings)).body[0]
    assert isinstance(body, ast.ClassDef)
    meanings = {
        field.target.id: " ".join(said.value.value.split())
        for field, said in zip(body.body, body.body[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) and isinstance(said.value.value, str)
    }
    rows = []
    for name, field in Settings.model_fields.items():
        variable = RAY_ADDRESS_NAME if name == "ray_address" else PREFIX + name.upper()
        written = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        default = "none" if written in (None, "") else f"`{written}`"
        rows.append((variable, default, meanings[name]))
    return rows


def anchors(text: str) -> set[str]:
    """The headings of a document as they are linked to."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def relative_links(path: Path) -> Iterator[str]:
    """The targets of a document's links into the repository."""
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", path.read_text())):
        if not re.match(r"[a-z]+:", target):
            yield target


def linked_file(path: Path, target: str) -> Path:
    name = target.partition("#")[0]
    return (path.parent / name).resolve() if name else path


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= README_LINES_MAX


def test_every_document_is_two_links_from_the_readme_at_most() -> None:
    reached = {ROOT / "README.md"}
    for _ in range(HOPS_MAX):
        documents = reached.intersection(DOCUMENTS)
        reached |= {linked_file(path, target) for path in documents for target in relative_links(path)}
    assert set(DOCUMENTS) <= reached


def test_the_glossary_has_one_line_for_each_concept() -> None:
    lines = (ROOT / "docs/glossary.md").read_text().splitlines()
    assert len(lines) <= GLOSSARY_LINES_MAX
    concepts = [line for line in lines if line.startswith("- ")]
    assert [line for line in concepts if not re.match(r"- \*\*[a-z -]+\*\*(, \*\*[a-z -]+\*\*)*: .+\(`", line)] == []
    words = [word for line in concepts for word in re.findall(r"\*\*([a-z -]+)\*\*", line)]
    assert len(set(words)) == len(words)


def test_the_settings_are_listed_as_the_code_has_them() -> None:
    expected = setting_rows()
    table = "\n".join(f"| `{name}` | {default} | {meaning} |" for name, default, meaning in expected)
    assert SETTING_ROW.findall((ROOT / "docs/settings.md").read_text()) == expected, f"the rows must be:\n{table}"


def test_the_readme_names_every_command() -> None:
    lines = list(code_lines((ROOT / "README.md").read_text()))
    for module, known in command_options().items():
        named = {match[1] for line in lines for match in re.finditer(rf"python -m {module} ([a-z-]+)", line)}
        assert named == known.keys()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_command_in_a_document_exists_with_its_options(path: Path) -> None:
    known = command_options()
    for line in code_lines(path.read_text()):
        for module, name, rest in re.findall(r"python -m (cluster dataflows|cluster) ([a-z-]+)([^|;&#]*)", line):
            assert name in known[module], line
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known[module][name], line


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_make_target_in_a_document_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {match for line in code_lines(path.read_text()) for match in re.findall(r"(?:^|\s)make ([a-z]+)", line)}
    assert named <= targets


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_setting_in_a_document_exists(path: Path) -> None:
    named = set(re.findall(r"\bMURMUR_[A-Z_]+[A-Z]\b", path.read_text()))
    assert named <= {name for name, _, _ in setting_rows()}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    for target in relative_links(path):
        linked, anchor = linked_file(path, target), target.partition("#")[2]
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_file_of_ours_in_a_document_exists(path: Path) -> None:
    named = {
        match
        for line in code_lines(path.read_text())
        for match in re.findall(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]*[\w/]", line)
    }
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_operations_name_every_metric_as_it_is_exported() -> None:
    named = set(re.findall(r"\b(?:ray_)?murmur_[a-z_]+[a-z]\b", (ROOT / "docs/operations.md").read_text()))
    histograms = {f"ray_{name}" for name, metric in metrics.CATALOGUE.items() if metric.kind == "histogram"}
    assert named <= exported_metrics().keys() | histograms
    suffixes = {"counter": "_total", "gauge": "", "histogram": ""}
    declared = {f"ray_{name}{suffixes[metric.kind]}" for name, metric in metrics.CATALOGUE.items()}
    assert declared | exporter_metrics().keys() <= named


def test_operations_explain_every_safeguard() -> None:
    text = (ROOT / "docs/operations.md").read_text()
    assert {name for name in metrics.SAFEGUARDS.labels["safeguard"] if f"`{name}`" not in text} == set()


def test_decisions_are_numbered_without_gaps_and_have_every_part() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        parts = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Cost", "What would change our mind"], record.name
        assert text.startswith(f"# {record.name[:4]} "), record.name


def test_every_decision_is_listed_by_its_title() -> None:
    records = sorted((ROOT / "docs/decisions").glob("*.md"))
    titles = [record.read_text().partition("\n")[0].removeprefix("# ") for record in records]
    expected = [f"- [{title}](decisions/{record.name})" for title, record in zip(titles, records, strict=True)]
    listed = [line for line in (ROOT / "docs/decisions.md").read_text().splitlines() if line.startswith("- ")]
    assert listed == expected, "the lines must be:\n" + "\n".join(expected)


def test_the_guide_to_dataflows_shows_an_example_as_it_is_and_a_test_that_passes(tmp_path: Path) -> None:
    example, test = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/dataflows.md").read_text(), re.M | re.S)
    assert example == (ROOT / "dataflows/examples/languages.py").read_text()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", test], cwd=tmp_path, env=environment, check=True, timeout=120)


def test_the_guide_to_dataflows_names_every_event_with_its_fields() -> None:
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]+) \|$", (ROOT / "docs/dataflows.md").read_text(), re.MULTILINE)
    named = {
        name: set(re.findall(r"`(\w+)`", fields)) for names, fields in rows for name in re.findall(r"`(\w+)`", names)
    }
    for event in get_args(AnyEvent):
        assert set(event.__struct_fields__) - set(Event.__struct_fields__) <= named[event.__name__], event


def test_the_figures_of_the_benchmarks_are_those_of_the_last_run() -> None:
    figures = markdown.section(json.loads(LATEST.read_text()))
    assert markdown.BEGIN + figures + markdown.END in markdown.PAGE.read_text()
