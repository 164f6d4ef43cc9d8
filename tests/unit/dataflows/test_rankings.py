"""Rankings are published as what changed, and all at once where Redis has lost what does not change."""

from collections.abc import Collection, Mapping

from dataflows.sinks.trends import RankingPublisher
from domain.clock import ManualClock
from domain.errors import StoreUnavailable
from domain.trends.tag_counts import GLOBAL, Ranking, Trend
from storage import values

RAIN, SUN = (
    Trend(tag=tag, normalized_tag=tag, count=1, unique_authors=1, previous=0, score=0.0, since=1, tweets=(1,))
    for tag in ("rain", "sun")
)


class Window:
    """One window as a store of trends keeps it."""

    def __init__(self) -> None:
        self.held: tuple[int, dict[str, bytes]] | None = None
        self.written: list[set[str]] = []
        self.down = False

    def publish(self, window: str, as_of_ms: int, tops: Mapping[str, bytes], gone: Collection[str] | None) -> bool:
        if self.down:
            raise StoreUnavailable("redis")
        if gone is not None and self.held is None:
            return False
        kept = {} if gone is None or self.held is None else self.held[1]
        self.held = as_of_ms, {place: top for place, top in kept.items() if place not in (gone or ())} | dict(tops)
        self.written.append(set(tops))
        return True

    def shows(self, ranking: Ranking) -> bool:
        return self.held == (
            ranking.as_of_ms,
            {place: values.trends(top) for place, top in ranking.places.items()},
        )


def test_what_changed_is_published_and_everything_after_a_loss() -> None:
    window = Window()
    sink = RankingPublisher(window.publish, ManualClock())
    rankings = [
        Ranking("5m", 1, {GLOBAL: [RAIN], "fr": [RAIN], "de": [SUN]}),
        Ranking("5m", 2, {GLOBAL: [RAIN], "fr": [SUN]}),
        Ranking("5m", 3, {GLOBAL: [RAIN], "fr": [RAIN]}),
        Ranking("5m", 4, {GLOBAL: [RAIN], "fr": [SUN]}),
    ]
    for ranking in rankings:
        if ranking.as_of_ms == 3:
            window.held = None
        sink.write([ranking])
        assert window.shows(ranking)
    assert window.written == [{GLOBAL, "fr", "de"}, {"fr"}, {GLOBAL, "fr"}, {"fr"}]


def test_after_a_failure_and_now_and_then_everything_is_published() -> None:
    window, clock = Window(), ManualClock()
    sink = RankingPublisher(window.publish, clock)
    for at, down in ((1, False), (2, True), (3, False), (4, False)):
        window.down = down
        sink.write([Ranking("5m", at, {GLOBAL: [RAIN]})])
    clock.advance(5_000)
    sink.write([Ranking("5m", 5, {GLOBAL: [RAIN]})])
    assert window.written == [{GLOBAL}, {GLOBAL}, set(), {GLOBAL}]
