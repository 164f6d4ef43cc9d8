"""Trends as a dataflow: chunks of the log, mentions by bucket of tags, the top of each bucket, the top of all.

Everything is decided by `domain.trends`; here it is wired, and told when to look.
"""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from time import perf_counter
from typing import NamedTuple

import bytewax.operators as op
from bytewax.dataflow import Dataflow, Stream
from bytewax.inputs import Source
from bytewax.operators import StatefulBatchLogic
from bytewax.outputs import Sink
from typing_extensions import override

from dataflows.chunks import Chunk
from domain.events import TweetDeleted, TweetPosted, UserReinstated, UserSuspended
from domain.hashtags import folded_tag
from domain.ids import first_id_at, time_ms
from domain.places import places_of
from domain.tag_bucket import TagBucket
from domain.trends import GLOBAL, TAG_BUCKETS, Mentions, PaneCount, Suspension, Trend, Window, bucket_of, merged
from telemetry.metrics import FLOW_LATE, FLOW_SNAPSHOT_BYTES, FLOW_SNAPSHOT_SECONDS

STATE_VERSION = 6
"""Of what snapshots hold; with another the dataflow begins anew."""
_TAGS_CACHED_MAX = 1 << 17
_BUCKET_KEYS = "abcm"
"""The key of each bucket. Bytewax sends state to workers by a hash of its key; these spread evenly over two to four."""
_PENDING_MAX = 64
"""Looks that some bucket has not answered yet; beyond it the oldest is given up."""


