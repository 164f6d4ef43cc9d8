"""Follows, likes and retweets."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Protocol

from domain.graph import NO_TWEET_COUNTS, NO_USER_COUNTS, TWEET_COUNTS, USER_COUNTS, Toggle, TweetCounts, UserCounts
from domain.ids import Ids, TweetId, UserId


class GraphStore(Protocol):
    """Who follows whom."""

    async def follow(self, user: UserId, followee: UserId) -> Toggle:
        """The state of one edge; `OFF` if it was never touched."""
        ...

    async def follows(self, edges: Sequence[tuple[UserId, UserId]]) -> list[Toggle]:
        """The states of several (user, followee) edges, in their order."""
        ...

    async def following(self, user: UserId) -> list[tuple[UserId, int]]:
        """Everyone a user follows, with since when (an id), latest first."""
        ...

    async def followers(self, author: UserId, ranges: Sequence[int]) -> Ids:
        """The followers of an author that fall into some ranges."""
        ...

    async def followers_page(self, author: UserId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        """Followers with since when < `before`, latest first."""
        ...

    async def user_counts(
        self, user: UserId, names: Collection[str] = USER_COUNTS, others: UserCounts = NO_USER_COUNTS
    ) -> UserCounts:
        """The exact sizes of a user's sets: those named are counted now, the rest are taken from `others`."""
        ...


class Engagement(StrEnum):
    """What a user can do to a tweet; the value names the table."""

    LIKE = "likes"
    RETWEET = "retweets"


class EngagementStore(Protocol):
    """Likes and retweets as sets."""

    async def engagement(self, kind: Engagement, user: UserId, tweet: TweetId) -> Toggle:
        """The state of one switch; for a retweet `since` is the retweet's id."""
        ...

    async def engaged(self, kind: Engagement, user: UserId, *, limit: int) -> tuple[list[TweetId], int]:
        """The tweets with the largest ids that a user engaged with, and a floor: above it the answer is complete."""
        ...

    async def engaged_with(self, kind: Engagement, user: UserId, tweets: Sequence[TweetId]) -> set[TweetId]:
        """Those of some tweets that a user engaged with."""
        ...

    async def engagers(self, kind: Engagement, tweet: TweetId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        """Who engaged with a tweet, with since when < `before`, latest first."""
        ...

    async def tweet_counts(
        self, tweet: TweetId, names: Collection[str] = TWEET_COUNTS, others: TweetCounts = NO_TWEET_COUNTS
    ) -> TweetCounts:
        """The exact sizes of a tweet's sets: those named are counted now, the rest are taken from `others`."""
        ...
