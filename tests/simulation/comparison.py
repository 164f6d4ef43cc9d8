"""Everything the engine shows, compared with the model, once nothing goes wrong any more."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

import orjson

from domain.ids import TweetId, UserId
from domain.relations import FOLLOW, LIKE, RETWEET
from domain.timeline import newest_first
from storage.ports.cache import ListKey, ListKind
from storage.rows import tables_of
from tests.simulation.model import Answers, Entry, Post, Truth, shows
from tests.simulation.people import entries_of_page
from tests.simulation.stores import USERS
from tests.simulation.world import Replica, World

Ask = Callable[[Replica, str | None, int], Awaitable[bytes]]


async def compare(world: World, answers: Answers) -> None:
    """Add every difference to the problems of the world."""
    truth = truth_of(world, answers)
    comparison = Comparison(world, truth)
    await comparison.all()


def truth_of(world: World, answers: Answers) -> Truth:
    """The facts as Cassandra has them, after a look at whether they agree with the answers."""
    truth = Truth()
    texts: dict[str, list[int]] = {}
    for user in USERS:
        for key, row in world.tables.partition("tweets", user):
            if row.get("retweet_of") is None:
                text = cast(str, row.get("text"))
                texts.setdefault(text, []).append(cast(int, key[0]))
                truth.tweets[cast(int, key[0])] = answers.posts[text]
        for table, switches in (
            (tables_of(FOLLOW).by_user, truth.follows),
            (tables_of(LIKE).by_user, truth.likes),
            (tables_of(RETWEET).by_user, truth.retweets),
        ):
            for key, row in world.tables.partition(table, user):
                if row.get("active"):
                    switches[user, cast(int, key[0])] = cast(int, row.get("event_id"))
    for post in answers.posts.values():
        _compare_post(world, answers, post, texts.get(post.text, []))
    for kind, held in (("follow", truth.follows), ("like", truth.likes), ("retweet", truth.retweets)):
        for switch in sorted({s for s in answers.touched() if s[0] == kind} | {(kind, *key) for key in held}):
            known = answers.known(switch)
            if known is not None and known != (switch[1:] in held):
                world.problems.append(f"{switch} was answered to be {known} and is not")
    return truth


def _compare_post(world: World, answers: Answers, post: Post, found: list[int]) -> None:
    if len(found) > 1:
        world.problems.append(f"{post} exists {len(found)} times")
    if found and (post.outcome == "refused" or (post.id is not None and post.id != found[0])):
        world.problems.append(f"{post} should not exist as {found}")
    if post.outcome != "acknowledged":
        return
    deleted = answers.known(("deleted", 0, cast(int, post.id)))
    if deleted is not None and deleted == bool(found):
        world.problems.append(f"{post} was {'deleted' if deleted else 'acknowledged'}, and exists: {bool(found)}")


class Comparison:
    """Compares one thing after another, by whichever replica answers."""

    def __init__(self, world: World, truth: Truth) -> None:
        self._world = world
        self._truth = truth

    async def all(self) -> None:
        for user in USERS:
            await self._home(user)
            await self._user(user)
        for tweet in sorted(self._truth.tweets):
            await self._tweet(tweet)
        everything = sorted((Entry(id_, id_) for id_ in self._truth.tweets), reverse=True)
        public = await self._tweets(lambda r, at, n: r.timelines.public(None, at, n))
        self._same("the public timeline", public, everything)
        await self._lists()
        await self._letters()

    async def _home(self, user: UserId) -> None:
        shown: list[Entry] = []
        async for page in self._pages(lambda r, at, n: r.timelines.home(user, at, n)):
            shown += entries_of_page(page)[0]
            for tweet in orjson.loads(page)["tweets"]:
                self._marks(user, tweet)
        expected = self._truth.home(user)
        if not shows(shown, expected):
            lacking = [e for e in expected if e not in shown and e.original not in {s.original for s in shown}]
            strange = [e for e in shown if e not in expected]
            self._problem(f"home of {user} lacks {lacking} and has {strange}; shows {shown} of {expected}")

    def _marks(self, user: UserId, tweet: dict[str, Any]) -> None:
        original = int((tweet["retweet_of"] or tweet)["id"])
        truth = self._truth
        for name, on in (("liked", truth.likes), ("retweeted", truth.retweets)):
            if tweet[name] != ((user, original) in on):
                self._problem(f"{name} is {tweet[name]} for {user} at {original}")
        self._same(f"counts of {original} at {user}", _counts(tweet), truth.tweet_counts(original))

    async def _user(self, user: UserId) -> None:
        truth = self._truth
        profile = orjson.loads(await self._ask(lambda r: r.users.user(None, user)))
        counts = tuple(profile[f"{name}_count"] for name in ("followers", "following", "tweets"))
        self._same(f"counts of {user}", counts, truth.user_counts(user))
        followers = await self._users(lambda r, at, n: r.pages.sources(None, FOLLOW, user, at, n))
        self._same(f"followers of {user}", followers, truth.followers(user))
        following = await self._users(lambda r, at, n: r.pages.targets(None, FOLLOW, user, at, n))
        self._same(f"followees of {user}", following, truth.following(user))
        written = await self._tweets(lambda r, at, n: r.timelines.user_timeline(None, user, at, n))
        self._same(f"timeline of {user}", written, truth.timeline(user))

    async def _tweet(self, id_: int) -> None:
        truth, tweet = self._truth, TweetId(id_)
        counts = _counts(orjson.loads(await self._ask(lambda r: r.tweets.engagements(None, tweet))))
        self._same(f"counts of {tweet}", counts, truth.tweet_counts(tweet))
        likers = await self._users(lambda r, at, n: r.pages.sources(None, LIKE, tweet, at, n))
        self._same(f"likers of {tweet}", likers, truth.likers(tweet))
        retweeters = await self._users(lambda r, at, n: r.pages.sources(None, RETWEET, tweet, at, n))
        self._same(f"retweeters of {tweet}", retweeters, truth.retweeters(tweet))
        replies = await self._tweets(lambda r, at, n: r.tweets.replies(None, tweet, at, n))
        self._same(f"replies to {tweet}", replies, [Entry(reply, reply) for reply in truth.replies(tweet)])

    async def _lists(self) -> None:
        """A list holds every live entry above its floor, by each current followee who is not pulled (design)."""
        pulled = await self._world.coordination.pulled()
        for user in USERS:
            for kind in ListKind:
                ((found,), _) = await self._world.cache.fetch([ListKey(kind, user)], [])
                if found is None or found.floor is None:
                    continue
                held = {Entry(*entry) for entry in newest_first(found.entries, above=found.floor).tolist()}
                authors = [user] if kind is ListKind.AUTHOR else self._truth.following(user)
                due = [
                    e for a in authors if a not in pulled or kind is ListKind.AUTHOR for e in self._truth.timeline(a)
                ]
                if lacking := [entry for entry in due if entry.id > found.floor and entry not in held]:
                    self._problem(f"the list {kind} of {user} lacks {lacking} above its floor {found.floor}")

    async def _letters(self) -> None:
        for letter in await self._world.letters.letters(limit=1_000):
            if b"poison" not in letter.body:
                self._problem(f"{letter.reader} gave up an event: {letter.error}")

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

    async def _users(self, ask: Ask) -> list[int]:
        return [int(user["id"]) async for page in self._pages(ask) for user in orjson.loads(page)["users"]]

    def _same(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self._problem(f"{what}: {found} instead of {expected}")

    def _problem(self, what: str) -> None:
        self._world.problems.append(what)


def _counts(tweet: dict[str, Any]) -> tuple[int, ...]:
    return tuple(tweet[f"{name}_count"] for name in ("likes", "retweets", "replies", "quotes"))
