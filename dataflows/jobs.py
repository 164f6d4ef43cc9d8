"""Jobs: dataflows of data teams, found by name and run over history, or over history and then live."""

import importlib
import pkgutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bytewax.dataflow import Dataflow
from bytewax.inputs import Source
from bytewax.recovery import RecoveryConfig

from dataflows import examples
from dataflows.execution import EPOCH, execute, snapshot_folder
from dataflows.sinks.rows import RowSink
from dataflows.sources.chunks import Chunk
from dataflows.sources.history import HistorySource
from dataflows.sources.live import LogSource
from dataflows.store_thread import StoreThread
from domain.clock import Clock
from domain.errors import NotFound

Build = Callable[[Source[Chunk], RowSink], Dataflow]
_STATE_VERSION = 1
_UNKNOWN = "unknown_dataflow"


def known() -> dict[str, str]:
    """The purpose of each example, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(examples.__path__))
    modules = {name: importlib.import_module(f"{examples.__name__}.{name}") for name in names}
    return {name: (module.__doc__ or "").partition("\n")[0] for name, module in modules.items()}


def named(name: str) -> Build:
    """The function that builds a dataflow: of an example by its name, or of any module by its dotted path.

    Raises `NotFound` if there is none; an error of the module itself on import comes through.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A dataflow over the events made from a wall time on, and the sink of its rows."""

    stores: StoreThread
    build: Build
    sink: RowSink
    from_ms: int

    def backfill(self, to_ms: int) -> None:
        """Run over the events made until a wall time, to the end."""
        execute(self.build(HistorySource(self.stores, from_ms=self.from_ms, to_ms=to_ms), self.sink))

    def run_continuously(self, kept: Path, clock: Clock, stopping: threading.Event, *, fresh: bool = False) -> None:
        """Run over history, then over what comes, until `stopping` is set.

        Goes on from the last snapshot in the folder `kept`, if there is one and it is not to be `fresh`, wherever the
        job begins. The snapshots belong to this sink.
        """
        source = LogSource(self.stores, clock, from_ms=self.from_ms, stopping=stopping)
        folder = snapshot_folder(kept, _STATE_VERSION, fresh=fresh)
        execute(self.build(source, self.sink), epoch=EPOCH, recovery=RecoveryConfig(folder))
