"""The cluster's exporter: gauges of what lives in the stores, read when Prometheus asks."""

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

from actors.registry import CONSUMERS
from domain.clock import Clock
from domain.errors import EngineError
from domain.ids import RANGES
from storage.log_reader import RECONCILED
from storage.ports import Ports
from storage.ports.coordination import APPLIED, SUSPECT_UNTIL
from storage.ports.log import BEGINNING, LogEnd
from telemetry.logs import logger

_SCRAPE_S = 5.0
_DEAD_LETTERS_MAX = 1_000


class Exporter:
    """Serves `/metrics`; must be made on the event loop that owns the stores."""

    def __init__(
        self,
        ports: Ports,
        partitions: int,
        unhealthy: Callable[[], list[str]],
        clock: Clock,
        *,
        host: str,
        port: int,
    ) -> None:
        self._ports = ports
        self._clock = clock
        self._partitions = partitions
        self._unhealthy = unhealthy
        self._loop = asyncio.get_running_loop()
        registry = CollectorRegistry(auto_describe=False)  # the gauges are known only when the stores answer
        registry.register(self)
        self._server, _ = start_http_server(port, host, registry)

    def collect(self) -> Iterator[Metric]:
        """Read every gauge now; runs on the server's thread."""
        yield from asyncio.run_coroutine_threadsafe(self._gauges(), self._loop).result(_SCRAPE_S)

    async def close(self) -> None:
        await asyncio.to_thread(self._server.shutdown)

    async def _gauges(self) -> list[Metric]:
        unhealthy = GaugeMetricFamily("murmur_actors_unhealthy", "Actors that did not answer when last asked.")
        unhealthy.add_metric([], len(self._unhealthy()))
        gauges: list[Metric] = [unhealthy]
        for read in (self._log_gauges, self._range_gauges, self._reconciler_gauges, self._dead_letter_gauges):
            try:
                gauges += await read()
            except EngineError as error:
                logger().warning("a gauge could not be read", error=str(error))
        return gauges

    async def _log_gauges(self) -> list[Metric]:
        entries = GaugeMetricFamily(
            "murmur_log_entries", "Events of a partition that the log keeps.", labels=["partition"]
        )
        lag = GaugeMetricFamily(
            "murmur_log_lag_seconds",
            "How much older a consumer's offset is than the end of a partition; ranges of followers as one consumer.",
            labels=["consumer", "partition"],
        )
        ends = await self._ports.log.ends()
        for partition, end in ends.items():
            entries.add_metric([str(partition)], end.entries)
        for consumer, names in CONSUMERS.items():
            found = await asyncio.gather(*(self._ports.offsets.offsets(name) for name in names))
            for partition, end in ends.items():
                behind = max(_behind_s(end, offsets.get(partition, BEGINNING)) for offsets in found)
                lag.add_metric([consumer, str(partition)], behind)
        return [entries, lag]

    async def _range_gauges(self) -> list[Metric]:
        orphaned = GaugeMetricFamily("murmur_ranges_without_owner", "Follower ranges that no shard in health owns.")
        owners, unhealthy = await self._ports.coordination.range_owners(), self._unhealthy()
        orphaned.add_metric([], RANGES - sum(owner.owner not in unhealthy for owner in owners.values()))
        return [orphaned]

    async def _reconciler_gauges(self) -> list[Metric]:
        age = GaugeMetricFamily(
            "murmur_reconciled_age_seconds", "How long ago was the time before which every event is known to be logged."
        )
        coordination = self._ports.coordination
        if (checkpoint_ms := await coordination.checkpoint(RECONCILED)) is not None:
            age.add_metric([], max(0, self._clock.now_ms() - checkpoint_ms) / 1000)
        suspect = GaugeMetricFamily(
            "murmur_redis_suspect_seconds", "Length of the time whose events may be missing from Redis; 0 if none are."
        )
        until_ms = await coordination.checkpoint(SUSPECT_UNTIL) or 0
        since_ms = await coordination.checkpoint(APPLIED) or 0
        suspect.add_metric([], max(0, until_ms - since_ms) / 1000)
        return [age, suspect]

    async def _dead_letter_gauges(self) -> list[Metric]:
        kept = GaugeMetricFamily(
            "murmur_dead_letters_kept", f"Dead letters to be looked at (at most {_DEAD_LETTERS_MAX})."
        )
        kept.add_metric([], len(await self._ports.dead_letters.letters(limit=_DEAD_LETTERS_MAX)))
        return [kept]


def _behind_s(end: LogEnd, offset: str) -> float:
    if offset == BEGINNING:
        return 0.0 if not end.entries else float("inf")
    return max(0, int(end.last.split("-")[0]) - int(offset.split("-")[0])) / 1000
