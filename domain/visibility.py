"""The lens: what a reader may see of others, decided at read from what came with the page."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from domain.ids import UserId


class Authored(Protocol):
    """The header of a tweet or retweet, as far as the lens looks at it."""

    @property
    def author(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Lens:
    """Relations of one reader, as far as they decide about the tweets at hand."""

    viewer: UserId | None = None
    """None without a token."""
    authors: Collection[int] | None = None
    """Users whose entries the list is made of, besides the viewer's own; None for a list of anybody's."""


def is_visible(tweet: Authored | None, original: Authored | None, lens: Lens) -> bool:
    """Decide whether a reader sees an entry: it and what it shows exist, and it is by one whom the list is made of.

    `tweet` and `original` are None for what does not exist, and the same but for a retweet.
    """
    if tweet is None or original is None:
        return False
    return lens.authors is None or tweet.author == lens.viewer or tweet.author in lens.authors
