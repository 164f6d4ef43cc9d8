"""HTTP load that waits for nobody: so many requests a second, over connections that are kept, whatever comes back.

When every connection waits for an answer, what is due is not sent, and counted as held back. It runs in a process of
its own.
"""

import asyncio
import re
import time
from collections import Counter, deque
from typing import Any, NamedTuple, cast

import numpy as np
import uvloop
from typing_extensions import override

from benchmarks import children
from benchmarks.http_load import address

_TICK_S = 0.002
_LAST_ANSWERS_S = 30.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_RETRY_AFTER = re.compile(rb"\r\nretry-after: *[1-9]\d*\r", re.IGNORECASE)
_REQUEST_ID = re.compile(rb"\r\nx-request-id: *\S", re.IGNORECASE)
_CODE = re.compile(rb'"code":"(\w+)"')
_ID = re.compile(rb'"id":"(\d+)"')


class Offered(NamedTuple):
    """What came of a load; everything but the rates is of the warm-up too."""

    sent_per_s: float
    held_per_s: float
    good_per_s: float
    statuses: dict[str, int]
    """Answers by status; a connection that ended instead is `lost`."""
    codes: dict[str, int]
    """Refusals by the code in their body."""
    bare: int
    """Refusals that do not say when to come back, or lack what every answer has."""
    problem: str
    """The first of them, or the first answer that was neither good nor a refusal."""
    p50_ms: float
    """Of good answers, as the others."""
    p95_ms: float
    p99_ms: float
    cores: float
    """How much of the machine the client itself takes."""
    created: list[str]
    """The ids in the answers 201."""

    @property
    def strange(self) -> dict[str, int]:
        """Answers that no client should get, by status."""
        return {status: n for status, n in self.statuses.items() if status not in ("200", "201", "429", "503")}

    @property
    def unknown(self) -> int:
        """Refusals after which what was asked for may have happened all the same."""
        return sum(count for code, count in self.codes.items() if code not in ("overloaded", "rate_limited"))


def drive(url: str, requests: list[str], *, per_s: float, connections: int, warm_up_s: float, load_s: float) -> Offered:
    """Send requests in turn (see `http_load.request`), evenly in time."""
    host, port = address(url)
    spec = {"host": host, "port": port, "requests": requests, "per_s": per_s, "connections": connections}
    return Offered(**children.run(__name__, {**spec, "warm_up_s": warm_up_s, "load_s": load_s}))


class _Run:
    """What the connections share."""

    def __init__(self) -> None:
        self.begins_s = self.ends_s = 0.0
        """The time that counts."""
        self.idle: deque[_Connection] = deque()
        self.busy = 0
        """Connections that wait for an answer."""
        self.nobody_waits = asyncio.Event()
        self.statuses: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()
        self.bare = 0
        self.problem = ""
        self.created: list[str] = []
        self.seconds: list[float] = []

    async def all_answered(self) -> None:
        """Return when no connection waits for an answer."""
        self.nobody_waits.clear()
        if self.busy:
            await self.nobody_waits.wait()

    def settled(self) -> None:
        """A connection waits no more."""
        self.busy -= 1
        if not self.busy:
            self.nobody_waits.set()

    def answered(self, head: bytes, body: bytes, sent_s: float) -> None:
        status, now_s = head[9:12].decode(), time.perf_counter()
        self.statuses[status] += 1
        if status in ("200", "201"):
            if status == "201" and (created := _ID.search(body)):
                self.created.append(created[1].decode())
            if self.begins_s <= now_s < self.ends_s:
                self.seconds.append(now_s - sent_s)
            return
        code = _CODE.search(body)
        self.codes[code[1].decode() if code else "none"] += 1
        whole = code and _RETRY_AFTER.search(head) and _REQUEST_ID.search(head)
        self.bare += not whole
        if not whole or status not in ("429", "503"):
            self.problem = self.problem or f"{head.decode(errors='replace')}{body[:200].decode(errors='replace')}"


class _Connection(asyncio.Protocol):
    """Sends one request after another and reads each answer; at about half the cost of a stream."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._sent_s: float | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        self._run.idle.append(self)

    def send(self, request: bytes) -> None:
        assert self._transport is not None, "only what is connected is idle"
        self._sent_s = time.perf_counter()
        self._run.busy += 1
        self._transport.write(request)

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        ends = self._received.find(b"\r\n\r\n") + 2
        if ends < 2 or self._sent_s is None:
            return
        length = _LENGTH.search(self._received, 0, ends)
        assert length is not None, f"an answer without a length: {self._received[:ends]!r}"
        size = ends + 2 + int(length[1])
        if len(self._received) < size:
            return
        head, body, self._received = self._received[:ends], self._received[ends + 2 : size], self._received[size:]
        sent_s, self._sent_s = self._sent_s, None
        self._run.settled()
        self._run.idle.append(self)
        self._run.answered(head, body, sent_s)

    @override
    def connection_lost(self, error: Exception | None) -> None:
        if self._sent_s is not None:
            self._run.settled()
            self._run.statuses["lost"] += 1
        elif self in self._run.idle:
            self._run.idle.remove(self)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _offer(spec: dict[str, Any]) -> Offered:
    loop = asyncio.get_running_loop()
    requests = [text.encode() for text in spec["requests"]]
    run = _Run()
    for _ in range(spec["connections"]):
        await loop.create_connection(lambda: _Connection(run), spec["host"], spec["port"])
    assert len(run.idle) == spec["connections"]
    begun_s = time.perf_counter()
    run.begins_s, run.ends_s = begun_s + spec["warm_up_s"], begun_s + spec["warm_up_s"] + spec["load_s"]
    due = counted = held = 0
    used_s = time.process_time()
    while (now_s := time.perf_counter()) < run.ends_s:
        while due < (now_s - begun_s) * spec["per_s"]:
            due += 1
            counts = now_s >= run.begins_s
            if run.idle:
                run.idle.popleft().send(requests[due % len(requests)])
                counted += counts
            else:
                held += counts
        await asyncio.sleep(_TICK_S)
    cores = round((time.process_time() - used_s) / (now_s - begun_s), 2)
    async with asyncio.timeout(_LAST_ANSWERS_S):
        await run.all_answered()
    for connection in list(run.idle):
        connection.close()
    p50, p95, p99 = (round(float(np.percentile(run.seconds or [0.0], p)) * 1_000, 2) for p in (50, 95, 99))
    sent, held_back, good = (round(number / spec["load_s"], 1) for number in (counted, held, len(run.seconds)))
    found = (dict(run.statuses), dict(run.codes), run.bare, run.problem)
    return Offered(sent, held_back, good, *found, p50, p95, p99, cores, run.created)


if __name__ == "__main__":
    children.answer(uvloop.run(_offer(children.specification()))._asdict())
