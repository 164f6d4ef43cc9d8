"""Notes on one request that one layer leaves for another in its ASGI scope."""

from collections.abc import Iterable
from typing import Final

from starlette.types import Scope

Headers = Iterable[tuple[bytes, bytes]]

ADDED_HEADERS: Final = "murmur.response_headers"
"""A list of the headers that the answer will carry."""
COUNTED: Final = "murmur.counted"
"""There if the request was counted for its user: a refusal of it is not counted again."""
SESSION_OVER: Final = "murmur.session_over"
"""There if the request's token was good once."""


def add_headers(scope: Scope, headers: Headers) -> None:
    """Have the answer to a request carry more headers, whatever it will be; the last of a name holds."""
    more = dict(headers)
    scope[ADDED_HEADERS][:] = [*(one for one in scope[ADDED_HEADERS] if one[0] not in more), *more.items()]
