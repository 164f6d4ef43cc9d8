"""Requests meet the application before Ray Serve, which answers what it asks of its replicas."""

import pytest
from starlette.types import Message, Receive, Scope, Send

pytestmark = pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20")  # of Ray's own schemas


class Noting:
    """An application that notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append(scope["path"])


async def nothing() -> Message:
    raise AssertionError("nobody reads a body")


async def nobody(message: Message) -> None:
    raise AssertionError("nobody answers")


async def ask(path: str, ours: Noting | None, serves: Noting) -> None:
    from ray.serve._private.http_util import RequestIdMiddleware

    from serve.deploy import in_front_of_serve

    outermost = RequestIdMiddleware(serves)
    await in_front_of_serve(ours)(outermost, {"type": "http", "path": path, "headers": []}, nothing, nobody)


@pytest.mark.parametrize("path", ["/api/v1/timeline/home", "/healthz", "/", "/-", ""])
async def test_requests_come_to_the_application(path: str) -> None:
    ours, serves = Noting(), Noting()
    await ask(path, ours, serves)
    assert (ours.asked, serves.asked) == ([path], [])


@pytest.mark.parametrize("path", ["/-/healthz", "/-/routes"])
async def test_what_serve_asks_comes_to_serve(path: str) -> None:
    ours, serves = Noting(), Noting()
    await ask(path, ours, serves)
    assert (ours.asked, serves.asked) == ([], [path])


async def test_a_serve_that_scales_counts_every_request() -> None:
    serves = Noting()
    await ask("/api/v1/timeline/home", None, serves)
    assert serves.asked == ["/api/v1/timeline/home"]
