"""Tweets in memory, and where they are listed."""

from collections.abc import Sequence
from itertools import chain, islice
from typing import cast

from domain.ids import TweetId, UserId
from domain.timeline import Entries, entries_of
from domain.tweets import Tweet, Visibility
from storage.ports.tweets import Reply
from tests.memory.tables import Key, MemoryTables, StoredRow, int_of


class MemoryTweetStore:
    """Tweets, and where they are listed."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def authors(self, tweets: Sequence[TweetId]) -> dict[TweetId, UserId]:
        await self._tables.turn()
        rows = ((tweet, self._tables.row("tweet_authors", tweet)) for tweet in tweets)
        return {tweet: UserId(int_of(row.get("user_id"))) for tweet, row in rows if row is not None}

    async def tweets(self, keys: Sequence[tuple[UserId, TweetId]]) -> dict[TweetId, Tweet]:
        await self._tables.turn()
        rows = ((key, self._tables.row("tweets", *key)) for key in keys)
        return {key[1]: _tweet(key[0], key[1], row) for key, row in rows if row is not None}

    async def entries_by_author(self, author: UserId, *, before: int, limit: int) -> Entries:
        await self._tables.turn()
        rows = self._tables.partition("tweets", author, newest_first=True)
        tweets = (_tweet(author, int_of(key[0]), row) for key, row in rows if int_of(key[0]) < before)
        return entries_of([(tweet.id, tweet.original) for tweet in islice(tweets, limit)])

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
        return {tweet: TweetId(int_of(row.get("reply_to"))) for tweet, row in rows if row is not None}

    async def feed(self, feed: str, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        await self._tables.turn()
        slots = [key[0] for key, _ in self._tables.partition("feed_slots", feed, newest_first=True)]
        parts = (self._tables.partition("feed_tweets", feed, slot, newest_first=True) for slot in slots)
        return _listed(list(chain.from_iterable(parts)), before)[:limit]

    def _replies_after(self, table: str, tweet: TweetId, after: int) -> list[Reply]:
        return [
            Reply(TweetId(int_of(key[0])), table == "self_replies" or bool(row.get("self_reply")))
            for key, row in self._tables.partition(table, tweet)
            if int_of(key[0]) > after
        ]


def _listed(rows: list[tuple[Key, StoredRow]], before: int) -> list[tuple[TweetId, UserId]]:
    return [
        (TweetId(int_of(key[0])), UserId(int_of(row.get("user_id")))) for key, row in rows if int_of(key[0]) < before
    ]


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
        visibility=Visibility(cast(int | None, row.get("visibility")) or 0),
        mention_ids=tuple(cast(tuple[UserId, ...], row.get("mention_ids") or ())),
        protected=bool(row.get("protected")),
    )
