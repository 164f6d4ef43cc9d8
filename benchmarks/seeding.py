"""Rows put straight into Cassandra, many at once: a world to measure in, without its history.

No event is written with them, or the reconciler would bring each into the log while others are measured.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Literal

from benchmarks.patience import patiently
from domain import ids
from domain.relations import BY_BUCKET, BY_RANGE, FOLLOW, LIKE
from domain.users import User
from storage.cassandra.driver.session import CassandraSession, Params
from storage.cassandra.driver.statements import Statement, write
from storage.rows import tables_of

Counted = Literal["likes", "followers", "replies", "tweets"]
"""A set that is counted."""
_NEXT_ID = 4_096
"""Ids are that far apart."""
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
_LIKER = write(f"INSERT INTO {tables_of(LIKE).by_target} (target_id, bucket, user_id, event_id) VALUES (?, ?, ?, ?)")
_REPLY = write("INSERT INTO replies (tweet_id, reply_id, user_id, self_reply, deleted) VALUES (?, ?, ?, false, false)")

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


def members(of: Counted, target: int, number: int) -> Iterator[Write]:
    """So many members of a set that is counted, as the counters find them; they are nobody, and say nothing."""
    ids_ = range(_since(), _since() + number * _NEXT_ID, _NEXT_ID)
    match of:
        case "followers":
            yield from followers(target, ids_)
        case "likes":
            for user in ids_:
                yield _LIKER, (target, *BY_BUCKET.place(user), user, _since())
        case "replies":
            for tweet in ids_:
                yield _REPLY, (target, tweet, tweet)
        case "tweets":
            yield from tweets(target, [(tweet, "") for tweet in ids_])


def followers(author: int, followers: Sequence[int]) -> Iterator[Write]:
    """Who follows an author, for the fan-out; sorted so that most batches stay in one partition."""
    for place, follower in sorted((BY_RANGE.place(follower), follower) for follower in followers):
        yield _FOLLOWER, (author, *place, follower, _since())


@cache
def _since() -> int:
    return ids.first_id_at(ids.EPOCH_MS + 1)
