"""A client of the one system of the run."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.support.api_user import PASSWORD, signed_up
from tests.support.system import RunningSystem

__all__ = ["PASSWORD", "signed_up"]


@pytest.fixture
async def api(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running system."""
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as client:
        yield client
