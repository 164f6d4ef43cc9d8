from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from domain.errors import StoreUnavailable
from domain.ids import Ids, UserId
from domain.limits import SMALL
from domain.timeline import EntryList
from serve.timelines.rebuild import Rebuilder
from storage.ports.cache import ListKey, ListKind
from telemetry import metrics
from tests.unit.actors.engine import Engine

READER = UserId(1)
ALICE, BOB = UserId(1_001), UserId(1_002)


def ids(part: EntryList | None) -> list[int]:
    assert part is not None
    return [int(id_) for id_ in part.entries[:, 0]]


def following(*authors: UserId) -> Callable[[], Awaitable[Ids]]:
    async def read() -> Ids:
        return np.array(authors, dtype=np.uint64)

    return read


def rebuilder_of(engine: Engine) -> Rebuilder:
    return Rebuilder(engine.cache, engine.ports.tweets, SMALL)


async def kept(engine: Engine, kind: ListKind, user: UserId) -> EntryList | None:
    (found,), _ = await engine.cache.fetch((ListKey(kind, user),), ())
    return found


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> metrics.LocalBackend:
    """What is counted during a test."""
    backend = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", backend)
    return backend


async def test_a_home_timeline_is_built_from_everybodys_tweets_and_kept() -> None:
    engine = Engine()
    tweets = [await engine.post(author) for _ in range(3) for author in (ALICE, BOB)]
    _, built = await rebuilder_of(engine).home(READER, following(ALICE, BOB))
    assert ids(built) == tweets[::-1]
    assert built.floor == 0
    home = await kept(engine, ListKind.HOME, READER)
    assert home is not None
    assert sorted(ids(home)) == tweets
    assert home.floor == 0


async def test_a_long_history_is_cut_and_the_floor_says_where() -> None:
    engine = Engine()
    tweets = [await engine.post(author) for _ in range(SMALL.timeline_entries_max) for author in (ALICE, BOB)]
    _, built = await rebuilder_of(engine).home(READER, following(ALICE, BOB))
    newest = tweets[::-1][: SMALL.timeline_entries_max]
    assert ids(built) == newest
    assert built.floor is not None
    assert newest[-1] > built.floor >= newest[-1] - 1 or built.floor == tweets[::-1][SMALL.timeline_entries_max]


async def test_authors_whose_timelines_do_not_reach_far_enough_are_read_deeper() -> None:
    engine = Engine()
    quiet = [await engine.post(BOB) for _ in range(3)]
    busy = [await engine.post(ALICE) for _ in range(SMALL.author_entries_max + 5)]
    rebuilder = rebuilder_of(engine)
    await rebuilder.author_timelines([ALICE], [None])
    timeline = await kept(engine, ListKind.AUTHOR, ALICE)
    assert timeline is not None
    assert timeline.floor, "only the newest are kept beside the log"
    assert ids((await rebuilder.home(READER, following(ALICE, BOB)))[1]) == [*quiet, *busy][::-1]


async def test_what_is_pushed_while_it_is_built_is_kept() -> None:
    engine = Engine()
    rebuilder = rebuilder_of(engine)
    by_author = engine.ports.tweets.entries_by_author
    late = engine.next_id()

    async def pushed_meanwhile(author: UserId, *, before: int, limit: int) -> object:
        found = await by_author(author, before=before, limit=limit)
        users = np.array([READER], dtype=np.uint64)
        await engine.cache.push(ListKind.HOME, users, np.array([[late, late]], dtype=np.uint64))
        return found

    engine.ports.tweets.entries_by_author = pushed_meanwhile  # type: ignore[method-assign,assignment]
    await rebuilder.home(READER, following(ALICE))
    assert late in ids(await kept(engine, ListKind.HOME, READER))


async def test_a_list_unlinked_while_it_is_built_is_not_kept(counted: metrics.LocalBackend) -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    rebuilder = rebuilder_of(engine)
    by_author = engine.ports.tweets.entries_by_author

    async def unlinked_meanwhile(author: UserId, *, before: int, limit: int) -> object:
        await engine.cache.unlink([ListKey(ListKind.HOME, READER)])
        return await by_author(author, before=before, limit=limit)

    engine.ports.tweets.entries_by_author = unlinked_meanwhile  # type: ignore[method-assign,assignment]
    assert ids((await rebuilder.home(READER, following(ALICE)))[1]) == [tweet]
    assert await kept(engine, ListKind.HOME, READER) is None
    assert counted.total(metrics.SAFEGUARDS, safeguard="rebuild_race") == 1


async def test_two_who_build_at_once_get_the_same_and_one_is_kept(counted: metrics.LocalBackend) -> None:
    engine = Engine()
    tweet = await engine.post(ALICE)
    rebuilder = rebuilder_of(engine)
    assert await engine.cache.begin_list(ListKey(ListKind.HOME, READER), "somebody else")
    assert ids((await rebuilder.home(READER, following(ALICE)))[1]) == [tweet]
    home = await kept(engine, ListKind.HOME, READER)
    assert home is not None
    assert home.floor is None, "still being built by the other"
    assert counted.total(metrics.SAFEGUARDS, safeguard="rebuild_race") == 1


async def test_a_follow_that_the_building_missed_ends_it() -> None:
    engine = Engine()
    rebuilder = rebuilder_of(engine)

    async def before_the_follow() -> Ids:
        nobody: Ids = np.empty(0, dtype=np.uint64)
        await engine.cache.unlink([ListKey(ListKind.HOME, READER)])  # the follow is committed, and unlinks
        return nobody

    await rebuilder.home(READER, before_the_follow)
    assert await kept(engine, ListKind.HOME, READER) is None


@pytest.mark.parametrize("failing", ["begin_list", "finish_list"])
async def test_a_cache_that_is_down_is_no_race(failing: str, counted: metrics.LocalBackend) -> None:
    engine = Engine()

    async def away(*_: object) -> None:
        raise StoreUnavailable("redis")

    setattr(engine.cache, failing, away)
    await rebuilder_of(engine).home(READER, following(ALICE))
    for edge in ("rebuild", "rebuild_race"):
        assert counted.total(metrics.SAFEGUARDS, safeguard=edge) == 0
