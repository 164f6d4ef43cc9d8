"""HTTP load in a process of its own: connections that are kept, requests that were encoded before, one after another.

The same client drives subject and yardstick. It looks at status and length of every answer, and notes whether the
body is the one that the same request got before.
"""

import asyncio
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import uvloop

from benchmarks import children
from benchmarks.effort import CONNECTIONS, Effort


class Load(NamedTuple):
    """What came of a load."""

    per_s: float
    statuses: dict[str, int]
    """Answers by status, those of the warm-up included."""
    changed: int
    """Good answers whose body was another one than before."""
    problem: str
    """The first answer that was not a good one."""
    p50_ms: float
    p95_ms: float
    p99_ms: float

    @property
    def good(self) -> int:
        """Good answers, those of the warm-up included."""
        return sum(count for status, count in self.statuses.items() if status.startswith("2"))

    @property
    def refused(self) -> int:
        """Requests that the server was too busy to answer; any other failure ends the benchmark."""
        others = sum(self.statuses.values()) - self.good
        assert others == self.statuses.get("503", 0), f"{self.statuses}: {self.problem}"
        return others


def request(method: str, path: str, token: str = "", body: bytes = b"") -> str:
    """A request as it is sent; `Host` does not matter to the service."""
    head = [f"{method} {path} HTTP/1.1", "Host: murmur"]
    head += [f"Authorization: Bearer {token}"] if token else []
    head += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if method == "POST" else []
    return "\r\n".join([*head, "", body.decode()])


def drive(url: str, requests: list[str], effort: Effort, connections: int = CONNECTIONS) -> Load:
    """Send requests in turn for as long as a load lasts."""
    host, _, port = url.removeprefix("http://").partition(":")
    spec = {"host": host, "port": int(port), "requests": requests, "connections": connections}
    return Load(**children.run(__name__, {**spec, "warm_up_s": effort.warm_up_s, "load_s": effort.load_s}))


class _Run:
    """What the connections share."""

    def __init__(self, requests: list[bytes], begins_s: float, ends_s: float) -> None:
        self.requests = requests
        self.begins_s = begins_s
        self.ends_s = ends_s
        self.next = 0
        self.statuses: Counter[str] = Counter()
        self.bodies: dict[int, int] = {}
        self.changed = 0
        self.problem = ""
        self.seconds: list[float] = []
        """Of every good answer that came in the time that counts."""

    def take(self) -> int:
        """The request whose turn it is."""
        self.next += 1
        return self.next % len(self.requests)

    def answered(self, number: int, status: str, body: bytes, sent_s: float, now_s: float) -> None:
        self.statuses[status] += 1
        if not status.startswith("2"):
            self.problem = self.problem or f"{status}: {body[:200].decode(errors='replace')}"
            return
        self.changed += self.bodies.setdefault(number, hash(body)) != hash(body)
        if self.begins_s <= now_s < self.ends_s:
            self.seconds.append(now_s - sent_s)


async def _connection(host: str, port: int, run: _Run) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    while (sent_s := time.perf_counter()) < run.ends_s:
        number = run.take()
        writer.write(run.requests[number])
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(_length(head))
        run.answered(number, head[9:12].decode(), body, sent_s, time.perf_counter())
    writer.close()


def _length(head: bytes) -> int:
    folded = head.lower()
    at = folded.find(b"content-length:")
    assert at >= 0, f"an answer without a length: {head!r}"
    return int(folded[at + 15 : folded.index(b"\r\n", at)])


async def _load(spec: dict[str, Any]) -> Load:
    begins_s = time.perf_counter() + spec["warm_up_s"]
    ends_s = begins_s + spec["load_s"]
    run = _Run([text.encode() for text in spec["requests"]], begins_s, ends_s)
    async with asyncio.timeout(spec["warm_up_s"] + spec["load_s"] + 30):
        await asyncio.gather(*(_connection(spec["host"], spec["port"], run) for _ in range(spec["connections"])))
    percentiles = (round(float(np.percentile(run.seconds, p)) * 1_000, 2) for p in (50, 95, 99))
    return Load(len(run.seconds) / spec["load_s"], dict(run.statuses), run.changed, run.problem, *percentiles)


if __name__ == "__main__":
    children.answer(uvloop.run(_load(children.specification()))._asdict())
