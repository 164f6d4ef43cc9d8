"""Preparations on a busy machine: what a store did not answer in time is asked again. Nothing that is timed does so."""

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_exponential

from domain.errors import Overloaded, StoreUnavailable
from storage.stores import StoreConfig, Stores, open_stores

patiently = retry(
    retry=retry_if_exception_type((StoreUnavailable, Overloaded)),
    wait=wait_exponential(0.1, max=2),
    stop=stop_after_delay(60),
    reraise=True,
)


@patiently
async def opened(config: StoreConfig) -> Stores:
    """The stores, open."""
    return await open_stores(config)
