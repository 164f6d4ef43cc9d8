"""Stores whose answers get lost or come late, and the users who are there from the start."""

from collections.abc import Awaitable, Callable
from typing import Any

from domain.errors import StoreUnavailable
from domain.events import Event
from domain.ids import UserId
from domain.users import User
from storage.ports.events import EventStore
from tests.simulation.scheduler import MET, Scheduler

USERS = tuple(UserId(1_000_003 * n) for n in range(1, 10))
"""Everybody there is."""
CIRCLE = USERS[-4:]
"""Those who ask, block and mute each other; so it is only among them that others end or begin whom one follows."""
SHY = CIRCLE[-2:]
"""Those whose accounts are private now and then; nobody outside the circle follows them."""
EVERYBODY = tuple(User(id=id_, username=f"u{id_}", name=f"User {id_}") for id_ in USERS)
"""The same, as the store of users has them."""


class Answering:
    """A store whose answers can get lost: what it was asked to do is done all the same."""

    def __init__(self, scheduler: Scheduler, name: str, store: object) -> None:
        self._scheduler = scheduler
        self._name = name
        self._store = store

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await getattr(self._store, method)(*args, **kwargs)
            await self._scheduler.answered(self._name, method)
            return result

        return call


class LateBatches:
    """`EventStore` whose batches sometimes become visible long after their writer was told that they failed."""

    def __init__(self, store: EventStore, apply: Callable[[Event], None], scheduler: Scheduler, late: set[int]) -> None:
        self._store = store
        self._apply = apply
        self._scheduler = scheduler
        self._late = late

    def __getattr__(self, method: str) -> Any:
        return getattr(self._store, method)

    async def commit(self, event: Event) -> None:
        faults = self._scheduler.faults
        if self._scheduler.chance(faults.late):
            self._late.add(event.event_id)
            after_ms = self._scheduler.rng.randint(1, faults.late_ms_max)
            self._scheduler.note(f"the batch of {event.event_id} will be late by {after_ms} ms")
            self._scheduler.spawn("cassandra", self._later(event, after_ms))
            met = MET.get()
            if met is not None:
                met.append("a late batch")
            raise StoreUnavailable("cassandra", "the batch will be replayed")
        await self._store.commit(event)

    async def _later(self, event: Event, after_ms: int) -> None:
        await self._scheduler.sleep(after_ms)
        self._scheduler.note(f"the batch of {event.event_id} becomes visible")
        self._apply(event)
