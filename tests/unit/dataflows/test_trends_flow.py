"""The dataflow on Bytewax itself: exact after aborts in any step, repeats, deletes first, other numbers of workers."""

import random
from bisect import bisect_left
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import bytewax.operators as op
import pytest
from bytewax.dataflow import Dataflow
from bytewax.errors import BytewaxRuntimeError
from bytewax.inputs import FixedPartitionedSource, Source, StatefulSourcePartition
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.testing import TestingSink, TestingSource, cluster_main, run_main
from typing_extensions import override

from dataflows.sources.chunks import Chunk
from dataflows.trends import flow
from dataflows.trends.buckets import BucketBatch, BucketLogic, BucketTop, Deleted, by_bucket
from dataflows.trends.flow import WindowLogic, trends
from dataflows.trends.schedule import Schedule
from domain.events import AnyEvent, SettingsChanged, TweetDeleted, TweetPosted, UserReinstated, UserSuspended
from domain.hashtags import folded_tag
from domain.ids import EventId, UserId, first_id_at, stamp_us, time_ms
from domain.trends.tag_counts import GLOBAL, TAG_BUCKETS, Absence, PaneCount, Ranking, TagOccurrences, Trend
from domain.trends.windows import WINDOWS
from domain.tweets import Visibility
from domain.visibility import Reason
from storage.gazetteer import gazetteer
from tests.support.oracle.trends import LiveTweet, trends_of

START_MS = 1_800_000_000_000 - 1_800_000_000_000 % 60_000
PARTITIONS = 2
NONE = TagOccurrences.of([], [], [])
TAGS = ("rain", "Rain", "sun", "雨", "İstanbul", "café", "CAFÉ")
LOCATIONS = (None, "Paris", "London, UK", "nowhere at all")


class Round(NamedTuple):
    """What arrives until every partition is complete up to a wall time."""

    complete_ms: int
    parts: list[list[AnyEvent]]


