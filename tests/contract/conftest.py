"""The stores that Redis keeps, for contract tests: the same stories run in memory and on a real server."""

import asyncio
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.embedded.ports import PortBlock
from cluster.embedded.redis import find_server
from domain.clock import SystemClock
from domain.limits import SMALL, Limits
from storage.memory.hot import MemoryEventLog, MemoryOffsetStore, MemoryRedis
from storage.memory.hot_cache import MemoryCacheStore
from storage.ports.cache import CacheStore
from storage.ports.log import EventLog, OffsetStore
from storage.redis import RedisStores, open_stores
from tests.support.waiting import eventually

PARTITIONS = 4
_DATABASE = 9


@dataclass(frozen=True, slots=True)
class Hot:
    """What a contract test sees of a backend."""

    log: EventLog
    offsets: OffsetStore
    cache: CacheStore
    limits: Limits
    lose_everything: Callable[[], Awaitable[None]]


OpenHot = Callable[[Limits], Awaitable[Hot]]


@pytest.fixture
async def redis_stores(redis_url: str) -> AsyncIterator[RedisStores]:
    """Stores on an empty database of the server that this run shares."""
    stores = await open_stores(f"{redis_url.rpartition('/')[0]}/{_DATABASE}", PARTITIONS, SMALL)
    await stores.client.run([("FLUSHDB",)])
    yield stores
    await stores.close()


@pytest.fixture(params=["memory", "redis"])
async def open_hot(request: pytest.FixtureRequest) -> AsyncIterator[OpenHot]:
    """Opens empty stores with some limits, once in memory and once on Redis."""
    async with AsyncExitStack() as opened:

        async def on_memory(limits: Limits) -> Hot:
            redis = MemoryRedis(SystemClock())

            async def flush() -> None:
                redis.flush()

            log = MemoryEventLog(redis, PARTITIONS, limits)
            return Hot(log, MemoryOffsetStore(redis), MemoryCacheStore(redis, limits), limits, flush)

        async def on_redis(limits: Limits) -> Hot:
            url = f"{redis_url.rpartition('/')[0]}/{_DATABASE}"
            stores = await open_stores(url, PARTITIONS, limits)
            opened.push_async_callback(stores.close)

            async def flush() -> None:
                await stores.client.run([("FLUSHDB",)])

            await flush()
            return Hot(stores.log, stores.offsets, stores.cache, limits, flush)

        if request.param == "memory":
            yield on_memory
        else:
            redis_url: str = request.getfixturevalue("redis_url")
            yield on_redis


@pytest.fixture
async def hot(open_hot: OpenHot) -> Hot:
    return await open_hot(SMALL)


class PrivateRedis:
    """A server of one test's own, with a dump file, to be stopped, killed and started again."""

    def __init__(self, folder: Path, port: int) -> None:
        self.port = port
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    async def start(self, *options: str) -> None:
        """Start it with what its dump file holds; returns when it answers."""
        self._launch(options)
        await eventually(self._answers)

    def _launch(self, options: tuple[str, ...]) -> None:
        assert self._process is None
        words = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder), "--save", "")
        self._process = subprocess.Popen([str(find_server()), *words, *options], stdout=subprocess.DEVNULL)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.write(b"PING\r\n")
        answer = await reader.readline()
        writer.close()
        await writer.wait_closed()
        return answer.startswith((b"+PONG", b"-NOAUTH"))

    def pause(self) -> None:
        """Stop it where it stands: connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@pytest.fixture
def private_redis(tmp_path: Path) -> Iterator[PrivateRedis]:
    """Not started yet."""
    ports = PortBlock()
    server = PrivateRedis(tmp_path, ports.port())
    try:
        yield server
    finally:
        server.kill()
        ports.release()
