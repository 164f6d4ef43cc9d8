import pickle

import pytest

from domain.errors import (
    Conflict,
    EngineError,
    Fenced,
    Forbidden,
    Invalid,
    LeaseExpired,
    NotFound,
    Overloaded,
    PoisonedEvent,
    Refused,
    StoreUnavailable,
    Unauthorized,
)

ONE_OF_EACH = [
    StoreUnavailable("redis", "timeout"),
    Overloaded("jobs", 100),
    Fenced("range-01", 3),
    LeaseExpired(7),
    PoisonedEvent("no bytes"),
    Refused("No.", "no"),
    Invalid("No.", "no", (("text", "is empty"),)),
    NotFound("No.", "no"),
    Forbidden("No.", "no"),
    Conflict("No.", "no"),
    Unauthorized("No.", "no"),
]


def every_kind(of: type[EngineError]) -> set[type[EngineError]]:
    return {of}.union(*(every_kind(kind) for kind in of.__subclasses__()))


@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_an_error_survives_the_trip_between_processes(error: EngineError) -> None:
    back = pickle.loads(pickle.dumps(error))
    assert type(back) is type(error)
    assert vars(back) == vars(error)
    assert str(back) == str(error)


def test_no_kind_of_error_of_the_domain_is_left_out() -> None:
    ours = {kind for kind in every_kind(EngineError) if kind.__module__ == "domain.errors"}
    assert {type(error) for error in ONE_OF_EACH} == ours - {EngineError}
