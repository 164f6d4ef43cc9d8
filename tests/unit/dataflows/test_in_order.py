"""Each event once and in order, whatever comes twice, after aborts and with several workers."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main

from dataflows.operators.in_order import in_order
from dataflows.sources import chunks
from dataflows.sources.chunks import Chunk
from domain.events import AnyEvent, Bookmarked, Liked
from domain.ids import EventId, TweetId, UserId, first_id_at, stamp_us

START_MS = 1_800_000_000_000 - 1_800_000_000_000 % 60_000
PARTITIONS = 3


def event(after_ms: int, user: int = 1) -> Liked:
    id_ = EventId(first_id_at(START_MS + after_ms) + user)
    return Liked(event_id=id_, stamp_us=stamp_us(id_), user=UserId(user), tweet_id=TweetId(5))


def chunk(partition: int, until_ms: int, *events: AnyEvent, behind: bool = False) -> Chunk:
    return Chunk(partition, PARTITIONS, START_MS + until_ms, events, behind)


def history(seed: int, minutes: int = 10) -> tuple[list[Chunk], list[int]]:
    """Chunks of every partition, some of which go back and bring much a second time; and the ids there are."""
    rng = random.Random(seed)
    chunks: list[Chunk] = []
    made: list[list[Liked]] = [[] for _ in range(PARTITIONS)]
    for step in range(minutes * 4):
        for partition in rng.sample(range(PARTITIONS), PARTITIONS):
            new = [event(step * 15_000 + rng.randrange(15_000), partition + 1) for _ in range(rng.randrange(4))]
            made[partition] += new
            if rng.random() < 0.1:
                chunks.append(chunk(partition, 0, *made[partition], behind=True))
            chunks.append(chunk(partition, step * 15_000 + 14_999, *sorted(new, key=lambda each: each.event_id)))
    return chunks, sorted({each.event_id for of in made for each in of})


def flow_of(chunks: list[Any], out: list[AnyEvent]) -> Dataflow:
    flow = Dataflow("ordered")
    op.output("out", in_order("log", flow, TestingSource(chunks, batch_size=1)), TestingSink(out))
    return flow


@pytest.mark.parametrize("workers", [1, 2])
def test_every_event_comes_once_and_in_order(workers: int) -> None:
    chunks, ids = history(seed=workers)
    out: list[AnyEvent] = []
    if workers == 1:
        run_main(flow_of(list(chunks), out))
    else:
        cluster_main(flow_of(list(chunks), out), [], 0, worker_count_per_proc=workers)
    assert [each.event_id for each in out] == ids


def test_after_aborts_what_is_kept_holds_every_event_once_and_in_order(tmp_path: Path) -> None:
    chunks, ids = history(seed=5)
    with_aborts: list[Any] = []
    for n, each in enumerate(chunks):
        with_aborts += [each, TestingSource.ABORT()] if n % 7 == 6 else [each]
    init_db_dir(tmp_path, 1)
    out: list[AnyEvent] = []
    flow = flow_of(with_aborts, out)
    for _ in range(len(chunks)):
        run_main(flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(tmp_path))
    # What an abort undid is written again: sinks keep the last of each.
    assert list(dict.fromkeys(each.event_id for each in out)) == ids


@pytest.mark.parametrize(("private", "expected"), [(False, 1), (True, 2)])
def test_private_events_come_only_to_a_dataflow_that_declares_itself_private(private: bool, expected: int) -> None:
    for events in (in_order, chunks.events):
        liked, out = event(1_000), list[AnyEvent]()
        bookmarked = Bookmarked(event_id=EventId(liked.event_id + 1), stamp_us=1, user=UserId(1), tweet_id=TweetId(5))
        flow, brought = Dataflow("private"), [chunk(p, 2_500, *(() if p else (liked, bookmarked))) for p in range(3)]
        op.output("out", events("log", flow, TestingSource(brought), private=private), TestingSink(out))
        run_main(flow)
        assert out == [liked, bookmarked][:expected]


def test_an_event_waits_for_every_partition_and_one_that_is_late_does_not() -> None:
    out: list[AnyEvent] = []
    one, two, late = event(1_000), event(2_000), event(500)
    run_main(flow_of([chunk(0, 2_500, two, one), chunk(1, 2_500)], out))
    assert out == []
    chunks = [chunk(0, 2_500, two, one), *(chunk(p, 2_500) for p in (1, 2)), chunk(2, 3_000, late)]
    run_main(flow_of(chunks, out))
    assert out == [one, two, late]


def test_minutes_are_forgotten_when_no_event_can_come_twice_any_more() -> None:
    out: list[AnyEvent] = []
    early, later = event(0), event(600_000)
    end_ms = 1_200_000
    rest = [chunk(p, end_ms) for p in (1, 2)]
    known = chunk(0, end_ms, later, early)._replace(back_to_ms=START_MS + 59_999)
    over = known._replace(back_to_ms=START_MS + 60_000)
    run_main(flow_of([chunk(0, end_ms, early), *rest, known, known, over, known], out))
    assert out == [early, later, early]
