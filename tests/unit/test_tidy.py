"""Rules about the repository itself: what a reader is promised, a test checks."""

import ast
import importlib.util
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("domain", "telemetry", "storage", "actors", "dataflows", "serve", "cluster")
ROOT_PACKAGES = {*PRODUCT, "tests", "benchmarks"}
LINES_MAX = 350
PARAMETERS_MAX = 7
AREA_FILES = {"__init__", "routes", "schemas", "commands", "queries"}
OTHER_AREA_FILES: dict[str, set[str]] = {
    "accounts": {"key_ring", "login_throttle", "passwords", "session_registry", "tokens"},
    "muted_words": set(),
    "operations": {"readiness"},
    "relations": {"follow_commands", "routing"},
    "timelines": {"filters", "home", "home_lists", "home_pages", "rebuild"},
    "trends": set(),
    "tweets": {"conversation_walk", "render", "threads"},
    "users": {"render"},
}
WITHOUT_SCHEMAS = {"timelines"}
"""Areas that answer with the schemas of tweets and users alone."""
WITHOUT_USE_CASES = {"operations"}
"""An area that reads and changes nothing of the product."""
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


def product_files() -> Iterator[Path]:
    for package in PRODUCT:
        yield from python_files(package)


def modules_of(folder: Path) -> set[str]:
    return {path.stem for path in folder.glob("*.py")}


def parameters_of(path: Path) -> Iterator[tuple[str, int]]:
    """Classes with a constructor of their own, and its number of parameters besides the instance."""
    classes = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef))
    for made in classes:
        for function in made.body:
            if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                arguments = function.args
                yield made.name, len([*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]) - 1


@pytest.mark.parametrize("package", PRODUCT)
def test_package_is_ours(package: str) -> None:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert Path(spec.origin or "").is_relative_to(ROOT)


def test_no_product_file_is_too_long() -> None:
    lines = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in product_files()}
    assert {name: count for name, count in lines.items() if count > LINES_MAX} == {}


def test_no_constructor_takes_too_much() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name} takes {count}"
        for path in product_files()
        for name, count in parameters_of(path)
        if count > PARAMETERS_MAX
    }
    assert found == set()


def test_every_area_of_the_api_is_listed() -> None:
    assert {path.parent.name for path in (ROOT / "serve").glob("*/routes.py")} == set(OTHER_AREA_FILES)


@pytest.mark.parametrize("area", OTHER_AREA_FILES)
def test_areas_of_the_api_have_the_same_files(area: str) -> None:
    found = modules_of(ROOT / "serve" / area)
    assert found - AREA_FILES == OTHER_AREA_FILES[area]
    assert ("schemas" in found) == (area not in WITHOUT_SCHEMAS)
    assert bool(found & {"commands", "queries"}) == (area not in WITHOUT_USE_CASES)


@pytest.mark.parametrize("package", PRODUCT)
def test_every_package_and_module_says_what_it_is_for(package: str) -> None:
    silent = [str(path) for path in python_files(package) if ast.get_docstring(ast.parse(path.read_text())) is None]
    assert silent == []


def test_only_the_settings_touch_the_environment() -> None:
    touching = re.compile(r"\bos\.(?:environ|getenv|putenv)\b|\bfrom os import .*\b(?:environ|getenv)\b")
    found = {str(path.relative_to(ROOT)) for path in product_files() if touching.search(path.read_text())}
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
