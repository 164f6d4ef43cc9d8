"""Trends equal the plain model on any history: repeats, late ones, deletes before their tweets."""

import pickle
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.hashtags import folded_tag
from domain.ids import first_id_at
from domain.trends.tag_bucket import TagBucket
from domain.trends.tag_counts import GLOBAL, Absence, PaneCount, TagOccurrences, Trend
from domain.trends.windows import KEPT_MS, WINDOWS
from domain.visibility import Reason
from tests.support.oracle.trends import LiveTweet, trends_of

START_MS = 1_800_000_000_000
TAGS = ("rain", "Rain", "sun", "雨", "İstanbul", "été")
PLACES = ((), ("fr",), ("fr", "fr/paris"))
AWAY = (Reason.SUSPENDED, Reason.PRIVATE)
Made = tuple[int, int, int, tuple[str, ...], tuple[str, ...]]

_made = st.tuples(
    st.integers(0, 4_000_000),
    st.integers(0, 3),
    st.integers(1, 6),
    st.lists(st.sampled_from(TAGS), min_size=1, max_size=3, unique_by=folded_tag).map(tuple),
    st.sampled_from(PLACES),
)


def tweet_of(made: Made) -> LiveTweet:
    after_ms, sequence, author, tags, places = made
    return LiveTweet(id=first_id_at(START_MS + after_ms) + sequence, author=author, tags=tags, places=places)


def add(bucket: TagBucket, tweet: LiveTweet, *, protected: bool = False) -> int:
    times = len(tweet.tags)
    return bucket.add(
        TagOccurrences.of([tweet.id] * times, [tweet.author] * times, [(tag, tweet.places) for tag in tweet.tags]),
        [tweet.id] if protected else [],
    )


def tops(bucket: TagBucket, as_of_ms: int) -> dict[tuple[str, str], list[Trend]]:
    return {
        (name, place): found
        for name, window in WINDOWS.items()
        for place, found in bucket.top(window, as_of_ms).items()
    }


def expected(tweets: list[LiveTweet], as_of_ms: int) -> dict[tuple[str, str], list[Trend]]:
    places = (GLOBAL, "fr", "fr/paris")
    all_ = {(n, place): trends_of(tweets, w, place, as_of_ms) for n, w in WINDOWS.items() for place in places}
    return {key: found for key, found in all_.items() if found}


@settings(max_examples=60, deadline=None)
@given(
    made=st.lists(_made, max_size=40, unique_by=lambda m: (m[0], m[1])),
    seed=st.integers(0, 1 << 30),
    dead=st.floats(0, 0.6),
)
def test_after_any_history_the_top_equals_the_model(made: list[Made], seed: int, dead: float) -> None:
    rng = random.Random(seed)
    tweets = [tweet_of(each) for each in made]
    deleted = {tweet.id for tweet in tweets if rng.random() < dead}
    protected = {tweet.id for tweet in tweets if tweet.author == 1}
    absences = [
        Absence(rng.randint(1, 6), rng.choice(AWAY), first_id_at(START_MS) + n, rng.random() < 0.6) for n in range(8)
    ]
    history: list[LiveTweet | int | Absence] = [*tweets, *rng.choices(tweets, k=len(tweets)), *deleted, *deleted]
    history += rng.choices(absences, k=len(absences)) + absences
    rng.shuffle(history)
    bucket = TagBucket()
    for each in history:
        if isinstance(each, LiveTweet):
            add(bucket, each, protected=each.id in protected)
        elif isinstance(each, Absence):
            bucket.leave_out([each])
        else:
            bucket.delete([each])
        if rng.random() < 0.1:
            bucket.top(WINDOWS["5m"], START_MS + rng.randrange(4_000_000))
        if rng.random() < 0.05:
            bucket = pickle.loads(pickle.dumps(bucket))
    latest = {(each.author, each.reason): each.absent for each in absences}
    away = {author for (author, _), absent in latest.items() if absent}
    away |= {1} if (1, Reason.PRIVATE) not in latest else set()
    live = [tweet for tweet in tweets if tweet.id not in deleted and tweet.author not in away]
    for as_of_ms in (START_MS, START_MS + rng.randrange(4_000_000), START_MS + 4_000_000, START_MS + 90_000_000):
        assert tops(bucket, as_of_ms) == expected(live, as_of_ms)


