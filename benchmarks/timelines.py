"""Home timelines in Redis as the benchmarks need them: many empty ones, and how long they have become."""

from collections.abc import Iterator, Sequence

import redis

from domain.ids import UserId
from storage import keys
from storage.ports import ListKey, ListKind
from storage.redis import lists

_AT_ONCE = 10_000


class Timelines:
    """The timelines of some users, over a connection of its own."""

    def __init__(self, url: str, users: Sequence[int]) -> None:
        self._client = redis.Redis.from_url(url)
        self._keys = [keys.list_key(ListKey(ListKind.HOME, UserId(user)), 1) for user in users]

    def close(self) -> None:
        """Forget the timelines."""
        self._run(("UNLINK", key) for key in self._keys)
        self._client.close()

    def empty(self) -> None:
        """Make all of them exist, complete and without an entry."""
        self._run(command for key in self._keys for command in (("UNLINK", key), ("RPUSH", key, lists.ready(0))))

    def unlink(self) -> None:
        """Have all of them be absent, so that each is built when it is next read."""
        self._run(("UNLINK", key) for key in self._keys)

    def entries(self) -> list[int]:
        """How many entries each holds, repeats included."""
        return [max(0, int(length) - lists.MARKERS) for length in self._run(("LLEN", key) for key in self._keys)]

    def _run(self, commands: Iterator[tuple[str | bytes, ...]]) -> list[int]:
        replies: list[int] = []
        pipeline = self._client.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
            if len(pipeline) >= _AT_ONCE:
                replies += pipeline.execute()
        return replies + pipeline.execute()
