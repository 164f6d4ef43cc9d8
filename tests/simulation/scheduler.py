"""Who goes on next, and what goes wrong: chosen by a seed, in simulated time.

Everything that the engine does waits for its turn at every call of a store. The scheduler lets one of those who wait go
on at a time, so a history is a function of its seed alone; time stands still unless the scheduler moves it.
"""

import asyncio
import heapq
import itertools
import random
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from domain.clock import ManualClock
from domain.errors import StoreUnavailable


@dataclass(eq=False, slots=True)
class Life:
    """Somebody from their start to their crash; once it is `over`, none of their tasks begins another call."""

    who: str
    over: bool = False


_THE_TEST = Life("the test")
LIFE: ContextVar[Life] = ContextVar("life", default=_THE_TEST)
"""Who is at work; tasks inherit it from whoever started them."""
MET: ContextVar[list[str] | None] = ContextVar("met", default=None)
"""The faults that the request at work has met."""
_WAKING_TURNS = 4
"""Turns of the event loop that somebody may need from an answer to the next question."""
_QUIET_TURNS = 50
_SLOW_MS = (500, 2_000)
"""What a call of a slow store takes."""


@dataclass(frozen=True, slots=True)
class CrashAt:
    """Somebody dies on the way to a store or on the way back, counted over all their calls from 1 on."""

    who: str
    call: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """How likely each fault is, at every call; `late` and `torn` at every commit."""

    before: float = 0
    after: float = 0
    stall: float = 0
    stall_ms_max: int = 1
    late: float = 0
    late_ms_max: int = 8_000


NO_FAULTS = Faults()


def faults_of(rng: random.Random) -> Faults:
    """One history has many faults of one kind, another few of all: that finds more than an even mixture."""
    return Faults(
        before=rng.choice((0, 0.003, 0.02)),
        after=rng.choice((0, 0.003, 0.02)),
        stall=rng.choice((0.003, 0.02, 0.1)),
        stall_ms_max=rng.choice((50, 500, 3_000)),
        late=rng.choice((0, 0.03, 0.15)),
    )


