"""Codecs of cached tweets, people and what a user engaged with: a header of fixed width, then JSON or packed ids.

The JSON is kept as it is sent, so that rendering joins bytes; nothing in it belongs to another row, which may change.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import orjson

from domain.ids import Ids, TweetId, UserId
from domain.timestamps import rfc3339
from domain.tweets import Tweet, Visibility
from domain.users import User

_TWEET = struct.Struct(">7QB")
_VISIBILITY, _MEDIA = 3, 4
"""Bits of the flags."""
_MENTIONED = struct.Struct(">B")
"""The number of ids between header and JSON, if the tweet is for those whom it mentions."""
_ENGAGED = struct.Struct(">QI")
_PERSON = struct.Struct(">BH")


class CachedTweet(NamedTuple):
    """A tweet or retweet: a header for rules, 0 for what is not there, and its JSON fields but id and author."""

    id: int
    author: int
    retweet_of: int
    retweet_author: int
    reply_to: int
    reply_author: int
    quote_of: int
    quote_author: int
    flags: int
    """Bits that rules look at: the lowest two are the visibility, the next is for media."""
    mention_ids: tuple[int, ...]
    """The readers of one that is for those whom it mentions; else none."""
    fields: bytes

    @property
    def original(self) -> int:
        """The tweet whose text is shown."""
        return self.retweet_of or self.id

    @property
    def visibility(self) -> int:
        return self.flags & _VISIBILITY

    @property
    def has_media(self) -> bool:
        return bool(self.flags & _MEDIA)

    @property
    def text(self) -> str:
        return _text_decoder.decode(b"{%b}" % self.fields).text


class _Text(msgspec.Struct):
    text: str


_text_decoder = msgspec.json.Decoder(_Text)


def tweet_value(tweet: Tweet, reply_author: UserId | None, quote_author: UserId | None) -> bytes:
    """A tweet as it is cached, with the authors of what it replies to and quotes."""
    fields = orjson.dumps(
        {
            "text": tweet.text,
            "created_at": rfc3339(tweet.id),
            "reply_to_id": _optional_id(tweet.reply_to),
            "quote_of_id": _optional_id(tweet.quote_of),
            "location": tweet.location,
            "hashtags": tweet.hashtags,
            "mentions": tweet.mentions,
            "visibility": tweet.visibility.label,
        }
    )
    header = (
        tweet.author,
        tweet.retweet_of,
        tweet.retweet_author,
        tweet.reply_to,
        reply_author,
        tweet.quote_of,
        quote_author,
    )
    mentioned = b""
    if tweet.visibility is Visibility.MENTIONED:
        mentioned = _MENTIONED.pack(len(tweet.mention_ids)) + ids_value(tweet.mention_ids)
    return _TWEET.pack(*(id_ or 0 for id_ in header), tweet.visibility) + mentioned + fields[1:-1]


def tweet_from(id_: int, value: bytes) -> CachedTweet:
    """The tweet of a value that is not empty."""
    header, begin = _TWEET.unpack_from(value), _TWEET.size
    if header[-1] & _VISIBILITY != Visibility.MENTIONED:
        return CachedTweet._make((id_, *header, (), value[begin:]))
    begin += _MENTIONED.size
    end = begin + 8 * value[begin - 1]
    return CachedTweet._make((id_, *header, tuple(ids_from(value[begin:end]).tolist()), value[end:]))


class Person(NamedTuple):
    """A user as tweets show them: the bits of their state and the JSON of an author."""

    state: int
    author: bytes


class Profile(NamedTuple):
    """A user as profiles show them: the same, and the JSON fields that only a profile has."""

    state: int
    author: bytes
    fields: bytes


def person_value(user: User) -> bytes:
    author = {"id": str(user.id), "username": user.username, "name": user.name, "private": user.private}
    more = {"bio": user.bio, "location": user.location, "website": user.website}
    shown = orjson.dumps(author)
    return _PERSON.pack(user.state, len(shown)) + shown + orjson.dumps(more)[1:-1]


def person_from(value: bytes) -> Person:
    """The person of a value that is not empty."""
    state, length = _PERSON.unpack_from(value)
    return Person(state, value[_PERSON.size : _PERSON.size + length])


def profile_from(value: bytes) -> Profile:
    """The profile of a value that is not empty."""
    return Profile(*(person := person_from(value)), value[_PERSON.size + len(person.author) :])


class Engaged(NamedTuple):
    """The tweets that a user engaged with in one way: all above a floor."""

    floor: int
    tweets: Sequence[int]


def engaged_value(kinds: Sequence[Engaged]) -> bytes:
    """Value of a user's relations of several kinds."""
    packed = [_ENGAGED.pack(kind.floor, len(kind.tweets)) + ids_value(kind.tweets) for kind in kinds]
    return b"".join(packed)


def engaged_from(value: bytes) -> list[Engaged]:
    """The engagements of a value, in the order in which they were given."""
    kinds: list[Engaged] = []
    at = 0
    while at < len(value):
        floor, number = _ENGAGED.unpack_from(value, at)
        begin, at = at + _ENGAGED.size, at + _ENGAGED.size + 8 * number
        kinds.append(Engaged(floor, ids_from(value[begin:at]).tolist()))
    return kinds


def ids_value(ids: Sequence[int]) -> bytes:
    return np.array(ids, np.uint64).tobytes()


def ids_from(value: bytes) -> Ids:
    return np.frombuffer(value, dtype=np.uint64)


def _optional_id(id_: TweetId | None) -> str | None:
    return None if id_ is None else str(id_)