class Ranking(NamedTuple):
    """The top of every place that has any, in the window open at a wall time."""

    window: str
    as_of_ms: int
    places: Mapping[str, Sequence[Trend]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When the dataflow looks: at the last millisecond of each `every_ms` that the events have reached.

    A look sees what was made until then, and nothing that was made after it. `exact` is for history: every look is
    made, from `from_ms` on and at `to_ms`. A live dataflow looks at the newest only.
    """

    windows: Sequence[Window]
    every_ms: int
    exact: bool = False
    from_ms: int = 0
    to_ms: int | None = None

    def looks(self, after_ms: int, until_ms: int) -> list[int]:
        """The wall times in (after_ms, until_ms] at which to look."""
        newest = (until_ms + 1) // self.every_ms * self.every_ms - 1
        if not self.exact:
            return [newest] if newest > after_ms else []
        first = (max(after_ms + 1, self.from_ms) // self.every_ms + 1) * self.every_ms - 1
        looks = list(range(first, newest + 1, self.every_ms))
        if self.to_ms is not None and max(after_ms, newest) < self.to_ms <= until_ms:
            looks.append(self.to_ms)
        return looks


class Deleted(NamedTuple):
    """A tweet is live no longer, from an event on."""

    tweet: int
    event: int


class Work(NamedTuple):
    """What a chunk holds for one bucket; `complete_ms` is 0 while the chunk's source is behind."""

    bucket: int
    partition: int
    partitions: int
    complete_ms: int
    mentions: Mentions
    deleted: list[Deleted]
    suspensions: list[Suspension]


class Top(NamedTuple):
    """One bucket's answer to a look; `places` is None if it is what it was at the last one."""

    window: str
    as_of_ms: int
    bucket: int
    places: Mapping[str, Sequence[Trend]] | None


def by_bucket(chunk: Chunk, *, only: str | None = None) -> Iterable[tuple[str, Work]]:
    """The mentions and deletes of a chunk for each bucket; every bucket learns how far the chunk goes.

    With `only` the tweets of one place alone are mentioned, and as if there were no places.
    """
    complete_ms = 0 if chunk.behind else chunk.complete_ms
    mentions = [Mentions([], [], []) for _ in range(TAG_BUCKETS)]
    add = [(found.tweets.append, found.authors.append, found.uses.append) for found in mentions]
    deleted: list[list[Deleted]] = [[] for _ in range(TAG_BUCKETS)]
    suspensions: list[Suspension] = []
    for event in chunk.events:
        if isinstance(event, TweetPosted):
            if not event.hashtags:
                continue
            id_, author, location = event.event_id, event.author, event.location
            places = places_of(location) if location else ()
            if only is not None:
                if only not in (GLOBAL, *places):
                    continue
                places = ()
            for tag in event.hashtags:
                add_tweet, add_author, add_use = add[_bucket_of(tag)]
                add_tweet(id_)
                add_author(author)
                add_use((tag, places))
        elif isinstance(event, TweetDeleted):
            for bucket in {*map(_bucket_of, event.hashtags)}:
                deleted[bucket].append(Deleted(event.tweet_id, event.event_id))
        elif isinstance(event, UserSuspended | UserReinstated):
            suspensions.append(Suspension(event.user, event.event_id, isinstance(event, UserSuspended)))
    of_buckets = enumerate(zip(mentions, deleted, strict=True))
    return [
        (_BUCKET_KEYS[n], Work(n, chunk.partition, chunk.partitions, complete_ms, found, gone, suspensions))
        for n, (found, gone) in of_buckets
    ]


@lru_cache(_TAGS_CACHED_MAX)
def _bucket_of(tag: str) -> int:
    return bucket_of(folded_tag(tag))


@dataclass(slots=True)
class _BucketState:
    """What is kept beside a bucket: how far each partition has come, at what it looked last, what waits for a look.

    A look leaves out tweets that were made after it; what takes tweets out waits until it comes before a look.
    """

    complete_ms: dict[int, int] = field(default_factory=dict)
    deleted: list[Deleted] = field(default_factory=list)
    suspensions: list[Suspension] = field(default_factory=list)
    looked_ms: int = 0
    changed: bool = True
    open_panes: dict[str, int] = field(default_factory=dict)


class BucketLogic(StatefulBatchLogic[Work, Top | list[PaneCount], bytes]):
    """One bucket of tags: takes in what comes, looks when it is time."""

    def __init__(self, schedule: Schedule, state: bytes | None) -> None:
        self._schedule = schedule
        self._bucket, self._state = TagBucket(), _BucketState()
        self._kept: bytes | None = None
        if state is not None:
            self._kept, self._state = pickle.loads(state)
            self._bucket = pickle.loads(self._kept)

    @override
    def on_batch(self, values: list[Work]) -> tuple[Iterable[Top | list[PaneCount]], bool]:
        state = self._state
        for work in values:
            state.complete_ms[work.partition] = work.complete_ms
            self._take_in(work)
        complete = len(state.complete_ms) == values[0].partitions
        until_ms = min(state.complete_ms.values()) if complete else 0
        found: list[Top | list[PaneCount]] = []
        for as_of_ms in self._schedule.looks(state.looked_ms, until_ms):
            self._take_out(as_of_ms)
            found += self._look(values[0].bucket, as_of_ms)
        return found, StatefulBatchLogic.RETAIN

    @override
    def snapshot(self) -> bytes:
        started_s = perf_counter()
        if self._kept is None:
            self._kept = pickle.dumps(self._bucket, pickle.HIGHEST_PROTOCOL)
        state = pickle.dumps((self._kept, self._state), pickle.HIGHEST_PROTOCOL)
        FLOW_SNAPSHOT_BYTES.record(len(state))
        FLOW_SNAPSHOT_SECONDS.record(perf_counter() - started_s)
        return state

    def _take_in(self, work: Work) -> None:
        state = self._state
        state.deleted += work.deleted
        state.suspensions += work.suspensions
        if work.mentions.tweets:
            state.changed, self._kept = True, None
            if late := self._bucket.add(work.mentions):
                FLOW_LATE.record(late)

    def _take_out(self, until_ms: int) -> None:
        """Take out what was deleted or suspended up to a wall time."""
        state, end = self._state, first_id_at(until_ms + 1)
        deleted = [each.tweet for each in state.deleted if each.event < end]
        suspensions = [each for each in state.suspensions if each.event < end]
        if deleted or suspensions:
            state.changed, self._kept = True, None
            self._bucket.delete(deleted)
            self._bucket.suspend(suspensions)
            state.deleted = [each for each in state.deleted if each.event >= end]
            state.suspensions = [each for each in state.suspensions if each.event >= end]

    def _look(self, bucket: int, as_of_ms: int) -> list[Top | list[PaneCount]]:
        state = self._state
        self._bucket.forget_before(as_of_ms)
        tops: list[Top | list[PaneCount]] = []
        changed = state.changed or time_ms(self._bucket.newest) > state.looked_ms  # it did not see all there is
        for window in self._schedule.windows:
            pane = as_of_ms // window.pane_ms
            fresh = changed or state.open_panes.get(window.name) != pane
            places = self._bucket.top(window, as_of_ms) if fresh else None
            state.open_panes[window.name] = pane
            tops.append(Top(window.name, as_of_ms, bucket, places))
        minutes = self._bucket.changed_minutes() if state.changed else []
        state.changed, state.looked_ms = False, as_of_ms
        return [*tops, minutes] if minutes else tops


class WindowLogic(StatefulBatchLogic[Top, Ranking, bytes]):
    """One window: joins the answers of all buckets to one look."""

    def __init__(self, state: bytes | None) -> None:
        self._latest: dict[int, Mapping[str, Sequence[Trend]]] = {}
        self._pending: dict[int, dict[int, Top]] = {}
        if state is not None:
            self._latest, self._pending = pickle.loads(state)

    @override
    def on_batch(self, values: list[Top]) -> tuple[Iterable[Ranking], bool]:
        found: list[Ranking] = []
        for top in values:
            self._pending.setdefault(top.as_of_ms, {})[top.bucket] = top
            if len(self._pending[top.as_of_ms]) == TAG_BUCKETS:
                found.append(self._joined(top.window, top.as_of_ms))
        while len(self._pending) > _PENDING_MAX:
            self._absorb(min(self._pending))
        return found, StatefulBatchLogic.RETAIN

    @override
    def snapshot(self) -> bytes:
        return pickle.dumps((self._latest, self._pending), pickle.HIGHEST_PROTOCOL)

    def _joined(self, window: str, as_of_ms: int) -> Ranking:
        for earlier in sorted(at for at in self._pending if at <= as_of_ms):
            self._absorb(earlier)
        places = {place for tops in self._latest.values() for place in tops}
        ranked = {place: merged(tops.get(place, ()) for tops in self._latest.values()) for place in places}
        return Ranking(window, as_of_ms, ranked)

    def _absorb(self, as_of_ms: int) -> None:
        for top in self._pending.pop(as_of_ms).values():
            if top.places is not None:
                self._latest[top.bucket] = top.places


class TrendStreams(NamedTuple):
    """What comes out: rankings, one per window and look, and the minutes of tags that changed."""

    rankings: Stream[Ranking]
    minutes: Stream[PaneCount]


def trends(flow: Dataflow, source: Source[Chunk], schedule: Schedule, *, only: str | None = None) -> TrendStreams:
    """Wire trends into a dataflow. With `only` the tweets of that place are all there is, under `GLOBAL`."""
    chunks = op.input("log", flow, source)
    works = op.flat_map("by-bucket", chunks, partial(by_bucket, only=only))
    answers = op.stateful_batch("bucket", works, partial(BucketLogic, schedule))
    tops = op.filter_map("tops", answers, _keyed_top)
    rankings = op.stateful_batch("window", tops, WindowLogic)
    minutes = op.flat_map("minutes", answers, _minutes_of)
    return TrendStreams(op.key_rm("rankings", rankings), minutes)


def live(source: Source[Chunk], schedule: Schedule, rankings: Sink[Ranking], minutes: Sink[PaneCount]) -> Dataflow:
    """The dataflow that follows the log."""
    flow = Dataflow("trends")
    streams = trends(flow, source, schedule)
    op.output("publish", streams.rankings, rankings)
    op.output("keep-minutes", streams.minutes, minutes)
    return flow


def _keyed_top(answer: tuple[str, Top | list[PaneCount]]) -> tuple[str, Top] | None:
    _, found = answer
    return (found.window, found) if isinstance(found, Top) else None


def _minutes_of(answer: tuple[str, Top | list[PaneCount]]) -> Iterable[PaneCount]:
    _, found = answer
    return () if isinstance(found, Top) else found
