"""The truth's ports on tables in memory: events, tweets, follows, likes and retweets."""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import cast

import numpy as np

from domain.events import Event
from domain.graph import (
    NO_TWEET_COUNTS,
    NO_USER_COUNTS,
    OFF,
    TWEET_COUNTS,
    USER_COUNTS,
    Toggle,
    TweetCounts,
    UserCounts,
    toggle,
)
from domain.ids import ENGAGEMENT_BUCKETS, FOLLOWER_BUCKETS, EventId, Ids, TweetId, UserId, follower_bucket
from domain.timeline import Entries, entries_of
from domain.tweets import Tweet
from storage.memory.tables import Key, MemoryTables, StoredRow
from storage.ports.relations import Engagement
from storage.ports.tweets import Reply
from storage.rows import event_row, lost_rows, rows_of


class MemoryEventStore:
    """Events by minute and log partition."""

    def __init__(self, tables: MemoryTables, partitions: int) -> None:
        self._tables = tables
        self._partitions = partitions

    async def commit(self, event: Event) -> None:
        await self._tables.turn()
        self._tables.apply([event_row(event, self._partitions), *rows_of(event)])

    async def take_back(self, event: Event, switch: Toggle) -> None:
        await self._tables.turn()
        self._tables.apply(lost_rows(event, switch))

    async def events_of(
        self, minute: int, partition: int, *, after: EventId, limit: int
    ) -> list[tuple[EventId, bytes]]:
        await self._tables.turn()
        found = self._tables.partition("events_by_minute", minute, partition)
        return [(EventId(_int(key[0])), cast(bytes, row.get("body"))) for key, row in found if _int(key[0]) > after][
            :limit
        ]

    async def event_ids_of(self, minute: int, partition: int, *, after: EventId) -> list[EventId]:
        await self._tables.turn()
        found = self._tables.partition("events_by_minute", minute, partition)
        return [EventId(_int(key[0])) for key, _ in found if _int(key[0]) > after]


