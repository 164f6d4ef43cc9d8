"""A wire to a server that a test can freeze (nothing passes, nothing breaks), slow down, cut, or lead elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Wire:
    """Passes bytes both ways while it flows."""

    def __init__(self, target: str) -> None:
        self.target = target
        """`host:port` of the server; connections that are made from now on lead there."""
        self.delay_s = 0.0
        """How much longer a question and its answer take."""
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.endpoint = ""

    def freeze(self) -> None:
        """Let nothing through; connections stay open and new ones are accepted."""
        self._flowing.clear()

    def thaw(self) -> None:
        """Let everything through again."""
        self._flowing.set()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.target.rpartition(":")
        try:
            there_reader, there_writer = await asyncio.open_connection(host, int(port))
        except OSError:  # the server is away: so is the wire
            writer.close()
            return
        both = {writer, there_writer}
        self._writers |= both
        try:
            await asyncio.gather(self._pump(reader, there_writer), self._pump(there_reader, writer))
        finally:
            self._writers -= both

    def cut(self) -> None:
        """Break every connection."""
        for writer in self._writers:
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        due_s = 0.0
        try:
            while data := await reader.read(65_536):
                await self._flowing.wait()
                now_s = loop.time()
                if self.delay_s or due_s > now_s:  # what is on its way already stays ahead
                    due_s = max(due_s + 1e-6, now_s + self.delay_s / 2)
                    loop.call_at(due_s, writer.write, data)
                else:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass  # cut
        finally:
            writer.close()


@asynccontextmanager
async def wire_to(target: str) -> AsyncIterator[Wire]:
    """A wire to `host:port` on a free port of its own."""
    wire = Wire(target)
    server = await asyncio.start_server(wire.handle, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    wire.endpoint = f"{host}:{port}"
    try:
        yield wire
    finally:
        wire.thaw()
        wire.cut()
        server.close()
