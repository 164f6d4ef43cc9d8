"""What the API answers, read into values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

Json = Mapping[str, Any]
"""A JSON object as it was parsed; it goes no further than this module and the client."""


class Counts(NamedTuple):
    """How often a tweet was engaged with."""

    likes: int = 0
    retweets: int = 0
    replies: int = 0
    quotes: int = 0

    @classmethod
    def of(cls, json: Json) -> Self:
        return cls(*(int(json[f"{name}_count"]) for name in cls._fields))


class UserCounts(NamedTuple):
    """The sizes of a user's sets."""

    followers: int = 0
    following: int = 0
    tweets: int = 0

    @classmethod
    def of(cls, json: Json) -> Self:
        return cls(*(int(json[f"{name}_count"]) for name in cls._fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One entry of a list of tweets: its own id and author, and the tweet that it shows."""

    entry: int
    author: int
    original: int
    original_author: int
    text: str
    reply_to: int | None
    quote_of: int | None
    hashtags: tuple[str, ...]
    counts: Counts
    liked: bool
    retweeted: bool

    @classmethod
    def of(cls, json: Json) -> Self:
        tweet: Json = json["retweet_of"] or json
        return cls(
            entry=int(json["id"]),
            author=int(json["author"]["id"]),
            original=int(tweet["id"]),
            original_author=int(tweet["author"]["id"]),
            text=str(tweet["text"]),
            reply_to=_id(tweet["reply_to_id"]),
            quote_of=_id(tweet["quote_of_id"]),
            hashtags=tuple(tweet["hashtags"]),
            counts=Counts.of(json),
            liked=bool(json["liked"]),
            retweeted=bool(json["retweeted"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A user, and how the reader stands to them."""

    id: int
    counts: UserCounts
    following: bool
    followed_by: bool

    @classmethod
    def of(cls, json: Json) -> Self:
        return cls(
            id=int(json["id"]),
            counts=UserCounts.of(json),
            following=bool(json["following"]),
            followed_by=bool(json["followed_by"]),
        )


def _id(value: str | None) -> int | None:
    return None if value is None else int(value)
