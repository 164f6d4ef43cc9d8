"""A Redis of one test's own."""

import asyncio
import signal
import subprocess
from pathlib import Path

from cluster.embedded.redis import find_server
from tests.support.waiting import eventually


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
