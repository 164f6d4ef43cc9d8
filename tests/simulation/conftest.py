"""How many histories are tried: `--seeds N` for a long run, `--seed S` to replay one."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.run import DEFAULT_SEEDS


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--seeds", type=int, default=DEFAULT_SEEDS, help="how many seeded histories the simulation tries")
    group.addoption("--seed", type=int, default=None, help="the one seeded history to replay")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        one: int | None = metafunc.config.getoption("seed", None)
        many: int = metafunc.config.getoption("seeds", DEFAULT_SEEDS)
        metafunc.parametrize("seed", [one] if one is not None else range(many))


@pytest.fixture(autouse=True, scope="package")
def _quiet_logs() -> Iterator[None]:
    """The engine logs every fault; the history of a failing seed says more."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()
