"""Trends: events a second through the dataflow, beside Bytewax's own sliding windows on the same events.

Both count the distinct tweets and authors of each hashtag in every window of 60 minutes that ends with a minute, with
tweets that are deleted later. What they found in the last window must be equal.
"""

import pickle
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import bytewax.operators as op
import bytewax.operators.windowing as win
import numpy as np
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, SlidingWindower
from bytewax.testing import TestingSink, TestingSource, run_main

from benchmarks.effort import ROUNDS, Effort
from benchmarks.results import Row, rounded
from dataflows.chunks import Chunk
from dataflows.trends import Ranking, Schedule, by_bucket, trends
from domain.events import AnyEvent, TweetDeleted, TweetPosted
from domain.ids import EventId, TweetId, UserId, first_id_at, stamp_us, time_ms
from domain.tag_bucket import TagBucket
from domain.trends import GLOBAL, WINDOWS, Window
from domain.tweets import folded_tag

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


Found = tuple[str, tuple[int, dict[int, int | None]]]
"""What Bytewax's windows give: a tag, and in a window the author of each tweet, None if it was deleted."""


class _Use(NamedTuple):
    """What Bytewax's windows are given: a tweet with its tag, or that it is gone."""

    tweet: int
    author: int
    live: bool


def measure(effort: Effort) -> list[Row]:
    """The rows of trends."""
    same = _events(effort.trend_events)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        rankings: list[Ranking] = []
        ours.append(len(same) / _seconds(_trends(same, (_WINDOW,), rankings)))
        found: list[Found] = []
        theirs.append(len(same) / _seconds(_sliding(same, found)))
        _compare(rankings, found)
    many = _events(effort.trend_events_many)
    rates = {
        name: [len(many) / _seconds(_trends(many, windows, [])) for _ in range(ROUNDS)]
        for name, windows in (("60m", (_WINDOW,)), ("all", tuple(WINDOWS.values())))
    }
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
                **_sizes(many),
            },
        ),
    ]


def _events(count: int) -> list[AnyEvent]:
    """Tweets with one tag each, popular ones far more often, some deleted two minutes later; in the order of ids."""
    rng = np.random.default_rng(_SEED)
    after_ms = np.sort(rng.integers(0, _MINUTES * 60_000, count)).tolist()
    tags = np.minimum(rng.zipf(1.2, count), _TAGS).tolist()
    authors = rng.integers(1, _AUTHORS, count).tolist()
    events: list[AnyEvent] = [
        _posted(_id(after_ms[n], n), UserId(authors[n]), (f"tag{tags[n]}",)) for n in range(count)
    ]
    deleted = rng.choice(count, int(count * _DELETED), replace=False).tolist()
    for n in deleted:
        gone = _id(min(after_ms[n] + 120_000, _MINUTES * 60_000 - 1), n)
        tweet = TweetId(events[n].event_id)
        events.append(
            TweetDeleted(
                event_id=gone, stamp_us=0, author=UserId(authors[n]), tweet_id=tweet, hashtags=(f"tag{tags[n]}",)
            )
        )
    return sorted(events, key=lambda event: event.event_id)


def _id(after_ms: int, sequence: int) -> EventId:
    return EventId(first_id_at(_START_MS + after_ms) + sequence % 4_096)


def _posted(id_: EventId, author: UserId, tags: tuple[str, ...]) -> TweetPosted:
    return TweetPosted(event_id=id_, stamp_us=stamp_us(id_), author=author, text="", hashtags=tags)


def _trends(events: Sequence[AnyEvent], windows: Sequence[Window], out: list[Ranking]) -> Dataflow:
    """The dataflow as it runs live, looking once a minute of events."""
    chunks: list[Chunk] = []
    for at in range(0, len(events), _CHUNK_EVENTS):
        some = tuple(events[at : at + _CHUNK_EVENTS])
        chunks.append(Chunk(0, 1, time_ms(some[-1].event_id) - 1, some))
    chunks.append(Chunk(0, 1, _END_MS, ()))
    flow = Dataflow("trends")
    found = trends(flow, TestingSource(chunks, batch_size=1), Schedule(windows=windows, every_ms=_WINDOW.pane_ms))
    op.output("out-rankings", found.rankings, TestingSink(out))
    op.output("out-minutes", found.minutes, TestingSink([]))
    return flow


def _sliding(events: Sequence[AnyEvent], out: list[Found]) -> Dataflow:
    """The same with what Bytewax offers."""
    flow = Dataflow("sliding")
    source: TestingSource[AnyEvent] = TestingSource(events, batch_size=_CHUNK_EVENTS)
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
    assert ranking.as_of_ms == _END_MS, "the last look is at the end"
    top = ranking.places[GLOBAL]
    assert top
    for trend in top:
        authors = theirs[trend.folded]
        assert (trend.count, trend.unique_authors) == (len(authors), len(set(authors))), trend
    most = max(len(authors) for authors in theirs.values())
    assert max(trend.count for trend in top) == most, "nothing that is used more is left out"


def _sizes(events: Sequence[AnyEvent]) -> dict[str, object]:
    """What one bucket keeps for each mention, in memory as in a snapshot."""
    bucket = TagBucket()
    for at in range(0, len(events), _CHUNK_EVENTS):
        ((_, work), *_) = by_bucket(Chunk(0, 1, 0, tuple(events[at : at + _CHUNK_EVENTS])))
        bucket.add(work.mentions)
        bucket.delete(each.tweet for each in work.deleted)
    bucket.top(_WINDOW, _END_MS)
    kept = len(pickle.dumps(bucket, pickle.HIGHEST_PROTOCOL))
    return {"snapshot bytes per live mention": round(kept / bucket.pairs, 1)}
