"""Nobody sees what they may not, on any surface, from the next read on, and all is back once that ends.

Every list and every single thing is read for each relation to an author, and for every way in which a tweet of theirs
can arrive: itself, retweeted, quoted or replied to by a third.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from domain.errors import Forbidden, NotFound, Refused
from domain.events import UserReinstated, UserSuspended
from domain.ids import EventId, TweetId, UserId, stamp_us
from domain.limits import SMALL, Limits
from domain.relations import BLOCK, BOOKMARK, FOLLOW, LIKE, MUTE, RETWEET, RETWEETS_HIDDEN
from domain.tweets import Visibility
from serve.muted_words.commands import MutedWordCommands
from serve.relations.follow_commands import FollowCommands
from serve.tweets.commands import Draft
from tests.simulation.stores import USERS
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import Replica

AUTHOR, READER, THIRD = USERS[0], USERS[1], USERS[2]
MANY = 50
TAG = "leaks"


class World:
    """A tweet of the author and all that leads to it, made while everybody could see everything."""

    tweet: TweetId
    """The author's. The answer is theirs too, to the other tweet; the rest is a third's."""
    retweet: int

    def __init__(self, limits: Limits) -> None:
        self.engine = Engine(limits)
        self.replica = Replica(self.engine, limits=limits)
        self.follows = self.replica.use_cases.get(FollowCommands)
        self.words = self.replica.use_cases.get(MutedWordCommands)
        self.cells = 0

    async def begin(self) -> "World":
        on, post = self.replica.relations.turn_on, self.replica.post
        for user, target in ((READER, THIRD), (AUTHOR, THIRD), (THIRD, AUTHOR)):
            await on(FOLLOW, user, target)
        self.tweet = await post(AUTHOR, Draft(text=f"tea #{TAG}"))
        self.other = await post(THIRD, Draft(text="anything else"))
        self.answer = await post(AUTHOR, Draft(text="more tea", reply_to=self.other))
        self.reply = await post(THIRD, Draft(text="as you like", reply_to=self.tweet))
        self.quote = await post(THIRD, Draft(text=f"look #{TAG}", quote_of=self.tweet))
        await on(RETWEET, THIRD, self.tweet)
        self.retweet = (await self.engine.ports.relations.state(RETWEET, THIRD, self.tweet)).event_id
        await on(LIKE, AUTHOR, self.other)
        await on(RETWEET, AUTHOR, self.other)
        for tweet in (self.tweet, self.quote):
            await on(BOOKMARK, READER, tweet)
        return self

    def cell(self, where: str, found: object, expected: object) -> None:
        """Compare one cell of the matrix."""
        self.cells += 1
        assert found == expected, where


async def _suspend(world: World, kind: type[UserSuspended | UserReinstated]) -> None:
    id_ = world.replica.commands._ids.next()
    event = kind(event_id=EventId(id_), stamp_us=stamp_us(id_), user=AUTHOR)
    await world.replica.publisher.publish(event)


async def _nothing(_: World) -> None:
    return None


async def _unmute_word(world: World) -> None:
    for word in await world.engine.ports.muted_words.words(READER):
        await world.words.unmute(READER, word.id)


Act = Callable[[World], Awaitable[object]]
TEA = "#Tea"


def _private(world: World, private: bool) -> Awaitable[None]:
    return world.replica.people.change_settings(AUTHOR, private, {})


async def _private_and_followed(world: World) -> None:
    await world.follows.follow(READER, AUTHOR)
    await _private(world, True)


async def _private_and_requested(world: World) -> None:
    await _private(world, True)
    await world.follows.follow(READER, AUTHOR)


async def _opened(world: World) -> None:
    await world.follows.unfollow(READER, AUTHOR)
    await _private(world, False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """What a reader sees of an author to whom they have a relation."""

    begin: Act = _nothing
    end: Act = _nothing
    sees: str
    """At home, in public, under a hashtag, on profiles, at links: + or the reason for which not."""
    listed: bool = True
    """Whether the author stands in lists of users."""
    closed: type[Refused] | None = None
    """What is raised for their timeline and lists."""
    profile: str = "shown"
    anonymous: bool = False
    follows: bool = False


def _on(relation: Any, user: UserId, target: UserId, **details: int) -> Act:
    return lambda world: world.replica.relations.turn_on(relation, user, target, **details)


def _off(relation: Any, user: UserId, target: UserId) -> Act:
    return lambda world: world.replica.relations.turn_off(relation, user, target)


ROWS: dict[str, Row] = {
    "a stranger": Row(sees="+ + + + +"),
    "without a token": Row(sees="+ + + + +", anonymous=True),
    "a follower": Row(
        begin=_on(FOLLOW, READER, AUTHOR), end=_off(FOLLOW, READER, AUTHOR), sees="+ + + + +", follows=True
    ),
    "blocks the author": Row(
        begin=_on(BLOCK, READER, AUTHOR),
        end=_off(BLOCK, READER, AUTHOR),
        sees="blocked blocked blocked blocked blocked",
        listed=False,
    ),
    "is blocked": Row(
        begin=_on(BLOCK, AUTHOR, READER),
        end=_off(BLOCK, AUTHOR, READER),
        sees="blocked blocked blocked blocked blocked",
        listed=False,
        closed=NotFound,
        profile="absent",
    ),
    "mutes the author": Row(
        begin=_on(MUTE, READER, AUTHOR, notifications=1), end=_off(MUTE, READER, AUTHOR), sees="muted muted muted + +"
    ),
    "mutes a word": Row(
        begin=lambda world: world.words.mute(READER, TEA), end=_unmute_word, sees="muted muted muted + +"
    ),
    "hides the author's retweets": Row(
        begin=_on(RETWEETS_HIDDEN, READER, AUTHOR), end=_off(RETWEETS_HIDDEN, READER, AUTHOR), sees="+ + + + +"
    ),
    "the author is private": Row(
        begin=lambda world: _private(world, True),
        end=lambda world: _private(world, False),
        sees="private private private private private",
        closed=Forbidden,
    ),
    "the author is private, without a token": Row(
        begin=lambda world: _private(world, True),
        end=lambda world: _private(world, False),
        sees="private private private private private",
        closed=Forbidden,
        anonymous=True,
    ),
    "asks a private author": Row(
        begin=_private_and_requested, end=_opened, sees="private private private private private", closed=Forbidden
    ),
    "follows a private author": Row(begin=_private_and_followed, end=_opened, sees="+ private + + +", follows=True),
    "the author is suspended": Row(
        begin=lambda world: _suspend(world, UserSuspended),
        end=lambda world: _suspend(world, UserReinstated),
        sees="suspended suspended suspended suspended suspended",
        listed=False,
        closed=NotFound,
        profile="suspended",
    ),
}
LIMITS = {"kept with the view": SMALL, "looked up, as there are too many": replace(SMALL, view_ids_max=0)}


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
async def test_every_surface_shows_what_the_matrix_says(row: Row, limits: Limits) -> None:
    world = await World(limits).begin()
    await _check(world, Row(sees="+ + + + +", anonymous=row.anonymous))
    await row.begin(world)
    await _check(world, row)
    if not row.anonymous:
        await _check_commands(world, row)
    await row.end(world)
    await _check(world, Row(sees="+ + + + +", anonymous=row.anonymous))
    print(f"{world.cells} cells")
    assert world.cells > 80


async def _read(reading: Awaitable[bytes]) -> Any:
    """What is answered, or the kind of refusal."""
    try:
        return orjson.loads(await reading)
    except Refused as refused:
        return type(refused)


def _tweets(page: Any) -> dict[int, Any]:
    return {int(tweet["id"]): tweet for tweet in page["tweets"]}


def _users(page: Any) -> set[int]:
    return {int(user["id"]) for user in page["users"]}


async def _check(world: World, row: Row) -> None:
    viewer = None if row.anonymous else READER
    home, public, hashtag, profile, link = row.sees.split()
    await _check_lists(world, row, viewer, home, public, hashtag, profile)
    await _check_links(world, row, viewer, link)
    await _check_users(world, row, viewer)


def _check_quote(world: World, where: str, quote: Any, reason: str) -> None:
    """The quote by a third is there, with the tweet or a tombstone."""
    if reason == "+":
        world.cell(where, (quote["quote"]["id"], quote["quote"]["quote"]), (str(world.tweet), None))
    else:
        world.cell(where, quote["quote"], {"id": str(world.tweet), "unavailable": reason})


async def _check_lists(
    world: World, row: Row, viewer: UserId | None, home: str, public: str, hashtag: str, profile: str
) -> None:
    timelines = world.replica.timelines
    if viewer is not None:
        found = _tweets(orjson.loads(await timelines.home(viewer, None, MANY)))
        entries = {id_ for id_, tweet in found.items() if (tweet["retweet_of"] or tweet)["id"] == str(world.tweet)}
        world.cell("home: it and its retweet, once", entries, {world.retweet} if home == "+" else set())
        world.cell("home: itself alone", world.answer in found, home == "+" and row.follows)
        world.cell("home: replied to", world.reply in found, True)
        _check_quote(world, "home: quoted", found[world.quote], home)
    found = _tweets(orjson.loads(await timelines.public(viewer, None, MANY)))
    world.cell("public: itself", {world.tweet, world.answer} & found.keys(), _all(public, world.tweet, world.answer))
    world.cell("public: replied to", world.reply in found, True)
    _check_quote(world, "public: quoted", found[world.quote], public)
    found = _tweets(orjson.loads(await timelines.hashtag(viewer, TAG, None, MANY)))
    world.cell("hashtag: itself", world.tweet in found, hashtag == "+")
    _check_quote(world, "hashtag: quoted", found[world.quote], hashtag)
    page = await _read(timelines.user_timeline(viewer, AUTHOR, None, MANY))
    if row.closed is not None:
        world.cell("the author's timeline", page, row.closed)
    else:
        own = {world.tweet, world.answer}
        world.cell("the author's timeline: itself", own & _tweets(page).keys(), _all(profile, *own))
    found = _tweets(orjson.loads(await timelines.user_timeline(viewer, THIRD, None, MANY)))
    world.cell("a third's timeline: retweeted", world.retweet in found, profile == "+")
    world.cell("a third's timeline: replied to", world.reply in found, True)
    _check_quote(world, "a third's timeline: quoted", found[world.quote], profile)


def _all(reason: str, *ids: int) -> set[int]:
    return set(ids) if reason == "+" else set()


async def _check_links(world: World, row: Row, viewer: UserId | None, link: str) -> None:
    tweets, threads, pages = world.replica.tweets, world.replica.threads, world.replica.pages
    seen, tombstone = link == "+", {"id": str(world.tweet), "unavailable": link}
    blocks = link == "blocked" and row.closed is None
    found = await _read(tweets.tweet(viewer, world.tweet))
    unseen = tombstone if blocks else NotFound
    world.cell("itself", found["id"] if seen else found, str(world.tweet) if seen else unseen)
    found = await _read(tweets.tweet(viewer, TweetId(world.retweet)))
    world.cell("its retweet", found["retweet_of"]["id"] if seen else found, str(world.tweet) if seen else NotFound)
    _check_quote(world, "its quote", await _read(tweets.tweet(viewer, world.quote)), link)
    world.cell("a reply to it", (await _read(tweets.tweet(viewer, world.reply)))["id"], str(world.reply))
    for where, reading in (
        ("replies", tweets.replies(viewer, world.tweet, None, MANY)),
        ("counts", tweets.engagements(viewer, world.tweet)),
        ("likers", pages.sources(viewer, LIKE, world.tweet, None, MANY)),
        ("retweeters", pages.sources(viewer, RETWEET, world.tweet, None, MANY)),
    ):
        found = await _read(reading)
        world.cell(where, found if found is NotFound else "seen", "seen" if seen else NotFound)
    page = _tweets(orjson.loads(await tweets.replies(viewer, world.other, None, MANY)))
    world.cell("replies: itself", world.answer in page, seen)
    thread = await _read(threads.page(viewer, world.other, None, None))
    world.cell("thread below: itself", [each["id"] for each in thread["descendants"]], [str(world.answer)] * seen)
    thread = await _read(threads.page(viewer, world.reply, None, None))
    (above,) = thread["ancestors"]
    world.cell("thread above", above["id"] if seen else above, str(world.tweet) if seen else tombstone)
    thread = await _read(threads.page(viewer, world.tweet, None, None))
    if seen or blocks:
        center = thread["tweet"]
        world.cell("thread", center["id"] if seen else center, str(world.tweet) if seen else tombstone)
        world.cell("thread: a reply to it", thread["descendants"][0]["id"], str(world.reply))
    else:
        world.cell("thread", thread, NotFound)
    if viewer is not None:
        page = _tweets(orjson.loads(await pages.targets(viewer, BOOKMARK, viewer, None, MANY)))
        world.cell("bookmarks: itself", world.tweet in page, seen)
        _check_quote(world, "bookmarks: quoted", page[world.quote], link)


async def _check_users(world: World, row: Row, viewer: UserId | None) -> None:
    pages, users = world.replica.pages, world.replica.users
    for where, reading in (
        ("likers", pages.sources(viewer, LIKE, world.other, None, MANY)),
        ("retweeters", pages.sources(viewer, RETWEET, world.other, None, MANY)),
        ("followers", pages.sources(viewer, FOLLOW, THIRD, None, MANY)),
        ("following", pages.targets(viewer, FOLLOW, THIRD, None, MANY)),
    ):
        world.cell(f"{where} of a third's", AUTHOR in _users(orjson.loads(await reading)), row.listed)
    for where, reading in (
        ("followers", pages.sources(viewer, FOLLOW, AUTHOR, None, MANY)),
        ("following", pages.targets(viewer, FOLLOW, AUTHOR, None, MANY)),
    ):
        found = await _read(reading)
        world.cell(where, found if row.closed else THIRD in _users(found), row.closed or True)
    for where, reading in (
        ("profile", users.profile(viewer, AUTHOR)),
        ("profile by name", users.user_by_name(viewer, f"u{AUTHOR}")),
    ):
        found = await _read(reading)
        state = "absent" if found is NotFound else "suspended" if found.get("suspended") else "shown"
        world.cell(where, state, row.profile)
        if state == "shown":
            assert "blocked_by" not in found, "nobody is told"


async def _check_commands(world: World, row: Row) -> None:
    """Nobody acts on what they may not see; what is not for everybody is not spread."""
    link = row.sees.split()[-1]
    for_everybody = "private" not in row.sees
    relations = world.replica.relations
    acts: tuple[tuple[str, Callable[[], Awaitable[int]], bool], ...] = (
        ("like", lambda: relations.turn_on(LIKE, READER, world.tweet), False),
        ("like of its retweet", lambda: relations.turn_on(LIKE, READER, world.retweet), False),
        ("bookmark", lambda: relations.turn_on(BOOKMARK, READER, world.answer), False),
        ("retweet", lambda: relations.turn_on(RETWEET, READER, world.answer), True),
        ("reply", lambda: world.replica.post(READER, Draft(text="so", reply_to=world.answer)), False),
        ("quote", lambda: world.replica.post(READER, Draft(text="see", quote_of=world.answer)), True),
    )
    for where, act, spreads in acts:
        expected: type[Refused] | None = None
        if link != "+":
            expected = NotFound
        elif spreads and not for_everybody:
            expected = Forbidden
        try:
            done = await act()
        except Refused as refused:
            world.cell(where, expected is not None and isinstance(refused, expected), True)
        else:
            world.cell(where, None, expected)
            if where in ("reply", "quote"):
                await world.replica.commands.delete(READER, TweetId(done))
    if link == "+":
        for relation, target in ((LIKE, world.tweet), (BOOKMARK, world.answer), (RETWEET, world.answer)):
            await relations.turn_off(relation, READER, target)


NARROW: dict[str, tuple[Visibility, str, Act, str]] = {
    # Visibility, text, what happens, and what the reader sees: home, lists of anybody's, profile, links.
    "for followers, a stranger": (Visibility.FOLLOWERS, "hello", _nothing, "- - - private"),
    "for followers, a follower": (Visibility.FOLLOWERS, "hello", _on(FOLLOW, READER, AUTHOR), "+ - + +"),
    "for followers, who is blocked": (Visibility.FOLLOWERS, "hello", _on(BLOCK, AUTHOR, READER), "- - closed blocked"),
    "for followers, who asks": (Visibility.FOLLOWERS, "hello", _private_and_requested, "- - closed private"),
    "for the reader": (Visibility.MENTIONED, f"hello @u{READER}", _nothing, "- - + +"),
    "for the reader, a follower": (Visibility.MENTIONED, f"hello @u{READER}", _on(FOLLOW, READER, AUTHOR), "- - + +"),
    "for a third, a follower": (Visibility.MENTIONED, f"hello @u{THIRD}", _on(FOLLOW, READER, AUTHOR), "- - - private"),
}


@pytest.mark.parametrize(("visibility", "text", "begin", "sees"), NARROW.values(), ids=NARROW)
async def test_what_is_not_for_everybody_reaches_those_whom_it_is_for(
    visibility: Visibility, text: str, begin: Act, sees: str
) -> None:
    world = World(SMALL)
    replica, post = world.replica, world.replica.post
    root = await post(THIRD, Draft(text="root"))
    tweet = await post(AUTHOR, Draft(text=f"{text} #{TAG}", reply_to=root, visibility=visibility))
    await begin(world)
    home, lists, profile, link = sees.split()
    timelines, pages = replica.timelines, replica.pages
    assert (tweet in _tweets(orjson.loads(await timelines.home(READER, None, MANY)))) is (home == "+")
    for viewer in (READER, None):
        for reading in (timelines.public(viewer, None, MANY), timelines.hashtag(viewer, TAG, None, MANY)):
            assert (tweet in _tweets(orjson.loads(await reading))) is (lists == "+")
    page = await _read(timelines.user_timeline(READER, AUTHOR, None, MANY))
    assert issubclass(page, Refused) if profile == "closed" else (tweet in _tweets(page)) is (profile == "+")
    seen = link == "+"
    found = await _read(replica.tweets.tweet(READER, tweet))
    assert (found["id"] if seen else found) == (str(tweet) if seen else NotFound)
    assert await _read(replica.tweets.tweet(None, tweet)) is NotFound
    for reading in (
        replica.tweets.replies(READER, tweet, None, MANY),
        replica.tweets.engagements(READER, tweet),
        replica.threads.page(READER, tweet, None, None),
        pages.sources(READER, LIKE, tweet, None, MANY),
    ):
        assert (await _read(reading) is NotFound) is not seen
    thread = orjson.loads(await replica.threads.page(READER, root, None, None))
    assert [each["id"] for each in thread["descendants"]] == [str(tweet)] * seen
    assert (tweet in _tweets(orjson.loads(await replica.tweets.replies(READER, root, None, MANY)))) is seen
    for relation in (LIKE, BOOKMARK):
        try:
            await replica.relations.turn_on(relation, READER, tweet)
        except NotFound:
            assert not seen
        else:
            assert seen
    with pytest.raises(Forbidden if seen else NotFound):
        await replica.relations.turn_on(RETWEET, READER, tweet)
