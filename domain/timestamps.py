"""Times as clients read them."""

from datetime import UTC, datetime

from domain.ids import time_ms


def rfc3339(id_: int) -> str:
    """The time at which an id was made, UTC with milliseconds."""
    return rfc3339_of_ms(time_ms(id_))


def rfc3339_of_ms(at_ms: int) -> str:
    """A wall time, UTC with milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
