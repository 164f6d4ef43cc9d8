"""The table from error to answer."""

import pickle

import orjson
import pytest
from starlette.responses import Response

from cluster.embedded import haproxy_launcher
from domain import errors as domain_errors
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
from serve.http.errors import BY_ERROR, BY_STATUS, RateLimited, TrendsNotReady, answer_to
from telemetry import logs

EACH = [
    (Refused("Not a cursor.", "invalid_cursor"), 400, "invalid_cursor", {}),
    (Unauthorized("Expired.", "expired_token"), 401, "expired_token", {"www-authenticate": "Bearer"}),
    (Forbidden("Not yours.", "not_your_tweet"), 403, "not_your_tweet", {}),
    (NotFound("Not there.", "not_found"), 404, "not_found", {}),
    (Conflict("Taken.", "username_taken"), 409, "username_taken", {}),
    (Invalid("Empty.", "invalid_text", (("text", "is empty"),)), 422, "invalid_text", {}),
    (RateLimited("login", 7), 429, "rate_limited", {"retry-after": "7"}),
    (TrendsNotReady("60m"), 503, "trends_not_ready", {"retry-after": "2"}),
    (Overloaded("passwords", 1_200), 503, "overloaded", {"retry-after": "2"}),
    (Overloaded("passwords", 0), 503, "overloaded", {"retry-after": "1"}),
    (LeaseExpired(3), 503, "overloaded", {"retry-after": "2"}),
    (StoreUnavailable("cassandra", "timeout"), 503, "store_unavailable", {"retry-after": "2"}),
]
OURS = [Fenced("shard", 2), PoisonedEvent("no bytes")]
"""Errors that no request meets unless we made a mistake."""


def answer(error: EngineError) -> Response:
    found = answer_to(error)
    assert found is not None
    return found


@pytest.mark.parametrize(("error", "status", "code", "headers"), EACH)
def test_each_error_has_its_answer(error: EngineError, status: int, code: str, headers: dict[str, str]) -> None:
    response = answer(error)
    body = orjson.loads(bytes(response.body))
    assert (response.status_code, body["code"]) == (status, code)
    assert headers.items() <= dict(response.headers).items()
    assert body["error"].endswith(".")


@pytest.mark.parametrize("error", [*(row[0] for row in EACH), *OURS], ids=lambda error: type(error).__name__)
def test_each_error_survives_the_trip_between_processes(error: EngineError) -> None:
    there_and_back = pickle.loads(pickle.dumps(error))
    assert type(there_and_back) is type(error)
    assert vars(there_and_back) == vars(error)


def test_the_table_knows_every_error() -> None:
    declared = {kind for kind in vars(domain_errors).values() if isinstance(kind, type)} - {EngineError}
    assert declared <= {type(row[0]) for row in EACH} | {type(error) for error in OURS}


@pytest.mark.parametrize("error", OURS)
def test_a_mistake_of_ours_is_no_answer(error: EngineError) -> None:
    assert answer_to(error) is None


def test_an_invalid_request_names_its_fields() -> None:
    error = Invalid("Not valid.", "invalid_registration", (("name", "too long"), ("password", "too short")))
    body = orjson.loads(bytes(answer(error).body))
    assert body["fields"] == {"name": "too long", "password": "too short"}


def test_only_an_invalid_request_has_fields() -> None:
    assert b"fields" not in bytes(answer(NotFound("Not there.", "not_found")).body)


def test_the_envelope_carries_the_request_id_and_no_detail() -> None:
    token = logs.request_id.set("abc-1")
    try:
        body = orjson.loads(bytes(BY_STATUS[500].response().body))
    finally:
        logs.request_id.reset(token)
    assert body == {"error": "Something went wrong on our side.", "code": "internal_error", "request_id": "abc-1"}


def test_what_a_store_said_stays_inside() -> None:
    secret = StoreUnavailable("cassandra", "10.0.0.7:9042 refused")
    assert b"10.0.0.7" not in bytes(answer(secret).body)


def test_haproxy_refuses_with_the_words_of_the_table() -> None:
    row = BY_ERROR[Overloaded]
    assert (row.code, row.sentence) == haproxy_launcher._BUSY
