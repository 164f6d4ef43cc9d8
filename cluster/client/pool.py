"""A bounded number of workers that do one thing to many."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TypeVar

from rich.progress import Progress

T = TypeVar("T")


async def each(work: Callable[[T], Awaitable[object]], items: Iterable[T], *, at_once: int) -> None:
    """Do `work` to every item, taking them in order. The first failure ends all of it and is raised."""
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            await work(item)

    workers = [asyncio.create_task(worker()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


async def each_with_bar(
    bars: Progress, title: str, work: Callable[[T], Awaitable[object]], items: Collection[T], *, at_once: int
) -> None:
    """As `each`, with a progress bar."""
    bar = bars.add_task(title, total=len(items))

    async def one(item: T) -> None:
        await work(item)
        bars.advance(bar)

    await each(one, items, at_once=at_once)
