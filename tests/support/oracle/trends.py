"""Trends as the specification words them, on a plain list of live tweets: slow, and easy to believe."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from domain.hashtags import folded_tag
from domain.ids import time_ms
from domain.trends.tag_counts import GLOBAL, SAMPLES_MAX, TOP_MAX, Trend
from domain.trends.windows import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveTweet:
    """A tweet that is not deleted; its tags as they are written, and the places it belongs to."""

    id: int
    author: int
    tags: tuple[str, ...]
    places: tuple[str, ...] = ()


def trends_of(tweets: Sequence[LiveTweet], window: Window, place: str, as_of_ms: int) -> list[Trend]:
    """The top of a place in the window that is open at a wall time."""
    panes: dict[str, list[list[LiveTweet]]] = {}
    for tweet in tweets:
        back = as_of_ms // window.pane_ms - time_ms(tweet.id) // window.pane_ms
        if 0 <= back < 2 * window.n and time_ms(tweet.id) <= as_of_ms and place in (GLOBAL, *tweet.places):
            for tag in {folded_tag(tag) for tag in tweet.tags}:
                panes.setdefault(tag, [[] for _ in range(2 * window.n)])[back].append(tweet)
    found = [_trend(tag, of_tag, window) for tag, of_tag in panes.items() if any(of_tag[: window.n])]
    return sorted(found, key=lambda trend: (-trend.score, -trend.count, trend.normalized_tag))[:TOP_MAX]


def _trend(tag: str, panes: list[list[LiveTweet]], window: Window) -> Trend:
    live = sorted((tweet for pane in panes[: window.n] for tweet in pane), key=lambda tweet: tweet.id)
    authors = [len({tweet.author for tweet in pane}) for pane in panes]
    now = before = 0.0
    for i in range(window.n):
        now += 0.95**i * authors[i]
        before += 0.95**i * authors[window.n + i]
    unique = len({tweet.author for tweet in live})
    spellings = Counter(next(each for each in tweet.tags if folded_tag(each) == tag) for tweet in live)
    most = max(spellings.values())
    return Trend(
        tag=min(spelling for spelling, uses in spellings.items() if uses == most),
        normalized_tag=tag,
        count=len(live),
        unique_authors=unique,
        previous=sum(map(len, panes[window.n :])),
        score=(now - before) * (now - before) / (before + 1) if now > before and unique >= 3 else 0.0,
        since=live[0].id,
        tweets=tuple(tweet.id for tweet in reversed(live[-SAMPLES_MAX:])),
    )