class History:
    """Tweets, deletes, suspensions and settings of two partitions, in an order of arrival that a seed decides.

    Some come twice, some of one partition come late, and some rounds bring nothing. User 6 has been private for long.
    """

    def __init__(self, seed: int, minutes: int = 12, tweets: int = 120, late: float = 0.2) -> None:
        rng = random.Random(seed)
        self.end_ms = START_MS + minutes * 60_000 - 1
        posted = [self._posted(rng, rng.randrange(minutes * 60_000)) for _ in range(tweets)]
        deleted = [self._deleted(rng, event) for event in posted if rng.random() < 0.2]
        moderated: list[AnyEvent] = [
            _moderated(kind, START_MS + rng.randrange(minutes * 60_000), user)
            for kind, user in ((UserSuspended, 7), (UserSuspended, 8), (UserReinstated, 8), (UserSuspended, 9))
        ]
        moderated += [
            _set(private, START_MS + rng.randrange(minutes * 60_000), user)
            for private, user in ((True, 4), (None, 4), (True, 5), (False, 5), (True, 8), (rng.random() < 0.5, 8))
        ]
        self.private = {6: True}
        """How authors were set before."""
        ends_ms = sorted({self.end_ms, *(rng.randrange(START_MS, self.end_ms) for _ in range(2 * minutes))})
        self.rounds = [Round(end_ms, [[] for _ in range(PARTITIONS)]) for end_ms in ends_ms]
        for event in (*posted, *deleted, *moderated, *rng.sample(posted, tweets // 5)):
            first = bisect_left(ends_ms, time_ms(event.event_id))
            if first < len(ends_ms):
                behind = rng.randrange(5) if rng.random() < late else 0
                part = rng.randrange(PARTITIONS) if not behind else PARTITIONS - 1
                self.rounds[min(first + behind, len(ends_ms) - 1)].parts[part].append(event)
        for parts in (part for each in self.rounds for part in each.parts):
            rng.shuffle(parts)
        self.chunks = [
            Chunk(partition, PARTITIONS, each.complete_ms, tuple(part))
            for each in self.rounds
            for partition, part in enumerate(each.parts)
        ]

    def live(self, as_of_ms: int) -> list[LiveTweet]:
        """What an evaluation at a wall time must see: what was made until then, as far as it had come."""
        rounds = bisect_left(self.rounds, as_of_ms, key=lambda each: each.complete_ms) + 1
        come = [event for each in self.rounds[:rounds] for part in each.parts for event in part]
        made = {event.event_id: event for event in come if time_ms(event.event_id) <= as_of_ms}
        gone = {event.tweet_id for event in made.values() if isinstance(event, TweetDeleted)}
        suspended, private = dict[int, bool](), dict(self.private)
        for _, event in sorted(made.items()):
            if isinstance(event, UserSuspended | UserReinstated):
                suspended[event.user] = isinstance(event, UserSuspended)
            elif isinstance(event, SettingsChanged) and event.private is not None:
                private[event.user] = event.private
        away = {user for absent in (suspended, private) for user, is_absent in absent.items() if is_absent}
        posted = [event for event in made.values() if isinstance(event, TweetPosted)]
        everybodys = [event for event in posted if event.visibility is Visibility.PUBLIC and event.author not in away]
        return [_live(event) for event in everybodys if event.tweet_id not in gone]

    def places(self, window: str, as_of_ms: int) -> dict[str, list[Trend]]:
        """The ranking that the model has."""
        live = self.live(as_of_ms)
        places = {GLOBAL, *(place for tweet in live for place in tweet.places)}
        expected = {place: trends_of(live, WINDOWS[window], place, as_of_ms) for place in places}
        return {place: found for place, found in expected.items() if found}

    def _posted(self, rng: random.Random, after_ms: int) -> TweetPosted:
        id_ = EventId(first_id_at(START_MS + after_ms) + rng.randrange(4_096))
        tags = {folded_tag(tag): tag for tag in rng.sample(TAGS, rng.randint(0, 3))}
        author = UserId(rng.randint(1, 9))
        return TweetPosted(
            event_id=id_,
            stamp_us=stamp_us(id_),
            author=author,
            visibility=rng.choice((Visibility.PUBLIC, *Visibility)),
            protected=author == 6,
            text="text",
            hashtags=tuple(tags.values()),
            location=rng.choice(LOCATIONS),
        )

    def _deleted(self, rng: random.Random, of: TweetPosted) -> TweetDeleted:
        id_ = EventId(of.event_id + (rng.randrange(120_000) << 22))
        return TweetDeleted(
            event_id=id_, stamp_us=of.stamp_us + 1, author=of.author, tweet_id=of.tweet_id, hashtags=of.hashtags
        )


def _moderated(kind: type[UserSuspended | UserReinstated], at_ms: int, user: int) -> UserSuspended | UserReinstated:
    id_ = EventId(first_id_at(at_ms))
    return kind(event_id=id_, stamp_us=stamp_us(id_), user=UserId(user))


def _set(private: bool | None, at_ms: int, user: int) -> SettingsChanged:
    id_ = EventId(first_id_at(at_ms))
    return SettingsChanged(event_id=id_, stamp_us=stamp_us(id_), user=UserId(user), private=private)


def _live(event: TweetPosted) -> LiveTweet:
    places = gazetteer().places_of(event.location)
    return LiveTweet(id=event.tweet_id, author=event.author, tags=event.hashtags, places=places)


class Run:
    """The flow over some chunks, and what came out."""

    def __init__(self, chunks: list[Any] | Source[Chunk], schedule: Schedule, only: str | None = None) -> None:
        self.rankings: list[Ranking] = []
        self.minutes: list[PaneCount] = []
        self.flow = Dataflow("trends")
        source = TestingSource(chunks, batch_size=1) if isinstance(chunks, list) else chunks
        streams = trends(self.flow, source, schedule, only=only)
        op.output("out-rankings", streams.rankings, TestingSink(self.rankings))
        op.output("out-minutes", streams.minutes, TestingSink(self.minutes))

    def last(self) -> dict[str, Ranking]:
        return {ranking.window: ranking for ranking in self.rankings}


def live_schedule() -> Schedule:
    return Schedule(windows=tuple(WINDOWS.values()), every_ms=1_000)


def assert_equals_the_model(run: Run, history: History, *, evaluations: int = 10) -> None:
    """Every ranking that was published, and the minutes at the end."""
    assert {(window, last.as_of_ms) for window, last in run.last().items()} == {(w, history.end_ms) for w in WINDOWS}
    assert len({ranking.as_of_ms for ranking in run.rankings}) >= evaluations
    for window, as_of_ms, places in run.rankings:
        assert places == history.places(window, as_of_ms), (window, as_of_ms)
    assert minutes_in(run) == minutes_of(history.live(history.end_ms))


def minutes_in(run: Run) -> dict[tuple[str, int], tuple[int, int]]:
    held: dict[tuple[str, int], tuple[int, int]] = {}
    for count in run.minutes:
        held[count.normalized_tag, count.pane] = (count.count, count.unique_authors)
    return {key: sizes for key, sizes in held.items() if sizes[0]}


def minutes_of(live: list[LiveTweet]) -> dict[tuple[str, int], tuple[int, int]]:
    authors: dict[tuple[str, int], list[int]] = {}
    for tweet in live:
        for tag in tweet.tags:
            minute = ((tweet.id >> 22) + 1_735_689_600_000) // 60_000
            authors.setdefault((folded_tag(tag), minute), []).append(tweet.author)
    return {key: (len(found), len(set(found))) for key, found in authors.items()}


@pytest.mark.parametrize("workers", [1, 2])
def test_the_flow_equals_the_model(workers: int) -> None:
    history = History(seed=workers)
    run = Run(list(history.chunks), live_schedule())
    if workers == 1:
        run_main(run.flow)
    else:
        cluster_main(run.flow, [], 0, worker_count_per_proc=workers)
    assert_equals_the_model(run, history)


@pytest.mark.parametrize("workers", [2, 3, 4])
def test_buckets_spread_evenly_over_workers(workers: int) -> None:
    flow, seen = Dataflow("spread"), Seen()
    batches = op.flat_map("by-bucket", op.input("log", flow, TestingSource([Chunk(0, 1, START_MS, ())])), by_bucket)
    held = op.stateful_batch("bucket", batches, partial(BucketLogic, live_schedule()))
    op.output("out", held, seen)
    cluster_main(flow, [], 0, worker_count_per_proc=workers)
    buckets = [len(keys) for keys in seen.keys_of.values()]
    assert (len(buckets), sum(buckets)) == (workers, TAG_BUCKETS), seen.keys_of
    assert max(buckets) - min(buckets) <= 1, seen.keys_of


def test_a_delete_that_is_newer_than_an_evaluation_counts_at_the_next() -> None:
    tweet, logic = first_id_at(START_MS), BucketLogic(live_schedule(), None)
    gone = Deleted(tweet, first_id_at(START_MS + 1_500))
    away = Absence(2, Reason.SUSPENDED, first_id_at(START_MS + 2_500), True)
    occurrences = TagOccurrences.of([tweet, tweet + 1], [1, 2], [("rain", ())] * 2)
    for at, batch, expected in (
        (1_000, BucketBatch(3, 0, 1, START_MS + 1_000, occurrences, [], [gone], [away]), 2),
        (2_000, BucketBatch(3, 0, 1, START_MS + 2_000, NONE, [], [], []), 1),
        (3_000, BucketBatch(3, 0, 1, START_MS + 3_000, NONE, [], [], []), 0),
    ):
        logic = BucketLogic(live_schedule(), logic.snapshot())
        answers, _ = logic.on_batch([batch])
        tops = [top.places or {} for top in answers if isinstance(top, BucketTop)]
        assert [sum(trend.count for trend in places.get(GLOBAL, ())) for places in tops] == [expected] * 3, at


def test_a_tweet_that_is_newer_than_an_evaluation_shows_at_the_next() -> None:
    tweet = first_id_at(START_MS + 1_500)
    logic = BucketLogic(live_schedule(), None)
    occurrence = TagOccurrences.of([tweet], [1], [("rain", ())])
    first, _ = logic.on_batch([BucketBatch(3, 0, 1, START_MS + 1_000, occurrence, [], [], [])])
    again, _ = logic.on_batch([BucketBatch(3, 0, 1, START_MS + 2_000, NONE, [], [], [])])
    last, _ = logic.on_batch([BucketBatch(3, 0, 1, START_MS + 3_000, NONE, [], [], [])])
    for answers, expected in ((first, []), (again, [tweet])):
        for top in answers:
            if isinstance(top, BucketTop):
                assert top.places is not None
                assert [trend.since for trend in top.places.get(GLOBAL, ())] == expected
    assert [top.places for top in last if isinstance(top, BucketTop) and top.window == "24h"] == [None]


class Seen(DynamicSink[tuple[str, Any]]):
    """Remembers on which worker each key is."""

    def __init__(self) -> None:
        self.keys_of: dict[int, set[str]] = {}

    @override
    def build(self, step_id: str, worker_index: int, worker_count: int) -> "SeenBy":
        return SeenBy(self.keys_of.setdefault(worker_index, set()))


class SeenBy(StatelessSinkPartition[tuple[str, Any]]):
    def __init__(self, keys: set[str]) -> None:
        self._keys = keys

    @override
    def write_batch(self, items: list[tuple[str, Any]]) -> None:
        self._keys.update(key for key, _ in items)


class Repeatable(FixedPartitionedSource[Chunk, int]):
    """Hands out chunks one by one, and goes on behind the last that a snapshot tells of."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self.chunks = chunks

    @override
    def list_parts(self) -> list[str]:
        return ["all"]

    @override
    def build_part(self, step_id: str, for_part: str, resume_state: int | None) -> "_Repeatable":
        return _Repeatable(self.chunks, resume_state or 0)


class _Repeatable(StatefulSourcePartition[Chunk, int]):
    def __init__(self, chunks: list[Chunk], at: int) -> None:
        self._chunks = chunks
        self._at = at

    @override
    def next_batch(self) -> list[Chunk]:
        if self._at == len(self._chunks):
            raise StopIteration
        self._at += 1
        return [self._chunks[self._at - 1]]

    @override
    def snapshot(self) -> int:
        return self._at


STEPS = (
    (_Repeatable, "next_batch"),
    (flow, "by_bucket"),
    (BucketLogic, "on_batch"),
    (BucketLogic, "snapshot"),
    (flow, "_keyed_top"),
    (WindowLogic, "on_batch"),
    (WindowLogic, "snapshot"),
    (flow, "_minutes_of"),
)


@pytest.mark.parametrize(("owner", "step"), STEPS, ids=lambda value: getattr(value, "__name__", value))
def test_after_a_crash_in_any_step_the_flow_equals_the_model(
    owner: Any, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(seed=5, minutes=6, tweets=60)
    works, calls, deaths = getattr(owner, step), 0, {3, 20, 21, 60}

    def dying(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls in deaths:
            raise RuntimeError("died here")
        return works(*args, **options)

    monkeypatch.setattr(owner, step, dying)
    init_db_dir(tmp_path, 2)
    run, died = Run(Repeatable(history.chunks), live_schedule()), 0
    while died <= len(deaths):
        try:
            run_main(run.flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(tmp_path))
            break
        except BytewaxRuntimeError:
            died += 1
    assert 0 < died <= len(deaths), f"it died {died} times in {calls} calls"
    assert_equals_the_model(run, history)


def test_after_an_abort_anywhere_the_flow_equals_the_model(tmp_path: Path) -> None:
    history = History(seed=3)
    chunks: list[Any] = []
    for n, chunk in enumerate(history.chunks):
        chunks += [chunk, TestingSource.ABORT()] if n % 8 == 7 else [chunk]
    init_db_dir(tmp_path, 2)
    run = Run(chunks, live_schedule())
    for _ in range(len(chunks) - len(history.chunks) + 1):
        run_main(run.flow, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(tmp_path))
    assert_equals_the_model(run, history)


def test_history_shows_at_every_evaluation_what_the_living_showed() -> None:
    history = History(seed=4, late=0)
    windows, end_ms = tuple(WINDOWS.values()), history.end_ms
    schedule = Schedule(windows=windows, every_ms=60_000, exact=True, from_ms=START_MS, to_ms=end_ms)
    run = Run(list(history.chunks), schedule)
    run_main(run.flow)
    assert_equals_the_model(run, history, evaluations=12)


@pytest.mark.parametrize("place", [GLOBAL, "fr", "gb/england/london"])
def test_history_of_one_place_is_that_places_part_of_all(place: str) -> None:
    history = History(seed=5, late=0)
    schedule = Schedule(windows=(WINDOWS["60m"],), every_ms=60_000, exact=True, from_ms=START_MS, to_ms=history.end_ms)
    run = Run(list(history.chunks), schedule, only=place)
    run_main(run.flow)
    assert len(run.rankings) > 10
    for ranking in run.rankings:
        expected = history.places("60m", ranking.as_of_ms).get(place, [])
        assert list(ranking.places.get(GLOBAL, ())) == expected
        assert ranking.places.keys() <= {GLOBAL}