class MemoryTweetStore:
    """Tweets, and where they are listed."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def authors(self, tweets: Sequence[TweetId]) -> dict[TweetId, UserId]:
        await self._tables.turn()
        rows = ((tweet, self._tables.row("tweet_authors", tweet)) for tweet in tweets)
        return {tweet: UserId(_int(row.get("user_id"))) for tweet, row in rows if row is not None}

    async def tweets(self, keys: Sequence[tuple[UserId, TweetId]]) -> dict[TweetId, Tweet]:
        await self._tables.turn()
        rows = ((key, self._tables.row("tweets", *key)) for key in keys)
        return {key[1]: _tweet(key[0], key[1], row) for key, row in rows if row is not None}

    async def by_author(self, author: UserId, *, before: int, limit: int) -> list[Tweet]:
        await self._tables.turn()
        return self._by_author(author, before, limit)

    async def entries_by_author(self, author: UserId, *, before: int, limit: int) -> Entries:
        await self._tables.turn()
        return entries_of([(tweet.id, tweet.original) for tweet in self._by_author(author, before, limit)])

    async def replies(self, tweet: TweetId, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        await self._tables.turn()
        rows = self._tables.partition("replies", tweet, newest_first=True)
        return _listed([(key, row) for key, row in rows if not row.get("deleted")], before)[:limit]

    async def replies_after(self, places: Sequence[tuple[TweetId, int]], *, limit: int) -> list[list[Reply]]:
        await self._tables.turn()
        return [self._replies_after("replies", tweet, after)[:limit] for tweet, after in places]

    async def self_replies(self, tweet: TweetId, *, after: int, limit: int) -> list[Reply]:
        await self._tables.turn()
        return self._replies_after("self_replies", tweet, after)[:limit]

    async def parents_of_deleted(self, tweets: Sequence[TweetId]) -> dict[TweetId, TweetId]:
        await self._tables.turn()
        rows = ((tweet, self._tables.row("deleted_replies", tweet)) for tweet in tweets)
        return {tweet: TweetId(_int(row.get("reply_to"))) for tweet, row in rows if row is not None}

    async def feed(self, feed: str, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        await self._tables.turn()
        slots = [key[0] for key, _ in self._tables.partition("feed_slots", feed, newest_first=True)]
        parts = (self._tables.partition("feed_tweets", feed, slot, newest_first=True) for slot in slots)
        return _listed(list(chain.from_iterable(parts)), before)[:limit]

    def _replies_after(self, table: str, tweet: TweetId, after: int) -> list[Reply]:
        return [
            Reply(TweetId(_int(key[0])), table == "self_replies" or bool(row.get("self_reply")))
            for key, row in self._tables.partition(table, tweet)
            if _int(key[0]) > after
        ]

    def _by_author(self, author: UserId, before: int, limit: int) -> list[Tweet]:
        found = self._tables.partition("tweets", author, newest_first=True)
        return [_tweet(author, _int(key[0]), row) for key, row in found if _int(key[0]) < before][:limit]


class MemoryGraphStore:
    """Who follows whom."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def follow(self, user: UserId, followee: UserId) -> Toggle:
        await self._tables.turn()
        return _toggle(self._tables.row("following", user, followee))

    async def follows(self, edges: Sequence[tuple[UserId, UserId]]) -> list[Toggle]:
        await self._tables.turn()
        return [_toggle(self._tables.row("following", *edge)) for edge in edges]

    async def following(self, user: UserId) -> list[tuple[UserId, int]]:
        await self._tables.turn()
        rows = self._tables.partition("following", user)
        active = [(UserId(_int(key[0])), _int(row.get("since"))) for key, row in rows if row.get("active")]
        return sorted(active, key=lambda edge: edge[1], reverse=True)

    async def followers(self, author: UserId, ranges: Sequence[int]) -> Ids:
        await self._tables.turn()
        wanted = set(ranges)
        found = [
            _int(key[1])
            for bucket in sorted({follower_bucket(range_) for range_ in wanted})
            for key, _ in self._tables.partition("followers", author, bucket)
            if key[0] in wanted
        ]
        return np.array(found, dtype=np.uint64)

    async def followers_page(self, author: UserId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        await self._tables.turn()
        return _by_time(self._tables, "followers_by_time", author, FOLLOWER_BUCKETS, "follower", before, limit)

    async def user_counts(
        self, user: UserId, names: Collection[str] = USER_COUNTS, others: UserCounts = NO_USER_COUNTS
    ) -> UserCounts:
        await self._tables.turn()
        counted = UserCounts(
            followers=sum(len(self._tables.partition("followers", user, bucket)) for bucket in range(FOLLOWER_BUCKETS)),
            following=sum(bool(row.get("active")) for _, row in self._tables.partition("following", user)),
            tweets=sum(row.get("retweet_of") is None for _, row in self._tables.partition("tweets", user)),
        )
        return others._replace(**{name: getattr(counted, name) for name in names})


class MemoryEngagementStore:
    """Likes and retweets as sets."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def engagement(self, kind: Engagement, user: UserId, tweet: TweetId) -> Toggle:
        await self._tables.turn()
        return _toggle(self._tables.row(f"{kind}_by_user", user, tweet))

    async def engaged(self, kind: Engagement, user: UserId, *, limit: int) -> tuple[list[TweetId], int]:
        await self._tables.turn()
        rows = self._tables.partition(f"{kind}_by_user", user, newest_first=True)[:limit]
        floor = _int(rows[-1][0][0]) - 1 if len(rows) == limit else 0
        return [TweetId(_int(key[0])) for key, row in rows if row.get("active")], floor

    async def engaged_with(self, kind: Engagement, user: UserId, tweets: Sequence[TweetId]) -> set[TweetId]:
        await self._tables.turn()
        return {tweet for tweet in tweets if _toggle(self._tables.row(f"{kind}_by_user", user, tweet)).active}

    async def engagers(self, kind: Engagement, tweet: TweetId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        await self._tables.turn()
        return _by_time(self._tables, f"{kind}_by_time", tweet, ENGAGEMENT_BUCKETS, "user_id", before, limit)

    async def tweet_counts(
        self, tweet: TweetId, names: Collection[str] = TWEET_COUNTS, others: TweetCounts = NO_TWEET_COUNTS
    ) -> TweetCounts:
        await self._tables.turn()
        sizes = {
            kind: sum(len(self._tables.partition(kind, tweet, bucket)) for bucket in range(ENGAGEMENT_BUCKETS))
            for kind in Engagement
        }
        counted = TweetCounts(
            likes=sizes[Engagement.LIKE],
            retweets=sizes[Engagement.RETWEET],
            replies=sum(not row.get("deleted") for _, row in self._tables.partition("replies", tweet)),
            quotes=len(self._tables.partition("quotes", tweet)),
        )
        return others._replace(**{name: getattr(counted, name) for name in names})


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _toggle(row: StoredRow | None) -> Toggle:
    if row is None:
        return OFF
    return toggle(bool(row.get("active")), _int(row.get("since")), row.stamp_us("active"), row.sinces)


def _listed(rows: list[tuple[Key, StoredRow]], before: int) -> list[tuple[TweetId, UserId]]:
    return [(TweetId(_int(key[0])), UserId(_int(row.get("user_id")))) for key, row in rows if _int(key[0]) < before]


def _by_time(
    tables: MemoryTables, table: str, of: int, buckets: int, column: str, before: int, limit: int
) -> list[tuple[UserId, int]]:
    rows = chain.from_iterable(tables.partition(table, of, bucket) for bucket in range(buckets))
    found = [(UserId(_int(row.get(column))), _int(key[0])) for key, row in rows if _int(key[0]) < before]
    return sorted(found, key=lambda each: each[1], reverse=True)[:limit]


def _tweet(author: int, tweet: int, row: StoredRow) -> Tweet:
    def id_of(column: str) -> int | None:
        return cast(int | None, row.get(column))

    reply_to, quote_of, retweet_of, retweet_author = map(
        id_of, ("reply_to", "quote_of", "retweet_of", "retweet_author")
    )
    return Tweet(
        id=TweetId(tweet),
        author=UserId(author),
        text=cast(str | None, row.get("text")) or "",
        reply_to=None if reply_to is None else TweetId(reply_to),
        quote_of=None if quote_of is None else TweetId(quote_of),
        retweet_of=None if retweet_of is None else TweetId(retweet_of),
        retweet_author=None if retweet_author is None else UserId(retweet_author),
        location=cast(str | None, row.get("location")),
        hashtags=tuple(cast(tuple[str, ...], row.get("hashtags") or ())),
        mentions=tuple(cast(tuple[str, ...], row.get("mentions") or ())),
    )
