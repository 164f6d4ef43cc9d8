"""Finished JSON for tweets and users: bytes from the cache, joined with counts and what the reader did.

A read touches no model: a tweet's JSON is made once, when it is first needed, and kept.
"""

import asyncio
import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np
import orjson
from cachetools import LRUCache

from domain.counts import TweetCounts, UserCounts
from domain.errors import NotFound, Overloaded, StoreUnavailable
from domain.ids import Ids, TweetId, UserId, time_ms
from domain.limits import Limits
from domain.relations import FOLLOW, LIKE, RETWEET
from domain.tweets import Tweet
from domain.users import User
from serve.doubts import Doubts
from serve.own_counts import OwnCounts
from serve.read_through import ReadThrough, looked_up
from storage import keys, values
from storage.ports.cache import CacheStore
from storage.ports.counts import CountStore
from storage.ports.relations import RelationStore
from storage.ports.tweets import TweetStore
from storage.ports.users import UserStore
from storage.values import Counted
from telemetry import metrics

_HEAD = struct.Struct(">QQQ")
"""Before a tweet's JSON: its author, the tweet it retweets and that one's author (0 if none)."""
_ENGAGED = struct.Struct(">QQI")
"""Before the ids a reader engaged with: the floors of likes and retweets, and how many ids are likes."""


_TAIL = b',"likes_count":%d,"retweets_count":%d,"replies_count":%d,"quotes_count":%d,"liked":%b,"retweeted":%b}'


class Record(NamedTuple):
    """A tweet as it is kept: who wrote it, what it retweets, and its JSON without the closing brace."""

    id: int
    author: int
    retweet_of: int
    retweet_author: int
    body: bytes

    @property
    def original(self) -> int:
        """The tweet whose text is shown."""
        return self.retweet_of or self.id


def rfc3339(id_: int) -> str:
    """When an id was made, UTC with milliseconds."""
    return rfc3339_of_ms(time_ms(id_))