class Scheduler:
    """Turns, time and faults, all from one seed. `history` tells what happened."""

    def __init__(self, seed: int, clock: ManualClock) -> None:
        self.rng = random.Random(seed)
        self.clock = clock
        self.faults = NO_FAULTS
        self.history: list[str] = []
        self.turns = 0
        self.calls: Counter[str] = Counter()
        """How often each was on the way to a store, or back."""
        self.crash_at: CrashAt | None = None
        self.crash: Callable[[str], None] = lambda who: None
        """What `crash_at` does."""
        self._ready: list[asyncio.Future[None]] = []
        self._asleep: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._down_until_ms: dict[str, int] = {}
        self._slow_until_ms: dict[str, int] = {}
        self._stalled_until_ms: dict[str, int] = {}
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._broken: BaseException | None = None

    def note(self, what: str) -> None:
        """Add to the history."""
        self.history.append(f"{self.clock.monotonic_ms():>7} {LIFE.get().who}: {what}")

    def chance(self, likelihood: float) -> bool:
        """Whether something of this likelihood happens now."""
        return likelihood > 0 and self.rng.random() < likelihood

    def spawn(self, who: str | Life, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start something; an error that nobody handles ends the whole run."""
        life = Life(who) if isinstance(who, str) else who
        token = LIFE.set(life)
        task = asyncio.get_running_loop().create_task(work, name=life.who)
        LIFE.reset(token)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = self._broken or error

    # ------------------------------------------------------------------------------------- what the stores wait for

    async def turn(self, store: str) -> None:
        """Wait until it is this call's turn to reach the store; it may never get there."""
        self._count()
        await self._wait(self._slowness_ms(store) or self._delay_ms())
        if LIFE.get().over and self.chance(0.5):  # what the dead one sent may get there all the same
            raise asyncio.CancelledError
        if self._down_until_ms.get(store, 0) > self.clock.monotonic_ms():
            self._fail(store, "is down", quiet=True)
        if self.chance(self.faults.before):
            self._fail(store, "was not reached")

    async def answered(self, store: str, method: str) -> None:
        """The way back from a store: its answer may be late, or lost although it did what it was asked."""
        self._count()
        slow_ms = self._slowness_ms(method)
        if slow_ms or self.chance(0.3):
            await self._wait(slow_ms or self._delay_ms())
        if self.chance(self.faults.after):
            self._fail(store, "did it, but the answer was lost")

    def _count(self) -> None:
        """Count a call of somebody alive, who may be told to die at it."""
        _go_on(LIFE.get())
        who = LIFE.get().who
        self.calls[who] += 1
        if self.crash_at == CrashAt(who, self.calls[who]):
            self.crash(who)
            _go_on(LIFE.get())

    def _fail(self, store: str, why: str, *, quiet: bool = False) -> None:
        met = MET.get()
        if met is not None:
            met.append(f"{store} {why}")
        if not quiet:
            self.note(f"{store} {why}")
        raise StoreUnavailable(store, why)

    def _delay_ms(self) -> int:
        return self.rng.randint(1, self.faults.stall_ms_max) if self.chance(self.faults.stall) else 0

    def break_store(self, store: str, for_ms: int) -> None:
        """Let nobody reach a store for a while."""
        self.note(f"{store} goes down for {for_ms} ms")
        self._down_until_ms[store] = self.clock.monotonic_ms() + for_ms

    def slow(self, what: str, for_ms: int) -> None:
        """Let a store, or the answers to one of its calls, take their time for a while."""
        self.note(f"{what} is slow for {for_ms} ms")
        self._slow_until_ms[what] = self.clock.monotonic_ms() + for_ms

    def _slowness_ms(self, what: str) -> int:
        slow = self._slow_until_ms.get(what, 0) > self.clock.monotonic_ms()
        return self.rng.randint(*_SLOW_MS) if slow else 0

    def stall(self, who: str, for_ms: int) -> None:
        """Let somebody stand still for a while."""
        self.note(f"{who} stands still for {for_ms} ms")
        self._stalled_until_ms[who] = self.clock.monotonic_ms() + for_ms

    def heal(self) -> None:
        """From now on nothing goes wrong."""
        self.note("healed")
        self.faults = NO_FAULTS
        self._down_until_ms.clear()
        self._slow_until_ms.clear()
        self._stalled_until_ms.clear()

    # --------------------------------------------------------------------------------------------------------- time

    async def sleep(self, for_ms: int) -> None:
        """Wait for simulated time to pass."""
        await self._wait(for_ms)
        _go_on(LIFE.get())

    async def _wait(self, delay_ms: int) -> None:
        life, now_ms = LIFE.get(), self.clock.monotonic_ms()
        until_ms = max(now_ms + delay_ms, self._stalled_until_ms.get(life.who, 0))
        turn = asyncio.get_running_loop().create_future()
        if until_ms > now_ms:
            heapq.heappush(self._asleep, (until_ms, next(self._order), turn))
        else:
            self._ready.append(turn)
        await turn

    async def run(self, until: asyncio.Task[None]) -> None:
        """Give turns until a task has ended. Raises what broke."""
        quiet = 0
        while not until.done():
            await asyncio.sleep(0)
            if self._broken is not None:
                raise self._broken
            quiet += 1
            if self._give_turn(time_may_pass=quiet > _WAKING_TURNS):
                quiet = 0
            assert quiet < _QUIET_TURNS, "everybody waits, and not for the scheduler"
        until.result()

    def _give_turn(self, *, time_may_pass: bool) -> bool:
        now_ms = self.clock.monotonic_ms()
        while self._asleep and (self._asleep[0][0] <= now_ms or (time_may_pass and not self._ready)):
            until_ms, _, turn = heapq.heappop(self._asleep)
            if turn.done():
                continue
            self.clock.advance(max(0, until_ms - now_ms))
            now_ms = self.clock.monotonic_ms()
            self._ready.append(turn)
        while self._ready:
            at = self.rng.randrange(len(self._ready))
            self._ready[at], self._ready[-1] = self._ready[-1], self._ready[at]
            turn = self._ready.pop()
            if not turn.done():
                self.turns += 1
                self.clock.advance(self.rng.choice((0, 0, 1, 1, 2, 5)))
                turn.set_result(None)
                return True
        return False

    async def stop(self) -> None:
        """End everything that still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _go_on(life: Life) -> None:
    if life.over:
        raise asyncio.CancelledError
