"""Password hashing with argon2id, off the event loop and bounded, since each hash takes 19 MiB and some 25 ms."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import Overloaded

MEMORY_KIB: Final = 19_456
PASSES: Final = 2
LANES: Final = 1
"""The least that OWASP's Password Storage Cheat Sheet asks for."""

T = TypeVar("T")


class Passwords:
    """Makes and checks hashes; at most `threads` at once and `waiting_max` in line, then `Overloaded`."""

    def __init__(self, threads: int = 2, waiting_max: int = 32) -> None:
        self._hasher = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="argon2")
        self._room = threads + waiting_max
        self._nobody = self._hasher.hash("a password that nobody has")

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: self._hasher.hash(password))

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """True if a password has this hash. Takes as long when there is no hash: who exists must not show."""
        matched = await self._in_thread(lambda: self._verify(password_hash or self._nobody, password))
        return matched and password_hash is not None

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if self._room == 0:
            raise Overloaded("passwords", 1_000)
        self._room -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._room += 1
