"""Tweets as they are published."""

from dataclasses import dataclass
from enum import IntEnum

from domain.ids import TweetId, UserId

LOCATION_CHARS_MAX = 100


class Visibility(IntEnum):
    """The readers of a tweet, as its author chose them."""

    PUBLIC = 0
    FOLLOWERS = 1
    MENTIONED = 2

    @property
    def label(self) -> str:
        """The name that people write."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tweet:
    """A published tweet or retweet; ids sort by publication time.

    A retweet has no text; `retweet_of` is the original and `retweet_author` who wrote that.
    """

    id: TweetId
    author: UserId
    text: str = ""
    reply_to: TweetId | None = None
    quote_of: TweetId | None = None
    retweet_of: TweetId | None = None
    retweet_author: UserId | None = None
    location: str | None = None
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    visibility: Visibility = Visibility.PUBLIC
    mention_ids: tuple[UserId, ...] = ()
    """The users whom it mentions: the readers of one that is for them."""
    protected: bool = False
    """True if its author was private when it was posted."""

    @property
    def original(self) -> TweetId:
        """The tweet whose text is shown."""
        return self.retweet_of if self.retweet_of is not None else self.id
