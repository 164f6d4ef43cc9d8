"""Security log: signs of an attack on accounts, each a line in the log and a step of a counter.

A line says whose account it is, from which network it came, and for which request; never a password, a token or a
full address.
"""

from typing import Literal

from domain.ids import UserId
from telemetry import logs, metrics


def log_in_failed(user: UserId | None) -> None:
    """A wrong password, or a login that nobody has (`user` is None)."""
    metrics.FAILED_LOG_INS.record()
    _write("log-in failed", user=user)


def refresh_token_reused(user: UserId) -> None:
    """A refresh token came a second time: it was stolen, or its client did not get the first answer."""
    metrics.REFRESH_TOKENS_REUSED.record()
    _write("refresh token reused", user=user)


def session_revoked(user: UserId | None, by: Literal["log_out", "reuse"]) -> None:
    """A family of refresh tokens was ended before its time."""
    metrics.SESSIONS_REVOKED.record(by=by)
    _write("session revoked", user=user, by=by)


def _write(words: str, **fields: object) -> None:
    logs.logger().warning(words, network=logs.network.get(), **fields)