def rfc3339_of_ms(at_ms: int) -> str:
    """A wall time, UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def exists(id_: int, records: Mapping[int, Record]) -> bool:
    """Whether a tweet or retweet is among what was found, with what it shows."""
    return id_ in records and records[id_].original in records


def _optional_id(id_: int | None) -> str | None:
    return None if id_ is None else str(id_)


def tweet_value(tweet: Tweet, author: User) -> bytes:
    """A tweet as it is kept in the cache."""
    body = orjson.dumps(
        {
            "id": str(tweet.id),
            "author": {"id": str(author.id), "username": author.username, "name": author.name},
            "text": tweet.text,
            "created_at": rfc3339(tweet.id),
            "reply_to_id": _optional_id(tweet.reply_to),
            "quote_of_id": _optional_id(tweet.quote_of),
            "location": tweet.location,
            "hashtags": tweet.hashtags,
            "mentions": tweet.mentions,
        }
    )
    return _HEAD.pack(tweet.author, tweet.retweet_of or 0, tweet.retweet_author or 0) + body[:-1]


def _record(id_: int, value: bytes) -> Record | None:
    if not value:
        return None
    author, retweet_of, retweet_author = _HEAD.unpack_from(value)
    return Record(id_, author, retweet_of, retweet_author, value[_HEAD.size :])


def reply_to_of(record: Record) -> TweetId | None:
    """What a tweet replies to."""
    id_: str | None = orjson.loads(record.body + b"}")["reply_to_id"]
    return None if id_ is None else TweetId(int(id_))


def ids_from(wire: bytes) -> Ids:
    """Ids as they are packed in the cache."""
    return np.frombuffer(wire, dtype=np.uint64)


class Hydrator:
    """Turns ids into what a reader is shown."""

    def __init__(
        self,
        cache: CacheStore,
        tweets: TweetStore,
        users: UserStore,
        relations: RelationStore,
        counts: CountStore,
        doubts: Doubts,
        limits: Limits,
    ) -> None:
        self.cache = cache
        self.relations = relations
        self._tweets = tweets
        self._users_store = users
        self._counts = counts
        self._doubts = doubts
        self._limits = limits
        self._users: LRUCache[UserId, User] = LRUCache(limits.local_entries_max)
        self.tweet_values = ReadThrough(
            cache, limits, kind="tweet", key=keys.tweet, load=self._load_tweets, doubts=doubts
        )
        self.tweet_counts = ReadThrough(cache, limits, kind="counts", key=keys.tweet_counts, load=self._load_counts)
        self.user_counts = ReadThrough(cache, limits, kind="counts", key=keys.user_counts, load=self._load_user_counts)
        self.following = ReadThrough(
            cache, limits, kind="following", key=keys.following, load=self._load_following, doubts=doubts
        )
        self.engaged = ReadThrough(
            cache, limits, kind="engaged", key=keys.engaged, load=self._load_engaged, doubts=doubts
        )
        self.own_counts = OwnCounts(counts, doubts, limits)

    async def followees(self, user: UserId) -> Ids:
        """Whom a user follows, sorted."""
        return ids_from((await self.following.get((user,)))[user])

    async def users(self, ids: Iterable[UserId]) -> dict[UserId, User]:
        """Users by id; the absent are left out."""
        wanted = list(dict.fromkeys(ids))
        found = {id_: user for id_ in wanted if (user := self._users.get(id_)) is not None}
        missing = [id_ for id_ in wanted if id_ not in found]
        if missing:
            loaded = await self._users_store.users(missing)
            self._users.update(loaded)
            found |= loaded
        return found

    async def reading(self, viewer: UserId | None) -> "Reading":
        """A new reading of tweets by somebody, None without a token, of all that was answered before."""
        await self._doubts.look()
        return Reading(self, viewer)

    async def users_json(self, viewer: UserId | None, ids: Sequence[UserId]) -> list[bytes]:
        """The JSON of some users, in order, with counts and the viewer's relation; the absent are left out."""
        users, counts, relations = await asyncio.gather(
            self.users(ids), self._counts_of_users(viewer, ids), self._relations(viewer, ids)
        )
        return [
            orjson.dumps(
                {
                    "id": str(id_),
                    "username": users[id_].username,
                    "name": users[id_].name,
                    "created_at": rfc3339(id_),
                    "followers_count": counts[id_].followers,
                    "following_count": counts[id_].following,
                    "tweets_count": counts[id_].tweets,
                    "following": relation[0],
                    "followed_by": relation[1],
                }
            )
            for id_, relation in zip(ids, relations, strict=True)
            if id_ in users
        ]

    async def _counts_of_users(self, viewer: UserId | None, ids: Sequence[UserId]) -> dict[int, UserCounts]:
        viewers = () if viewer is None else (viewer,)
        if viewers:
            await self._doubts.look()
        counts, noted = await looked_up(self.cache, (self.user_counts, ids), (self.own_counts, viewers))
        found = await self.user_counts.complete(counts)
        return await self.own_counts.of_users(viewer, noted.get(viewer or 0), found)

    async def _relations(self, viewer: UserId | None, ids: Sequence[UserId]) -> list[tuple[bool, bool]]:
        if viewer is None:
            return [(False, False)] * len(ids)
        edges = await self.relations.states(FOLLOW, [*((viewer, id_) for id_ in ids), *((id_, viewer) for id_ in ids)])
        return [(edges[at].active, edges[len(ids) + at].active) for at in range(len(ids))]

    async def _load_tweets(self, ids: list[int]) -> dict[int, bytes]:
        authors = await self._tweets.authors([TweetId(id_) for id_ in ids])
        tweets = await self._tweets.tweets([(author, id_) for id_, author in authors.items()])
        users = await self.users(tweet.author for tweet in tweets.values())
        found = {int(id_): tweet_value(t, users[t.author]) for id_, t in tweets.items() if t.author in users}
        if len(found) < len(ids):
            metrics.EDGES.record(len(ids) - len(found), edge="tombstone")
        return found

    async def _load_counts(self, ids: list[int]) -> dict[int, bytes]:
        began_us = await self._now_us()
        counts = await asyncio.gather(*(self._counts.tweet_counts(TweetId(id_)) for id_ in ids))
        return {id_: values.tweet_counts(Counted.at(c, began_us)) for id_, c in zip(ids, counts, strict=True)}

    async def _load_user_counts(self, ids: list[int]) -> dict[int, bytes]:
        began_us = await self._now_us()
        counts = await asyncio.gather(*(self._counts.user_counts(UserId(id_)) for id_ in ids))
        return {id_: values.user_counts(Counted.at(c, began_us)) for id_, c in zip(ids, counts, strict=True)}

    async def _now_us(self) -> int:
        try:
            return await self.cache.now_us()
        except (StoreUnavailable, Overloaded):
            return 0  # counted by the adapter; whoever has done something to these counts does not believe them

    async def _load_following(self, ids: list[int]) -> dict[int, bytes]:
        edges = await asyncio.gather(*(self.relations.all_targets(FOLLOW, UserId(id_)) for id_ in ids))
        return {
            id_: np.array(sorted(u for u, _ in found), np.uint64).tobytes()
            for id_, found in zip(ids, edges, strict=True)
        }

    async def _load_engaged(self, ids: list[int]) -> dict[int, bytes]:
        return dict(zip(ids, await asyncio.gather(*(self._engaged_value(UserId(id_)) for id_ in ids)), strict=True))

    async def _engaged_value(self, user: UserId) -> bytes:
        limit = self._limits.liked_recent_max
        (likes, like_floor), (retweets, retweet_floor) = await asyncio.gather(
            self.relations.recent_targets(LIKE, user, limit=limit),
            self.relations.recent_targets(RETWEET, user, limit=limit),
        )
        return _ENGAGED.pack(like_floor, retweet_floor, len(likes)) + np.array([*likes, *retweets], np.uint64).tobytes()


