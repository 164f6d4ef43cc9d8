"""Trends over history by several processes: what one alone finds, and none is left behind when it ends early."""

import asyncio
import multiprocessing
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from cluster.embedded.cassandra_node import CassandraNode
from dataflows.store_thread import StoreThread
from dataflows.trends.backfill import backfill, slices
from domain.errors import EngineError, StoreUnavailable
from domain.events import Event, TweetDeleted, TweetPosted
from domain.ids import EventId, TweetId, UserId, first_id_at, stamp_us
from domain.limits import SMALL
from domain.trends.tag_counts import GLOBAL, Ranking
from domain.trends.windows import WINDOWS
from storage.cassandra.driver.schema import Replication, migrate
from storage.stores import StoreConfig
from tests.support.stores import options_of

MINUTE_MS = 60_000
FROM_MS = 1_800_000_000_000 - 1_800_000_000_000 % MINUTE_MS + 4_321
TO_MS = FROM_MS + 40 * MINUTE_MS
TWEETS = 600


@pytest.fixture(scope="module")
def stores(cassandra_node: CassandraNode, redis_url: str) -> Iterator[StoreThread]:
    """A keyspace with an hour of tweets, some of them deleted."""
    options = options_of(cassandra_node, "backfill")
    asyncio.run(migrate(options, Replication()))
    config = StoreConfig(cassandra=options, redis_url=redis_url, partitions=2, limits=SMALL)
    with closing(StoreThread(config)) as opened:
        events = opened.stores.ports.events

        async def commit() -> None:
            for event in tweets_and_deletes():
                await events.commit(event)

        opened.call(commit(), 60)
        yield opened


def tweets_and_deletes() -> Iterator[Event]:
    rng = random.Random(1)
    for _ in range(TWEETS):
        id_ = EventId(first_id_at(rng.randrange(FROM_MS - 20 * MINUTE_MS, TO_MS)) + rng.randrange(4_096))
        tags, author = tuple(rng.sample(("rain", "Rain", "sun", "café"), 2)), UserId(rng.randint(1, 9))
        yield TweetPosted(event_id=id_, stamp_us=stamp_us(id_), author=author, text="text", hashtags=tags)
        if rng.random() < 0.2:
            gone = EventId(id_ + (rng.randrange(5 * MINUTE_MS) << 22))
            yield TweetDeleted(
                event_id=gone, stamp_us=stamp_us(gone), author=author, tweet_id=TweetId(id_), hashtags=tags
            )


def run(stores: StoreThread, take: Callable[[Ranking], None], processes: int) -> None:
    backfill(stores, WINDOWS["5m"], GLOBAL, FROM_MS, TO_MS, take, processes=processes)


def test_several_processes_find_what_one_does(stores: StoreThread) -> None:
    alone: list[Ranking] = []
    together: list[Ranking] = []
    run(stores, alone.append, 1)
    run(stores, together.append, 3)
    assert len(slices(WINDOWS["5m"], FROM_MS, TO_MS, 3)) == 3
    assert len(alone) == 241
    assert sum(len(ranking.places[GLOBAL]) for ranking in alone) > 500
    assert together == alone
    assert multiprocessing.active_children() == []


def test_a_kill_ends_all_of_them_in_a_sentence(stores: StoreThread) -> None:
    def kill(_: Ranking) -> None:
        for process in multiprocessing.active_children():
            process.kill()

    with pytest.raises(EngineError, match="was killed"):
        run(stores, kill, 3)
    assert multiprocessing.active_children() == []


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C means what it does in a terminal; what is started in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_all_of_them(stores: StoreThread) -> None:
    def interrupt(_: Ranking) -> None:
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(stores, interrupt, 3)
    assert multiprocessing.active_children() == []


def test_what_ends_another_process_comes_through(stores: StoreThread, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = replace(stores.config.cassandra, contact_points=("127.0.0.1:1",))
    monkeypatch.setattr(stores, "config", replace(stores.config, cassandra=nowhere))
    with pytest.raises(StoreUnavailable):
        run(stores, lambda _: None, 2)
    assert multiprocessing.active_children() == []
