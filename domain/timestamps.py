"""Times as clients read and give them."""

from datetime import UTC, datetime

from domain.errors import Invalid
from domain.ids import time_ms


def rfc3339(id_: int) -> str:
    """The time at which an id was made, UTC with milliseconds."""
    return rfc3339_of_ms(time_ms(id_))


def rfc3339_of_ms(at_ms: int) -> str:
    """A wall time, UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def end_ms_of(until: datetime | None, now_ms: int) -> int:
    """The wall time of the end of a mute, 0 for none. Raises `Invalid` for one that is over."""
    end_ms = 0 if until is None else int(until.timestamp() * 1000)
    if until is not None and end_ms <= now_ms:
        raise Invalid("The end of a mute must lie ahead.", "invalid_until", (("until", "must lie ahead"),))
    return end_ms
