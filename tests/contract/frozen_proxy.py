"""A wire to a server that a test can freeze (nothing passes, nothing breaks) or cut."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FrozenProxy:
    """Passes bytes both ways while it flows."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = (host, int(port))
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: list[asyncio.StreamWriter] = []
        self.endpoint = ""

    def freeze(self) -> None:
        """Let nothing through; connections stay open and new ones are accepted."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything through again."""
        self._flowing.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, there_writer]
        await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))

    def cut(self) -> None:
        """Break every connection."""
        for writer in self._writers:
            writer.close()
        self._writers.clear()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                await self._flowing.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # cut
        finally:
            writer.close()


@asynccontextmanager
async def frozen_proxy(target: str) -> AsyncIterator[FrozenProxy]:
    """A proxy to `host:port` on a free port of its own."""
    proxy = FrozenProxy(target)
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    proxy.endpoint = f"{host}:{port}"
    try:
        yield proxy
    finally:
        proxy.thaw()
        proxy.cut()
        server.close()
