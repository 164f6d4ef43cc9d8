"""What the processes of a system take: seconds of CPU and memory, those of one name together."""

from collections import defaultdict
from collections.abc import Callable, Mapping

import psutil

REPLICAS = "ray::ServeReplica:murmur:api"
CONSTANT = "ray::ServeReplica:constant:constant"
_RAY = "Ray and the start"
_KINDS: Mapping[str, str] = {
    REPLICAS: "replicas",
    CONSTANT: "replicas",
    "haproxy": "HAProxy",
    "java": "Cassandra",
    "redis-server": "Redis",
    "ray::ProxyActor": _RAY,
}
_MIB = 1 << 20


def cpu_s(pid: int) -> dict[str, float]:
    """Seconds, in user and system, that a process and its descendants have taken."""
    return _sums(pid, lambda process: sum(process.cpu_times()[:2]))


def taken(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was added between two looks; nothing where processes have ended."""
    return {name: round(max(0.0, seconds - before.get(name, 0.0)), 3) for name, seconds in after.items()}


def proportional_mib(pid: int) -> dict[str, int]:
    """MiB (PSS): what several processes share is divided among them."""
    return {name: round(size / _MIB) for name, size in _sums(pid, lambda one: one.memory_full_info().pss).items()}


def by_kind(values: Mapping[str, float]) -> dict[str, float]:
    """Values by name of process as values by kind: each actor of ours is one, all that Ray brings is one together."""
    sums: defaultdict[str, float] = defaultdict(float)
    for name, value in values.items():
        sums[_kind(name)] += value
    return dict(sums)


def _kind(name: str) -> str:
    if name not in _KINDS and name.startswith("ray::") and name.endswith("Actor"):
        return name.removeprefix("ray::").removesuffix("Actor")
    return _KINDS.get(name, _RAY)


def _sums(pid: int, of: Callable[[psutil.Process], float]) -> dict[str, float]:
    root = psutil.Process(pid)
    sums: defaultdict[str, float] = defaultdict(float)
    for process in (root, *root.children(recursive=True)):
        try:
            sums[_name(process)] += of(process)
        except psutil.NoSuchProcess:
            continue
    return dict(sorted(sums.items()))


def _name(process: psutil.Process) -> str:
    title = process.cmdline()[0] if process.cmdline() else process.name()
    if title.startswith("ray::"):
        return title.split(".")[0]
    return "ray-dashboard" if process.name().startswith("ray-dashboard") else process.name()
