"""Sessions as HTTP sees them: what a token names, and what checks it; accounts have both."""

from typing import NamedTuple, Protocol

from domain.ids import SessionId, UserId


class Session(NamedTuple):
    """The user of a token, and the family of refresh tokens it was issued with: the session's id."""

    user: UserId
    family: SessionId


class TokenReader(Protocol):
    """Reads access tokens; raises `Unauthorized` for what is none of ours."""

    def verify(self, token: str) -> Session:
        """The session of a token that has not expired."""
        ...

    def named(self, token: str) -> Session:
        """The session that a token names, expired or not."""
        ...


class LiveSessions(Protocol):
    """Knows which sessions have ended; raises `Unauthorized` for one that has."""

    def refuse_ended(self, session: SessionId) -> None:
        """Raise if this process knows already that a session has ended."""
        ...

    async def require_live(self, session: SessionId) -> None:
        """Return if a session lives."""
        ...
