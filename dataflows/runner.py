"""Running a dataflow of a data team: over history, or over history and then live."""

import importlib
import pkgutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.recovery import RecoveryConfig

from dataflows import examples, snapshots
from dataflows.chunks import Chunk
from dataflows.history import HistorySource
from dataflows.live import LogSource
from dataflows.outputs import RowSink
from dataflows.running import run
from dataflows.store_thread import StoreThread
from dataflows.worker import EPOCH
from domain.clock import Clock
from domain.errors import NotFound

Build = Callable[[Source[Chunk], RowSink], Dataflow]
_STATE_VERSION = 1
_UNKNOWN = "unknown_dataflow"


class Described(NamedTuple):
    """A dataflow that can be run by name, and what it finds out."""

    name: str
    purpose: str


def known() -> list[Described]:
    """The examples."""
    names = sorted(module.name for module in pkgutil.iter_modules(examples.__path__))
    modules = [importlib.import_module(f"{examples.__name__}.{name}") for name in names]
    return [
        Described(name, (module.__doc__ or "").partition("\n")[0]) for name, module in zip(names, modules, strict=True)
    ]


def named(name: str) -> Build:
    """What builds a dataflow: an example by its name, or `build` of any module by its dotted path.

    Raises `NotFound` if there is none; what the module itself raises on import comes through.
    """
    path = name if "." in name else f"{examples.__name__}.{name}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not (path == error.name or path.startswith(f"{error.name}.")):
            raise
        raise NotFound(f"There is no dataflow {name!r}: name an example, or a module by its path.", _UNKNOWN) from None
    build: Build | None = getattr(module, "build", None)
    if build is None:
        raise NotFound(f"The module {path} has no function `build`.", _UNKNOWN)
    return build


def over_history(stores: StoreThread, build: Build, sink: RowSink, from_ms: int, to_ms: int) -> None:
    """Run over the events made in [from_ms, to_ms], to the end."""
    run(build(HistorySource(stores, from_ms=from_ms, to_ms=to_ms), sink))


def on_and_on(
    stores: StoreThread,
    build: Build,
    sink: RowSink,
    from_ms: int,
    kept: Path,
    clock: Clock,
    stopping: threading.Event,
    *,
    fresh: bool = False,
) -> None:
    """Run over the events made from a wall time on, then over what comes, until `stopping` is set.

    Goes on from the last snapshot in the folder `kept`, if there is one and it is not to be `fresh`, wherever it was
    told to begin. The snapshots belong to this sink.
    """
    source = LogSource(stores, clock, from_ms=from_ms, stopping=stopping)
    folder = snapshots.folder(kept, _STATE_VERSION, fresh=fresh)
    run(build(source, sink), epoch=EPOCH, recovery=RecoveryConfig(folder))