def test_a_tag_of_three_authors_at_once_trends_and_one_used_evenly_does_not() -> None:
    bucket, tweets = TagBucket(), []
    for n in range(120):
        tweets.append(tweet_of((n * 60_000, 0, n % 5, ("even",), ())))
    for author in range(3):
        tweets.append(tweet_of((119 * 60_000 + 1, author, author, ("sudden",), ())))
    for tweet in tweets:
        add(bucket, tweet)
    as_of_ms = START_MS + 120 * 60_000 - 1
    first, second = bucket.top(WINDOWS["60m"], as_of_ms)[GLOBAL]
    assert (first.tag, first.score, first.previous) == ("sudden", 9.0, 0)
    assert (second.tag, second.score, second.count, second.previous) == ("even", 0.0, 60, 60)


@pytest.mark.parametrize("name", WINDOWS)
def test_a_tweet_leaves_the_window_with_its_pane(name: str) -> None:
    window, bucket = WINDOWS[name], TagBucket()
    add(bucket, tweet_of((window.pane_ms - 1, 0, 1, ("edge",), ())))
    made_ms = START_MS + window.pane_ms - 1
    last_ms = (made_ms // window.pane_ms + window.n) * window.pane_ms - 1
    assert bucket.top(window, last_ms)[GLOBAL][0].count == 1
    assert bucket.top(window, last_ms + 1) == {}


def test_the_most_used_spelling_is_shown() -> None:
    bucket = TagBucket()
    for n, spelling in enumerate(("rain", "RAIN", "RAIN", "Rain", "rain")):
        add(bucket, tweet_of((n, 0, n, (spelling,), ())))
    assert bucket.top(WINDOWS["5m"], START_MS + 10)[GLOBAL][0].tag == "RAIN"


def test_the_minutes_that_changed_are_told_with_what_they_hold_now() -> None:
    bucket = TagBucket()
    one, two = tweet_of((0, 0, 1, ("rain",), ("fr",))), tweet_of((1, 0, 1, ("Rain",), ()))
    add(bucket, one)
    add(bucket, two)
    minute = START_MS // 60_000
    assert bucket.changed_minutes() == [PaneCount("rain", minute, 2, 1)]
    assert bucket.changed_minutes() == []
    add(bucket, two)
    assert bucket.changed_minutes() == []
    bucket.delete([one.id, two.id])
    assert bucket.changed_minutes() == [PaneCount("rain", minute, 0, 0)]


def test_a_suspension_takes_an_author_out_of_every_pane_and_its_end_brings_them_back() -> None:
    bucket = TagBucket()
    tweets = [tweet_of((n, 0, n, ("rain",), ("fr",))) for n in (1, 2)]
    for tweet in tweets:
        add(bucket, tweet)
    minute, later = START_MS // 60_000, first_id_at(START_MS + 10)
    assert bucket.changed_minutes() == [PaneCount("rain", minute, 2, 2)]
    bucket.leave_out([Absence(1, Reason.SUSPENDED, later, True)])
    assert tops(bucket, START_MS + 10) == expected(tweets[1:], START_MS + 10)
    assert bucket.changed_minutes() == [PaneCount("rain", minute, 1, 1)]
    bucket.forget_before(START_MS + KEPT_MS - 900_000)
    bucket.leave_out([Absence(1, Reason.SUSPENDED, later + 1, False), Absence(1, Reason.SUSPENDED, later, True)])
    assert tops(bucket, START_MS + 10) == expected(tweets, START_MS + 10)
    assert bucket.changed_minutes() == [PaneCount("rain", minute, 2, 2)]


def test_the_end_of_a_suspension_does_not_show_an_author_who_is_private() -> None:
    bucket, tweet, later = TagBucket(), tweet_of((0, 0, 1, ("rain",), ())), first_id_at(START_MS + 10)
    add(bucket, tweet)
    bucket.leave_out([Absence(1, Reason.SUSPENDED, later, True), Absence(1, Reason.PRIVATE, later + 1, True)])
    bucket.leave_out([Absence(1, Reason.SUSPENDED, later + 2, False)])
    assert tops(bucket, START_MS + 10) == {}
    bucket.leave_out([Absence(1, Reason.PRIVATE, later + 3, False)])
    assert tops(bucket, START_MS + 10) == expected([tweet], START_MS + 10)


def test_an_author_who_has_been_private_for_longer_than_anything_is_kept_does_not_count() -> None:
    bucket, later = TagBucket(), first_id_at(START_MS)
    add(bucket, tweet_of((1, 0, 1, ("rain",), ())))
    bucket.leave_out([Absence(1, Reason.PRIVATE, later + 1, True)])
    as_of_ms = START_MS + 2 * KEPT_MS
    bucket.forget_before(as_of_ms)
    tweet = tweet_of((2 * KEPT_MS, 0, 1, ("rain",), ()))
    add(bucket, tweet, protected=True)
    bucket = pickle.loads(pickle.dumps(bucket))
    assert tops(bucket, as_of_ms) == {}
    assert bucket.changed_minutes() == [PaneCount("rain", as_of_ms // 60_000, 0, 0)]
    bucket.leave_out([Absence(1, Reason.PRIVATE, tweet.id + 1, False)])
    assert tops(bucket, as_of_ms) == expected([tweet], as_of_ms)
    assert bucket.changed_minutes() == [PaneCount("rain", as_of_ms // 60_000, 1, 1)]


def test_what_no_window_reaches_is_forgotten_and_comes_too_late_afterwards() -> None:
    bucket = TagBucket()
    old, new = tweet_of((0, 0, 1, ("old",), ("fr",))), tweet_of((KEPT_MS, 0, 2, ("new", "NEWER"), ()))
    for tweet in (old, new):
        add(bucket, tweet)
    bucket.forget_before(START_MS + KEPT_MS)
    assert bucket.pairs == 2
    assert add(bucket, old) == 1
    assert bucket.pairs == 2
    assert [trend.tag for trend in bucket.top(WINDOWS["24h"], START_MS + KEPT_MS)[GLOBAL]] == ["new", "NEWER"]


def test_spellings_may_be_forgotten_while_minutes_of_many_places_wait_to_be_told() -> None:
    bucket = TagBucket()
    for n in range(9):
        add(bucket, tweet_of((0, n, 1, (f"{'R' * n}{'r' * (9 - n)}",), ())))
    new = tweet_of((KEPT_MS, 0, 2, ("new",), ("fr", "fr/idf", "fr/paris")))
    add(bucket, new)
    bucket.forget_before(START_MS + KEPT_MS)
    assert bucket.changed_minutes() == [PaneCount("new", (START_MS + KEPT_MS) // 60_000, 1, 1)], "no zero for the old"
    assert bucket.top(WINDOWS["5m"], START_MS + KEPT_MS)["fr/paris"][0].tag == "new"


def test_forgetting_changes_no_answer() -> None:
    rng = random.Random(7)
    bucket, tweets = TagBucket(), []
    for n in range(400):
        made = (n * KEPT_MS // 200, 0, rng.randint(1, 9), (f"tag{rng.randint(n // 40, n // 40 + 3)}",), ("fr",))
        tweets.append(tweet_of(made))
        add(bucket, tweets[-1])
        as_of_ms = START_MS + made[0]
        bucket.forget_before(as_of_ms)
        if n % 80 == 79:
            assert tops(bucket, as_of_ms) == expected(tweets, as_of_ms)
