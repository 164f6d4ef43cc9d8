"""Conversations: what a tweet replies to, up to the root, and the replies below it, page by page (decision 0032)."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from domain.conversations import Above, Below, cursor_of, place_of
from domain.ids import TweetId, UserId
from domain.limits import Limits
from domain.visibility import LINK
from serve.reading.readers import Readers
from serve.reading.tweet_reader import TweetReader
from serve.tweets.conversation_walk import ConversationWalk, Node
from serve.tweets.render import tombstone, tweets_json
from storage.ports.tweets import TweetStore


class _Side(NamedTuple):
    """Tweets shown above or below another, and where to go on (None at the end)."""

    shown: Sequence[TweetId] = ()
    next: Above | Below | None = None


class Threads:
    """Pages of conversations.

    What was deleted or is hidden leaves a tombstone where something that is shown lies beyond it. Below, the author's
    own continuation comes first, then the replies of others, oldest first; where these do not fit a page, each is
    followed by what was replied to it, so that a cursor needs no memory of what was shown.
    """

    def __init__(self, readers: Readers, tweets: TweetStore, limits: Limits) -> None:
        self._readers = readers
        self._tweets = tweets
        self._limits = limits

    async def page(self, viewer: UserId | None, tweet_id: TweetId, cursor: str | None, limit: int | None) -> bytes:
        """A page as JSON; with a cursor more of one side."""
        place = None if cursor is None else place_of(cursor)
        limit = min(limit or self._limits.thread_tweets_max, self._limits.thread_tweets_max)
        reader = await self._readers.tweets(viewer)
        tweet = tweet_id if await reader.is_of_blocked(tweet_id) else await reader.original_of(tweet_id)
        above, below = _Side(), _Side()
        match place:
            case None:
                start = Below.start(tweet)
                above, below = await asyncio.gather(
                    self._above(reader, tweet), self._below(reader, tweet, start, limit)
                )
            case Above(oldest):
                above = await self._above(reader, oldest)
            case Below():
                below = await self._below(reader, tweet, place, limit)
        hidden = {id_: reader.why_hidden(id_, LINK) for id_ in (*above.shown, tweet, *below.shown)}
        seen = [id_ for id_, reason in hidden.items() if reason is None]
        items = {id_: tombstone(id_, reason) for id_, reason in hidden.items() if reason is not None}
        items |= zip(seen, await tweets_json(reader, seen, LINK), strict=True)
        return b'{"ancestors":[%b],"tweet":%b,"descendants":[%b],"ancestors_cursor":%b,"next_cursor":%b}' % (
            b",".join(items[id_] for id_ in above.shown),
            items[tweet],
            b",".join(items[id_] for id_ in below.shown),
            _cursor(above.next),
            _cursor(below.next),
        )

    async def _above(self, reader: TweetReader, tweet: TweetId) -> _Side:
        """The tweets above one, oldest first."""
        found: list[TweetId] = []
        parent = await self._parent(reader, tweet)
        while parent is not None and len(found) < self._limits.thread_ancestors_max:
            found.append(parent)
            parent = await self._parent(reader, parent)
        return _Side(found[::-1], None if parent is None else Above(found[-1]))

    async def _below(self, reader: TweetReader, tweet: TweetId, place: Below, limit: int) -> _Side:
        """The replies from a place on. Of what is not there for the reader those are shown that lead to something."""
        parent_of = partial(self._parent, reader)
        walk = ConversationWalk(self._tweets, tweet, place, parent_of, self._limits.thread_reads_max)
        shown: list[Node] = []
        hidden: list[Node] = []
        """On the way down to the next reply, and not shown yet."""
        want = limit + 1
        while len(shown) <= limit and not walk.ended and not walk.gave_up:
            nodes = await walk.take(want)
            want = min(2 * want, self._limits.thread_tweets_max + 1)  # a crowd of hidden ones is passed in few trips
            await reader.read(node.id for node in nodes)
            for node in nodes:
                while hidden and hidden[-1].id != node.parent:
                    hidden.pop()
                hidden.append(node)
                if reader.why_hidden(node.id, LINK) is None:
                    shown += hidden
                    hidden = []
        if walk.gave_up:
            shown += hidden  # something may come below them on the next page
        if len(shown) > limit:
            return _Side([node.id for node in shown[:limit]], shown[limit - 1].place)
        if walk.ended and place == Below.start(tweet):
            shown.sort(key=lambda node: (not node.own, node.id))
        return _Side([node.id for node in shown], None if walk.ended else walk.place)

    async def _parent(self, reader: TweetReader, tweet: TweetId) -> TweetId | None:
        found = (await reader.read((tweet,))).get(tweet)
        if found is not None:
            return TweetId(found.reply_to) if found.reply_to else None
        return (await self._tweets.parents_of_deleted((tweet,))).get(tweet)


def _cursor(place: Above | Below | None) -> bytes:
    return b"null" if place is None else b'"%b"' % cursor_of(place).encode()
