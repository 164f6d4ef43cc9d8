"""HTTP load in a process of its own: connections that are kept, requests that were encoded before, one after another.

The same client drives subject and yardstick. It looks at status and length of every answer, and notes whether the
page is the one that the same request got the last time. It also reads what CPU the server's processes take meanwhile.
"""

import asyncio
import re
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import uvloop

from benchmarks import children, processes
from benchmarks.effort import CONNECTIONS, Effort


class Load(NamedTuple):
    """What came of a load."""

    per_s: float
    statuses: dict[str, int]
    """Answers by status, those of the warm-up included."""
    pages: int
    """Good answers to GET that are not the first to their request."""
    changed: int
    """Those whose body was another one than the last time."""
    created: list[tuple[int, str]]
    """The number of the request, and the id, of each answer 201."""
    problem: str
    """The first answer that was not a good one."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    cpu_s: dict[str, float]
    """Seconds of CPU by name of process, in the time that counts."""
    answers: int
    """Good answers in that time."""

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
    head += ["Content-Type: application/json"] if body else []
    head += [f"Content-Length: {len(body)}"] if method == "POST" else []
    return "\r\n".join([*head, "", body.decode()])


def drive(
    url: str, requests: list[str], effort: Effort, connections: int = CONNECTIONS, pid: int | None = None
) -> Load:
    """Send requests in turn for as long as a load lasts; all processes of the server descend from the one of `pid`."""
    host, port = address(url)
    spec = {"host": host, "port": port, "requests": requests, "connections": connections, "pid": pid}
    return Load(**children.run(__name__, {**spec, "warm_up_s": effort.warm_up_s, "load_s": effort.load_s}))


def address(url: str) -> tuple[str, int]:
    """Host and port."""
    host, _, port = url.removeprefix("http://").partition(":")
    return host, int(port)


CREATED = re.compile(rb'\{"id":"(\d+)"')
"""The beginning of the answer to a posted tweet."""


class _Run:
    """What the connections share."""

    def __init__(self, requests: list[bytes], begins_s: float, ends_s: float) -> None:
        self.requests = requests
        self.begins_s = begins_s
        self.ends_s = ends_s
        self.next = 0
        self.statuses: Counter[str] = Counter()
        self.bodies: dict[int, int] = {}
        self.pages = self.changed = 0
        self.created: list[tuple[int, str]] = []
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
        if self.requests[number].startswith(b"GET"):
            self.pages += number in self.bodies
            self.changed += self.bodies.get(number, hash(body)) != hash(body)
            self.bodies[number] = hash(body)
        elif status == "201" and (created := CREATED.match(body)):
            self.created.append((number, created[1].decode()))
        if self.begins_s <= now_s < self.ends_s:
            self.seconds.append(now_s - sent_s)


async def _connection(host: str, port: int, run: _Run) -> None:
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    while (sent_s := time.perf_counter()) < run.ends_s:
        number = run.take()
        status, body = await exchange(reader, writer, run.requests[number])
        run.answered(number, status, body, sent_s, time.perf_counter())
    writer.close()


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request_: bytes) -> tuple[str, bytes]:
    """Send a request and wait for its answer: status and body."""
    writer.write(request_)
    head = await reader.readuntil(b"\r\n\r\n")
    return head[9:12].decode(), await reader.readexactly(_length(head))


async def _cpu_s(run: _Run, pid: int | None) -> dict[str, float]:
    """What the processes of the server take in the time that counts."""
    if pid is None:
        return {}
    await asyncio.sleep(run.begins_s - time.perf_counter())
    before = processes.cpu_s(pid)
    await asyncio.sleep(run.ends_s - time.perf_counter())
    return processes.taken(before, processes.cpu_s(pid))


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
        cpu_s = asyncio.create_task(_cpu_s(run, spec["pid"]))
        await asyncio.gather(*(_connection(spec["host"], spec["port"], run) for _ in range(spec["connections"])))
    p50, p95, p99 = (round(float(np.percentile(run.seconds, p)) * 1_000, 2) for p in (50, 95, 99))
    return Load(
        per_s=len(run.seconds) / spec["load_s"],
        statuses=dict(run.statuses),
        pages=run.pages,
        changed=run.changed,
        created=run.created,
        problem=run.problem,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        cpu_s=await cpu_s,
        answers=len(run.seconds),
    )


if __name__ == "__main__":
    children.answer(uvloop.run(_load(children.specification()))._asdict())
