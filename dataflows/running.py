"""Running a dataflow in this process, to its end."""

from datetime import timedelta

from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.recovery import RecoveryConfig
from bytewax.testing import run_main

from domain.errors import EngineError


def run(flow: Dataflow, *, epoch: timedelta | None = None, recovery: RecoveryConfig | None = None) -> None:
    """Run it. Raises the `EngineError` or Ctrl-C that ended a step, which Bytewax wraps in errors of its own."""
    try:
        run_main(flow, epoch_interval=epoch, recovery_config=recovery)
    except BytewaxRuntimeError as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, EngineError | KeyboardInterrupt):
            cause = cause.__cause__
        raise cause or error from error
