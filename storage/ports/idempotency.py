"""Idempotency keys."""

from typing import NamedTuple, Protocol

from domain.ids import UserId


class Claim(NamedTuple):
    """Meaning of an idempotency key: the hash of the request body and the id allotted to it."""

    body_hash: bytes
    id: int


class IdempotencyStore(Protocol):
    """Idempotency keys, per user, for 24 hours."""

    async def claimed(self, user: UserId, key: str) -> Claim | None:
        """The claim of a key, None if nobody claimed it."""

    async def claim(self, user: UserId, key: str, wanted: Claim) -> Claim:
        """Claim a key, and get what it stands for: `wanted`, or what an earlier request claimed."""