class Reading:
    """What one request reads of tweets: who asks for some gets counts and the reader's marks in the same trip."""

    def __init__(self, hydrator: Hydrator, viewer: UserId | None) -> None:
        self.records: dict[int, Record] = {}
        """The tweets and retweets found so far, with every original that a retweet among them shows."""
        self._hydrator = hydrator
        self._viewers = () if viewer is None else (viewer,)
        self._counts: dict[int, bytes | None] = {}
        self._noted: dict[int, bytes | None] = {}
        self._engaged: dict[int, bytes | None] = {}

    async def read(self, ids: Iterable[int]) -> dict[int, Record]:
        """Look some up that were not yet; all records so far."""
        wanted = {id_ for id_ in ids if id_ not in self._counts}
        while wanted:
            self.records |= await self._found(wanted)
            wanted = {r.retweet_of for r in self.records.values() if r.retweet_of} - self._counts.keys()
        return self.records

    async def original_of(self, tweet_id: TweetId) -> TweetId:
        """A tweet itself, or what a retweet shows. Raises `NotFound` for what does not exist."""
        records = await self.read((tweet_id,))
        if not exists(tweet_id, records):
            raise NotFound("This tweet does not exist.", "not_found")
        return TweetId(records[tweet_id].original)

    async def counts(self, originals: Iterable[int]) -> dict[int, TweetCounts]:
        """The counts of some tweets that were read."""
        found = await self._hydrator.tweet_counts.complete({id_: self._counts[id_] for id_ in originals})
        viewer = next(iter(self._viewers), None)
        return await self._hydrator.own_counts.of_tweets(viewer, self._noted.get(viewer or 0), found)

    async def json(self, shown: Sequence[int]) -> list[bytes]:
        """The JSON of some records, in order. A retweet carries its original, and that one's counts and marks."""
        originals = list(dict.fromkeys(self.records[id_].original for id_ in shown))
        counts, (liked, retweeted) = await asyncio.gather(self.counts(originals), self._marks(originals))
        tails = {id_: _TAIL % (*counts[id_], _bool(id_ in liked), _bool(id_ in retweeted)) for id_ in originals}
        return [self._tweet_json(self.records[id_], tails) for id_ in shown]

    async def _found(self, ids: Collection[int]) -> dict[int, Record]:
        hydrator = self._hydrator
        viewers = () if self._engaged else self._viewers
        tweets, counts, engaged, noted = await looked_up(
            hydrator.cache,
            (hydrator.tweet_values, ids),
            (hydrator.tweet_counts, ids),
            (hydrator.engaged, viewers),
            (hydrator.own_counts, viewers),
        )
        self._counts |= counts
        self._noted |= noted
        self._engaged |= engaged
        found = await hydrator.tweet_values.complete(tweets)
        return {id_: record for id_, value in found.items() if (record := _record(id_, value))}

    def _tweet_json(self, record: Record, tails: Mapping[int, bytes]) -> bytes:
        tail = tails[record.original]
        if not record.retweet_of:
            return record.body + b',"retweet_of":null' + tail
        inner = self.records[record.retweet_of].body + b',"retweet_of":null' + tail
        return record.body + b',"retweet_of":' + inner + tail

    async def _marks(self, originals: Sequence[int]) -> tuple[set[int], set[int]]:
        """Which originals the reader liked and which they retweeted."""
        if not self._viewers or not originals:
            return set(), set()
        (viewer,) = self._viewers
        value = (await self._hydrator.engaged.complete(self._engaged))[viewer]
        like_floor, retweet_floor, likes = _ENGAGED.unpack_from(value)
        recent = ids_from(value[_ENGAGED.size :]).tolist()
        liked, retweeted = set(recent[:likes]), set(recent[likes:])
        for relation, floor, found in (
            (LIKE, like_floor, liked),
            (RETWEET, retweet_floor, retweeted),
        ):
            below = [id_ for id_ in originals if id_ <= floor]
            if below:
                found |= await self._hydrator.relations.active_among(relation, viewer, below)
        return liked, retweeted


def _bool(value: bool) -> bytes:
    return b"true" if value else b"false"
