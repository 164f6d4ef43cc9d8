"""Comparison of everything the engine shows with the oracle, once nothing goes wrong any more."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast

import orjson

from domain import relations
from domain.errors import Refused
from domain.ids import TweetId, UserId
from domain.relations import BLOCK, BOOKMARK, FOLLOW, LIKE, MUTE, RELATIONS, REQUEST, RETWEET
from domain.timeline import newest_first
from storage.ports.cache import ListKey, ListKind
from storage.rows import tables_of
from tests.simulation.people import entries_of_page
from tests.simulation.stores import USERS
from tests.simulation.world import Replica, World
from tests.support.oracle.answers import DELETED, PRIVATE, Answers, Attempt, Outcome
from tests.support.oracle.comparison import matches_home, matches_latest_first, matches_list
from tests.support.oracle.oracle import Counts, Entry, Oracle, Relation, Span, Tweet, UserCounts
from tests.support.shapes import Shown

_TABLES = {Relation(relation.name): tables_of(relation).by_user for relation in RELATIONS}
"""Each relation by user."""

Ask = Callable[[Replica, str | None, int], Awaitable[bytes]]


async def compare(world: World, answers: Answers) -> None:
    """Add every difference to the problems of the world."""
    await Comparison(world, oracle_of(world, answers), answers).all()


def oracle_of(world: World, answers: Answers) -> Oracle:
    """The facts as Cassandra has them, after a look at whether they agree with the answers."""
    oracle = Oracle()
    texts: dict[str, list[int]] = {}
    for user in USERS:
        for key, row in world.tables.partition("tweets", user):
            if row.get("retweet_of") is None:
                text, id_ = cast(str, row.get("text")), cast(int, key[0])
                texts.setdefault(text, []).append(id_)
                sent = answers.posts[text]
                oracle.post(Tweet(id=id_, author=user, text=text, reply_to=sent.reply_to, quote_of=sent.quote_of))
        for relation, table in _TABLES.items():
            for key, row in world.tables.partition(table, user):
                if row.get("active"):
                    since = cast(int, row.get("event_id"))
                    entry = since if relation is Relation.RETWEET else None
                    oracle.relate(relation, user, cast(int, key[0]), Span(since, since), entry=entry)
        profile = world.tables.row("users", user)
        if profile is not None and profile.get("private"):
            oracle.private.add(user)
        known = answers.known((PRIVATE, user, user))
        if known is not None and known != (user in oracle.private):
            world.problems.append(f"{user} was answered to be private, or not, and is not so")
    for post in answers.posts.values():
        _compare_post(world, answers, post, texts.get(post.text, []))
    for relation in Relation:
        held = {(str(relation), user, target) for user in USERS for target in oracle.targets(relation, user)}
        for fact in sorted({fact for fact in answers.touched() if fact[0] == relation} | held):
            known = answers.known(fact)
            if known is not None and known != (fact in held):
                world.problems.append(f"{fact} was answered to be {known} and is not")
    return oracle


def _compare_post(world: World, answers: Answers, post: Attempt, found: list[int]) -> None:
    if len(found) > 1:
        world.problems.append(f"{post} exists {len(found)} times")
    if found and (post.outcome is Outcome.REFUSED or (post.id is not None and post.id != found[0])):
        world.problems.append(f"{post} should not exist as {found}")
    if post.outcome is not Outcome.ACKNOWLEDGED:
        return
    deleted = answers.known((DELETED, 0, cast(int, post.id)))
    if deleted is not None and deleted == bool(found):
        world.problems.append(f"{post} was {'deleted' if deleted else 'acknowledged'}, and exists: {bool(found)}")


class Comparison:
    """Compares one thing after another, by whichever replica answers."""

    def __init__(self, world: World, oracle: Oracle, answers: Answers) -> None:
        self._world = world
        self._oracle = oracle
        self._answers = answers

    async def all(self) -> None:
        for user in USERS:
            await self._home(user)
            await self._user(user, self._some_reader())
        for tweet in sorted(self._oracle.tweets):
            await self._tweet(tweet, self._some_reader())
        reader = self._some_reader()
        shown = await self._tweets(lambda r, at, n: r.timelines.public(reader, at, n))
        self._check(f"the public timeline of {reader}", matches_list(shown, self._oracle.public(reader)))
        self._conflicts()
        await self._lists()
        await self._letters()

    def _some_reader(self) -> UserId | None:
        return self._world.rng.choice((None, *USERS))

    async def _home(self, user: UserId) -> None:
        shown: list[Entry] = []
        async for page in self._pages(lambda r, at, n: r.timelines.home(user, at, n)):
            for json in orjson.loads(page)["tweets"]:
                tweet = Shown.of(json)
                shown.append(tweet.line)
                self._same(f"flags of {tweet.original}", tweet.flags, self._oracle.flags(user, tweet.original))
                self._same(f"counts of {tweet.original}", tweet.counts, self._oracle.counts(tweet.original))
        expected = self._oracle.home(user)
        if difference := matches_home(shown, expected):
            self._problem(f"home of {user} {difference}; shows {shown} of {expected}")

    async def _user(self, user: UserId, reader: UserId | None) -> None:
        oracle = self._oracle
        profile = orjson.loads(await self._ask(lambda r: r.users.user(None, user)))
        self._same(f"counts of {user}", UserCounts.of(profile), oracle.user_counts(user))
        if profile["name"] not in self._answers.names[user]:
            self._problem(f"{user} is named {profile['name']!r} instead of {self._answers.names[user]}")
        if oracle.opens(reader, user):
            followers = await self._users(lambda r, at, n: r.pages.sources(reader, FOLLOW, user, at, n))
            expected = oracle.listed(reader, oracle.sources(Relation.FOLLOW, user))
            self._check(f"followers of {user} for {reader}", matches_latest_first(followers, expected))
            following = await self._users(lambda r, at, n: r.pages.targets(reader, FOLLOW, user, at, n))
            expected = oracle.listed(reader, oracle.targets(Relation.FOLLOW, user))
            self._check(f"followees of {user} for {reader}", matches_latest_first(following, expected))
            written = await self._tweets(lambda r, at, n: r.timelines.user_timeline(reader, user, at, n))
            difference = matches_list(written, oracle.user_timeline(user, reader))
            self._check(f"timeline of {user} for {reader}", difference)
        else:
            await self._refused(
                f"timeline of {user}", reader, lambda r: r.timelines.user_timeline(reader, user, None, 1)
            )
            await self._refused(
                f"followers of {user}", reader, lambda r: r.pages.sources(reader, FOLLOW, user, None, 1)
            )
        kept = await self._tweets(lambda r, at, n: r.pages.targets(user, BOOKMARK, user, at, n))
        latest_first = matches_latest_first([entry.id for entry in kept], oracle.bookmarks(user))
        self._check(f"bookmarks of {user}", latest_first)
        for relation in (BLOCK, MUTE, REQUEST):
            found = await self._targets(relation, user)
            targets = oracle.targets(Relation(relation.name), user)
            targets = targets if relation.hides else oracle.listed(user, targets)
            self._check(f"{relation.name} of {user}", matches_latest_first(found, targets))

    async def _tweet(self, id_: int, reader: UserId | None) -> None:
        oracle, tweet = self._oracle, TweetId(id_)
        if not oracle.sees(reader, Entry(id_, id_)):
            return await self._refused(f"counts of {id_}", reader, lambda r: r.tweets.engagements(reader, tweet))
        counts = Counts.of(orjson.loads(await self._ask(lambda r: r.tweets.engagements(reader, tweet))))
        self._same(f"counts of {tweet}", counts, oracle.counts(tweet))
        likers = await self._users(lambda r, at, n: r.pages.sources(reader, LIKE, tweet, at, n))
        expected = oracle.listed(reader, oracle.sources(Relation.LIKE, tweet))
        self._check(f"likers of {tweet} for {reader}", matches_latest_first(likers, expected))
        retweeters = await self._users(lambda r, at, n: r.pages.sources(reader, RETWEET, tweet, at, n))
        expected = oracle.listed(reader, oracle.sources(Relation.RETWEET, tweet))
        self._check(f"retweeters of {tweet} for {reader}", matches_latest_first(retweeters, expected))
        replies = await self._tweets(lambda r, at, n: r.tweets.replies(reader, tweet, at, n))
        self._check(f"replies to {tweet} for {reader}", matches_list(replies, oracle.replies(tweet, reader)))

    async def _refused(self, what: str, reader: UserId | None, ask: Callable[[Replica], Awaitable[bytes]]) -> None:
        with suppress(Refused):
            await self._ask(ask)
            self._problem(f"{what} is not hidden from {reader}")

    def _conflicts(self) -> None:
        """Nobody follows or asks beside a block, or asks whom they follow, or who is not private (invariant j)."""
        oracle = self._oracle
        for user in USERS:
            asked, followed = oracle.targets(Relation.REQUEST, user), oracle.targets(Relation.FOLLOW, user)
            for other in USERS:
                blocked = not oracle.lists(user, other)
                if blocked and (other in asked or other in followed):
                    self._problem(f"{user} follows or asks {other} beside a block")
                if other in asked and (other in followed or other not in oracle.private):
                    self._problem(f"{user} still asks {other}")

    async def _lists(self) -> None:
        """A list holds every live entry above its floor, by each current followee who is not pulled (design)."""
        pulled = await self._world.coordination.pulled()
        for user in USERS:
            for kind in ListKind:
                ((found,), _) = await self._world.cache.fetch([ListKey(kind, user)], [])
                if found is None or found.floor is None:
                    continue
                held = {Entry(*entry) for entry in newest_first(found.entries, above=found.floor).tolist()}
                followed = self._oracle.targets(Relation.FOLLOW, user)
                authors = [user] if kind is ListKind.AUTHOR else [a for a in followed if a not in pulled]
                due = [entry for author in authors for entry in self._oracle.written(author)]
                if lacking := [entry for entry in due if entry.id > found.floor and entry not in held]:
                    self._problem(f"the list {kind} of {user} lacks {lacking} above its floor {found.floor}")

    async def _letters(self) -> None:
        for letter in await self._world.letters.letters(limit=1_000):
            if b"poison" not in letter.body:
                self._problem(f"{letter.consumer} gave up an event: {letter.error}")

    # -------------------------------------------------------------------------------------------------------- asking

    async def _ask(self, ask: Callable[[Replica], Awaitable[bytes]]) -> bytes:
        found, _ = await self._world.request("the comparison", ask)
        return found

    async def _pages(self, ask: Ask) -> "Any":
        cursor: str | None = None
        while True:
            page = await self._ask(lambda r, at=cursor: ask(r, at, self._world.limits.page_max))  # type: ignore[misc]
            yield page
            cursor = orjson.loads(page)["next_cursor"]
            if cursor is None:
                return

    async def _tweets(self, ask: Ask) -> list[Entry]:
        return [entry async for page in self._pages(ask) for entry in entries_of_page(page)[0]]

    async def _targets(self, relation: relations.Relation, user: UserId) -> list[int]:
        return await self._users(lambda r, at, n: r.pages.targets(user, relation, user, at, n))

    async def _users(self, ask: Ask) -> list[int]:
        return [int(user["id"]) async for page in self._pages(ask) for user in orjson.loads(page)["users"]]

    def _check(self, what: str, difference: str | None) -> None:
        if difference is not None:
            self._problem(f"{what} {difference}")

    def _same(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self._problem(f"{what}: {found} instead of {expected}")

    def _problem(self, what: str) -> None:
        self._world.problems.append(what)
