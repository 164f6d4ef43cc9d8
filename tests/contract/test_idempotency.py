"""Idempotency keys: the first request to claim one decides what it stands for."""

import asyncio

from domain.ids import UserId
from storage.ports import Ports
from storage.ports.idempotency import Claim
from tests.contract.people import new_id


async def test_a_key_stands_for_what_claimed_it_first(ports: Ports) -> None:
    user, other = UserId(new_id()), UserId(new_id())
    wanted = [Claim(b"body", new_id()), Claim(b"another body", new_id())]
    claimed = await asyncio.gather(*[ports.idempotency.claim(user, "key", claim) for claim in wanted])
    assert claimed[0] == claimed[1]
    assert claimed[0] in wanted
    assert await ports.idempotency.claimed(user, "key") == claimed[0]
    assert await ports.idempotency.claimed(other, "key") is None
    assert await ports.idempotency.claim(user, "key", Claim(b"third", new_id())) == claimed[0]
    assert await ports.idempotency.claim(other, "key", wanted[1]) == wanted[1]
