"""Private names of libraries are used only where CONTRIBUTING.md lists them: an upgrade may change each of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_tidy import PRODUCT, ROOT, ROOT_PACKAGES, python_files

PUBLIC = {"_asdict", "_exit", "_fields", "_make", "_replace"}
"""Documented names of named tuples and of `os`."""


def listed() -> set[str]:
    section = (ROOT / "CONTRIBUTING.md").read_text().partition("## Private names of libraries\n")[2]
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|", section.partition("\n## ")[0], re.MULTILINE)
    return set(re.findall(r"`([^`]+)`", "".join(rows)))


def product() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text()) for package in PRODUCT for path in python_files(package)}


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def classes(tree: ast.Module) -> Iterator[ast.ClassDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def defined(tree: ast.Module) -> set[str]:
    """Names that a file gives to attributes of its own classes."""
    found = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            found |= {node.attr} if node.value.id == "self" else set()
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
    return found


def private_names(trees: dict[Path, ast.Module]) -> set[str]:
    """Private names that are imported from libraries, or used of objects whose class is not ours."""
    own = {path: defined(tree) for path, tree in trees.items()}
    all_own = set[str]().union(*own.values())
    found = set[str]()
    for path, tree in trees.items():
        for name in imported(tree):
            root, *parts = name.split(".")
            if root not in ROOT_PACKAGES and any(map(is_private, parts)):
                found.add(name)
        in_classes = {id(node) for made in classes(tree) for node in ast.walk(made)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and is_private(node.attr):
                ours = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls") and id(node) in in_classes
                if node.attr not in (all_own if ours else own[path]):
                    found.add(node.attr)
    return found


def test_every_private_name_of_a_library_is_listed() -> None:
    assert private_names(product()) == listed()


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from ray._private import state", "ray._private.state"),
        ("from redis import _parsers", "redis._parsers"),
        ("def f(connection): return connection._reader", "_reader"),
        ("class Ours(Theirs):\n    def f(self): return self._theirs", "_theirs"),
        ("def put_into_theirs(self): return self._theirs", "_theirs"),
    ],
)
def test_a_private_name_is_found(source: str, name: str) -> None:
    assert private_names({Path("ours.py"): ast.parse(source)}) == {name}


def test_names_of_our_own_are_none() -> None:
    methods = "def __init__(self, of): self._x = of._replace(x=1)", "def f(self, other): return other._x"
    source = "class Ours:\n    " + "\n    ".join(methods)
    assert private_names({Path("ours.py"): ast.parse(source)}) == set()
