"""Registry of ended sessions: every replica knows of an end from the moment at which somebody is told so."""

from contextlib import suppress
from typing import Final

from cachetools import LRUCache

from domain.errors import Overloaded, StoreUnavailable, Unauthorized
from domain.ids import SessionId
from domain.limits import Limits
from serve.http import errors
from storage import keys
from storage.ports.cache import CacheStore
from storage.ports.sessions import TokenStore
from storage.read_through import ReadThrough
from telemetry import metrics

_LIVE: Final = b"live"
_ENDED: Final = b"ended"


class SessionRegistry:
    """Says whether a session lives, and ends it.

    Redis holds the answer, Cassandra the truth: who ends a session writes there first and then drops what Redis holds
    (decision 0027). That a session has ended is never untrue again, so it is remembered in this process too: whoever
    goes on with its tokens costs nobody anything.
    """

    def __init__(self, cache: CacheStore, tokens: TokenStore, limits: Limits) -> None:
        self._cache = cache
        self._tokens = tokens
        self._states = ReadThrough(cache, limits, kind="session", key=keys.session, load=self._load)
        self._ended: LRUCache[SessionId, bool] = LRUCache(limits.local_entries_max)

    def refuse_ended(self, session: SessionId) -> None:
        """Raise `Unauthorized` (`session_ended`) if this process knows already that a session has ended."""
        if session in self._ended:
            raise _session_ended()

    async def require_live(self, session: SessionId) -> None:
        """Return if a session lives: one trip to Redis. Raises `Unauthorized`; `StoreUnavailable` if none can say."""
        if await self._state(session) != _LIVE:
            self._ended[session] = True
            raise _session_ended()

    async def end(self, session: SessionId) -> None:
        """End a session; on return every replica refuses its tokens.

        Raises `StoreUnavailable` or `Overloaded` if that cannot be said, and may then be repeated.
        """
        errors.writing.set(True)
        await self._tokens.revoke(session)
        self._ended[session] = True
        await self._cache.drop((keys.session(session),))

    async def _state(self, session: SessionId) -> bytes:
        """On every request: without what `ReadThrough` does for many ids, unless the value is absent."""
        found: bytes | None = None
        with suppress(StoreUnavailable, Overloaded):  # counted by the adapter; then the truth is asked
            _, (found,) = await self._cache.fetch((), (keys.session(session),))
        if found is None:
            return (await self._states.fill_missing({session: None}))[session]
        metrics.CACHE.record(kind="session", outcome="hit")
        return found

    async def _load(self, ids: list[int]) -> dict[int, bytes]:
        sessions = [SessionId(id_) for id_ in ids]
        ended = await self._tokens.revoked(sessions)
        return {session: _ENDED if session in ended else _LIVE for session in sessions}


def _session_ended() -> Unauthorized:
    return Unauthorized("The session has ended; log in again.", "session_ended")
