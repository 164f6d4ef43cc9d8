"""Trends: events a second through the dataflow, beside Bytewax's own sliding windows on the same events.

Both count the distinct tweets and authors of each hashtag in every window of 60 minutes that ends with a minute, with
tweets that are deleted later. What they found in the last window must be equal.
"""

import pickle
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import bytewax.operators as op
import bytewax.operators.windowing as win
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, SlidingWindower
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, run_main

from benchmarks.effort import ROUNDS, Effort
from benchmarks.results import Row, rounded
from dataflows.execution import EPOCH
from dataflows.sources.chunks import Chunk
from dataflows.trends.buckets import by_bucket
from dataflows.trends.flow import trends
from dataflows.trends.schedule import Schedule
from domain.events import AnyEvent, TweetDeleted, TweetPosted
from domain.hashtags import folded_tag
from domain.ids import EventId, TweetId, UserId, first_id_at, stamp_us, time_ms
from domain.trends.tag_bucket import TagBucket
from domain.trends.tag_counts import GLOBAL, Ranking
from domain.trends.windows import WINDOWS, Window
from telemetry import metrics

_TAGS = 50_000
_AUTHORS = 100_000
_CHUNK_EVENTS = 1_000
_MINUTES = 90
_DELETED = 0.05
_START_MS = 1_800_000_000_000 - 1_800_000_000_000 % 3_600_000
_END_MS = _START_MS + _MINUTES * 60_000 - 1
_NEVER_LATE = timedelta(days=365)
_WINDOW = WINDOWS["60m"]
_RATE_TARGET = 200_000
_SEED = 11


def _schedule(*windows: Window) -> Schedule:
    """Every minute is evaluated, as the yardstick gives every window."""
    return Schedule(windows=windows, every_ms=_WINDOW.pane_ms, exact=True, from_ms=_START_MS, to_ms=_END_MS)


SCHEDULE = _schedule(_WINDOW)

Found = tuple[str, tuple[int, dict[int, int | None]]]
"""What Bytewax's windows give: a tag, and in a window the author of each tweet, None if it was deleted."""


class _Use(NamedTuple):
    """What Bytewax's windows are given: a tweet with its tag, or that it is gone."""

    tweet: int
    author: int
    live: bool


def measure(effort: Effort) -> list[Row]:
    """The rows of trends."""
    same = events(effort.trend_events)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        rankings: list[Ranking] = []
        ours.append(len(same) / _seconds(_trends(same, SCHEDULE, rankings)))
        found: list[Found] = []
        theirs.append(len(same) / _seconds(_sliding(same, found)))
        _compare(rankings, found)
    many = events(effort.trend_events_many)
    rates = {
        name: [len(many) / _seconds(_trends(many, _schedule(*windows), [])) for _ in range(ROUNDS)]
        for name, windows in (("60m", (_WINDOW,)), ("all", tuple(WINDOWS.values())))
    }
    kept = [_kept(many) for _ in range(ROUNDS)]
    return [
        Row(
            key="trends",
            what=f"trends, events/s, 60 min / 1 min, {_TAGS:,} tags, {_DELETED:.0%} deleted",
            against="Bytewax SlidingWindower, same events",
            unit="x",
            values=[mine / other for mine, other in zip(ours, theirs, strict=True)],
            target=50.0,
            figures={"events": len(same), "events/s": rounded(ours), "SlidingWindower events/s": rounded(theirs)},
        ),
        Row(
            key="trends_rate",
            what="trends, events/s of one worker, 60 min / 1 min",
            against=f"{_RATE_TARGET:,} events/s",
            unit="x",
            values=[rate / _RATE_TARGET for rate in rates["60m"]],
            target=1.0,
            figures={
                "events": len(many),
                "events/s": rounded(rates["60m"]),
                "events/s in all windows": rounded(rates["all"]),
                f"events/s in all windows, a snapshot each {EPOCH.seconds} s": rounded(
                    [len(many) / s for s, _ in kept]
                ),
                "snapshot bytes/s": rounded([size / s for s, size in kept]),
                **_sizes(many),
            },
        ),
    ]


def events(count: int) -> list[AnyEvent]:
    """Tweets with one tag each, popular ones far more often, some deleted two minutes later; in the order of ids."""
    rng = np.random.default_rng(_SEED)
    after_ms = np.sort(rng.integers(0, _MINUTES * 60_000, count)).tolist()
    tags = np.minimum(rng.zipf(1.2, count), _TAGS).tolist()
    authors = rng.integers(1, _AUTHORS, count).tolist()
    made: list[AnyEvent] = [_posted(_id(after_ms[n], n), UserId(authors[n]), (f"tag{tags[n]}",)) for n in range(count)]
    deleted = rng.choice(count, int(count * _DELETED), replace=False).tolist()
    for n in deleted:
        gone = _id(min(after_ms[n] + 120_000, _MINUTES * 60_000 - 1), n)
        tweet = TweetId(made[n].event_id)
        made.append(
            TweetDeleted(
                event_id=gone, stamp_us=0, author=UserId(authors[n]), tweet_id=tweet, hashtags=(f"tag{tags[n]}",)
            )
        )
    return sorted(made, key=lambda event: event.event_id)


