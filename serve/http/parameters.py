"""Parameters that many routes share: ids in paths, pages, and the key of a write that creates."""

import hashlib
import re
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Path, Query, Request
from starlette.responses import Response

from domain.errors import Invalid, NotFound
from domain.ids import ID_MAX, TweetId, UserId
from domain.limits import Limits
from domain.timeline import CURSOR_PATTERN
from serve.http.use_cases import use_case

ID_PATTERN = "^[1-9][0-9]{0,18}$"
ID_CHARS_MAX = 19
_ID = re.compile(ID_PATTERN)
_TAG_CHARS = 32
KEY_CHARS_MAX = 255
KEY_PATTERN = "^[ -~]+$"

IdText = Annotated[str, Path(description="An id.", json_schema_extra={"pattern": ID_PATTERN})]


def id_of(text: str) -> int | None:
    """The id that a text writes in decimal, if it is one."""
    return int(text) if _ID.fullmatch(text) and int(text) <= ID_MAX else None


def _in_path(kind: str) -> Any:
    async def checked(id: IdText) -> int:
        found = id_of(id)
        if found is None:
            raise NotFound(f"No {kind} has such an id.", "not_found")
        return found

    return Depends(checked)


TWEET_IN_PATH, USER_IN_PATH = _in_path("tweet"), _in_path("user")
TweetInPath = Annotated[TweetId, TWEET_IN_PATH]
UserInPath = Annotated[UserId, USER_IN_PATH]


class Page(NamedTuple):
    """A part of a list that is asked for."""

    cursor: str | None
    limit: int


async def _page(
    request: Request,
    limit: Annotated[int | None, Query(ge=1, description="How many; the most allowed if that is more.")] = None,
    cursor: Annotated[
        str | None,
        Query(description="The `next_cursor` of the page before.", json_schema_extra={"pattern": CURSOR_PATTERN}),
    ] = None,
) -> Page:
    limits = use_case(request, Limits)
    return Page(cursor, min(limit or limits.page_default, limits.page_max))


Paged = Annotated[Page, Depends(_page)]


def checked_key(header: str | None, field: str | None) -> str | None:
    """The idempotency key of a request, the header first. Raises `Invalid`."""
    key = field if header is None else header
    if key is not None and not (1 <= len(key) <= KEY_CHARS_MAX and key.isascii() and key.isprintable()):
        why = f"must be 1 to {KEY_CHARS_MAX} printable ASCII characters"
        raise Invalid(f"The idempotency key {why}.", "invalid_idempotency_key", (("idempotency_key", why),))
    return key


def tagged_json_response(body: bytes) -> Response:
    """An answer that is JSON already, with a strong entity tag: whoever has it need not be sent it again."""
    tag = hashlib.sha256(body).hexdigest()[:_TAG_CHARS]
    return Response(body, headers={"ETag": f'"{tag}"'}, media_type="application/json")


def json_response(body: bytes, status: int = 200) -> Response:
    """An answer that is JSON already."""
    return Response(body, status, media_type="application/json")
