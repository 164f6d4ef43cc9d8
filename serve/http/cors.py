"""Cross-origin resource sharing: which pages may read our answers in a browser (https://fetch.spec.whatwg.org/).

Without credentials: tokens are in a header, never in a cookie, so that a page can only show what it has a token for.
Not Starlette's middleware: its answers to preflights have no envelope, no request id and no place in the metrics.
"""

from collections.abc import Sequence
from typing import Final

_EXPOSED: Final = b"ETag, Link, Retry-After, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-ID"
_TAKEN: Final = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Request-ID"
_PREFLIGHT_MAX_AGE_S: Final = 7_200  # browsers keep none longer


class Cors:
    """The origins that may read; `*` is any."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = {origin.encode() for origin in origins}

    def headers(self, origin: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Headers of an answer to a page of that origin."""
        allowed = b"*" if b"*" in self._origins else origin
        if allowed not in self._origins:
            return ()
        return (b"access-control-allow-origin", allowed), (b"access-control-expose-headers", _EXPOSED)


def preflight_headers(methods: str) -> dict[str, str]:
    """Headers that say what a page may send to an address; whether it may at all, every answer says."""
    return {
        "Allow": methods,
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": _TAKEN,
        "Access-Control-Max-Age": str(_PREFLIGHT_MAX_AGE_S),
    }
