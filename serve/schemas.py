"""The shapes that cross the wire. Requests are read with these; answers are bytes already, and only described."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, EmailStr, Field
from pydantic.config import JsonDict

from domain.tweets import LOCATION_CHARS_MAX
from domain.users import NAME_CHARS_MAX, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN, USERNAME_CHARS_MAX
from serve.parameters import ID_PATTERN, KEY_CHARS_MAX, KEY_PATTERN, id_of
from serve.readiness import Word


def _of_64_bits(value: object) -> object:
    if isinstance(value, str) and id_of(value) is None:
        raise ValueError("must be an id: a decimal number of 64 bits, as a string")
    return value


Id = Annotated[str, Field(pattern=ID_PATTERN, examples=["1948203948203948203"]), BeforeValidator(_of_64_bits)]


def _whole(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("must not hold half a surrogate pair") from None
    return value


Text = Annotated[str, AfterValidator(_whole)]
"""What can be encoded again; JSON can escape what is no character, and every request field is of this type."""
NonEmpty = Annotated[Text, Field(min_length=1)]
_NOT_BLANK = r"\S"


def _given(name: str) -> JsonDict:
    """The shape of an object in which a field is there and not null."""
    return {"required": [name], "properties": {name: {"type": "string"}}}


class NewUser(BaseModel):
    """Somebody who signs up; the name shown is the username unless given."""

    username: Text = Field(
        json_schema_extra={"pattern": "^[A-Za-z0-9_]+$", "minLength": 1, "maxLength": USERNAME_CHARS_MAX}
    )
    email: EmailStr
    password: Text = Field(json_schema_extra={"minLength": PASSWORD_CHARS_MIN, "maxLength": PASSWORD_CHARS_MAX})
    name: Text | None = Field(None, json_schema_extra={"pattern": _NOT_BLANK, "maxLength": NAME_CHARS_MAX})


class LogIn(BaseModel):
    """A username or e-mail address, under one of three names, and a password."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_given(name) for name in ("login", "username", "email")]})

    login: NonEmpty | None = None
    username: NonEmpty | None = None
    email: NonEmpty | None = None
    password: Text


class Refresh(BaseModel):
    """The newest refresh token of a session."""

    refresh_token: Text


class LogOut(BaseModel):
    """A session may also be ended by its refresh token."""

    refresh_token: Text | None = None


class NewTweet(BaseModel):
    """A tweet, reply or quote. The text weighs 1 to 280 as Twitter counts: most signs 1, wide ones 2, URLs 23."""

    text: Text = Field(json_schema_extra={"pattern": _NOT_BLANK})
    reply_to_id: Id | None = None
    quote_of_id: Id | None = None
    location: Text | None = Field(None, json_schema_extra={"pattern": _NOT_BLANK, "maxLength": LOCATION_CHARS_MAX})
    idempotency_key: Text | None = Field(None, json_schema_extra={"pattern": KEY_PATTERN, "maxLength": KEY_CHARS_MAX})


class Author(BaseModel):
    """Who wrote a tweet."""

    id: Id
    username: str
    name: str


class User(BaseModel):
    """A profile, with the reader's relation to it (both false without a token)."""

    id: Id
    username: str
    name: str
    created_at: datetime
    followers_count: int
    following_count: int
    tweets_count: int
    following: bool
    followed_by: bool


class Tweet(BaseModel):
    """A tweet; of a retweet, `retweet_of` is the original and the text is empty."""

    id: Id
    author: Author
    text: str
    created_at: datetime
    reply_to_id: Id | None
    quote_of_id: Id | None
    location: str | None
    hashtags: list[str]
    mentions: list[str]
    retweet_of: "Tweet | None"
    likes_count: int
    retweets_count: int
    replies_count: int
    quotes_count: int
    liked: bool
    retweeted: bool


class TweetPage(BaseModel):
    """A page of tweets; `next_cursor` is null at the end."""

    tweets: list[Tweet]
    next_cursor: str | None


class UserPage(BaseModel):
    """A page of users; `next_cursor` is null at the end."""

    users: list[User]
    next_cursor: str | None


class Thread(BaseModel):
    """A conversation: above a tweet, oldest first, and below it."""

    ancestors: list[Tweet]
    tweet: Tweet
    descendants: list[Tweet]


class Engagements(BaseModel):
    """The counts of a tweet."""

    likes_count: int
    retweets_count: int
    replies_count: int
    quotes_count: int


class Relation(BaseModel):
    """How the reader and a user stand to each other."""

    following: bool
    followed_by: bool


class Tokens(BaseModel):
    """What a client stays logged in with."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str


class SignedIn(Tokens):
    """The beginning of a session."""

    user: User


class Trend(BaseModel):
    """A hashtag that is used in a window, as it is mostly written; `tweets` are the latest, newest first.

    `velocity` is the count by that of the window before, null if that was 0; `since` is when the first tweet of this
    window was written. Tags of score 0 do not trend, and follow only to fill the list.
    """

    tag: str
    count: int
    unique_authors: int
    velocity: float | None
    is_new: bool
    score: float
    since: datetime
    tweets: list[Id]


class Trends(BaseModel):
    """The trends of a window, best first; `as_of` is up to when it is complete, `location` a place's key."""

    as_of: datetime
    window: str
    location: str | None
    trends: list[Trend]


class MinuteCount(BaseModel):
    """What a hashtag had in one minute."""

    start: datetime
    count: int
    unique_authors: int


class TagHistory(BaseModel):
    """Every minute of a window, oldest first; the last one may be under way."""

    tag: str
    window: str
    as_of: datetime
    panes: list[MinuteCount]


class Alive(BaseModel):
    """The process answers."""

    status: str


class Finding(BaseModel):
    """How one dependency is."""

    ok: bool
    detail: Word


class Ready(BaseModel):
    """Whether every dependency answers, each by name."""

    ready: bool
    checks: dict[str, Finding]


class Jwk(BaseModel):
    """A public key (RFC 7517)."""

    crv: str
    kty: str
    x: str
    y: str
    kid: str
    alg: str
    use: str


class Jwks(BaseModel):
    """The keys that sign access tokens."""

    keys: list[Jwk]


class Failure(BaseModel):
    """Every failure: a sentence for a person, a stable code for a program."""

    error: str
    code: str
    request_id: str


class InvalidRequest(Failure):
    """Well-formed but invalid: which field, and why."""

    fields: dict[str, str]
