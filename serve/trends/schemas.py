"""The shapes of trends."""

from datetime import datetime

from pydantic import BaseModel

from serve.http.schemas import Id


class Trend(BaseModel):
    """A hashtag that is used in a window, as it is mostly written.

    `tweets` are the latest ones, newest first, as far as the reader may see them.

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
    """Counts of a hashtag in one minute."""

    start: datetime
    count: int
    unique_authors: int


class TagHistory(BaseModel):
    """Every minute of a window, oldest first; the last one may be under way."""

    tag: str
    window: str
    as_of: datetime
    panes: list[MinuteCount]
