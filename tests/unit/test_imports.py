"""Who may import whom: the contracts of pyproject.toml hold, and each of them can be broken."""

from copy import deepcopy

import grimp
import pytest
from importlinter.api import read_configuration
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports
from importlinter.domain.contract import registry

from tests.unit.test_tidy import ROOT

PYPROJECT = str(ROOT / "pyproject.toml")
PLANTED = [
    ("packages", "serve.tweets.queries", "actors.registry"),
    ("packages", "storage.rows", "serve.config"),
    ("packages", "storage.stores", "tests.memory.stores"),
    ("no-circles", "domain.ids", "domain.timeline"),
    ("no-circles", "storage.rows", "storage.projections.tweets"),
    ("serve-layers", "serve.reading.pipeline", "serve.tweets.queries"),
    ("serve-layers", "serve.users.queries", "serve.tweets.queries"),
    ("serve-layers", "serve.tweets.routes", "serve.composition"),
    ("serve-areas", "serve.timelines.queries", "serve.tweets.commands"),
    ("serve-areas", "serve.trends.routes", "serve.operations.schemas"),
    ("storage-of-serve", "serve.tweets.queries", "storage.cassandra.tweets"),
    ("storage-of-serve", "serve.tweets.queries", "storage.stores"),
    ("storage-of-actors", "actors.exporter", "storage.redis.log"),
    ("storage-of-dataflows", "dataflows.execution", "storage.keys"),
    ("drivers", "storage.redis.log", "redis"),
    ("drivers", "serve.replica", "cassandra"),
    ("ray", "serve.replica", "ray"),
    ("ray", "actors.hosting", "ray"),
    ("domain-without-io", "domain.places", "pathlib"),
    ("domain-without-io", "domain.ids", "time"),
    ("frameworks", "cluster.wiring", "fastapi"),
]
"""A contract, and an import that it must refuse."""


@pytest.fixture(scope="module")
def lint_status() -> int:
    """Of all contracts; the types of contracts are registered by it."""
    return int(lint_imports(PYPROJECT, no_cache=True, no_logo=True))


@pytest.fixture(scope="module")
def graph(lint_status: int) -> grimp.ImportGraph:
    packages = read_configuration(PYPROJECT)["session_options"]["root_packages"]
    return grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)


def test_every_contract_of_imports_is_kept(lint_status: int) -> None:
    assert lint_status == EXIT_STATUS_SUCCESS


def test_every_contract_has_an_import_that_it_must_refuse() -> None:
    contracts = read_configuration(PYPROJECT)["contracts_options"]
    assert {contract["id"] for contract in contracts} == {contract for contract, _, _ in PLANTED}


@pytest.mark.parametrize(("contract", "importer", "imported"), PLANTED)
def test_an_import_breaks_its_contract(graph: grimp.ImportGraph, contract: str, importer: str, imported: str) -> None:
    configuration = read_configuration(PYPROJECT)
    (options,) = (options for options in configuration["contracts_options"] if options["id"] == contract)
    checked = registry.get_contract_class(options["type"])(options["name"], configuration["session_options"], options)
    assert {importer, imported} <= graph.modules
    assert imported not in graph.find_modules_directly_imported_by(importer)
    assert checked.check(deepcopy(graph), verbose=False).kept

    planted = deepcopy(graph)
    planted.add_import(importer=importer, imported=imported)

    assert not checked.check(planted, verbose=False).kept
