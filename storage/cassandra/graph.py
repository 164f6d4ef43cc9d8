"""Who follows whom."""

import asyncio
from collections.abc import Collection, Sequence
from itertools import chain

import numpy as np

from domain.fanout import NO_IDS
from domain.graph import NO_USER_COUNTS, OFF, USER_COUNTS, Toggle, UserCounts
from domain.ids import FOLLOWER_BUCKETS, RANGES_PER_BUCKET, Ids, UserId, follower_bucket
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.driver.statements import read
from storage.cassandra.toggles import COUNTED_ROWS, IN_MAX, STATE, count, merged_page, toggle_of

_EDGE = read(f"SELECT {STATE} FROM following WHERE user_id = ? AND followee = ?")
_EDGES = read(f"SELECT followee, {STATE} FROM following WHERE user_id = ? AND followee IN ?")
_FOLLOWING = read("SELECT followee, since, active FROM following WHERE user_id = ?", fetch_rows=5_000)
_FOLLOWERS = read("SELECT follower FROM followers WHERE author = ? AND bucket = ?", fetch_rows=5_000)
_FOLLOWERS_IN = read("SELECT follower FROM followers WHERE author = ? AND bucket = ? AND range IN ?", fetch_rows=5_000)
_FOLLOWERS_PAGE = read(
    "SELECT since, follower FROM followers_by_time WHERE author = ? AND bucket = ? AND since < ? LIMIT ?"
)
_FOLLOWING_ACTIVE = read("SELECT active FROM following WHERE user_id = ?", fetch_rows=5_000)
_RETWEETS_OF = read("SELECT retweet_of FROM tweets WHERE user_id = ?", fetch_rows=COUNTED_ROWS)


class CassandraGraphStore:
    """Follows by follower, by (author, range) for the shards, and by time for pages."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def follow(self, user: UserId, followee: UserId) -> Toggle:
        return toggle_of(await self._session.execute(_EDGE, (user, followee)))

    async def follows(self, edges: Sequence[tuple[UserId, UserId]]) -> list[Toggle]:
        """One query per follower and hundred followees."""
        wanted: dict[UserId, list[UserId]] = {}
        for user, followee in edges:
            wanted.setdefault(user, []).append(followee)
        params = [
            (user, followees[at : at + IN_MAX])
            for user, followees in wanted.items()
            for at in range(0, len(followees), IN_MAX)
        ]
        states: dict[tuple[UserId, UserId], Toggle] = {}
        for (user, _), rows in zip(params, await self._session.execute_many(_EDGES, params), strict=True):
            for followee, *state in rows:
                states[user, followee] = toggle_of([tuple(state)])
        return [states.get(edge, OFF) for edge in edges]

    async def following(self, user: UserId) -> list[tuple[UserId, int]]:
        rows = await self._session.execute(_FOLLOWING, (user,))
        active = [(UserId(followee), since) for followee, since, active in rows if active]
        return sorted(active, key=lambda edge: edge[1], reverse=True)

    async def followers(self, author: UserId, ranges: Sequence[int]) -> Ids:
        buckets: dict[int, list[int]] = {}
        for range_ in sorted(set(ranges)):
            buckets.setdefault(follower_bucket(range_), []).append(range_)
        parts = await asyncio.gather(*[self._followers_in(author, bucket, part) for bucket, part in buckets.items()])
        return np.concatenate(parts) if parts else NO_IDS

    async def followers_page(self, author: UserId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        params = [(author, bucket, before, limit) for bucket in range(FOLLOWER_BUCKETS)]
        return merged_page(await self._session.execute_many(_FOLLOWERS_PAGE, params), limit)

    async def user_counts(
        self, user: UserId, names: Collection[str] = USER_COUNTS, others: UserCounts = NO_USER_COUNTS
    ) -> UserCounts:
        count_of = {
            "followers": self._followers_count,
            "following": self._following_count,
            "tweets": self._tweets_count,
        }
        counted = await asyncio.gather(*(count_of[name](user) for name in names))
        return others._replace(**dict(zip(names, counted, strict=True)))

    async def _followers_count(self, user: UserId) -> int:
        return await count(self._session, _FOLLOWERS, [(user, bucket) for bucket in range(FOLLOWER_BUCKETS)])

    async def _following_count(self, user: UserId) -> int:
        return sum(active for (active,) in await self._session.execute(_FOLLOWING_ACTIVE, (user,)))

    async def _tweets_count(self, user: UserId) -> int:
        pages = self._session.pages(_RETWEETS_OF, (user,))
        return sum([retweet_of is None async for page in pages for (retweet_of,) in page])

    async def _followers_in(self, author: UserId, bucket: int, ranges: list[int]) -> Ids:
        whole = len(ranges) == RANGES_PER_BUCKET
        statement, params = (_FOLLOWERS, (author, bucket)) if whole else (_FOLLOWERS_IN, (author, bucket, ranges))
        parts = [
            np.fromiter(chain.from_iterable(page), dtype=np.uint64, count=len(page))
            async for page in self._session.pages(statement, params)
        ]
        return np.concatenate(parts)
