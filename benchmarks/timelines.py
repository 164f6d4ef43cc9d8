"""Home timelines in Redis as the benchmarks need them: many empty ones, and how long they have become."""

from collections.abc import Sequence
from typing import Any

import redis

from domain.ids import UserId
from storage import keys
from storage.ports.cache import ListKey, ListKind
from storage.redis import entry_lists

_AT_ONCE = 5_000
_UNLINK = "for _, key in ipairs(KEYS) do redis.call('UNLINK', key) end"
_EMPTY = "for _, key in ipairs(KEYS) do redis.call('UNLINK', key) redis.call('RPUSH', key, ARGV[1]) end"
_LENGTHS = "local found = {} for at, key in ipairs(KEYS) do found[at] = redis.call('LLEN', key) end return found"


class Timelines:
    """The timelines of some users, over a connection of its own."""

    def __init__(self, url: str, users: Sequence[int]) -> None:
        self._client = redis.Redis.from_url(url)
        self._keys = [keys.list_key(ListKey(ListKind.HOME, UserId(user)), 1) for user in users]

    def close(self) -> None:
        """Forget the timelines."""
        self.unlink()
        self._client.close()

    def empty(self) -> None:
        """Make all of them exist, complete and without an entry."""
        self._run(_EMPTY, entry_lists.ready(0))

    def unlink(self) -> None:
        """Have all of them be absent, so that each is built when it is next read."""
        self._run(_UNLINK)

    def entries(self) -> list[int]:
        """How many entries each holds, repeats included."""
        lengths = [length for part in self._run(_LENGTHS) for length in part]
        return [max(0, int(length) - entry_lists.MARKERS) for length in lengths]

    def _run(self, script: str, *more: Any) -> list[Any]:
        """What a script answers for some keys at a time, which is much faster than commands of this client's."""
        parts = [self._keys[at : at + _AT_ONCE] for at in range(0, len(self._keys), _AT_ONCE)]
        return [self._client.eval(script, len(part), *part, *more) for part in parts]
