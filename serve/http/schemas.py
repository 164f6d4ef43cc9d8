"""The shapes that cross the wire. Requests are read with these; answers are bytes already, and only described."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from domain.emails import ADDRESS_CHARS_MAX, normalized_address
from domain.normal_form import raw_chars_max
from domain.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from domain.texts import TEXT_CHARS_MAX
from domain.tweets import LOCATION_CHARS_MAX
from domain.users import NAME_CHARS_MAX, USERNAME_CHARS_MAX
from serve.http.parameters import ID_CHARS_MAX, ID_PATTERN, KEY_CHARS_MAX, KEY_PATTERN, id_of
from serve.operations.readiness import Word

REFRESH_TOKEN_CHARS_MAX = 256
"""Ours have 43."""
MEMBERS_MAX = 50
"""Of a body; no request takes as many."""
_NOT_BLANK = r"\S"


def _of_64_bits(value: object) -> object:
    if isinstance(value, str) and id_of(value) is None:
        raise ValueError("must be an id: a decimal number of 64 bits, as a string")
    return value


Id = Annotated[
    str,
    Field(max_length=ID_CHARS_MAX, pattern=ID_PATTERN, examples=["1948203948203948203"]),
    BeforeValidator(_of_64_bits),
]


def _at_most(chars_max: int, **described: str | int) -> Any:
    """The bound of a text that the domain normalizes before it counts: room for that, described by what is kept.

    Every text of a request has a bound, which is looked at first.
    """
    return Field(max_length=raw_chars_max(chars_max), json_schema_extra={"maxLength": chars_max, **described})


Username = Annotated[str, _at_most(USERNAME_CHARS_MAX, minLength=1, pattern="^[A-Za-z0-9_]+$")]
Address = Annotated[str, _at_most(ADDRESS_CHARS_MAX, format="email"), AfterValidator(normalized_address)]
NewPassword = Annotated[str, _at_most(PASSWORD_CHARS_MAX, minLength=PASSWORD_CHARS_MIN)]
Name = Annotated[str, _at_most(NAME_CHARS_MAX, pattern=_NOT_BLANK)]
Login = Annotated[str, _at_most(ADDRESS_CHARS_MAX), Field(min_length=1)]
Password = Annotated[str, _at_most(PASSWORD_CHARS_MAX)]
RefreshToken = Annotated[str, Field(max_length=REFRESH_TOKEN_CHARS_MAX)]
TweetText = Annotated[str, _at_most(TEXT_CHARS_MAX, pattern=_NOT_BLANK)]
Location = Annotated[str, _at_most(LOCATION_CHARS_MAX, pattern=_NOT_BLANK)]
IdempotencyKey = Annotated[str, _at_most(KEY_CHARS_MAX, pattern=KEY_PATTERN)]


def _given(name: str) -> JsonDict:
    """The shape of an object in which a field is there and not null."""
    return {"required": [name], "properties": {name: {"type": "string"}}}


class Body(BaseModel):
    """What a client sends. Fields that are not declared are refused: to ignore one could change who sees a tweet."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_members(cls, value: object) -> object:
        """Each member that is refused costs a description of what is wrong with it."""
        if isinstance(value, dict) and len(value) > MEMBERS_MAX:
            raise ValueError(f"must have at most {MEMBERS_MAX} fields")
        return value


class NewUser(Body):
    """Somebody who signs up; the name shown is the username unless given."""

    username: Username
    email: Address
    password: NewPassword
    name: Name | None = None


class LogIn(Body):
    """A username or e-mail address, under one of three names, and a password."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_given(name) for name in ("login", "username", "email")]})

    login: Login | None = None
    username: Login | None = None
    email: Login | None = None
    password: Password


class Refresh(Body):
    """The newest refresh token of a session."""

    refresh_token: RefreshToken


class LogOut(Body):
    """A session may also be ended by its refresh token."""

    refresh_token: RefreshToken | None = None


class NewTweet(Body):
    """A tweet, reply or quote. The text weighs 1 to 280 as Twitter counts: most signs 1, wide ones 2, URLs 23."""

    text: TweetText
    reply_to_id: Id | None = None
    quote_of_id: Id | None = None
    location: Location | None = None
    idempotency_key: IdempotencyKey | None = None


class NoFields(Body):
    """Nothing: what is done takes no fields yet."""


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


class Tombstone(BaseModel):
    """Stands for a tweet of a conversation that cannot be shown, where others lie beyond it."""

    id: Id
    unavailable: Literal["deleted"]


class Thread(BaseModel):
    """A conversation: above a tweet, oldest first, and below it.

    Below come the author's own replies to themselves, then those of others: all by time if they fit one page, else
    each followed by what was replied to it. `next_cursor` leads on below; where so many lie above that the root is not
    among them, `ancestors_cursor` leads to the older ones. A page by a cursor is of that side alone.
    """

    ancestors: list[Tweet | Tombstone]
    tweet: Tweet
    descendants: list[Tweet | Tombstone]
    ancestors_cursor: str | None
    next_cursor: str | None


class Engagements(BaseModel):
    """The counts of a tweet."""

    likes_count: int
    retweets_count: int
    replies_count: int
    quotes_count: int


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
