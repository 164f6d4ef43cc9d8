"""Posting: a tweet through Serve, against its logged batch from a bare loop over the driver at the same concurrency."""

import asyncio
from collections.abc import Sequence

from benchmarks import batch_load, constant, http_load
from benchmarks.bench import Bench
from benchmarks.effort import CONNECTIONS, ROUNDS
from benchmarks.home import problems
from benchmarks.http_load import Load
from benchmarks.patience import patiently
from benchmarks.results import Row, rounded
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.driver.statements import read

AUTHORS = 256
_TEXT = "Posted as one does: a sentence of ordinary length, with nothing in it that needs a second look."
_BODY = b'{"text": "%b"}' % _TEXT.encode()
_ANSWER_BYTES = 500
"""About the size of the answer to a posted tweet."""
_COUNT = read("SELECT count(*) FROM tweets WHERE user_id = ?")


class PostLoads:
    """Rounds of subject and yardsticks."""

    def __init__(self) -> None:
        self.posts: list[Load] = []
        self.batches: list[float] = []
        self.empties: list[Load] = []

    @property
    def rates(self) -> list[float]:
        """Posts per second, round by round."""
        return [load.per_s for load in self.posts]

    @property
    def ratios(self) -> list[float]:
        return [post.per_s / batch for post, batch in zip(self.posts, self.batches, strict=True)]


async def measure(bench: Bench) -> list[Row]:
    """The row of posting, and the one for information."""
    loads = await rounds(bench)
    figures = {
        "posts/s": rounded(loads.rates),
        "p50 ms": [load.p50_ms for load in loads.posts],
        "p99 ms": [load.p99_ms for load in loads.posts],
        "batches/s": rounded(loads.batches),
        "refused": [load.refused for load in loads.posts],
        **problems(loads.posts),
        **await _alternatives(bench),
    }
    empty = [load.per_s for load in loads.empties]
    return [
        Row(
            key="post",
            what=f"posting a tweet, requests/s, {CONNECTIONS} connections",
            against="the same logged batch, bare driver loop, same concurrency",
            unit="x",
            values=loads.ratios,
            target=0.6,
            figures=figures,
        ),
        Row(
            key="post_empty",
            what="posting a tweet, for information",
            against="an empty POST through the same Serve",
            unit="x",
            values=[post.per_s / per_s for post, per_s in zip(loads.posts, empty, strict=True)],
            target=None,
            figures={"empty POSTs/s": rounded(empty)},
        ),
    ]


async def _alternatives(bench: Bench) -> dict[str, object]:
    """What the same loop does with weaker promises, once each."""
    authors = await bench.seeder.people(AUTHORS)
    yardstick = bench.yardstick_stores
    others: tuple[batch_load.How, ...] = ("the event alone", "the event, then its rows side by side")
    rates: dict[str, object] = {}
    for how in others:
        found = await asyncio.to_thread(
            batch_load.drive, yardstick.cassandra, yardstick.partitions, authors, _TEXT, bench.effort, how
        )
        rates[f"{how}/s"] = round(found["per_s"])
    return rates


async def rounds(bench: Bench) -> PostLoads:
    """Measure with authors of its own, once they have posted, and count afterwards what they posted."""
    loads = PostLoads()
    authors = await bench.seeder.people(AUTHORS)
    url, effort = bench.endpoints.http_url, bench.effort
    posts = requests(bench, authors)
    empties = [http_load.request("POST", f"{constant.PREFIX}/{_ANSWER_BYTES}", body=_BODY)]
    yardstick = bench.yardstick_stores
    written = 0
    first = await asyncio.to_thread(http_load.drive, url, posts, effort)  # uncounted: all are new to it
    for _ in range(ROUNDS):
        batches = await asyncio.to_thread(
            batch_load.drive, yardstick.cassandra, yardstick.partitions, authors, _TEXT, effort
        )
        loads.batches.append(batches["per_s"])
        written += batches["written"]
        loads.posts.append(await asyncio.to_thread(http_load.drive, url, posts, effort))
        loads.empties.append(await asyncio.to_thread(http_load.drive, url, empties, effort))
    posted = sum(load.good for load in (first, *loads.posts))
    unknown = sum(load.refused for load in (first, *loads.posts))  # a post that was refused may have happened
    found = await tweets_of(bench.stores.cassandra.session, authors)
    assert posted <= found <= posted + unknown, f"{found} tweets in Cassandra, and {posted} were answered 201"
    session = await patiently(CassandraSession.connect)(yardstick.cassandra)
    found = await tweets_of(session, authors)
    await session.close()
    assert found == written, f"{found} tweets in Cassandra, and {written} batches were answered"
    return loads


def requests(bench: Bench, authors: Sequence[int]) -> list[str]:
    """A post of each author."""
    return [http_load.request("POST", "/api/v1/tweets", bench.tokens.of(author), _BODY) for author in authors]


async def tweets_of(session: CassandraSession, authors: Sequence[int]) -> int:
    """How many tweets of some authors are in Cassandra."""
    return sum(rows[0][0] for rows in await patiently(session.execute_many)(_COUNT, [(author,) for author in authors]))
