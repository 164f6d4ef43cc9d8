"""Trends and histories as people read them, from stores that were given what they hold."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
import pytest

from domain.errors import Invalid, NotFound
from domain.events import TweetPosted
from domain.ids import EventId, TweetId, UserId, first_id_at, stamp_us
from domain.muted_words import WordSurface
from domain.relations import BLOCK, FOLLOW, MUTE
from domain.trends.tag_counts import GLOBAL, PaneCount, Trend
from serve.http.errors import TrendsNotReady
from serve.muted_words.commands import MutedWordCommands
from serve.trends.queries import TrendQueries
from storage import values
from tests.unit.serve.replica import ALICE, BOB, Replica

NOON_MS = 1_800_000_000_000 // 86_400_000 * 86_400_000 + 12 * 3_600_000
NOON = NOON_MS // 60_000
AS_OF_MS = NOON_MS + 30_250


class Published:
    """Tops as they were published last."""

    def __init__(self) -> None:
        self.windows: dict[str, tuple[int, dict[str, bytes]]] = {}

    async def publish(
        self, window: str, as_of_ms: int, tops: Mapping[str, bytes], gone: Collection[str] | None = None
    ) -> bool:
        self.windows[window] = as_of_ms, dict(tops)
        return True

    async def top(self, window: str, place: str) -> tuple[int, bytes | None] | None:
        if window not in self.windows:
            return None
        as_of_ms, tops = self.windows[window]
        return as_of_ms, tops.get(place)


class Panes:
    """Panes as they were put last."""

    def __init__(self) -> None:
        self.held: list[PaneCount] = []

    async def put(self, counts: Sequence[PaneCount], stamp_us: int) -> None:
        self.held = list(counts)

    async def panes(self, normalized_tag: str, first: int, last: int) -> list[PaneCount]:
        return [count for count in self.held if count.normalized_tag == normalized_tag and first <= count.pane <= last]


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def panes() -> Panes:
    return Panes()


SAMPLES = (first_id_at(NOON_MS + 1) + 5, first_id_at(NOON_MS))


@pytest.fixture
async def replica() -> Replica:
    """A replica, and Alice's samples."""
    replica = Replica()
    for id_ in SAMPLES:
        posted = TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=ALICE, text="It rains.")
        await replica.events.commit(posted)
    return replica


@pytest.fixture
def queries(published: Published, panes: Panes, replica: Replica) -> TrendQueries:
    return TrendQueries(published, panes, replica.readers)


def trend(tag: str, *, count: int = 3, previous: int = 2) -> Trend:
    return Trend(
        tag=tag,
        normalized_tag=tag.casefold(),
        count=count,
        unique_authors=2,
        previous=previous,
        score=0.25,
        since=SAMPLES[-1],
        tweets=SAMPLES,
    )


async def read(
    queries: TrendQueries, *, viewer: UserId | None = None, location: str | None = None, limit: int = 10
) -> Any:
    return orjson.loads(await queries.top(viewer, "60m", location, limit))


async def test_a_trend_is_told_with_its_velocity_and_its_tweets(published: Published, queries: TrendQueries) -> None:
    await published.publish("60m", AS_OF_MS, {GLOBAL: values.trends([trend("Rain")])})
    assert await read(queries) == {
        "as_of": "2027-01-15T12:00:30.250Z",
        "window": "60m",
        "location": None,
        "trends": [
            {
                "tag": "Rain",
                "count": 3,
                "unique_authors": 2,
                "velocity": 1.5,
                "is_new": False,
                "score": 0.25,
                "since": "2027-01-15T12:00:00.000Z",
                "tweets": [str(first_id_at(NOON_MS + 1) + 5), str(first_id_at(NOON_MS))],
            }
        ],
    }


async def test_a_trend_has_the_samples_that_its_reader_sees(
    published: Published, queries: TrendQueries, replica: Replica
) -> None:
    await published.publish("60m", AS_OF_MS, {GLOBAL: values.trends([trend("Rain")])})

    async def seen_by(viewer: UserId | None) -> tuple[int, int]:
        (only,) = (await read(queries, viewer=viewer))["trends"]
        return only["count"], len(only["tweets"])

    turn_on, turn_off = replica.relations.turn_on, replica.relations.turn_off
    for relation, user, target in ((BLOCK, ALICE, BOB), (BLOCK, BOB, ALICE), (MUTE, BOB, ALICE)):
        await turn_on(relation, user, target)
        assert (await seen_by(BOB), await seen_by(None)) == ((3, 0), (3, 2))
        await turn_off(relation, user, target)
    await replica.use_cases.get(MutedWordCommands).mute(BOB, "rains", surfaces=[WordSurface.PUBLIC])
    assert (await seen_by(BOB), await seen_by(None)) == ((3, 0), (3, 2))
    await turn_on(FOLLOW, BOB, ALICE)
    await replica.people.change_settings(ALICE, True, {})
    assert (await seen_by(BOB), await seen_by(None)) == ((3, 0), (3, 0)), "not for followers either"
    await replica.people.change_settings(ALICE, False, {})
    await replica.commands.delete(ALICE, TweetId(SAMPLES[0]))
    assert await seen_by(None) == (3, 1)


