"""Backfill of trends: the dataflow that runs live, over the history that Cassandra has kept."""

import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, suppress
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

import bytewax.operators as op
from bytewax.dataflow import Dataflow

from dataflows.execution import execute
from dataflows.sinks.trends import BatchSink
from dataflows.sources.history import HistorySource
from dataflows.store_thread import StoreThread
from dataflows.trends.flow import trends
from dataflows.trends.schedule import Schedule
from domain.errors import EngineError
from domain.trends.tag_counts import GLOBAL, Ranking
from domain.trends.windows import Window
from storage.rows import MINUTE_MS
from storage.stores import StoreConfig

Take = Callable[[Ranking], None]


def backfill(
    stores: StoreThread,
    window: Window,
    place: str,
    from_ms: int,
    to_ms: int,
    take: Take,
    *,
    processes: int | None = None,
) -> None:
    """Hand over the ranking of a place at the end of every pane in [from_ms, to_ms], and at `to_ms`, oldest first.

    Each is what the live dataflow would have published at that moment, had it known all that was made until then.
    Up to `processes`, by default as many as there are cores, rank slices of the time: this one the first, others the
    later ones, into files. Raises the `EngineError` that ended any of them, also if one is killed.
    """
    processes = processes or len(os.sched_getaffinity(0))
    busy_ms = min(max(from_ms, stores.data_created_ms()), to_ms)
    (_, first_ms), *later = slices(window, busy_ms, to_ms, processes)
    if not later:
        _rank(stores, window, place, from_ms, to_ms, take)
        return
    context = get_context("spawn")
    watched, held = context.Pipe(duplex=False)
    with (
        watched,
        TemporaryDirectory(prefix="murmur-rankings-") as folder,
        ProcessPoolExecutor(len(later), context, _end_with, (watched,)) as pool,
        held,  # closed before the pool waits for its processes, which then end wherever they are
    ):
        files = [Path(folder, f"{number:03d}") for number in range(len(later))]
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # inherited: Ctrl-C is for this one alone
        try:
            ranked = [
                pool.submit(_rank_into, file, stores.config, window, place, *each)
                for file, each in zip(files, later, strict=True)
            ]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)

        def take_first(ranking: Ranking) -> None:
            for done in filter(Future.done, ranked):
                _require(done)
            take(ranking)

        _rank(stores, window, place, from_ms, first_ms, take_first)
        for done, file in zip(ranked, files, strict=True):
            _require(done)
            for ranking in _rankings_in(file):
                take(ranking)


def slices(window: Window, from_ms: int, to_ms: int, processes: int) -> list[tuple[int, int]]:
    """Cut [from_ms, to_ms] at ends of panes into up to `processes` parts of about one length, oldest first.

    The two windows before each part are read for it again. So no part is shorter than a window, unless it is the only
    one: then the longest takes three quarters of the whole at most, and all of them read three times as much at most.
    """
    first = from_ms // window.pane_ms
    panes = to_ms // window.pane_ms + 1 - first
    count = max(1, min(processes, panes // window.n))
    cuts = [(first + panes * part // count) * window.pane_ms for part in range(1, count)]
    return [(begin, end - 1) for begin, end in pairwise((from_ms, *cuts, to_ms + 1))]


def reads_from_ms(window: Window, from_ms: int, data_created_ms: int) -> int:
    """The wall time from which a ranking needs events: two windows before it, or the start of the system."""
    return max(data_created_ms, from_ms - 2 * window.span_ms)


def _rank(stores: StoreThread, window: Window, place: str, from_ms: int, to_ms: int, take: Take) -> None:
    """Rank the time by this process alone."""

    def take_all(rankings: list[Ranking]) -> None:
        for ranking in rankings:
            take(ranking._replace(places={place: ranking.places.get(GLOBAL, ())}))

    source = HistorySource(
        stores,
        from_ms=reads_from_ms(window, from_ms, stores.data_created_ms()),
        to_ms=to_ms,
        step_ms=min(window.pane_ms, MINUTE_MS),
    )
    schedule = Schedule(windows=(window,), every_ms=window.pane_ms, exact=True, from_ms=from_ms, to_ms=to_ms)
    flow = Dataflow("trends-backfill")
    op.output("take", trends(flow, source, schedule, only=place).rankings, BatchSink(take_all))
    execute(flow)


def _end_with(watched: Connection) -> None:
    """End this process when the other end of a pipe is closed, on purpose or by the death of its holder."""

    def watch() -> None:
        watched.poll(None)
        os._exit(1)

    threading.Thread(target=watch, name="end-with", daemon=True).start()


def _rank_into(file: Path, stores: StoreConfig, window: Window, place: str, from_ms: int, to_ms: int) -> None:
    """Rank a slice, in a process of its own."""
    with file.open("wb") as rankings, closing(StoreThread(stores)) as opened:
        _rank(opened, window, place, from_ms, to_ms, lambda ranking: pickle.dump(ranking, rankings))


def _rankings_in(file: Path) -> Iterator[Ranking]:
    with file.open("rb") as rankings, suppress(EOFError):
        while True:
            yield pickle.load(rankings)


def _require(done: "Future[None]") -> None:
    """Wait for a slice. Raises what ended it."""
    try:
        done.result()
    except BrokenProcessPool:
        sentence = "A process that ranked a part of the time was killed, perhaps for want of memory: run it again."
        raise EngineError(sentence) from None
