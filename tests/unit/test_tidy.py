"""Rules about the repository itself: what a reader is promised, a test checks."""

import ast
import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "telemetry": {"domain"},
    "storage": {"domain", "telemetry"},
    "actors": {"domain", "telemetry", "storage"},
    "dataflows": {"domain", "telemetry", "storage"},
    "serve": {"domain", "telemetry", "storage"},
    "cluster": {"domain", "telemetry", "storage", "actors", "dataflows", "serve"},
}
ROOT_PACKAGES = {*MAY_IMPORT, "tests", "benchmarks"}
ENVIRONMENT_READER = "cluster/settings.py"
MAY_SLEEP: set[str] = set()
FORBIDDEN_TEXT = {
    "a home folder": re.compile(r"/(?:home|Users)/[a-z]|/root/"),
    "a scratch or workplace folder": re.compile(r"(?<![\w.}])/(?:tmp/[a-z]|work/|opt/wheels)"),
    "an unresolved merge": re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE),
    "a leftover": re.compile(r"\b(?:FIXME|XXX)\b"),
}
TEXT_SUFFIXES = {".py", ".md", ".toml", ".txt", ".yml", ".yaml", ".cql", ".lua", ".sh", ".json", ""}


def tracked_files() -> Iterator[Path]:
    """Files of the repository, committed or about to be."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listing.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix in TEXT_SUFFIXES:
            yield path


def python_files(folder: str = "") -> Iterator[Path]:
    for path in tracked_files():
        if path.suffix == ".py" and path.is_relative_to(ROOT / folder):
            yield path


def project_imports(package: str) -> set[str]:
    """Root packages that the files of a package import, inside functions too."""
    found: set[str] = set()
    for path in python_files(package):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module is not None and node.level == 0:
                found.add(node.module.partition(".")[0])
    return found & ROOT_PACKAGES


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_package_is_ours_and_imports_only_downwards(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert Path(spec.origin or "").is_relative_to(ROOT)
    assert project_imports(package) <= MAY_IMPORT[package] | {package}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_every_package_and_module_says_what_it_is_for(package: str) -> None:
    silent = [str(path) for path in python_files(package) if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert silent == []


def test_only_the_settings_touch_the_environment() -> None:
    touching = re.compile(r"\bos\.(?:environ|getenv|putenv)\b|\bfrom os import .*\b(?:environ|getenv)\b")
    found = {
        str(path.relative_to(ROOT))
        for package in MAY_IMPORT
        for path in python_files(package)
        if touching.search(path.read_text())
    }
    assert found <= {ENVIRONMENT_READER}


def test_nothing_sleeps() -> None:
    found = {str(path.relative_to(ROOT)) for path in python_files() if _calls(path, "time", "sleep")}
    assert found <= MAY_SLEEP


def test_no_unit_test_starts_ray() -> None:
    found = {str(path.relative_to(ROOT)) for path in python_files("tests/unit") if _calls(path, "ray", "init")}
    assert found == set()


def test_no_test_is_skipped_and_nothing_is_mocked() -> None:
    banned = re.compile(r"unittest\.mock|pytest\.mark\.skip|pytest\.skip\(|importorskip")
    here = Path(__file__)
    found = {str(path.relative_to(ROOT)) for path in python_files() if path != here and banned.search(path.read_text())}
    assert found == set()


@pytest.mark.parametrize("what", FORBIDDEN_TEXT)
def test_no_file_contains(what: str) -> None:
    here = Path(__file__)
    found = {
        f"{path.relative_to(ROOT)}: {match[0]!r}"
        for path in tracked_files()
        if path != here and (match := FORBIDDEN_TEXT[what].search(path.read_text()))
    }
    assert found == set()


def test_every_test_file_is_collected() -> None:
    strangers = {
        str(path.relative_to(ROOT))
        for path in python_files("tests")
        if "def test_" in path.read_text() and not path.name.startswith("test_")
    }
    assert strangers == set()


def _calls(path: Path, module: str, function: str) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == function
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == module
        for node in ast.walk(ast.parse(path.read_text()))
    )
