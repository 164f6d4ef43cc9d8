"""How many histories are tried: `--seeds N` for a long run, `--seed S` to replay one."""

import pytest

DEFAULT_SEEDS = 8


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("simulation")
    group.addoption("--seeds", type=int, default=DEFAULT_SEEDS, help="how many seeded histories the simulation tries")
    group.addoption("--seed", type=int, default=None, help="the one seeded history to replay")


def seeds(config: pytest.Config) -> list[int]:
    """The seeds of this run."""
    one: int | None = config.getoption("seed", None)
    return [one] if one is not None else list(range(config.getoption("seeds", DEFAULT_SEEDS)))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        metafunc.parametrize("seed", seeds(metafunc.config))
