"""Breaking a running system on purpose: by process, found in its own tree and never by name alone."""

import psutil

from tests.support.system import RunningSystem


def processes(system: RunningSystem, title: str) -> list[psutil.Process]:
    """The processes of a system of that name, or whose title begins so, for instance `ray::FanoutShardActor`."""
    found = []
    for process in psutil.Process(system.process.pid).children(recursive=True):
        try:
            if process.name() == title or " ".join(process.cmdline()).startswith(title):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def kill(system: RunningSystem, title: str) -> int:
    """`kill -9` of all of them; how many there were."""
    found = processes(system, title)
    for process in found:
        process.kill()
    return len(found)
