"""Overload: ten times as many requests as the service answers at its best, and how many of them it then answers.

The load comes at its own pace and heeds no refusal, and its client takes its share of the same machine. In between the
load that the service takes comes back, to see whether anything of the overload is left.
"""

import asyncio
from dataclasses import dataclass, field, replace

from benchmarks import home, http_load, open_load, post
from benchmarks.bench import Bench
from benchmarks.effort import CONNECTIONS, ROUNDS
from benchmarks.http_load import Load
from benchmarks.open_load import Offered
from benchmarks.results import Row, rounded

TIMES = 10
_CONNECTIONS = 1_000
_LOAD_S = 6.0
_WARM_UP_S = 2.0
_TARGET = 0.7


@dataclass(slots=True)
class Overload:
    """Rounds of one kind of request: at its best, overloaded, and right afterwards."""

    bench: Bench
    requests: list[str]
    peaks: list[Load] = field(default_factory=list)
    floods: list[Offered] = field(default_factory=list)
    afterwards: list[Load] = field(default_factory=list)
    replicas_mib: list[int] = field(default_factory=list)

    async def measure(self) -> None:
        for _ in range(ROUNDS):
            self.peaks.append(await self._drive())
            self.replicas_mib.append(await asyncio.to_thread(self.bench.servers.replicas_mib))
            self.floods.append(await self._flood(TIMES * self.peaks[-1].per_s))
            self.replicas_mib.append(await asyncio.to_thread(self.bench.servers.replicas_mib))
            self.afterwards.append(await self._drive())
        for flood in self.floods:
            assert flood.strange == {}, f"{flood.statuses}: {flood.problem}"
            assert flood.bare == 0, flood.problem

    async def _drive(self) -> Load:
        effort = replace(self.bench.effort, warm_up_s=_WARM_UP_S, load_s=_LOAD_S)
        return await asyncio.to_thread(http_load.drive, self.bench.endpoints.http_url, self.requests, effort)

    async def _flood(self, per_s: float) -> Offered:
        return await asyncio.to_thread(
            open_load.drive,
            self.bench.endpoints.http_url,
            self.requests,
            per_s=per_s,
            connections=_CONNECTIONS,
            warm_up_s=_WARM_UP_S,
            load_s=_LOAD_S,
        )

    def row(self, key: str, what: str) -> Row:
        peaks, floods = self.peaks, self.floods
        return Row(
            key=key,
            what=f"{what} at {TIMES} times the load of the peak: good answers/s",
            against=f"the peak, {CONNECTIONS} connections",
            unit="x",
            values=[flood.good_per_s / peak.per_s for flood, peak in zip(floods, peaks, strict=True)],
            target=_TARGET,
            figures={
                "peak/s": rounded([load.per_s for load in peaks]),
                "sent/s": rounded([flood.sent_per_s for flood in floods]),
                "held back/s": rounded([flood.held_per_s for flood in floods]),
                "good/s": rounded([flood.good_per_s for flood in floods]),
                "statuses": [flood.statuses for flood in floods],
                "codes": [flood.codes for flood in floods],
                "refusals without Retry-After": [flood.bare for flood in floods],
                "p50 ms": [flood.p50_ms for flood in floods],
                "p99 ms": [flood.p99_ms for flood in floods],
                "p99 ms of the peak": [load.p99_ms for load in peaks],
                "cores that the client takes": [flood.cores for flood in floods],
                "afterwards/s": rounded([load.per_s for load in self.afterwards]),
                "refused before, and afterwards": [load.refused for load in (*peaks, *self.afterwards)],
                "MiB of the replicas before, after": self.replicas_mib,
            },
        )


async def measure(bench: Bench) -> list[Row]:
    """The rows of posting and of reading; what was acknowledged is counted afterwards."""
    authors = await bench.seeder.people(post.AUTHORS)
    posts = Overload(bench, post.requests(bench, authors))
    await posts.measure()
    acknowledged = sum(load.good for load in (*posts.peaks, *posts.afterwards))
    acknowledged += sum(len(flood.created) for flood in posts.floods)
    unknown = sum(load.refused for load in (*posts.peaks, *posts.afterwards))
    unknown += sum(flood.unknown for flood in posts.floods)
    found = await post.tweets_of(bench.stores.cassandra.session, authors)
    assert acknowledged <= found <= acknowledged + unknown, f"{found} tweets, and {acknowledged} were acknowledged"
    world = await bench.world(1)
    await home.compare(bench, world, world.readers)  # builds the timelines, too
    reads = Overload(bench, home.requests(bench, world))
    await reads.measure()
    await home.compare(bench, world, world.readers)
    return [posts.row("overload", "posting"), reads.row("overload_reads", "home timeline")]
