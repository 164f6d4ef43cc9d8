"""The shapes of tweets, their pages and conversations."""

from datetime import datetime
from typing import Annotated, Literal, get_args

from pydantic import BaseModel

from domain.texts import TEXT_CHARS_MAX
from domain.tweets import LOCATION_CHARS_MAX, Visibility
from domain.visibility import Reason
from serve.http.parameters import KEY_CHARS_MAX, KEY_PATTERN
from serve.http.schemas import NOT_BLANK, Body, Id, at_most

TweetText = Annotated[str, at_most(TEXT_CHARS_MAX, pattern=NOT_BLANK)]
Location = Annotated[str, at_most(LOCATION_CHARS_MAX, pattern=NOT_BLANK)]
IdempotencyKey = Annotated[str, at_most(KEY_CHARS_MAX, pattern=KEY_PATTERN)]
VisibilityName = Literal["public", "followers", "mentioned"]
assert get_args(VisibilityName) == tuple(each.label for each in Visibility)


class NewTweet(Body):
    """A tweet, reply or quote. The text weighs 1 to 280 as Twitter counts: most signs 1, wide ones 2, URLs 23.

    A reply has the visibility of what it replies to, or a narrower one.
    """

    text: TweetText
    reply_to_id: Id | None = None
    quote_of_id: Id | None = None
    location: Location | None = None
    visibility: VisibilityName | None = None
    idempotency_key: IdempotencyKey | None = None


class Author(BaseModel):
    """Author of a tweet."""

    id: Id
    username: str
    name: str
    private: bool


class Tweet(BaseModel):
    """A tweet; of a retweet, `retweet_of` is the original and the text is empty.

    `quote` is the tweet that it quotes, of which `quote` is null.
    """

    id: Id
    author: Author
    text: str
    created_at: datetime
    reply_to_id: Id | None
    quote_of_id: Id | None
    location: str | None
    hashtags: list[str]
    mentions: list[str]
    visibility: VisibilityName
    retweet_of: "Tweet | None"
    quote: "Tweet | Tombstone | None"
    likes_count: int
    retweets_count: int
    replies_count: int
    quotes_count: int
    liked: bool
    retweeted: bool
    bookmarked: bool


class TweetPage(BaseModel):
    """A page of tweets; `next_cursor` is null at the end."""

    tweets: list[Tweet]
    next_cursor: str | None


class Tombstone(BaseModel):
    """Stands for a tweet that is not shown: a quoted one, one of a conversation where others lie beyond it."""

    id: Id
    unavailable: Reason


class Thread(BaseModel):
    """A conversation: above a tweet, oldest first, and below it.

    Below come the author's own replies to themselves, then those of others: all by time if they fit one page, else
    each followed by what was replied to it. `next_cursor` leads on below; where so many lie above that the root is not
    among them, `ancestors_cursor` leads to the older ones. A page by a cursor is of that side alone.
    """

    ancestors: list[Tweet | Tombstone]
    tweet: Tweet | Tombstone
    descendants: list[Tweet | Tombstone]
    ancestors_cursor: str | None
    next_cursor: str | None


class Engagements(BaseModel):
    """The counts of a tweet."""

    likes_count: int
    retweets_count: int
    replies_count: int
    quotes_count: int
