"""A reader's view comes with the first trip, is made once, and is never guessed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import orjson
import pytest

from domain.errors import StoreUnavailable
from domain.ids import TweetId, UserId
from domain.limits import SMALL
from domain.relations import BLOCK, FOLLOW, MUTE, RETWEET, RETWEETS_HIDDEN
from domain.timeline import EntryList
from serve.muted_words.commands import MutedWordCommands
from serve.reading.views import _READ_ASIDE_BYTES
from serve.tweets.commands import Draft
from storage import keys
from storage.ports.cache import NOTHING_KNOWN, Changes, Known, ListKey
from storage.view_codec import View, view_from, view_value
from telemetry import metrics
from tests.simulation.stores import USERS
from tests.unit.serve.replica import ALICE, BOB, Replica

CAROL, DAVE, EVE = (UserId(id_) for id_ in USERS[2:5])


class Counted:
    """Trips to Redis that read, and calls of Cassandra, from when it is made on."""

    def __init__(self, replica: Replica, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trips, self.calls = 0, 0
        fetch, fetch_with_changes, turn = (
            replica.cache.fetch,
            replica.cache.fetch_with_changes,
            replica.engine.tables.turn,
        )

        async def counted_fetch(
            lists: Sequence[ListKey], keys: Sequence[str], known: Known = NOTHING_KNOWN
        ) -> tuple[list[EntryList | None], list[bytes | None]]:
            self.trips += 1
            return await fetch(lists, keys, known)

        async def counted_fetch_with_changes(
            lists: Sequence[ListKey], keys: Sequence[str], after: str, known: Known = NOTHING_KNOWN
        ) -> tuple[list[EntryList | None], list[bytes | None], Changes]:
            self.trips += 1
            return await fetch_with_changes(lists, keys, after, known)

        async def counted_turn() -> None:
            self.calls += 1
            await turn()

        monkeypatch.setattr(replica.cache, "fetch", counted_fetch)
        monkeypatch.setattr(replica.cache, "fetch_with_changes", counted_fetch_with_changes)
        monkeypatch.setattr(replica.engine.tables, "turn", counted_turn)


async def _with_a_view(replica: Replica) -> None:
    """Bob has something of everything that hides."""
    await replica.relations.turn_on(BLOCK, BOB, DAVE)
    await replica.relations.turn_on(BLOCK, EVE, BOB)
    await replica.relations.turn_on(MUTE, BOB, EVE, notifications=1)
    await replica.relations.turn_on(RETWEETS_HIDDEN, BOB, DAVE)
    await replica.use_cases.get(MutedWordCommands).mute(BOB, "nothing here")


@pytest.mark.parametrize("has_view", [False, True])
async def test_a_home_page_and_a_plain_post_cost_no_trip_and_no_statement_more(
    has_view: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    replica = Replica()
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    for number in range(5):
        await replica.post(ALICE, Draft(text=f"number {number}"))
    if has_view:
        await _with_a_view(replica)
    await replica.people.change_settings(ALICE, True, {})  # Bob's follows are at hand
    await replica.timelines.home(BOB, None, 5)
    counted = Counted(replica, monkeypatch)
    assert len(orjson.loads(await replica.timelines.home(BOB, None, 4))["tweets"]) == 4
    assert (counted.trips, counted.calls) == (2, 0), "its lists, and all about its tweets"
    await replica.timelines.home(BOB, None, 4)
    assert (counted.trips, counted.calls) == (3, 0), "it is remembered"
    monkeypatch.undo()
    await replica.post(BOB, Draft(text="before"))
    counted = Counted(replica, monkeypatch)
    await replica.post(BOB, Draft(text="plain"))
    assert (counted.trips, counted.calls) == (1, 1), "the news of people, and the commit"


async def test_a_view_of_too_many_is_looked_up_for_the_authors_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", backend)
    replica = Replica()
    users = [UserId(id_) for id_ in USERS if id_ != BOB]
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    tweet = await replica.post(ALICE, Draft(text="seen"))
    for user in [user for user in users if user != ALICE][: SMALL.view_ids_max + 1]:
        await replica.relations.turn_on(BLOCK, user, BOB)
    assert backend.total(metrics.SAFEGUARDS, safeguard="view_overflow") == 0
    for _ in range(3):
        assert await replica.shown(BOB) == [tweet]
    await replica.relations.turn_on(MUTE, BOB, ALICE, notifications=1)
    assert await replica.shown(BOB) == [], "no page is remembered that was looked up"
    await replica.relations.turn_off(MUTE, BOB, ALICE)
    assert await replica.shown(BOB) == [tweet]
    assert backend.total(metrics.SAFEGUARDS, safeguard="view_overflow") == 5


async def test_a_view_that_cannot_be_known_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica()
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    tweet = await replica.post(ALICE, Draft(text="seen"))
    assert await replica.shown(BOB) == [tweet]

    async def fail() -> None:
        raise StoreUnavailable("cassandra", "no answer in time")

    await replica.cache.drop((keys.view(BOB),))
    monkeypatch.setattr(replica.engine.tables, "turn", fail)
    for reading in (
        replica.timelines.home(BOB, None, 5),
        replica.timelines.home(BOB, None, 3),
        replica.tweets.tweet(BOB, tweet),
        replica.users.profile(BOB, ALICE),
    ):
        with pytest.raises(StoreUnavailable):
            await reading


async def test_without_redis_a_view_is_read_from_the_store() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="seen"))
    await replica.relations.turn_on(BLOCK, ALICE, BOB)
    replica.cache.away = True
    page = orjson.loads(await replica.timelines.public(BOB, None, 5))
    assert page["tweets"] == []
    page = orjson.loads(await replica.timelines.public(CAROL, None, 5))
    assert [each["id"] for each in page["tweets"]] == [str(tweet)]


async def test_a_block_that_redis_did_not_take_holds_because_it_is_suspect() -> None:
    here = Replica()
    there = Replica(here.engine)
    tweet = await here.post(ALICE, Draft(text="seen"))
    assert orjson.loads(await there.tweets.tweet(BOB, tweet))["id"] == str(tweet)
    here.cache.deaf = True
    await here.relations.turn_on(BLOCK, BOB, ALICE)
    for replica in (there, here):
        assert orjson.loads(await replica.tweets.tweet(BOB, tweet)) == {"id": str(tweet), "unavailable": "blocked"}


async def test_a_quote_is_one_tweet_deep_and_stands_in_a_retweet_too() -> None:
    replica = Replica()
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    first = await replica.post(CAROL, Draft(text="first"))
    second = await replica.post(CAROL, Draft(text="second", quote_of=first))
    third = await replica.post(CAROL, Draft(text="third", quote_of=second))
    await replica.relations.turn_on(RETWEET, ALICE, third)
    (entry,) = orjson.loads(await replica.timelines.home(BOB, None, 5))["tweets"]
    quote = entry["retweet_of"]["quote"]
    assert (entry["quote"], quote["id"], quote["quote"], quote["quote_of_id"]) == (None, str(second), None, str(first))
    shown = orjson.loads(await replica.timelines.public(BOB, None, 5))["tweets"]
    assert [each["quote"] and each["quote"]["id"] for each in shown] == [str(second), str(first), None]
    await replica.commands.delete(CAROL, second)
    tombstone = {"id": str(second), "unavailable": "deleted"}
    assert orjson.loads(await replica.tweets.tweet(BOB, third))["quote"] == tombstone


async def test_a_block_hides_a_reply_but_not_what_others_replied_to_it() -> None:
    replica = Replica()
    root = await replica.post(ALICE, Draft(text="root"))
    hidden = await replica.post(CAROL, Draft(text="hidden", reply_to=root))
    beyond = await replica.post(DAVE, Draft(text="beyond", reply_to=hidden))
    await replica.post(CAROL, Draft(text="leads nowhere", reply_to=root))
    await replica.relations.turn_on(BLOCK, CAROL, BOB)
    thread = orjson.loads(await replica.threads.page(BOB, root, None, None))
    tombstone = {"id": str(hidden), "unavailable": "blocked"}
    assert thread["descendants"][0] == tombstone
    assert [each["id"] for each in thread["descendants"]] == [str(hidden), str(beyond)]
    above = orjson.loads(await replica.threads.page(BOB, beyond, None, None))["ancestors"]
    assert [above[0]["id"], above[1]] == [str(root), tombstone]


async def test_a_page_is_full_though_many_are_hidden() -> None:
    replica = Replica()
    wanted = [await replica.post(ALICE, Draft(text=f"wanted {number}")) for number in range(3)]
    for number in range(40):
        await replica.post(CAROL, Draft(text=f"hidden {number}"))
    await replica.relations.turn_on(MUTE, BOB, CAROL, notifications=1)
    page = orjson.loads(await replica.timelines.public(BOB, None, 2))
    assert [each["id"] for each in page["tweets"]] == [str(id_) for id_ in wanted[:0:-1]]
    rest = orjson.loads(await replica.timelines.public(BOB, page["next_cursor"], 2))
    assert [each["id"] for each in rest["tweets"]] == [str(wanted[0])]


def test_a_view_comes_back_as_it_was() -> None:
    view = View(blocked=frozenset({1, 2**63 - 1}), muted={3: 4}, retweets_hidden=frozenset({5}), is_whole=False)
    assert view_from(view_value(view)) == view
    assert len(view_value(View())) < 16


async def test_many_words_are_read_aside_and_count() -> None:
    replica = Replica(limits=replace(SMALL, muted_words_max=200))
    words = replica.use_cases.get(MutedWordCommands)
    tweet = await replica.post(ALICE, Draft(text="tea"))
    until = datetime.fromtimestamp(replica.engine.clock.now_ms() / 1000 + 3_600, UTC)
    for number in range(40):
        await words.mute(BOB, f"{number} bottles of something that is long enough to fill a value", until=until)
    assert len(orjson.loads(await replica.timelines.public(BOB, None, 5))["tweets"]) == 1
    _, (value,) = await replica.cache.fetch((), (keys.view(BOB),))
    assert value is not None
    assert len(value) > _READ_ASIDE_BYTES
    await words.mute(BOB, "tea")
    assert orjson.loads(await replica.timelines.public(BOB, None, 5))["tweets"] == []
    assert orjson.loads(await replica.tweets.tweet(BOB, TweetId(tweet)))["id"] == str(tweet), "at a link it is seen"


async def test_ones_own_lists_of_blocks_and_mutes_show_whom_one_hides() -> None:
    replica = Replica()
    await _with_a_view(replica)
    await replica.relations.turn_on(BLOCK, DAVE, BOB)
    for relation, target in ((BLOCK, DAVE), (MUTE, EVE)):
        (user,) = orjson.loads(await replica.pages.targets(BOB, relation, BOB, None, 5))["users"]
        assert user["id"] == str(target)
        assert orjson.loads(await replica.users.user(BOB, target))["id"] == str(target), "as an act on them is answered"
