"""Everything that can go wrong in good code.

Each kind passes all its arguments to its base, so that it survives pickling between processes.
"""

from typing_extensions import override


class EngineError(Exception):
    """Base of all."""


class StoreUnavailable(EngineError):
    """A store did not answer in time. A write that raised this may have happened."""

    def __init__(self, store: str, detail: str = "") -> None:
        super().__init__(store, detail)
        self.store, self.detail = store, detail

    @override
    def __str__(self) -> str:
        return f"{self.store} is not available: {self.detail}" if self.detail else f"{self.store} is not available"


class Overloaded(EngineError):
    """A bounded queue is full. Nothing was enqueued; try again after the delay."""

    def __init__(self, queue: str, retry_after_ms: int) -> None:
        super().__init__(queue, retry_after_ms)
        self.queue, self.retry_after_ms = queue, retry_after_ms


class Fenced(EngineError):
    """A newer owner has taken over; the caller must stop writing and read its assignment again."""

    def __init__(self, name: str, epoch: int) -> None:
        super().__init__(name, epoch)
        self.name, self.epoch = name, epoch


class LeaseExpired(EngineError):
    """No id can be made: the worker number's lease has ended or does not reach the present."""


class PoisonedEvent(EngineError):
    """The bytes are no event this version can read."""


class Refused(EngineError):
    """A request that is understood and not granted: a sentence for a person, a stable code for a program."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence, code)
        self.sentence, self.code = sentence, code

    @override
    def __str__(self) -> str:
        return self.sentence


class Invalid(Refused):
    """Well-formed but invalid; `fields` says which field and why."""

    def __init__(self, sentence: str, code: str, fields: tuple[tuple[str, str], ...] = ()) -> None:
        EngineError.__init__(self, sentence, code, fields)
        self.sentence, self.code, self.fields = sentence, code, fields


class NotFound(Refused):
    """It is not there, or the reader may not know that it is."""


class Forbidden(Refused):
    """Known who you are; you may not."""


class Conflict(Refused):
    """Contradicts what is already there."""


class Unauthorized(Refused):
    """No credentials, or bad ones."""
