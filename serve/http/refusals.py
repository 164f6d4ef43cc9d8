"""Refusals are counted by address: whoever is refused again and again is answered 429 instead, and nobody else is.

Counted when the answer is known, so that a good request costs nothing more and is never refused for others' sake.
"""

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from serve.http import errors
from serve.http.rate_limits import Guard, Limit, refusal
from serve.http.scope import COUNTED, SESSION_OVER, add_headers


def counting_refusals(guard: Guard, scope: Scope, receive: Receive, send: Send) -> Send:
    """Send an answer; in place of a refusal that its address had too many of, that it is too often."""
    replaced = False

    async def counted(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and _is_refusal(scope, message["status"]):
            too_often = await _too_often(guard, scope)
            if too_often is not None:
                replaced = True
                await too_often(scope, receive, send)
        if not replaced:
            await send(message)

    return counted


def _is_refusal(scope: Scope, status: int) -> bool:
    return 400 <= status < 500 and status != 429 and COUNTED not in scope


async def _too_often(guard: Guard, scope: Scope) -> Response | None:
    # Everybody's tokens expire: who shows that it knew a good one is no stranger who tries the door.
    limit = Limit.ADDRESS if SESSION_OVER in scope else Limit.REFUSALS
    allowance = await guard.take_refusal(limit, guard.origin(scope))
    if allowance is None or allowance.allowed:
        return None
    add_headers(scope, guard.headers(allowance))
    answer = errors.answer_to(refusal(allowance))
    assert answer is not None, "a refusal has an answer"
    return answer.response()
