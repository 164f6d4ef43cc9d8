"""The shapes of profiles, of pages of them, and of settings."""

from datetime import datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import BaseModel, StrictBool

from domain.profiles import BIO_CHARS_MAX, LOCATION_CHARS_MAX, WEBSITE_CHARS_MAX
from domain.settings import LANGUAGE_CHARS_MAX, LANGUAGE_PATTERN, Audience, NotificationKind
from domain.users import NAME_CHARS_MAX
from serve.http.schemas import NOT_BLANK, Body, Id, at_most

T = TypeVar("T")

Name = Annotated[str, at_most(NAME_CHARS_MAX, pattern=NOT_BLANK)]
Bio = Annotated[str, at_most(BIO_CHARS_MAX)]
Location = Annotated[str, at_most(LOCATION_CHARS_MAX)]
Website = Annotated[str, at_most(WEBSITE_CHARS_MAX, pattern=r"^\s*(https?://.+)?$")]
Language = Annotated[str, at_most(LANGUAGE_CHARS_MAX, pattern=LANGUAGE_PATTERN)]


class User(BaseModel):
    """A profile, with the relations between it and the reader (all false without a token)."""

    id: Id
    username: str
    name: str
    bio: str
    location: str
    website: str
    private: bool
    created_at: datetime
    followers_count: int
    following_count: int
    tweets_count: int
    following: bool
    followed_by: bool
    requested: bool
    requested_by: bool
    blocking: bool
    muting: bool
    retweets_hidden: bool


class SuspendedUser(BaseModel):
    """All that is told of a suspended user."""

    id: Id
    suspended: Literal[True]


class UserPage(BaseModel):
    """A page of users; `next_cursor` is null at the end."""

    users: list[User]
    next_cursor: str | None


class ProfileChanges(Body):
    """Fields of one's profile; those left out, or null, stay as they are. An empty text clears, but a name is needed.

    A biography weighs 160 at most, as Twitter counts: most signs 1, wide ones 2, URLs 23.
    """

    name: Name | None = None
    bio: Bio | None = None
    location: Location | None = None
    website: Website | None = None


class _SomeKinds(Body, Generic[T]):
    """A value for some kinds of notification; those left out, or null, stay as they are."""

    follow: T | None = None
    follow_request: T | None = None
    like: T | None = None
    retweet: T | None = None
    quote: T | None = None
    reply: T | None = None
    mention: T | None = None
    poll_ended: T | None = None
    scheduled_failed: T | None = None


class NotificationChanges(_SomeKinds[Audience]):
    """Of whom one is notified, for some kinds of notification."""


class PushChanges(_SomeKinds[StrictBool]):
    """Switches of some kinds of notification: true if they are pushed to one's devices."""


class SettingsChanges(Body):
    """Settings; those left out, or null, stay as they are. An empty `language` clears it."""

    private: StrictBool | None = None
    discoverable: StrictBool | None = None
    suggestable: StrictBool | None = None
    who_can_message: Audience | None = None
    sensitive: StrictBool | None = None
    language: Language | None = None
    notifications: NotificationChanges | None = None
    push: PushChanges | None = None


class Settings(BaseModel):
    """All settings of a user, for nobody else to see."""

    private: bool
    discoverable: bool
    suggestable: bool
    who_can_message: Audience
    sensitive: bool
    language: str
    notifications: dict[NotificationKind, Audience]
    push: dict[NotificationKind, bool]
