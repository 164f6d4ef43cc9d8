"""Counts: the sets of relations, replies, quotes and tweets, counted page by page."""

import asyncio
from collections.abc import Collection, Sequence

from domain.counts import NO_TWEET_COUNTS, NO_USER_COUNTS, TWEET_COUNTS, USER_COUNTS, TweetCounts, UserCounts
from domain.ids import TweetId, UserId
from domain.relations import RELATIONS
from storage.cassandra.driver.session import CassandraAdapter, Params
from storage.cassandra.driver.statements import Statement, read
from storage.cassandra.relations import statements_of

_COUNTED_ROWS = 5_000
"""Rows of a page that is counted."""
_REPLIES = read("SELECT deleted FROM replies WHERE tweet_id = ?", fetch_rows=_COUNTED_ROWS)
_QUOTES = read("SELECT quote_id FROM quotes WHERE tweet_id = ?", fetch_rows=_COUNTED_ROWS)
_RETWEETS_OF = read("SELECT retweet_of FROM tweets WHERE user_id = ?", fetch_rows=_COUNTED_ROWS)
_SETS = {relation.counted: relation for relation in RELATIONS if relation.counted}
_ACTIVES = {relation.user_counted: relation for relation in RELATIONS if relation.user_counted}


class CassandraCountStore(CassandraAdapter):
    """`CountStore` on Cassandra: no request takes longer for a larger set."""

    async def tweet_counts(
        self, tweet: TweetId, names: Collection[str] = TWEET_COUNTS, others: TweetCounts = NO_TWEET_COUNTS
    ) -> TweetCounts:
        counted = await asyncio.gather(*(self._count(name, tweet) for name in names))
        return others._replace(**dict(zip(names, counted, strict=True)))

    async def user_counts(
        self, user: UserId, names: Collection[str] = USER_COUNTS, others: UserCounts = NO_USER_COUNTS
    ) -> UserCounts:
        counted = await asyncio.gather(*(self._count(name, user) for name in names))
        return others._replace(**dict(zip(names, counted, strict=True)))

    async def _count(self, name: str, id_: int) -> int:
        if relation := _ACTIVES.get(name):
            return sum(active for (active,) in await self._session.execute(statements_of(relation).actives, (id_,)))
        if relation := _SETS.get(name):
            assert relation.sources, "a set that is counted is kept"
            buckets = [(id_, bucket) for bucket in range(relation.sources.buckets)]
            return await self._rows(statements_of(relation).all_sources, buckets)
        if name == "quotes":
            return await self._rows(_QUOTES, [(id_,)])
        if name == "replies":
            pages = self._session.pages(_REPLIES, (id_,))
            return sum([sum(not deleted for (deleted,) in page) async for page in pages])
        assert name == "tweets"
        pages = self._session.pages(_RETWEETS_OF, (id_,))
        return sum([retweet_of is None async for page in pages for (retweet_of,) in page])

    async def _rows(self, statement: Statement, params: Sequence[Params]) -> int:
        """The number of rows in several partitions."""

        async def rows(of: Params) -> int:
            return sum([len(page) async for page in self._session.pages(statement, of)])

        return sum(await asyncio.gather(*map(rows, params)))
