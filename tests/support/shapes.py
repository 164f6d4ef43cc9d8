"""Answers of the API, read into values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from cluster.client.api import Json
from tests.support.oracle.oracle import FLAGS, About, Counts, Entry, UserCounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One entry of a list of tweets: its own id and author, and the tweet that it shows."""

    entry: int
    author: int
    original: int
    original_author: int
    original_name: str
    """Name of the original's author."""
    text: str
    reply_to: int | None
    quote_of: int | None
    counts: Counts
    flags: Mapping[str, bool]
    """How the viewer stands to the tweet."""

    @classmethod
    def of(cls, json: Json) -> Self:
        tweet: Json = json["retweet_of"] or json
        return cls(
            entry=int(json["id"]),
            author=int(json["author"]["id"]),
            original=int(tweet["id"]),
            original_author=int(tweet["author"]["id"]),
            original_name=str(tweet["author"]["name"]),
            text=str(tweet["text"]),
            reply_to=_id(tweet["reply_to_id"]),
            quote_of=_id(tweet["quote_of_id"]),
            counts=Counts.of(json),
            flags={name: bool(json[name]) for name in FLAGS},
        )

    @property
    def line(self) -> Entry:
        """Its place in a timeline."""
        return Entry(self.entry, self.original)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A user, and how the reader stands to them."""

    id: int
    about: About
    counts: UserCounts
    following: bool
    followed_by: bool

    @classmethod
    def of(cls, json: Json) -> Self:
        return cls(
            id=int(json["id"]),
            about=About.of(json),
            counts=UserCounts.of(json),
            following=bool(json["following"]),
            followed_by=bool(json["followed_by"]),
        )


def _id(value: str | None) -> int | None:
    return None if value is None else int(value)
