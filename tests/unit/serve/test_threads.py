"""Conversations as a reader finds them: nothing is lost, repeated or torn apart."""

import random
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.conversations import CURSOR_PATTERN, Above, Below, cursor_of, place_of
from domain.errors import NotFound, Refused
from domain.ids import ID_MAX, TweetId, UserId
from domain.limits import DEFAULT, SMALL, Limits
from domain.timeline import Walk
from domain.timeline import cursor_of as list_cursor_of
from serve.tweets.commands import Draft
from serve.tweets.threads import Threads
from storage.ports.tweets import Reply
from tests.support.counts import tweet_counts
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica

PAGE = SMALL.thread_tweets_max


class Talk:
    """A conversation between people, as it is read."""

    def __init__(self, limits: Limits = SMALL) -> None:
        self.engine = Engine()
        self.replica = Replica(self.engine)
        self.threads = Threads(self.replica.readers, self.engine.ports.tweets, limits)

    async def say(self, author: UserId, reply_to: TweetId | None = None) -> TweetId:
        self.engine.clock.advance(2)
        return await self.replica.post(author, Draft(text="hm", reply_to=reply_to))

    async def chain(self, length: int, reply_to: TweetId | None = None, author: UserId = BOB) -> list[TweetId]:
        said: list[TweetId] = []
        for _ in range(length):
            said.append(await self.say(author, said[-1] if said else reply_to))
        return said

    async def delete(self, author: UserId, tweet: TweetId) -> None:
        await self.replica.commands.delete(author, tweet)

    async def page(self, tweet: TweetId, cursor: str | None = None, limit: int | None = None) -> dict[str, Any]:
        page: dict[str, Any] = orjson.loads(await self.threads.page(ALICE, tweet, cursor, limit))
        return page

    async def below(self, tweet: TweetId, limit: int = PAGE) -> list[int]:
        """All replies, page by page; a deleted one as minus its id."""
        page = await self.page(tweet, limit=limit)
        found = _ids(page["descendants"])
        while page["next_cursor"] is not None:
            assert len(page["descendants"]) == limit, "a page is full unless the list ends"
            page = await self.page(tweet, page["next_cursor"], limit)
            assert (page["tweet"]["id"], page["ancestors"]) == (str(tweet), [])
            found += _ids(page["descendants"])
        return found

    async def above(self, tweet: TweetId) -> list[int]:
        """All ancestors, oldest first."""
        page = await self.page(tweet)
        found = _ids(page["ancestors"])
        while page["ancestors_cursor"] is not None:
            page = await self.page(tweet, page["ancestors_cursor"])
            assert (page["tweet"]["id"], page["descendants"], page["next_cursor"]) == (str(tweet), [], None)
            found = _ids(page["ancestors"]) + found
        return found


def _ids(items: list[dict[str, Any]]) -> list[int]:
    return [-int(item["id"]) if item.get("unavailable") == "deleted" else int(item["id"]) for item in items]


async def test_a_chain_of_131_reaches_its_root_from_its_end_and_its_end_from_its_root() -> None:
    talk = Talk(replace(SMALL, thread_reads_max=DEFAULT.thread_reads_max))
    chain = await talk.chain(131)
    assert await talk.above(chain[-1]) == chain[:-1]
    assert await talk.below(chain[0]) == chain[1:]


async def test_replies_come_oldest_first_whatever_is_said_and_deleted_between_pages() -> None:
    talk = Talk()
    root = await talk.say(ALICE)
    replies = [await talk.say(BOB, root) for _ in range(3 * PAGE)]
    first = await talk.page(root)
    await talk.delete(BOB, replies[PAGE - 1])
    await talk.delete(BOB, replies[PAGE])
    late = await talk.say(BOB, root)
    page, found = first, _ids(first["descendants"])
    while page["next_cursor"] is not None:
        page = await talk.page(root, page["next_cursor"])
        found += _ids(page["descendants"])
    assert found == [*replies[:PAGE], *replies[PAGE + 1 :], late]


async def test_the_authors_own_continuation_comes_first_however_late_it_was_said() -> None:
    talk = Talk()
    root = await talk.say(ALICE)
    others = [await talk.say(BOB, root) for _ in range(PAGE + 5)]
    answer = await talk.say(ALICE, others[2])
    own = await talk.chain(3, root, ALICE)
    await talk.delete(ALICE, own[1])
    seen = await talk.below(root)
    assert seen == [own[0], -own[1], own[2], *others[:3], answer, *others[3:]]


async def test_what_fits_a_page_is_in_order_of_time_after_the_authors_own() -> None:
    talk = Talk()
    root = await talk.say(ALICE)
    first, second = await talk.say(BOB, root), await talk.say(BOB, root)
    own = await talk.say(ALICE, root)
    to_first, to_own = await talk.say(BOB, first), await talk.say(BOB, own)
    assert await talk.below(root) == [own, first, second, to_first, to_own]


async def test_a_deleted_middle_keeps_a_conversation_together() -> None:
    talk = Talk()
    chain = await talk.chain(5)
    for gone in (chain[1], chain[2]):
        await talk.delete(BOB, gone)
    leaf = chain[4]
    assert await talk.above(leaf) == [chain[0], -chain[1], -chain[2], chain[3]]
    assert await talk.below(chain[0]) == [-chain[1], -chain[2], chain[3], leaf]
    await talk.delete(BOB, chain[0])
    assert await talk.above(leaf) == [-chain[0], -chain[1], -chain[2], chain[3]]
    with pytest.raises(NotFound):
        await talk.page(chain[1])


