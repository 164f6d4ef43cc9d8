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
        status = message.get("status", 0)  # only the start has one
        is_refusal = 400 <= status < 500 and status != 429 and COUNTED not in scope
        if is_refusal and (too_often := await _too_often(guard, scope)) is not None:
            replaced = True
            await too_often(scope, receive, send)
        if not replaced:
            await send(message)

    return counted


async def _too_often(guard: Guard, scope: Scope) -> Response | None:
    # Everybody's tokens expire: who shows that it knew a good one is no stranger who tries the door.
    limit = Limit.ADDRESS if SESSION_OVER in scope else Limit.REFUSALS
    allowance = await guard.take_refusal(limit, guard.origin(scope))
    if allowance is None or allowance.allowed:
        return None
    add_headers(scope, guard.headers(allowance))
    answer = errors.answer_to(refusal(allowance))
    assert answer is not None, "a refusal has an answer"
    return answer
