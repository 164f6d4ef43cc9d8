"""Buckets of tags: a chunk's share of each, and the step that keeps one and evaluates it."""

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

from bytewax.operators import StatefulBatchLogic
from typing_extensions import override

from dataflows.sources.chunks import Chunk
from dataflows.trends.schedule import Schedule
from domain.events import SettingsChanged, TweetDeleted, TweetPosted, UserReinstated, UserSuspended
from domain.ids import first_id_at, time_ms
from domain.trends.tag_bucket import TagBucket
from domain.trends.tag_counts import GLOBAL, TAG_BUCKETS, Absence, PaneCount, TagOccurrences, Trend, bucket_of
from domain.tweets import Visibility
from domain.visibility import Reason
from storage.gazetteer import gazetteer
from telemetry.metrics import FLOW_LATE, FLOW_SNAPSHOT_BYTES, FLOW_SNAPSHOT_SECONDS

_RETRACTING = (TweetDeleted, UserSuspended, UserReinstated, SettingsChanged)
"""Events that take tweets out, or bring them back; asked for first, as most events are others."""
_BUCKET_KEYS = "abcm"
"""The key of each bucket. Bytewax sends state to workers by a hash of its key; these spread evenly over two to four."""


class Deleted(NamedTuple):
    """A tweet is live no longer, from an event on."""

    tweet: int
    event: int


class BucketBatch(NamedTuple):
    """The part of a chunk that belongs to one bucket; `complete_ms` is 0 while the chunk's source is behind."""

    bucket: int
    partition: int
    partitions: int
    complete_ms: int
    occurrences: TagOccurrences
    protected: Sequence[int]
    deleted: list[Deleted]
    absences: list[Absence]


class BucketTop(NamedTuple):
    """The top of one bucket at an evaluation; `places` is None if it is what it was at the last one."""

    window: str
    as_of_ms: int
    bucket: int
    places: Mapping[str, Sequence[Trend]] | None


Answer = BucketTop | list[PaneCount]
"""Tops, one per window, or the minutes that changed."""


def by_bucket(chunk: Chunk, *, only: str | None = None) -> Iterable[tuple[str, BucketBatch]]:
    """The occurrences and deletes of a chunk for each bucket; every bucket learns how far the chunk goes.

    Tweets that are not for everybody do not occur. With `only` the tweets of one place alone do, and as if there were
    no places.
    """
    complete_ms = 0 if chunk.behind else chunk.complete_ms
    posted = [e for e in chunk.events if isinstance(e, TweetPosted) and e.visibility is Visibility.PUBLIC]
    placed = [_places_of(event.location) for event in posted]
    if only is not None:
        posted = [event for event, places in zip(posted, placed, strict=True) if only in (GLOBAL, *places)]
        placed = [()] * len(posted)
    occurrences = TagOccurrences.of(
        [event.event_id for event in posted for _ in event.hashtags],
        [event.author for event in posted for _ in event.hashtags],
        [(tag, places) for event, places in zip(posted, placed, strict=True) for tag in event.hashtags],
    )
    protected = [event.tweet_id for event in posted if event.protected and event.hashtags]
    deleted: list[list[Deleted]] = [[] for _ in range(TAG_BUCKETS)]
    absences: list[Absence] = []
    for event in chunk.events:
        if not isinstance(event, _RETRACTING):
            continue
        match event:
            case TweetDeleted():
                for bucket in {*map(bucket_of, event.hashtags)}:
                    deleted[bucket].append(Deleted(event.tweet_id, event.event_id))
            case UserSuspended():
                absences.append(Absence(event.user, Reason.SUSPENDED, event.event_id, True))
            case UserReinstated():
                absences.append(Absence(event.user, Reason.SUSPENDED, event.event_id, False))
            case SettingsChanged(private=bool(is_private)):
                absences.append(Absence(event.user, Reason.PRIVATE, event.event_id, is_private))
    of_buckets = enumerate(zip(occurrences.by_bucket(), deleted, strict=True))
    place = chunk.partition, chunk.partitions, complete_ms
    return [
        (_BUCKET_KEYS[n], BucketBatch(n, *place, found, protected, gone, absences)) for n, (found, gone) in of_buckets
    ]


def _places_of(location: str | None) -> tuple[str, ...]:
    return gazetteer().places_of(location) if location else ()


@dataclass(slots=True)
class _BucketState:
    """State beside a bucket: progress of each partition, the last evaluation, and what waits for one.

    An evaluation leaves out tweets that were made after it; what retracts tweets waits until it comes before one.
    """

    complete_ms: dict[int, int] = field(default_factory=dict)
    deleted: list[Deleted] = field(default_factory=list)
    absences: list[Absence] = field(default_factory=list)
    evaluated_ms: int = 0
    changed: bool = True
    open_panes: dict[str, int] = field(default_factory=dict)


class BucketLogic(StatefulBatchLogic[BucketBatch, Answer, bytes]):
    """One bucket of tags: adds what comes, and evaluates when it is time."""

    def __init__(self, schedule: Schedule, state: bytes | None) -> None:
        self._schedule = schedule
        self._bucket, self._state = TagBucket(), _BucketState()
        self._kept: bytes | None = None
        if state is not None:
            self._kept, self._state = pickle.loads(state)
            self._bucket = pickle.loads(self._kept)

    @override
    def on_batch(self, values: list[BucketBatch]) -> tuple[Iterable[Answer], bool]:
        state = self._state
        for batch in values:
            state.complete_ms[batch.partition] = batch.complete_ms
            self._add(batch)
        complete = len(state.complete_ms) == values[0].partitions
        until_ms = min(state.complete_ms.values()) if complete else 0
        found: list[Answer] = []
        for as_of_ms in self._schedule.evaluations(state.evaluated_ms, until_ms):
            self._retract(as_of_ms)
            found += self._evaluate(values[0].bucket, as_of_ms)
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

    def _add(self, batch: BucketBatch) -> None:
        state = self._state
        state.deleted += batch.deleted
        state.absences += batch.absences
        if len(batch.occurrences.tweets):
            state.changed, self._kept = True, None
            if late := self._bucket.add(batch.occurrences, batch.protected):
                FLOW_LATE.record(late)

    def _retract(self, until_ms: int) -> None:
        """Retract what was deleted up to a wall time, and who was absent then."""
        state, end = self._state, first_id_at(until_ms + 1)
        deleted = [each.tweet for each in state.deleted if each.event < end]
        absences = [each for each in state.absences if each.event < end]
        if deleted or absences:
            state.changed, self._kept = True, None
            self._bucket.delete(deleted)
            self._bucket.leave_out(absences)
            state.deleted = [each for each in state.deleted if each.event >= end]
            state.absences = [each for each in state.absences if each.event >= end]

    def _evaluate(self, bucket: int, as_of_ms: int) -> list[Answer]:
        state = self._state
        self._bucket.forget_before(as_of_ms)
        tops: list[Answer] = []
        changed = state.changed or time_ms(self._bucket.newest) > state.evaluated_ms  # it did not see all there is
        for window in self._schedule.windows:
            pane = as_of_ms // window.pane_ms
            fresh = changed or state.open_panes.get(window.name) != pane
            places = self._bucket.top(window, as_of_ms) if fresh else None
            state.open_panes[window.name] = pane
            tops.append(BucketTop(window.name, as_of_ms, bucket, places))
        minutes = self._bucket.changed_minutes() if state.changed else []
        state.changed, state.evaluated_ms = False, as_of_ms
        return [*tops, minutes] if minutes else tops
