"""Entry lists in memory: pushes and trims, as scripts of Redis do them."""

from collections.abc import Sequence

from domain.limits import Limits
from storage.ports.cache import ListKey
from storage.redis.entry_lists import entries_max, overfull_above
from tests.memory.redis import MemoryRedis


def push(redis: MemoryRedis, key: ListKey, pairs: Sequence[tuple[int, int]]) -> int:
    """Add pairs to a list if it exists; how many it holds then, 0 if it does not exist."""
    stored = redis.list(key)
    if stored is None:
        return 0
    stored.pairs[:0] = reversed(pairs)
    return len(stored.pairs)


def trim_overfull(redis: MemoryRedis, key: ListKey, limits: Limits) -> None:
    """Trim a list if it has outgrown its slack."""
    stored = redis.list(key)
    if stored is not None and len(stored.pairs) > overfull_above(key.kind, limits):
        trim(redis, key, limits)


def trim(redis: MemoryRedis, key: ListKey, limits: Limits) -> bool:
    """Cut a list to its newest entries; one that is being built is dropped. Whether there was anything to do."""
    stored = redis.list(key)
    kept = entries_max(key.kind, limits)
    if stored is None or len(stored.pairs) <= kept:
        return False
    if stored.floor is None:
        redis.set_list(key, None)
        return True
    newest = sorted({pair for pair in stored.pairs if pair[0] > stored.floor}, reverse=True)
    if len(newest) > kept:
        stored.floor = newest[kept][0]
    stored.pairs = newest[:kept]
    stored.build = redis.new_build()
    return True
