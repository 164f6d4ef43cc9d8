"""Counts of the sets on tables in memory."""

from collections.abc import Collection

from domain.counts import NO_TWEET_COUNTS, NO_USER_COUNTS, TWEET_COUNTS, USER_COUNTS, TweetCounts, UserCounts
from domain.ids import TweetId, UserId
from domain.relations import RELATIONS
from storage.rows import tables_of
from tests.memory.tables import MemoryTables


class MemoryCountStore:
    """`CountStore` on tables in memory."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def tweet_counts(
        self, tweet: TweetId, names: Collection[str] = TWEET_COUNTS, others: TweetCounts = NO_TWEET_COUNTS
    ) -> TweetCounts:
        await self._tables.turn()
        return others._replace(**{name: self._count(name, tweet) for name in names})

    async def user_counts(
        self, user: UserId, names: Collection[str] = USER_COUNTS, others: UserCounts = NO_USER_COUNTS
    ) -> UserCounts:
        await self._tables.turn()
        return others._replace(**{name: self._count(name, user) for name in names})

    def _count(self, name: str, id_: int) -> int:
        for relation in RELATIONS:
            tables = tables_of(relation)
            if name == relation.user_counted:
                return sum(bool(row.get("active")) for _, row in self._tables.partition(tables.by_user, id_))
            if name == relation.counted and relation.sources:
                buckets = range(relation.sources.buckets)
                return sum(len(self._tables.partition(tables.by_target, id_, bucket)) for bucket in buckets)
        if name == "quotes":
            return len(self._tables.partition("quotes", id_))
        if name == "replies":
            return sum(not row.get("deleted") for _, row in self._tables.partition("replies", id_))
        assert name == "tweets"
        return sum(row.get("retweet_of") is None for _, row in self._tables.partition("tweets", id_))
