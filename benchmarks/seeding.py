"""Rows put straight into Cassandra, many at once: a world to measure in, without its history.

No event is written with them, or the reconciler would bring each into the log while others are measured.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice

from benchmarks.patience import patiently
from domain import ids
from domain.relations import BY_RANGE, FOLLOW
from domain.users import User
from storage.cassandra.driver.session import CassandraSession, Params
from storage.cassandra.driver.statements import Statement, write
from storage.rows import tables_of

_TOGETHER = 50
"""Rows in one request: a batch of this size stays far below what Cassandra refuses."""
_AT_ONCE = 16
_USER = write("INSERT INTO users (user_id, username, name, email, password_hash) VALUES (?, ?, ?, ?, ?)")
_TWEET = write("INSERT INTO tweets (user_id, tweet_id, text) VALUES (?, ?, ?)")
_AUTHOR = write("INSERT INTO tweet_authors (tweet_id, user_id) VALUES (?, ?)")
_FOLLOWS = tables_of(FOLLOW)
_FOLLOWING = write(f"INSERT INTO {_FOLLOWS.by_user} (user_id, target_id, active, event_id) VALUES (?, ?, true, ?)")
_FOLLOWER = write(
    f"INSERT INTO {_FOLLOWS.by_target} (target_id, bucket, range, user_id, event_id) VALUES (?, ?, ?, ?, ?)"
)

Write = tuple[Statement, Params]


async def write_rows(session: CassandraSession, writes: Iterable[Write]) -> None:
    """Write them all, some batches side by side."""
    left = iter(writes)

    async def worker() -> None:
        while batch := list(islice(left, _TOGETHER)):
            await patiently(session.partition_batch)(batch)  # or several: each row may come alone

    await asyncio.gather(*(worker() for _ in range(_AT_ONCE)))


def users(people: Sequence[User]) -> Iterator[Write]:
    """People who can be shown; they cannot log in."""
    for user in people:
        yield _USER, (user.id, user.username, user.name, f"{user.username}@murmur.example", "")


def tweets(author: int, made: Sequence[tuple[int, str]]) -> Iterator[Write]:
    """An author's tweets, id and text; not listed under any feed."""
    for tweet_id, text in made:
        yield _TWEET, (author, tweet_id, text)
        yield _AUTHOR, (tweet_id, author)


def following(user: int, followees: Sequence[int]) -> Iterator[Write]:
    """Whom a reader follows, for reading."""
    for followee in followees:
        yield _FOLLOWING, (user, followee, _since())


def followers(author: int, followers: Sequence[int]) -> Iterator[Write]:
    """Who follows an author, for the fan-out; sorted so that most batches stay in one partition."""
    for place, follower in sorted((BY_RANGE.place(follower), follower) for follower in followers):
        yield _FOLLOWER, (author, *place, follower, _since())


@cache
def _since() -> int:
    return ids.first_id_at(ids.EPOCH_MS + 1)