def _id(after_ms: int, sequence: int) -> EventId:
    return EventId(first_id_at(_START_MS + after_ms) + sequence % 4_096)


def _posted(id_: EventId, author: UserId, tags: tuple[str, ...]) -> TweetPosted:
    return TweetPosted(event_id=id_, stamp_us=stamp_us(id_), author=author, text="", hashtags=tags)


def chunks(some: Sequence[AnyEvent], partition: int = 0, partitions: int = 1) -> list[Chunk]:
    """The events of a partition as a source hands them out, to the end of all time that is evaluated."""
    cut = [tuple(some[at : at + _CHUNK_EVENTS]) for at in range(0, len(some), _CHUNK_EVENTS)]
    found = [Chunk(partition, partitions, time_ms(part[-1].event_id) - 1, part) for part in cut]
    return [*found, Chunk(partition, partitions, _END_MS, ())]


def _trends(some: Sequence[AnyEvent], schedule: Schedule, out: list[Ranking]) -> Dataflow:
    flow = Dataflow("trends")
    found = trends(flow, TestingSource(chunks(some), batch_size=1), schedule)
    op.output("out-rankings", found.rankings, TestingSink(out))
    op.output("out-minutes", found.minutes, TestingSink([]))
    return flow


def _kept(some: Sequence[AnyEvent]) -> tuple[float, float]:
    """Seconds with snapshots as a live worker takes them, and the bytes of state that were written down."""
    counted = metrics.LocalBackend()
    metrics.install(counted)
    with tempfile.TemporaryDirectory(prefix="murmur-bench-snapshots-") as folder:
        init_db_dir(Path(folder), 1)
        flow = _trends(some, _schedule(*WINDOWS.values()), [])
        begun_s = time.perf_counter()
        run_main(flow, epoch_interval=EPOCH, recovery_config=RecoveryConfig(folder))
        return time.perf_counter() - begun_s, counted.total(metrics.FLOW_SNAPSHOT_BYTES)


def _sliding(some: Sequence[AnyEvent], out: list[Found]) -> Dataflow:
    """The same with what Bytewax offers."""
    flow = Dataflow("sliding")
    source: TestingSource[AnyEvent] = TestingSource(some, batch_size=_CHUNK_EVENTS)
    uses = op.flat_map("uses", op.input("events", flow, source), _uses)
    clock: EventClock[_Use] = EventClock(_made_at, wait_for_system_duration=_NEVER_LATE)
    windower = SlidingWindower(
        length=timedelta(milliseconds=_WINDOW.span_ms),
        offset=timedelta(milliseconds=_WINDOW.pane_ms),
        align_to=_at(0),
    )
    folded = win.fold_window("count", uses, clock, windower, dict, _fold, _merge)
    op.output("out", folded.down, TestingSink(out))
    return flow


def _uses(event: AnyEvent) -> list[tuple[str, _Use]]:
    match event:
        case TweetPosted():
            return [(folded_tag(tag), _Use(event.tweet_id, event.author, True)) for tag in event.hashtags]
        case TweetDeleted():
            return [(folded_tag(tag), _Use(event.tweet_id, event.author, False)) for tag in event.hashtags]
        case _:
            return []


def _made_at(use: _Use) -> datetime:
    return _at(time_ms(use.tweet))


def _fold(live: dict[int, int | None], use: _Use) -> dict[int, int | None]:
    if use.live:
        live.setdefault(use.tweet, use.author)
    else:
        live[use.tweet] = None
    return live


def _merge(one: dict[int, int | None], other: dict[int, int | None]) -> dict[int, int | None]:
    return {**one, **other}


def _at(wall_ms: int) -> datetime:
    return datetime.fromtimestamp(wall_ms / 1000, UTC)


def _seconds(flow: Dataflow) -> float:
    begun = time.perf_counter()
    run_main(flow)
    return time.perf_counter() - begun


def _compare(rankings: Sequence[Ranking], found: Sequence[Found]) -> None:
    last = (_END_MS + 1 - _WINDOW.span_ms) // _WINDOW.pane_ms
    theirs = {
        tag: [author for author in live.values() if author is not None]
        for tag, (window, live) in found
        if window == last
    }
    ranking = rankings[-1]
    assert ranking.as_of_ms == _END_MS, "the last evaluation is at the end"
    top = ranking.places[GLOBAL]
    assert top
    for trend in top:
        authors = theirs[trend.normalized_tag]
        assert (trend.count, trend.unique_authors) == (len(authors), len(set(authors))), trend
    most = max(len(authors) for authors in theirs.values())
    assert max(trend.count for trend in top) == most, "nothing that is used more is left out"


def _sizes(some: Sequence[AnyEvent]) -> dict[str, object]:
    """What one bucket keeps for each mention, in memory as in a snapshot."""
    bucket = TagBucket()
    for at in range(0, len(some), _CHUNK_EVENTS):
        ((_, batch), *_) = by_bucket(Chunk(0, 1, 0, tuple(some[at : at + _CHUNK_EVENTS])))
        bucket.add(batch.occurrences)
        bucket.delete(each.tweet for each in batch.deleted)
    bucket.top(_WINDOW, _END_MS)
    kept = len(pickle.dumps(bucket, pickle.HIGHEST_PROTOCOL))
    return {"snapshot bytes per live mention": round(kept / bucket.pairs, 1)}
