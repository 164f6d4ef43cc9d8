"""One worker of the trends dataflow: a process's share of a Bytewax cluster, run in a thread."""

import socket
import threading
from dataclasses import dataclass
from pathlib import Path

from bytewax.recovery import RecoveryConfig
from bytewax.testing import cluster_main, run_main

from dataflows.execution import EPOCH
from dataflows.sinks.trends import minute_sink, ranking_sink
from dataflows.sources.live import LogSource
from dataflows.store_thread import StoreThread
from dataflows.trends import flow
from dataflows.trends.schedule import Schedule
from domain.clock import Clock
from domain.trends.windows import KEPT_MS, WINDOWS
from storage.stores import StoreConfig
from telemetry.logs import logger

EVALUATE_EVERY_MS = 1_000


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """Status of a worker. `running`: its dataflow goes round; `error`: why it ended."""

    running: bool
    error: str


class FlowWorker:
    """Runs its share until it is stopped, or until any of its peers dies."""

    def __init__(self, stores: StoreConfig, snapshots: Path, clock: Clock) -> None:
        self._stores = StoreThread(stores)
        self._snapshots = snapshots
        self._clock = clock
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._error = ""
        from_ms = max(self._stores.data_created_ms(), clock.now_ms() - KEPT_MS)
        self._source = LogSource(self._stores, clock, from_ms=from_ms, stopping=self._stopping)

    def run(self, addresses: list[str], index: int) -> None:
        """Begin, as one of the workers at some addresses."""
        threading.Thread(target=self._main, args=(addresses, index), name="bytewax", daemon=True).start()

    def status(self) -> WorkerStatus:
        """The status now; never waits."""
        return WorkerStatus(self._source.joined.is_set() and not self._ended.is_set(), self._error)

    def stop(self, timeout_s: float) -> bool:
        """Ask for an orderly end, with a last snapshot, and wait for it. False if it took too long."""
        self._stopping.set()
        return self._ended.wait(timeout_s)

    def _main(self, addresses: list[str], index: int) -> None:
        try:
            schedule = Schedule(windows=tuple(WINDOWS.values()), every_ms=EVALUATE_EVERY_MS)
            sinks = ranking_sink(self._stores, self._clock), minute_sink(self._stores, self._clock)
            live = flow.live(self._source, schedule, *sinks)
            recovery = RecoveryConfig(self._snapshots)
            if len(addresses) == 1:  # a cluster has a thread that looks after it, and wakes a thousand times a second
                run_main(live, epoch_interval=EPOCH, recovery_config=recovery)
            else:
                cluster_main(live, addresses, index, epoch_interval=EPOCH, recovery_config=recovery)
            self._error = "" if self._stopping.is_set() else "the dataflow ended by itself"
        except BaseException as error:  # noqa: BLE001  (a lost peer is a PanicException of Rust's, which is no Exception)
            self._error = f"{type(error).__name__}: {error}"
            logger().warning("the dataflow ended", error=self._error)
        finally:
            self._ended.set()


def free_address(host: str) -> str:
    """An address of this node on which a worker can listen."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"
