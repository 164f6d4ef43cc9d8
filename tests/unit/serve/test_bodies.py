"""What is true of every body that a client can send."""

from collections.abc import Iterator
from typing import Any

from fastapi.openapi.utils import get_openapi

from serve.areas import ROUTERS

DOCUMENT = get_openapi(title="", version="", routes=[route for router in ROUTERS for route in router.routes])


def bodies() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each operation that takes a body, and the schema of that."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                (reference,) = [one["$ref"] for one in schema.get("anyOf", [schema]) if "$ref" in one]
                yield f"{method} {path}", DOCUMENT["components"]["schemas"][reference.rpartition("/")[2]]


def test_every_body_refuses_fields_that_are_not_declared() -> None:
    assert len(list(bodies())) >= 8
    assert [where for where, schema in bodies() if schema.get("additionalProperties") is not False] == []


def test_every_post_reads_its_body() -> None:
    """A body that nobody reads would be ignored, and with it what it asks for."""
    taking = {where for where, _ in bodies()}
    posts = {f"post {path}" for path, operations in DOCUMENT["paths"].items() if "post" in operations}
    assert posts - taking == set()