async def test_a_tag_that_was_not_there_before_is_new_and_has_no_velocity(
    published: Published, queries: TrendQueries
) -> None:
    await published.publish("60m", AS_OF_MS, {GLOBAL: values.trends([trend("Rain", previous=0)])})
    (only,) = (await read(queries))["trends"]
    assert (only["velocity"], only["is_new"]) == (None, True)


async def test_no_more_are_told_than_are_wanted_and_the_best_are(published: Published, queries: TrendQueries) -> None:
    await published.publish("60m", AS_OF_MS, {GLOBAL: values.trends([trend(tag) for tag in "abc"])})
    assert [each["tag"] for each in (await read(queries, limit=2))["trends"]] == ["a", "b"]


@pytest.mark.parametrize("location", ["fr/ile-de-france/paris", "Paris", "paris, France"])
async def test_a_place_is_named_by_its_key_or_in_words(
    published: Published, queries: TrendQueries, location: str
) -> None:
    tops = {GLOBAL: values.trends([trend("rain")]), "fr/ile-de-france/paris": values.trends([trend("pluie")])}
    await published.publish("60m", AS_OF_MS, tops)
    answer = await read(queries, location=location)
    assert (answer["location"], [each["tag"] for each in answer["trends"]]) == ("fr/ile-de-france/paris", ["pluie"])


async def test_a_known_place_where_nothing_is_used_has_no_trends(published: Published, queries: TrendQueries) -> None:
    await published.publish("60m", AS_OF_MS, {GLOBAL: values.trends([trend("rain")])})
    answer = await read(queries, location="Paris")
    assert (answer["as_of"], answer["trends"]) == ("2027-01-15T12:00:30.250Z", [])


@pytest.mark.parametrize("location", ["", "nowhere at all", "x" * 5_000, "\x00"])
async def test_a_place_that_nobody_knows_is_not_everywhere(
    published: Published, queries: TrendQueries, location: str
) -> None:
    await published.publish("60m", AS_OF_MS, {GLOBAL: values.trends([trend("rain")])})
    with pytest.raises(NotFound) as refused:
        await read(queries, location=location)
    assert refused.value.code == "unknown_place"


async def test_before_anything_is_published_there_is_no_answer(published: Published, queries: TrendQueries) -> None:
    await published.publish("5m", AS_OF_MS, {})
    with pytest.raises(TrendsNotReady):
        await queries.top(None, "60m", None, 10)
    with pytest.raises(TrendsNotReady):
        await queries.history("rain", "60m")


@pytest.mark.parametrize(("window", "minutes"), [("5m", 5), ("60m", 60), ("24h", 1_440)])
async def test_a_history_has_every_minute_of_the_window_the_open_one_last(
    published: Published, panes: Panes, queries: TrendQueries, window: str, minutes: int
) -> None:
    await published.publish(window, AS_OF_MS, {})
    outside = [PaneCount("strasse", NOON - minutes, 9, 9), PaneCount("strasse", NOON + 1, 9, 9)]
    within = [PaneCount("strasse", NOON - minutes + 1, 4, 3), PaneCount("strasse", NOON, 2, 1)]
    await panes.put([*outside, *within, PaneCount("other", NOON, 7, 7)], 1)
    answer = orjson.loads(await queries.history("\uff03Stra\u00dfe", window))
    assert {name: answer[name] for name in ("tag", "window", "as_of")} == {
        "tag": "strasse",
        "window": window,
        "as_of": "2027-01-15T12:00:30.250Z",
    }
    told = answer["panes"]
    assert len(told) == len({pane["start"] for pane in told}) == minutes
    assert told == sorted(told, key=lambda pane: str(pane["start"]))
    assert told[-1] == {"start": "2027-01-15T12:00:00.000Z", "count": 2, "unique_authors": 1}
    assert (told[0]["count"], told[0]["unique_authors"]) == (4, 3)
    assert {pane["count"] for pane in told[1:-1]} == {0}


@pytest.mark.parametrize("tag", ["123", "two words", "##rain", "a" * 200, "\x00"])
async def test_a_tag_that_none_can_be_is_refused_first(queries: TrendQueries, tag: str) -> None:
    with pytest.raises(Invalid) as refused:
        await queries.history(tag, "60m")
    assert refused.value.code == "invalid_tag"
    assert {name for name, _ in refused.value.fields} == {"tag"}
