"""Unit tests start no Ray."""

from collections.abc import Iterator
from typing import NoReturn

import pytest
import ray


def _refuse(*_args: object, **_kwargs: object) -> NoReturn:
    raise AssertionError("a unit test starts no Ray: test the plain class, or move the test to tests/cluster")


@pytest.fixture(autouse=True)
def _ray_refuses() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray, "init", _refuse)
        yield
