"""Ports, their adapters and their suites mirror each other, file by file."""

from tests.unit.test_tidy import ROOT

PORTS = {path.stem for path in (ROOT / "storage/ports").glob("[!_]*.py")}
BESIDES = {
    "storage/cassandra": {"stores"},
    "storage/redis": {"entry_lists"},
    "tests/memory": {"stores", "tables", "redis", "entry_lists"},
}
"""What is no adapter: how they are opened, and what several of them share."""


def modules(folder: str) -> set[str]:
    return {path.stem for path in (ROOT / folder).glob("[!_]*.py")} - BESIDES[folder]


def test_every_port_has_an_adapter_in_memory_and_a_real_one_in_files_of_its_name() -> None:
    assert modules("tests/memory") == PORTS
    assert modules("storage/cassandra") | modules("storage/redis") == PORTS


def test_every_port_has_a_suite_of_its_promises() -> None:
    suites = {path.stem.removeprefix("test_") for path in (ROOT / "tests/contract").glob("test_*.py")}
    assert suites >= PORTS
