"""The shapes of profiles and of pages of them."""

from datetime import datetime

from pydantic import BaseModel

from serve.http.schemas import Id


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


class UserPage(BaseModel):
    """A page of users; `next_cursor` is null at the end."""

    users: list[User]
    next_cursor: str | None
