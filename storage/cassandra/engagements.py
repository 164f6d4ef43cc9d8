"""Likes and retweets as sets."""

import asyncio
from collections.abc import Collection, Sequence

from domain.graph import NO_TWEET_COUNTS, TWEET_COUNTS, Toggle, TweetCounts
from domain.ids import ENGAGEMENT_BUCKETS, TweetId, UserId
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.driver.statements import read
from storage.cassandra.toggles import COUNTED_ROWS, IN_MAX, STATE, count, merged_page, toggle_of
from storage.ports.relations import Engagement

_STATE = {kind: read(f"SELECT {STATE} FROM {kind}_by_user WHERE user_id = ? AND tweet_id = ?") for kind in Engagement}
_LATEST = {kind: read(f"SELECT tweet_id, active FROM {kind}_by_user WHERE user_id = ? LIMIT ?") for kind in Engagement}
_AMONG = {
    kind: read(f"SELECT tweet_id, active FROM {kind}_by_user WHERE user_id = ? AND tweet_id IN ?")
    for kind in Engagement
}
_PAGE = {
    kind: read(f"SELECT since, user_id FROM {kind}_by_time WHERE tweet_id = ? AND bucket = ? AND since < ? LIMIT ?")
    for kind in Engagement
}
_USERS = {
    kind: read(f"SELECT user_id FROM {kind} WHERE tweet_id = ? AND bucket = ?", fetch_rows=COUNTED_ROWS)
    for kind in Engagement
}
_REPLIES = read("SELECT deleted FROM replies WHERE tweet_id = ?", fetch_rows=COUNTED_ROWS)
_QUOTES = read("SELECT quote_id FROM quotes WHERE tweet_id = ?", fetch_rows=COUNTED_ROWS)


class CassandraEngagementStore:
    """Engagements by user, and per tweet as a set and by time."""

    def __init__(self, session: CassandraSession) -> None:
        self._session = session

    async def engagement(self, kind: Engagement, user: UserId, tweet: TweetId) -> Toggle:
        return toggle_of(await self._session.execute(_STATE[kind], (user, tweet)))

    async def engaged(self, kind: Engagement, user: UserId, *, limit: int) -> tuple[list[TweetId], int]:
        """Look at the `limit` largest ids, switched off or not: the floor lies just below the last of them."""
        rows = await self._session.execute(_LATEST[kind], (user, limit))
        floor = rows[-1][0] - 1 if len(rows) == limit else 0
        return [TweetId(tweet) for tweet, active in rows if active], floor

    async def engaged_with(self, kind: Engagement, user: UserId, tweets: Sequence[TweetId]) -> set[TweetId]:
        params = [(user, list(tweets[at : at + IN_MAX])) for at in range(0, len(tweets), IN_MAX)]
        answers = await self._session.execute_many(_AMONG[kind], params)
        return {TweetId(tweet) for rows in answers for tweet, active in rows if active}

    async def engagers(self, kind: Engagement, tweet: TweetId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        params = [(tweet, bucket, before, limit) for bucket in range(ENGAGEMENT_BUCKETS)]
        return merged_page(await self._session.execute_many(_PAGE[kind], params), limit)

    async def tweet_counts(
        self, tweet: TweetId, names: Collection[str] = TWEET_COUNTS, others: TweetCounts = NO_TWEET_COUNTS
    ) -> TweetCounts:
        counted = await asyncio.gather(*(self._count(name, tweet) for name in names))
        return others._replace(**dict(zip(names, counted, strict=True)))

    async def _count(self, name: str, tweet: TweetId) -> int:
        if name == "replies":
            pages = self._session.pages(_REPLIES, (tweet,))
            return sum([sum(not deleted for (deleted,) in page) async for page in pages])
        if name == "quotes":
            return await count(self._session, _QUOTES, [(tweet,)])
        buckets = [(tweet, bucket) for bucket in range(ENGAGEMENT_BUCKETS)]
        return await count(self._session, _USERS[Engagement(name)], buckets)