async def test_a_deleted_reply_that_leads_to_nothing_is_not_shown_and_not_counted() -> None:
    talk = Talk()
    root = await talk.say(ALICE)
    gone, stays = await talk.say(BOB, root), await talk.say(BOB, root)
    below_gone = await talk.say(BOB, gone)
    for tweet in (below_gone, gone):
        await talk.delete(BOB, tweet)
    assert await talk.below(root) == [stays]
    assert await talk.engine.ports.tweets.replies(root, before=ID_MAX, limit=9) == [(stays, BOB)]
    assert (await tweet_counts(talk.engine.ports, root)).replies == 1


async def test_who_deletes_a_whole_crowd_is_led_past_it_in_bounded_steps() -> None:
    talk = Talk()
    root = await talk.say(ALICE)
    crowd = [await talk.say(BOB, root) for _ in range(SMALL.thread_reads_max + PAGE)]
    for tweet in crowd:
        await talk.delete(BOB, tweet)
    stays = await talk.say(BOB, root)
    first = await talk.page(root)
    assert first["next_cursor"] is not None, "it read as much as it may"
    assert len(first["descendants"]) <= 1, "at most the one where it stopped, which may lead to something"
    rest = await talk.page(root, first["next_cursor"])
    assert (_ids(rest["descendants"]), rest["next_cursor"]) == ([stays], None)


async def test_what_others_say_is_reached_past_more_of_the_authors_own_than_one_page_may_read() -> None:
    reads_max = 30
    talk = Talk(replace(SMALL, thread_reads_max=reads_max))
    root = await talk.say(ALICE)
    own = [await talk.say(ALICE, root) for _ in range(3 * reads_max)]
    other = await talk.say(BOB, root)
    page = await talk.page(root, limit=2)
    seen, cursors = _ids(page["descendants"]), list[str]()
    while (cursor := page["next_cursor"]) is not None:
        assert cursor not in cursors, "each page leads on"
        cursors.append(cursor)
        page = await talk.page(root, cursor, limit=2)
        seen += _ids(page["descendants"])
    assert seen == [*own, other]


@pytest.mark.parametrize("limit", [1, PAGE])
async def test_a_full_page_before_a_deleted_crowd_looks_past_it_in_few_trips(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk()
    root = await talk.say(ALICE)
    stays = [await talk.say(BOB, root) for _ in range(limit)]
    for tweet in [await talk.say(BOB, root) for _ in range(3 * PAGE)]:
        await talk.delete(BOB, tweet)
    trips = 0
    replies_after = talk.engine.ports.tweets.replies_after

    async def counted(places: Sequence[tuple[TweetId, int]], *, limit: int) -> list[list[Reply]]:
        nonlocal trips
        trips += 1
        return await replies_after(places, limit=limit)

    monkeypatch.setattr(talk.engine.ports.tweets, "replies_after", counted)
    page = await talk.page(root, limit=limit)
    assert (_ids(page["descendants"]), page["next_cursor"]) == (stays, None)
    assert trips < 20, "for a window of replies, and for what is below all of them"


@pytest.mark.parametrize("seed", range(12))
async def test_any_conversation_is_shown_whole_once_in_pages_of_any_size(seed: int) -> None:
    rng = random.Random(seed)
    talk = Talk()
    root = await talk.say(ALICE)
    authors, parents = {root: ALICE}, dict[TweetId, TweetId]()
    for _ in range(60):
        parent = rng.choice(list(authors)[-12:])
        author = rng.choice((ALICE, BOB))
        reply = await talk.say(author, parent)
        authors[reply], parents[reply] = author, parent
    gone = set(rng.sample(list(parents), 25))
    for tweet in gone:
        await talk.delete(authors[tweet], tweet)
    live = parents.keys() - gone
    shown = set(live)
    for tweet in live:
        while (tweet := parents[tweet]) != root:
            shown.add(tweet)
    pages = [await talk.below(root, limit) for limit in (3, 7, PAGE)]
    assert pages[0] == pages[1] == pages[2], "the order does not depend on where pages end"
    assert sorted(map(abs, pages[0])) == sorted(shown)
    assert {-id_ for id_ in pages[0] if id_ < 0} == shown - live
    places = {abs(id_): at for at, id_ in enumerate(pages[0])}
    assert all(parents[tweet] == root or places[parents[tweet]] < places[tweet] for tweet in shown)
    for tweet in live:
        path = [tweet]
        while path[-1] != root:
            path.append(parents[path[-1]])
        assert [TweetId(abs(id_)) for id_ in await talk.above(tweet)] == path[:0:-1]


ids = st.integers(0, ID_MAX).map(TweetId)


@given(st.builds(Above, ids) | st.builds(Below, ids, ids, st.booleans(), st.integers(0, ID_MAX)))
def test_a_place_survives_its_cursor(place: Above | Below) -> None:
    assert place_of(cursor_of(place)) == place
    assert re.fullmatch(CURSOR_PATTERN, cursor_of(place))


@given(st.from_regex(CURSOR_PATTERN, fullmatch=True, alphabet=st.characters(max_codepoint=127)))
def test_what_is_described_as_a_cursor_is_taken(cursor: str) -> None:
    place_of(cursor)


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "\ud83d", "ä", "A" * 35, "_" * 35, "A" * 5_000, list_cursor_of(Walk(2, 1))]
)
def test_what_is_no_place_is_refused(cursor: str) -> None:
    with pytest.raises(Refused):
        place_of(cursor)
