"""A first page that is remembered is what a replica that remembers nothing shows, whatever has changed meanwhile."""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from domain.errors import Forbidden, Invalid, NotFound
from domain.events import TweetPosted
from domain.ids import EventId, TweetId, UserId, stamp_us
from domain.limits import SMALL
from domain.relations import BLOCK, BOOKMARK, FOLLOW, LIKE, MUTE, RETWEET, RETWEETS_HIDDEN
from domain.timeline import EntryList, entries_of
from serve.muted_words.commands import MutedWordCommands
from serve.tweets.commands import Draft
from storage.ports.cache import ListKey, ListKind
from storage.ports.coordination import APPLIED, SUSPECT_UNTIL
from tests.simulation.stores import EVERYBODY, USERS
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica

CAROL, LIMIT = UserId(sorted(USERS)[2]), 5


class Home:
    """Bob's home timeline at a replica that has remembered it, with what he follows and did."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.here, self.there = Replica(self.engine), Replica(self.engine)
        self.words = self.there.use_cases.get(MutedWordCommands)
        self.shard, self.counters = self.engine.shard(), self.engine.counters()

    async def begin(self) -> "Home":
        await self.engine.own_all()
        await self.there.relations.turn_on(FOLLOW, BOB, ALICE)
        await self.there.relations.turn_on(FOLLOW, BOB, CAROL)
        self.tweets = [await self.there.post(ALICE, Draft(text=f"number {number}")) for number in range(8)]
        self.retweeted = await self.there.post(EVERYBODY[5].id, Draft(text="far away"))
        await self.there.relations.turn_on(RETWEET, CAROL, self.retweeted)
        await self.settle()
        assert await self.remembered(), "before anything changes"
        return self

    async def settle(self) -> None:
        """Let the consumers of the log do all that there is to do."""
        for _ in range(4):
            await self.shard.step(0)
            await self.counters.step(0)
            self.engine.clock.advance(200)

    async def page(self, replica: Replica, reader: UserId = BOB) -> bytes:
        return await replica.timelines.home(reader, None, LIMIT)

    async def remembered(self) -> bool:
        """True if what is read again is the same object."""
        pages = [await self.page(self.here) for _ in range(4)]
        return pages[-1] is pages[-2]

    async def is_shown(self) -> bytes:
        """What both show, and a replica that has just begun."""
        page = await self.page(self.here)
        assert page == await self.page(Replica(self.engine))
        assert page == await self.page(self.here) == await self.page(self.there)
        return page


@pytest.fixture
async def home() -> Home:
    return await Home().begin()


Change = Callable[[Home], Awaitable[object]]


async def _named(home: Home, user: UserId) -> None:
    await home.there.people.edit(user, {"name": "Somebody else"})


async def _evicted(home: Home, kind: ListKind, user: UserId) -> None:
    home.engine.redis.set_list(ListKey(kind, user), None)


async def _lost(home: Home) -> None:
    home.engine.redis.flush()


async def _long_after(home: Home) -> None:
    home.engine.clock.advance(SMALL.cache_ttl_s * 1000 + 1)


async def _many(home: Home) -> None:
    """So many that the timeline is trimmed."""
    for number in range(SMALL.timeline_entries_max + SMALL.timeline_slack + 1):
        await home.there.post(CAROL, Draft(text=f"and {number}"))
        await home.settle()


CHANGES: dict[str, Change] = {
    "a followee posts": lambda home: home.there.post(ALICE, Draft(text="new")),
    "the reader posts": lambda home: home.there.post(BOB, Draft(text="mine")),
    "a followee retweets what is shown": lambda home: home.there.relations.turn_on(RETWEET, CAROL, home.tweets[-1]),
    "a tweet is deleted": lambda home: home.there.commands.delete(ALICE, home.tweets[-1]),
    "what was retweeted is deleted": lambda home: home.there.commands.delete(EVERYBODY[5].id, home.retweeted),
    "a retweet is undone": lambda home: home.there.relations.turn_off(RETWEET, CAROL, home.retweeted),
    "the reader likes": lambda home: home.there.relations.turn_on(LIKE, BOB, home.tweets[-1]),
    "the reader retweets": lambda home: home.there.relations.turn_on(RETWEET, BOB, home.retweeted),
    "the reader bookmarks": lambda home: home.there.relations.turn_on(BOOKMARK, BOB, home.tweets[-2]),
    "somebody likes": lambda home: home.there.relations.turn_on(LIKE, ALICE, home.tweets[-1]),
    "somebody replies": lambda home: home.there.post(ALICE, Draft(text="reply", reply_to=home.tweets[-1])),
    "the reader follows": lambda home: home.there.relations.turn_on(FOLLOW, BOB, EVERYBODY[5].id),
    "the reader unfollows": lambda home: home.there.relations.turn_off(FOLLOW, BOB, ALICE),
    "a followee is named otherwise": lambda home: _named(home, ALICE),
    "the author of what was retweeted is named otherwise": lambda home: _named(home, EVERYBODY[5].id),
    "a followee goes private": lambda home: home.there.people.change_settings(ALICE, True, {}),
    "the timeline is gone": lambda home: _evicted(home, ListKind.HOME, BOB),
    "the reader's own tweets are gone": lambda home: _evicted(home, ListKind.AUTHOR, BOB),
    "the reader blocks": lambda home: home.there.relations.turn_on(BLOCK, BOB, ALICE),
    "the reader is blocked": lambda home: home.there.relations.turn_on(BLOCK, EVERYBODY[5].id, BOB),
    "the reader mutes": lambda home: home.there.relations.turn_on(MUTE, BOB, ALICE, notifications=1),
    "the reader mutes whom they see through a retweet": lambda home: home.there.relations.turn_on(
        MUTE, BOB, EVERYBODY[5].id
    ),
    "the reader hides retweets": lambda home: home.there.relations.turn_on(RETWEETS_HIDDEN, BOB, CAROL),
    "the reader mutes a word": lambda home: home.words.mute(BOB, "number"),
    "an author is private whom the reader does not follow": lambda home: home.there.people.change_settings(
        EVERYBODY[5].id, True, {}
    ),
    "redis has lost everything": _lost,
    "all values have ended": _long_after,
    "the timeline is trimmed": _many,
    "a followee is pulled": lambda home: home.engine.ports.coordination.set_pulled(ALICE, 0),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changed_elsewhere_shows_on_the_next_read(home: Home, change: str) -> None:
    await CHANGES[change](home)
    await home.is_shown()
    await home.settle()
    await home.is_shown()
    await _long_after(home)  # until then what the reader did is corrected in each page
    await home.is_shown()
    assert await home.remembered()


async def test_a_page_is_remembered_until_a_mute_or_a_word_of_the_reader_ends(home: Home) -> None:
    now_ms = home.engine.clock.now_ms()
    await home.there.relations.turn_on(MUTE, BOB, ALICE, until_ms=now_ms + 60_000)
    await home.words.mute(BOB, "far", until=datetime.fromtimestamp((now_ms + 90_000) / 1000, UTC))
    await home.settle()
    muted = await home.is_shown()
    assert b"number" not in muted
    assert b"far away" not in muted
    assert await home.remembered()
    home.engine.clock.advance(60_000)
    assert b"number" in (shown := await home.is_shown())
    assert b"far away" not in shown
    assert await home.remembered()
    home.engine.clock.advance(30_000)
    assert b"far away" in await home.is_shown()
    assert await home.remembered()


async def test_what_redis_lacks_shows_beside_what_is_remembered(home: Home) -> None:
    now_ms = home.engine.clock.now_ms()
    await home.engine.ports.coordination.set_checkpoint(APPLIED, now_ms)
    await home.engine.ports.coordination.set_checkpoint(SUSPECT_UNTIL, now_ms + 60_000)
    home.engine.clock.advance(SMALL.staleness_known_ms + 1)
    assert await home.remembered(), "only what comes now is suspect"
    lacking = await home.engine.post(ALICE, append=False)
    assert b'"%d"' % lacking in await home.is_shown()
    await home.there.commands.delete(ALICE, TweetId(lacking))
    assert b'"%d"' % lacking not in await home.is_shown()


async def test_what_comes_late_below_the_floor_shows(home: Home) -> None:
    key, late_id = ListKey(ListKind.HOME, BOB), home.engine.next_id()
    newest = await home.there.post(CAROL, Draft(text="above the floor"))
    await _evicted(home, *key)
    assert await home.engine.cache.begin_list(key, "me")
    assert await home.engine.cache.finish_list(key, "me", EntryList(entries_of([(newest, newest)]), newest - 1))
    await home.is_shown()
    await home.is_shown()
    late = TweetPosted(event_id=EventId(late_id), stamp_us=stamp_us(late_id), author=ALICE, text="late")
    await home.engine.happened(late, append=False)
    assert b'"%d"' % late_id in await home.is_shown()


async def test_a_page_that_could_not_be_fetched_whole_is_not_remembered(home: Home) -> None:
    home.here.cache.away = True
    assert await home.page(home.here) == await home.page(home.there)
    assert not await home.remembered()
    home.here.cache.away = False
    await home.there.post(ALICE, Draft(text="meanwhile"))
    await home.is_shown()


async def test_pages_of_every_size_are_remembered_as_long_as_there_is_room() -> None:
    home = Home()
    home.here = Replica(home.engine, limits=replace(SMALL, home_pages_bytes_max=20_000))
    await home.begin()
    sizes = range(1, SMALL.page_max + 1)
    first = [await home.here.timelines.home(BOB, None, size) for size in sizes]
    again = [await home.here.timelines.home(BOB, None, size) for size in sizes]
    assert first == again
    assert [orjson.loads(page)["tweets"] for page in first] == [orjson.loads(first[-1])["tweets"][:n] for n in sizes]
    kept = sum(one is other for one, other in zip(first, again, strict=True))
    assert 0 < kept < len(sizes) or kept == 0
    nothing = Replica(home.engine, limits=replace(SMALL, home_pages_bytes_max=1))
    assert (await home.page(nothing)) == (await home.page(nothing))


@pytest.mark.parametrize("seed", range(6))
async def test_any_history_shows_the_same_with_and_without_memory(seed: int) -> None:
    chance, home = random.Random(seed), await Home().begin()
    people = [each.id for each in EVERYBODY[:6]]
    for _ in range(60):
        who, at = chance.choice(people), chance.choice((home.here, home.there))
        tweet, other = chance.choice(home.tweets), chance.choice(people)
        turn = chance.choice((at.relations.turn_on, at.relations.turn_off))
        match chance.choice(
            (
                "post",
                "reply",
                "delete",
                "follow",
                "like",
                "retweet",
                "bookmark",
                "name",
                "private",
                "view",
                "settle",
                "evict",
            )
        ):
            case "post":
                home.tweets.append(await at.post(who, Draft(text=f"says {len(home.tweets)}")))
            case "reply":
                with suppress(Invalid, NotFound):
                    home.tweets.append(await at.post(who, Draft(text="replies", reply_to=tweet)))
            case "delete":
                with suppress(NotFound, Forbidden):
                    await at.commands.delete(who, tweet)
            case "private":
                await at.people.change_settings(who, chance.random() < 0.5, {})
            case "view":
                with suppress(Invalid):
                    await turn(chance.choice((BLOCK, MUTE, RETWEETS_HIDDEN)), who, other)
            case "follow":
                with suppress(Invalid):
                    await turn(FOLLOW, who, other)
            case "like" | "retweet" | "bookmark" as name:
                with suppress(NotFound, Forbidden):
                    await turn({"like": LIKE, "retweet": RETWEET, "bookmark": BOOKMARK}[name], who, tweet)
            case "name":
                await _named(home, who)
            case "settle":
                await home.settle()
            case _:
                await _evicted(home, chance.choice(list(ListKind)), who)
        for reader in (BOB, who):
            pages = [await home.page(replica, reader) for replica in (home.here, home.there, home.here)]
            pages.append(await home.page(Replica(home.engine), reader))
            assert len(set(pages)) == 1, f"{reader} after {who}"
