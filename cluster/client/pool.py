"""A bounded number of workers that do one thing to many, and a bar that shows how far they are."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

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


def progress(console: Console) -> Progress:
    """Progress bars as all commands show them."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console)


async def each_with_bar(
    bars: Progress, title: str, work: Callable[[T], Awaitable[object]], items: Collection[T], *, at_once: int
) -> None:
    """As `each`, with a progress bar."""
    bar = bars.add_task(title, total=len(items))

    async def one(item: T) -> None:
        await work(item)
        bars.advance(bar)

    await each(one, items, at_once=at_once)
