"""Tweets and where they are listed."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from domain.ids import TweetId, UserId
from domain.timeline import Entries
from domain.tweets import Tweet


class Reply(NamedTuple):
    """A reply in its conversation, deleted or not; a `self_reply` is by the author of what it replies to."""

    id: TweetId
    self_reply: bool


class TweetStore(Protocol):
    """Tweets and where they are listed."""

    async def authors(self, tweets: Sequence[TweetId]) -> dict[TweetId, UserId]:
        """The author of each tweet or retweet; the absent are left out."""

    async def tweets(self, keys: Sequence[tuple[UserId, TweetId]]) -> dict[TweetId, Tweet]:
        """The tweets of some (author, id); the absent are left out."""

    async def entries_by_author(self, author: UserId, *, before: int, limit: int) -> Entries:
        """The entries of an author's tweets and retweets with id < `before`, newest first."""

    async def replies(self, tweet: TweetId, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        """Direct replies (id, author), newest first."""

    async def replies_after(self, places: Sequence[tuple[TweetId, int]], *, limit: int) -> list[list[Reply]]:
        """For each (tweet, after) its direct replies with id > `after`, oldest first, deleted ones too."""

    async def self_replies(self, tweet: TweetId, *, after: int, limit: int) -> list[Reply]:
        """An author's own replies to a tweet of theirs with id > `after`, oldest first, deleted ones too."""

    async def parents_of_deleted(self, tweets: Sequence[TweetId]) -> dict[TweetId, TweetId]:
        """The parents of deleted replies; what is none is left out."""

    async def feed(self, feed: str, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        """Tweets listed under a feed (`rows.PUBLIC_FEED` or `rows.hashtag_feed`), newest first, to the true end."""
