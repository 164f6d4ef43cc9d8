"""When the workers of a dataflow are ended and started again."""

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

from actors.supervision.worker_groups import WorkerGroupSupervisor
from domain.clock import ManualClock
from domain.errors import StoreUnavailable


@dataclass(frozen=True)
class Status:
    running: bool = True
    error: str = ""


@dataclass
class Group:
    """Workers that are as a test says; `log` is what was done to them."""

    seen: Status | None = field(default_factory=Status)
    log: list[str] = field(default_factory=list)
    size: int = 0

    async def start(self, workers: int, *, fresh: bool) -> None:
        self.log.append(f"start {workers}{' fresh' * fresh}")
        self.size = workers

    async def statuses(self) -> list[Status | None]:
        return [self.seen] * self.size

    async def stop(self, timeout_s: float) -> None:
        self.log.append("stop")
        self.size = 0

    async def kill(self) -> None:
        self.log.append("kill")
        self.size = 0


async def fail(supervisor: WorkerGroupSupervisor, group: Group, clock: ManualClock, *, times: int, why: str) -> None:
    """Let every worker end with an error soon after its start, so many times."""
    group.seen = Status(running=False, error=why)
    for _ in range(times):
        clock.advance(10_000)
        await supervisor.step()
        await supervisor.step()


async def test_workers_of_an_earlier_life_are_ended_before_the_first_start() -> None:
    group = Group()
    supervisor = WorkerGroupSupervisor(group, 2, ManualClock())
    await supervisor.step()
    assert (group.log, supervisor.running) == (["kill", "start 2"], 0)
    await supervisor.step()
    assert supervisor.running == 2


async def test_when_one_dies_all_are_ended_and_started_with_growing_patience() -> None:
    group, clock = Group(), ManualClock()
    supervisor = WorkerGroupSupervisor(group, 2, clock)
    await supervisor.step()
    group.seen = Status(running=False, error="a worker died")
    await supervisor.step()
    assert (group.log, supervisor.running) == (["kill", "start 2", "kill"], 0)
    await supervisor.step()
    assert group.log[-1] == "kill", "not at once"
    clock.advance(500)
    await supervisor.step()
    assert group.log[-1] == "start 2"


async def test_workers_that_fail_again_and_again_go_on_without_snapshots() -> None:
    group, clock = Group(), ManualClock()
    supervisor = WorkerGroupSupervisor(group, 1, clock)
    await fail(supervisor, group, clock, times=4, why="no such state")
    assert [entry for entry in group.log if entry != "kill"] == ["start 1"] * 3 + ["start 1 fresh"]
    clock.advance(10_000)
    group.seen = Status()
    await supervisor.step()
    await supervisor.step()
    clock.advance(30_000)
    group.seen = Status(running=False, error="a worker died")
    await supervisor.step()
    await supervisor.step()
    assert group.log[-1] == "start 1"


async def test_failures_of_long_ago_do_not_cost_snapshots_when_the_size_changes() -> None:
    group, clock = Group(), ManualClock()
    supervisor = WorkerGroupSupervisor(group, 1, clock)
    await fail(supervisor, group, clock, times=3, why="Cassandra is away")
    group.seen = Status()
    clock.advance(10_000)
    await supervisor.step()
    supervisor.desired = 2
    await supervisor.step()
    await supervisor.step()
    assert group.log[-1] == "start 2"


async def test_a_start_that_cannot_be_made_is_tried_again_with_growing_patience() -> None:
    group, clock = Group(), ManualClock()
    supervisor = WorkerGroupSupervisor(group, 1, clock)
    tried: list[int] = []

    async def refused(workers: int, *, fresh: bool) -> None:
        assert not fresh, "nothing is wrong with the snapshots"
        tried.append(clock.monotonic_ms())
        raise StoreUnavailable("cassandra", "it is away")

    group.start = refused  # type: ignore[method-assign]
    for _ in range(300):
        clock.advance(100)
        with suppress(StoreUnavailable):
            await supervisor.step()
    waits = [later - earlier for earlier, later in pairwise(tried)]
    assert waits[:4] == [500, 1_000, 2_000, 5_000]
    assert set(waits[4:]) == {10_000}


async def test_a_start_that_hangs_is_noticed() -> None:
    group, clock = Group(seen=Status(running=False)), ManualClock()
    supervisor = WorkerGroupSupervisor(group, 1, clock)
    await supervisor.step()
    clock.advance(29_000)
    await supervisor.step()
    assert group.log == ["kill", "start 1"]
    clock.advance(1_000)
    await supervisor.step()
    assert group.log == ["kill", "start 1", "kill"]


async def test_a_worker_that_is_silent_for_long_ends_its_group_and_one_that_answers_again_does_not() -> None:
    group, clock = Group(), ManualClock()
    supervisor = WorkerGroupSupervisor(group, 1, clock)
    await supervisor.step()
    for seen in (None, Status(), None):
        group.seen = seen
        clock.advance(6_000)
        await supervisor.step()
    assert group.log == ["kill", "start 1"]
    clock.advance(10_000)
    await supervisor.step()
    assert group.log == ["kill", "start 1", "kill"]


async def test_another_number_of_workers_begins_with_an_orderly_end() -> None:
    group = Group()
    supervisor = WorkerGroupSupervisor(group, 1, ManualClock())
    await supervisor.step()
    await supervisor.step()
    assert supervisor.unmet(1) == []
    assert supervisor.unmet(3) == ["1 of 3 workers of trends run"]
    supervisor.desired = 3
    assert supervisor.unmet(1) != [], "they are about to be ended"
    await supervisor.step()
    assert group.log == ["kill", "start 1", "stop", "kill", "start 3"]
    assert supervisor.unmet(3) == ["0 of 3 workers of trends run"]
    await supervisor.step()
    assert supervisor.unmet(3) == []


async def test_a_stop_does_not_wait_for_a_start() -> None:
    group = Group(seen=Status(running=False))
    supervisor = WorkerGroupSupervisor(group, 1, ManualClock())
    await supervisor.step()
    await supervisor.step()
    await supervisor.stop()
    assert group.log == ["kill", "start 1", "kill"]
