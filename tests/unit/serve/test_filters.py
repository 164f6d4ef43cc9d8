"""Filtered timelines hold what is wanted of the whole ones, in full pages, and are not taken for them."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest

from domain.errors import Invalid
from domain.ids import TweetId, UserId
from domain.relations import FOLLOW, RETWEET
from serve.timelines.filters import EVERYTHING, KINDS_PATTERN, EntryFilter, EntryKind, kinds_of
from serve.tweets.commands import Draft
from tests.simulation.stores import USERS
from tests.unit.serve.replica import ALICE, BOB, Replica

CAROL = UserId(sorted(USERS)[2])
MEDIA, REPLIES, RETWEETS = EntryKind
Read = Callable[[str | None, int, EntryFilter], Awaitable[bytes]]


class Written:
    """A replica on which people wrote, replied and retweeted; Carol follows both others."""

    def __init__(self) -> None:
        self.replica = Replica()
        self.tweets: list[TweetId] = []
        self.replies: list[TweetId] = []

    async def begin(self) -> None:
        for followee in (ALICE, BOB):
            await self.replica.relations.turn_on(FOLLOW, CAROL, followee)
        for n in range(6):
            tweet = await self.replica.post(ALICE, Draft(text=f"tweet {n}"))
            reply = await self.replica.post(ALICE, Draft(text=f"reply {n}", reply_to=tweet))
            self.tweets.append(tweet)
            self.replies.append(reply)
            await self.replica.relations.turn_on(RETWEET, BOB, reply if n % 2 else tweet)

    async def home(self, cursor: str | None, limit: int, wanted: EntryFilter) -> bytes:
        return await self.replica.timelines.home(CAROL, cursor, limit, wanted)

    async def alices(self, cursor: str | None, limit: int, wanted: EntryFilter) -> bytes:
        return await self.replica.timelines.user_timeline(CAROL, ALICE, cursor, limit, wanted)

    async def bobs(self, cursor: str | None, limit: int, wanted: EntryFilter) -> bytes:
        return await self.replica.timelines.user_timeline(None, BOB, cursor, limit, wanted)


@pytest.fixture
async def written() -> Written:
    found = Written()
    await found.begin()
    return found


async def walked(read: Read, wanted: EntryFilter, limit: int) -> list[Any]:
    """The entries of all pages, which are full but for the last."""
    found, cursor = list[Any](), None
    while True:
        page = orjson.loads(await read(cursor, limit, wanted))
        found += page["tweets"]
        if (cursor := page["next_cursor"]) is None:
            return found
        assert len(page["tweets"]) == limit


def ids(entries: list[Any]) -> list[int]:
    return [int(entry["id"]) for entry in entries]


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_home_shows_only_what_is_wanted(written: Written, limit: int) -> None:
    tweets, replies = written.tweets[::-1], written.replies[::-1]
    found = await walked(written.home, EntryFilter(only=REPLIES), limit)
    assert ids(found) == replies, "also those that somebody retweeted, whose retweet is not wanted"
    found = await walked(written.home, EntryFilter(exclude=frozenset({REPLIES})), limit)
    assert [entry["id"] for entry in found if entry["reply_to_id"]] == []
    found = await walked(written.home, EntryFilter(exclude=frozenset({RETWEETS})), limit)
    assert ids(found) == [id_ for pair in zip(replies, tweets, strict=True) for id_ in pair]
    found = await walked(written.home, EntryFilter(exclude=frozenset({RETWEETS, REPLIES})), limit)
    assert ids(found) == tweets
    found = await walked(written.home, EntryFilter(only=RETWEETS), limit)
    shown = [int(entry["retweet_of"]["id"]) for entry in found]
    assert shown == [(replies if n % 2 else tweets)[5 - n] for n in reversed(range(6))]
    assert await walked(written.home, EntryFilter(only=MEDIA), limit) == []
    assert await walked(written.home, EntryFilter(only=REPLIES, exclude=frozenset({REPLIES})), limit) == []


async def test_a_users_timeline_shows_only_what_is_wanted(written: Written) -> None:
    assert ids(await walked(written.alices, EntryFilter(only=REPLIES), 2)) == written.replies[::-1]
    without = EntryFilter(exclude=frozenset({REPLIES, MEDIA}))
    assert ids(await walked(written.alices, without, 2)) == written.tweets[::-1]
    assert len(await walked(written.bobs, EntryFilter(only=RETWEETS), 2)) == 6
    assert await walked(written.bobs, EntryFilter(exclude=frozenset({RETWEETS})), 2) == []


async def test_remembered_pages_are_not_taken_for_filtered_ones(written: Written) -> None:
    whole = await written.home(None, 5, EVERYTHING)
    for _ in range(2):
        assert await written.home(None, 5, EVERYTHING) == whole
        assert (
            ids(orjson.loads(await written.home(None, 5, EntryFilter(only=REPLIES)))["tweets"])
            == (written.replies[:0:-1])
        )


def test_kinds_are_written_with_commas() -> None:
    for text, kinds in (("replies", {REPLIES}), ("retweets,media,retweets", {RETWEETS, MEDIA})):
        assert kinds_of(text) == kinds
        assert re.search(KINDS_PATTERN, text)
    for text in (
        "",
        "media,media,media,media",
        "media\n",
        "replies,",
        "replies, media",
        "Replies",
        "quotes",
        "replies,quotes",
        "replies," * 500 + "media",
    ):
        with pytest.raises(Invalid) as refused:
            kinds_of(text)
        assert [field for field, _ in refused.value.fields] == ["exclude"]
        assert not re.search(KINDS_PATTERN, text)
