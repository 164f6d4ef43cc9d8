"""Counts as the stores have them, past all caches."""

from domain.counts import TweetCounts, UserCounts
from domain.limits import SMALL
from storage.ports import Ports
from storage.sizes import Sizes


async def tweet_counts(ports: Ports, tweet: int) -> TweetCounts:
    return TweetCounts(**await _sizes(ports, tweet, TweetCounts._fields))


async def user_counts(ports: Ports, user: int) -> UserCounts:
    return UserCounts(**await _sizes(ports, user, UserCounts._fields))


async def _sizes(ports: Ports, subject: int, names: tuple[str, ...]) -> dict[str, int]:
    found = await Sizes(ports.counts, SMALL).read(subject, dict.fromkeys(names, ()))
    return {name: size.size for name, size in found.items()}
