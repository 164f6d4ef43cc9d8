"""Counts, taken anew."""

from collections.abc import Collection
from typing import Protocol

from domain.counts import NO_TWEET_COUNTS, NO_USER_COUNTS, TWEET_COUNTS, USER_COUNTS, TweetCounts, UserCounts
from domain.ids import TweetId, UserId


class CountStore(Protocol):
    """The exact sizes of sets: those named are counted now, the rest are taken from `others`."""

    async def tweet_counts(
        self, tweet: TweetId, names: Collection[str] = TWEET_COUNTS, others: TweetCounts = NO_TWEET_COUNTS
    ) -> TweetCounts:
        """The sizes of the sets around a tweet."""

    async def user_counts(
        self, user: UserId, names: Collection[str] = USER_COUNTS, others: UserCounts = NO_USER_COUNTS
    ) -> UserCounts:
        """The sizes of a user's sets."""
