"""The throttle of failed log-ins: guessing one account's password ends soon, from however many addresses.

Every attempt takes a token of the login that it names, whether or not there is such an account, and one that does not
fail gives it back. Whoever drains that bucket shuts out strangers only: sessions go on, and a network that has logged
in before has a bucket of its own (decision 0029).
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from domain.errors import EngineError, Overloaded, StoreUnavailable, Unauthorized
from serve.http.rate_limits import Limit, RateLimits, refusal
from storage import keys
from storage.ports.cache import CacheStore
from storage.ports.rate_limits import Bucket, RateLimiter

KNOWN_S: Final = 90 * 86_400
"""Time for which a network is remembered after a log-in from it."""


class LoginThrottle:
    """Counts failed log-ins by the login that was named."""

    def __init__(self, limiter: RateLimiter, cache: CacheStore, rates: RateLimits) -> None:
        self._limiter = limiter
        self._cache = cache
        self._rates = rates

    @asynccontextmanager
    async def attempt(self, login: str, network: str) -> AsyncIterator[None]:
        """Around the check of a password, which raises `Unauthorized` if it is wrong. Raises `RateLimited` before it.

        Without regard to case, one account is one `login`.
        """
        known = keys.login_network(_digest(login, network))
        tags = f"{{l{_digest(login)}}}", f"{{{known}}}"
        strangers, familiar = (self._rates.buckets(Limit.FAILED_LOG_INS, tag) for tag in tags)
        if not strangers:  # the limit is off
            yield
            return
        taken = await self._take(strangers, familiar, known)
        try:
            yield
        except Unauthorized:
            raise
        except EngineError:  # nothing was learnt of the password
            await self._limiter.give_back(taken)
            raise
        with suppress(StoreUnavailable, Overloaded):  # at worst it stays counted, and is a stranger again
            await self._limiter.give_back(taken)
            await self._cache.put({known: b""}, ttl_s=KNOWN_S)

    async def _take(self, strangers: list[Bucket], familiar: list[Bucket], known: str) -> list[Bucket]:
        allowance = await self._limiter.take(strangers)
        if allowance.allowed:
            return strangers
        if await self._is_known(known):
            allowance = await self._limiter.take(familiar)
        if not allowance.allowed:
            raise refusal(allowance)
        return familiar

    async def _is_known(self, known: str) -> bool:
        with suppress(StoreUnavailable):
            _, (found,) = await self._cache.fetch((), (known,))
            return found is not None
        return False


def _digest(*words: str) -> str:
    """Digest that stands for a login in Redis: of one size, and no address to be read there."""
    folded = "\0".join(word.strip().casefold() for word in words)
    return hashlib.sha256(folded.encode(errors="surrogatepass")).hexdigest()[:32]
