"""Cursors of conversations, which survive replies and deletes between two pages."""

import struct
from dataclasses import dataclass

from domain.ids import ID_MAX, TweetId
from domain.timeline import bad_cursor, numbers_in, opaque

_CURSOR = struct.Struct(">BBQQQ")
_VERSION = 2
"""Other than that of cursors of lists."""
CURSOR_PATTERN = "^Ag[ABEFIJ][A-Za-z0-9_-]{10}[A-HQ-Xg-nw-z0-3][A-Za-z0-9_-]{10}[A-Za-f][A-Za-z0-9_-]{10}$"
"""Form of every cursor: the version, a kind, and three ids of 63 bits."""
_ABOVE = 2
"""Marks a place above; below it is whether the replies of `others` are next."""


@dataclass(frozen=True, slots=True)
class Above:
    """A place among the ancestors of a tweet: the oldest that was shown."""

    oldest: TweetId


@dataclass(frozen=True, slots=True)
class Below:
    """A place among the replies below a tweet, which are walked in preorder.

    The next reply is the oldest after `after` among those to `parent`; when there is none, the walk goes on after
    `parent` among its siblings. `branch` is the last tweet on the way down to `parent` that is the author's own
    continuation; of such a tweet the author's replies come first (`others` is False), then those of others.
    """

    branch: TweetId
    parent: TweetId
    others: bool = False
    after: int = 0

    @classmethod
    def start(cls, tweet: TweetId) -> "Below":
        """Before the first reply."""
        return cls(tweet, tweet)

    def entered(self, reply: TweetId) -> "Below":
        """Before the first reply to a reply."""
        return Below(self.branch if self.others else reply, reply, self.others)

    def left(self, above: TweetId) -> "Below":
        """After the parent, among the replies to `above`, which it replies to."""
        own = self.parent == self.branch
        return Below(above if own else self.branch, above, not own, self.parent)


def cursor_of(place: Above | Below) -> str:
    """The opaque cursor for a place."""
    if isinstance(place, Above):
        return opaque(_CURSOR, _VERSION, _ABOVE, place.oldest, 0, 0)
    return opaque(_CURSOR, _VERSION, place.others, place.branch, place.parent, place.after)


def place_of(cursor: str) -> Above | Below:
    """The place a cursor stands for. Raises `Refused` for what is no cursor."""
    version, kind, *ids = numbers_in(_CURSOR, cursor)
    if version != _VERSION or kind > _ABOVE or max(ids) > ID_MAX:
        raise bad_cursor()
    return Above(TweetId(ids[0])) if kind == _ABOVE else Below(TweetId(ids[0]), TweetId(ids[1]), bool(kind), ids[2])
