"""From posts to the pages of those who follow, over HTTP: a process of its own posts, then reads until all show it.

Every reader's page is read, and again in its turn while it lacks the newest of the posts that it must show. So the time
holds a reading of every page, however soon the posts are there; `late` tells how many pages were read more than once.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import uvloop

from benchmarks import children
from benchmarks.http_load import CREATED, address, exchange

_GIVE_UP_S = 100.0


class Arrival(NamedTuple):
    """What came of some posts."""

    seconds: float
    """From the first post that was sent to the last page that showed what it must."""
    after_s: float
    """From the last answer to a post."""
    late: int
    """Pages that were read before they showed it, repeats included."""
    created: list[str]


class Page(NamedTuple):
    """A reader's page, and the numbers of the posts that belong on it."""

    request: str
    posts: Sequence[int]


def drive(url: str, posts: Sequence[str], pages: Sequence[Page], *, connections: int, repeats: int) -> list[Arrival]:
    """Send the posts and wait until all pages show the newest of theirs, so often one after the other."""
    host, port = address(url)
    spec = {"host": host, "port": port, "posts": posts, "pages": pages, "connections": connections, "repeats": repeats}
    return [Arrival(*found) for found in children.run(__name__, spec)["arrivals"]]


class _Clients:
    """Connections that share what is to be done."""

    def __init__(self, spec: dict[str, Any], connections: Sequence[tuple[asyncio.StreamReader, asyncio.StreamWriter]]):
        self._connections = connections
        self._posts = [text.encode() for text in spec["posts"]]
        self._pages = [(request.encode(), posts) for request, posts in spec["pages"]]

    async def once(self) -> Arrival:
        begun_s = time.perf_counter()
        ids: dict[int, int] = {}
        unsent = deque(enumerate(self._posts))
        await asyncio.gather(*(self._post(*each, unsent, ids) for each in self._connections))
        answered_s = time.perf_counter()
        unseen = deque((request, b'"id":"%d"' % max(ids[post] for post in posts)) for request, posts in self._pages)
        late = sum(await asyncio.gather(*(self._read(*each, unseen) for each in self._connections)))
        seen_s = time.perf_counter()
        return Arrival(seen_s - begun_s, seen_s - answered_s, late, [str(id_) for id_ in ids.values()])

    async def _post(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        unsent: deque[tuple[int, bytes]],
        ids: dict[int, int],
    ) -> None:
        while unsent:
            number, request = unsent.popleft()
            status, body = await exchange(reader, writer, request)
            created = CREATED.match(body)
            assert created is not None, f"{status}: {body[:200]!r}"
            ids[number] = int(created[1])

    async def _read(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, unseen: deque[tuple[bytes, bytes]]
    ) -> int:
        late = 0
        while unseen:
            request, mark = unseen.popleft()
            status, body = await exchange(reader, writer, request)
            assert status == "200", f"{status}: {body[:200]!r}"
            if mark not in body:
                late += 1
                unseen.append((request, mark))
        return late


async def _arrivals(spec: dict[str, Any]) -> list[Arrival]:
    opened = [
        await asyncio.open_connection(spec["host"], spec["port"], limit=1 << 20) for _ in range(spec["connections"])
    ]
    clients = _Clients(spec, opened)
    async with asyncio.timeout(_GIVE_UP_S):
        found = [await clients.once() for _ in range(spec["repeats"])]
    for _, writer in opened:
        writer.close()
    return found


if __name__ == "__main__":
    children.answer({"arrivals": uvloop.run(_arrivals(children.specification()))})
