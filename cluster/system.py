"""A whole system: starts its components side by side, waits until it is ready, stops all of it in order."""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import replace
from types import FrameType

from cluster import readiness
from cluster.embedded.cassandra import start_cassandra
from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock, require_free
from cluster.embedded.processes import Component
from cluster.embedded.ray_environment import ON_SEVERAL_NODES
from cluster.embedded.ray_node import EmbeddedRay, require_programs_run, scratch_parent
from cluster.embedded.redis import EmbeddedRedis
from cluster.errors import EmbeddedError, NotReady
from cluster.private import OTHERS
from cluster.ray_driver import connect
from cluster.settings import Settings, put_in_environment
from cluster.signing_keys import prepare_keys
from cluster.state import Endpoints, FolderLock, RunState
from cluster.waiting import wait_until

_DISK_FREE_BYTES_MIN = 500 * 1024 * 1024
_READY_TIMEOUT_S = 90.0
_DRAIN_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 4.0
_WATCH_INTERVAL_S = 0.25


class System:
    """One system on one data folder. Use from the main thread; `stop` may follow any failure of the other calls.

    What the settings place elsewhere (Cassandra, Redis, Ray) is used there and neither started nor stopped.
    """

    def __init__(self, settings: Settings, report: Callable[[str], None], reached: Callable[[str], None]) -> None:
        """`report` is told what it is about to do, `reached` what is so from now on."""
        self._settings = settings
        self._report = report
        self._reached = reached
        self._components: list[Component] = []
        self._undo = ExitStack()
        self._starting = True
        self._stop_asked = threading.Event()

    def start(self) -> Endpoints:
        """Start every component and deploy the application on them; it answers when this returns.

        From now on SIGINT and SIGTERM end what this system is doing: a start by `KeyboardInterrupt`. Raises
        `ClusterError`; then call `stop`.
        """
        settings = self._settings
        self._take_signals()
        with suppress(OSError):  # inherited by all that it starts: who wakes up takes the core from nobody at work
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        os.umask(OTHERS)  # what this process writes, and all that it starts, is for this user alone
        lock = FolderLock(settings.data_dir)
        self._undo.callback(lock.release)
        _require_disk(settings)
        lock.name_holder(settings.url_of(settings.http_port))
        if settings.ray_address is None:
            require_programs_run(scratch_parent())
        prepare_keys(settings)
        ports = PortBlock()
        self._undo.callback(ports.release)
        if settings.ray_address is None:  # elsewhere, what an `up` that died has deployed still serves there
            require_free(settings.http_port, settings.http_host, "MURMUR_HTTP_PORT")
            if settings.exporter_port:
                require_free(settings.exporter_port, settings.http_host, "MURMUR_EXPORTER_PORT")
            else:  # chosen here, so that the supervisor comes back to the same one after a crash
                settings = self._settings = settings.model_copy(update={"exporter_port": ports.port()})
        self._undo.callback(self._stop_components)
        endpoints = self._start_components(ports)
        self._reached("Cassandra, Ray and Redis were started")
        import ray  # reads its environment then; meanwhile the components come up

        import serve.deploy
        from cluster import wiring

        self._reached("The client of Ray is loaded")
        for component in self._components:
            if isinstance(component, EmbeddedRay):
                component.wait_ready()
        self._reached("Ray is ready")
        self._undo.callback(ray.shutdown)
        dashboard_url = connect(endpoints.ray_address)
        endpoints = replace(endpoints, dashboard_url=endpoints.dashboard_url or dashboard_url)
        self._take_signals()  # Ray has put a handler of its own in place
        self._undo.callback(self._drain)
        serve.deploy.start(settings.http_host, settings.http_port)  # takes seconds, in which Cassandra comes up
        self._reached("Ray Serve is ready")
        for component in self._components:
            component.wait_ready()
        self._reached("Cassandra and Redis are ready")
        self._report("Deploying the application.")
        wiring.deploy(settings, endpoints, self._reached)
        self._wait_ready(endpoints)
        self._reached("All of it is ready")
        state = RunState(pid=os.getpid(), endpoints=endpoints)
        self._undo.callback(state.remove)
        state.write()
        return endpoints

    def serve_forever(self) -> None:
        """Return when asked to stop by a signal; raise `EmbeddedError` when a component has ended by itself."""
        self._starting = False
        while not self._stop_asked.wait(_WATCH_INTERVAL_S):
            self._require_components_running()

    def stop(self) -> None:
        """Drain the application and stop what was started here, within ten seconds. May be repeated."""
        self._starting = False
        self._undo.close()

    def _take_signals(self) -> None:
        def ask(_number: int, _frame: FrameType | None) -> None:
            first = not self._stop_asked.is_set()
            self._stop_asked.set()
            if self._starting and first:  # ends a download or a wait; from then on, components are stopped in order
                raise KeyboardInterrupt

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, ask)

    def _start_components(self, ports: PortBlock) -> Endpoints:
        settings, folder = self._settings, self._settings.data_dir
        cassandra: CassandraNode | None = None
        redis: EmbeddedRedis | None = None
        ray: EmbeddedRay | None = None
        # the slowest first: they come up side by side, and only then is waited
        if not settings.cassandra_contact_points:
            self._report("Starting Cassandra.")
            cassandra = start_cassandra(folder, ports, settings.cassandra_heap_mb, self._report)
            self._components.append(cassandra)
        if settings.ray_address is None:
            self._report("Starting Ray.")
            ray = EmbeddedRay(folder, ports, settings.ray_num_cpus, settings.rate_limits, settings.believed_proxies)
            self._components.append(ray)
            put_in_environment(ray.environment)
        else:
            put_in_environment(ON_SEVERAL_NODES)
        if settings.redis_url is None:
            self._report("Starting Redis.")
            redis = EmbeddedRedis(folder, ports, settings.redis_maxmemory_mb)
            self._components.append(redis)
        return Endpoints(
            cassandra_contact_points=(cassandra.contact_point,) if cassandra else settings.cassandra_contact_points,
            redis_url=redis.url if redis else settings.redis_url or "",
            ray_address=ray.address if ray else settings.ray_address or "",
            http_url=settings.url_of(settings.http_port),
            dashboard_url=ray.dashboard_url if ray else None,
            metrics_urls=(*ray.metrics_urls, f"{settings.url_of(settings.exporter_port)}/metrics") if ray else (),
            log_dir=folder / "logs",
            data_dir=folder,
        )

    def _wait_ready(self, endpoints: Endpoints) -> None:
        """Return when `/readyz` is 200; raise `NotReady` with its last answer when the time is over."""
        last = readiness.ask(endpoints.http_url)

        def is_ready() -> bool:
            nonlocal last
            self._require_components_running()
            last = readiness.ask(endpoints.http_url)
            return last.ready

        if not wait_until(is_ready, _READY_TIMEOUT_S, _WATCH_INTERVAL_S):
            raise NotReady(
                f"The system was not ready within {_READY_TIMEOUT_S:.0f} s ({last.summary()}); "
                f"see the logs in {endpoints.log_dir}."
            )

    def _require_components_running(self) -> None:
        for component in self._components:
            component.process.require_running()

    def _stop_components(self) -> None:
        if self._components:
            self._report("Stopping what was started.")
        for component in self._components:  # all at once, then wait for each
            component.process.ask_to_stop()
        deadline = time.monotonic() + _STOP_TIMEOUT_S
        for component in reversed(self._components):
            component.stop(max(0.1, deadline - time.monotonic()))

    def _drain(self) -> None:
        """Undeploy, but not for longer than its share of the time; the end of Ray takes along what is left."""
        from cluster import wiring

        self._report("Draining the application.")
        thread = threading.Thread(target=wiring.undeploy, name="undeploy", daemon=True)
        thread.start()
        thread.join(_DRAIN_TIMEOUT_S)
        if thread.is_alive():
            self._report(f"The application did not drain within {_DRAIN_TIMEOUT_S:.0f} s; stopping it as it is.")


def _require_disk(settings: Settings) -> None:
    free = shutil.disk_usage(settings.data_dir).free
    if free < _DISK_FREE_BYTES_MIN:
        raise EmbeddedError(
            f"Only {free // 2**20} MB are free on the disk of {settings.data_dir}, and {_DISK_FREE_BYTES_MIN // 2**20} "
            "are needed; free some space or set MURMUR_DATA_DIR to another disk."
        )
