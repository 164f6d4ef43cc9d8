"""Tweets, and where they are listed."""

from collections.abc import Sequence
from typing import Any

from domain.ids import TweetId, UserId
from domain.timeline import Entries, entries_of
from domain.tweets import Tweet, Visibility
from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import read
from storage.ports.tweets import Reply
from storage.rows import feed_slot

_COLUMNS = (
    "user_id, tweet_id, text, reply_to, quote_of, retweet_of, retweet_author, location, hashtags, mentions,"
    " visibility, mention_ids, protected"
)
_AUTHOR = read("SELECT tweet_id, user_id FROM tweet_authors WHERE tweet_id = ?")
_TWEETS = read(f"SELECT {_COLUMNS} FROM tweets WHERE user_id = ? AND tweet_id IN ?")
_ENTRIES = read("SELECT tweet_id, retweet_of FROM tweets WHERE user_id = ? AND tweet_id < ? LIMIT ?")
_REPLIES = read("SELECT reply_id, user_id, deleted FROM replies WHERE tweet_id = ? AND reply_id < ? LIMIT ?")
_REPLIES_AFTER = read(
    "SELECT reply_id, self_reply FROM replies WHERE tweet_id = ? AND reply_id > ? ORDER BY reply_id ASC LIMIT ?"
)
_SELF_REPLIES = read("SELECT reply_id FROM self_replies WHERE tweet_id = ? AND reply_id > ? LIMIT ?")
_PARENTS_OF_DELETED = read("SELECT tweet_id, reply_to FROM deleted_replies WHERE tweet_id = ?")
_SLOTS = read("SELECT slot FROM feed_slots WHERE feed = ? AND slot <= ?", fetch_rows=64)
_IN_SLOT = read("SELECT tweet_id, user_id FROM feed_tweets WHERE feed = ? AND slot = ? AND tweet_id < ? LIMIT ?")
_SLOTS_AT_ONCE_MAX = 16
_REPLIES_AT_ONCE_MAX = 1_000


class CassandraTweetStore(CassandraAdapter):
    """Tweets by author; lists of ids by reply and feed."""

    async def authors(self, tweets: Sequence[TweetId]) -> dict[TweetId, UserId]:
        answers = await self._session.execute_many(_AUTHOR, [(tweet,) for tweet in dict.fromkeys(tweets)])
        return {TweetId(tweet): UserId(author) for rows in answers for tweet, author in rows}

    async def tweets(self, keys: Sequence[tuple[UserId, TweetId]]) -> dict[TweetId, Tweet]:
        wanted: dict[UserId, list[TweetId]] = {}
        for author, tweet in keys:
            wanted.setdefault(author, []).append(tweet)
        answers = await self._session.execute_many(_TWEETS, list(wanted.items()))
        return {TweetId(row[1]): _tweet(row) for rows in answers for row in rows}

    async def entries_by_author(self, author: UserId, *, before: int, limit: int) -> Entries:
        rows = await self._session.execute(_ENTRIES, (author, before, limit))
        return entries_of([(tweet, tweet if original is None else original) for tweet, original in rows])

    async def replies(self, tweet: TweetId, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        """Look through the newest rows, more of them at a time while most turn out to be deleted."""
        found: list[tuple[TweetId, UserId]] = []
        at_once = limit
        while len(found) < limit:
            rows = await self._session.execute(_REPLIES, (tweet, before, at_once))
            found += [(TweetId(reply), UserId(author)) for reply, author, deleted in rows if not deleted]
            if len(rows) < at_once:
                break
            before, at_once = rows[-1][0], min(2 * at_once, max(limit, _REPLIES_AT_ONCE_MAX))
        return found[:limit]

    async def replies_after(self, places: Sequence[tuple[TweetId, int]], *, limit: int) -> list[list[Reply]]:
        answers = await self._session.execute_many(_REPLIES_AFTER, [(*place, limit) for place in places])
        return [[Reply(TweetId(reply), bool(own)) for reply, own in rows] for rows in answers]

    async def self_replies(self, tweet: TweetId, *, after: int, limit: int) -> list[Reply]:
        rows = await self._session.execute(_SELF_REPLIES, (tweet, after, limit))
        return [Reply(TweetId(reply), True) for (reply,) in rows]

    async def parents_of_deleted(self, tweets: Sequence[TweetId]) -> dict[TweetId, TweetId]:
        answers = await self._session.execute_many(_PARENTS_OF_DELETED, [(tweet,) for tweet in tweets])
        return {TweetId(tweet): TweetId(parent) for rows in answers for tweet, parent in rows}

    async def feed(self, feed: str, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        """Walk the feed's slots downwards, more of them at a time while they turn out to be sparse."""
        found: list[tuple[TweetId, UserId]] = []
        at_once = 1
        async for page in self._session.pages(_SLOTS, (feed, feed_slot(feed, before))):
            slots = [slot for (slot,) in page]
            while slots:
                now, slots = slots[:at_once], slots[at_once:]
                answers = await self._session.execute_many(_IN_SLOT, [(feed, slot, before, limit) for slot in now])
                found += [(TweetId(tweet), UserId(author)) for rows in answers for tweet, author in rows]
                if len(found) >= limit:
                    return found[:limit]
                at_once = min(2 * at_once, _SLOTS_AT_ONCE_MAX)
        return found


def _tweet(row: tuple[Any, ...]) -> Tweet:
    author, tweet, text, reply_to, quote_of, retweet_of, retweet_author, location, hashtags, mentions, *readers = row
    visibility, mention_ids, protected = readers
    return Tweet(
        id=tweet,
        author=author,
        text=text or "",
        reply_to=reply_to,
        quote_of=quote_of,
        retweet_of=retweet_of,
        retweet_author=retweet_author,
        location=location,
        hashtags=tuple(hashtags or ()),
        mentions=tuple(mentions or ()),
        visibility=Visibility(visibility or 0),
        mention_ids=tuple(mention_ids or ()),
        protected=bool(protected),
    )
