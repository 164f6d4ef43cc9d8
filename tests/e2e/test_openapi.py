"""The description against the service: whatever fits it, or nearly, is answered as it says, and never by a 5xx."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok

from tests.support.people import PASSWORD
from tests.support.system import RunningSystem

_EXAMPLES = 12
_CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def description(system: RunningSystem) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_url(f"{system.endpoints.http_url}/openapi.json")


@pytest.fixture(scope="module")
def signed_in(system: RunningSystem) -> dict[str, str]:
    body = {"username": "inquisitor", "email": "inquisitor@example.com", "password": PASSWORD}
    answer = httpx.post(f"{system.endpoints.http_url}/api/v1/auth/register", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("who", ["a member", "a stranger"])
def test_every_operation_answers_as_described(
    description: schemathesis.BaseSchema, signed_in: dict[str, str], who: str
) -> None:
    headers = signed_in if who == "a member" else {}
    wrong: list[str] = []
    operations = [found.ok() for found in description.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > 20
    for operation in operations:

        @settings(max_examples=_EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answers(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=headers, checks=_CHECKS)

        try:
            answers()
        except FailureGroup as failures:
            wrong += [f"{operation.label}: {failure}" for failure in failures.exceptions]
    assert wrong == []
