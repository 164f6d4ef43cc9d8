"""Queries of trends, and of the minutes of a hashtag; the answers are finished JSON."""

import asyncio
from collections.abc import Iterable
from typing import Any

import orjson

from domain.errors import Invalid, NotFound
from domain.hashtags import tag_of
from domain.ids import UserId
from domain.timestamps import rfc3339, rfc3339_of_ms
from domain.trends.tag_counts import GLOBAL, Trend
from domain.trends.windows import MINUTE, WINDOWS
from domain.visibility import SAMPLE
from serve.http.errors import TrendsNotReady
from serve.reading.readers import Readers
from storage import values
from storage.gazetteer import gazetteer
from storage.ports.trends import PaneStore, TrendStore


class TrendQueries:
    """The queries. A `window` is the name of one; `TrendsNotReady` is raised as long as nothing is known of it."""

    def __init__(self, trends: TrendStore, panes: PaneStore, readers: Readers) -> None:
        self._trends = trends
        self._panes = panes
        self._readers = readers
        self._looking_up = asyncio.Lock()

    async def top(self, viewer: UserId | None, window: str, location: str | None, limit: int) -> bytes:
        """The best trends everywhere, or of a place that is given by its key or in words.

        Counts are the same for all readers; of the samples each gets those that they see.
        """
        key = None if location is None else await self._key(location)
        as_of_ms, top = await self._published(window, GLOBAL if key is None else key)
        found = [] if top is None else values.trends_from(top)[:limit]
        reader = await self._readers.tweets(viewer)
        await reader.read(tweet for trend in found for tweet in trend.tweets)
        shown = [_trend(trend, filter(reader.seen_on(SAMPLE), trend.tweets)) for trend in found]
        as_of = rfc3339_of_ms(as_of_ms)
        return orjson.dumps({"as_of": as_of, "window": window, "location": key, "trends": shown})

    async def history(self, tag: str, window: str) -> bytes:
        """The counts of a hashtag in each minute of a window, those without a tweet included."""
        normalized_tag = tag_of(tag)
        if normalized_tag is None:
            why = "is no hashtag that a tweet can carry"
            raise Invalid(f"This {why}.", "invalid_tag", (("tag", why),))
        as_of_ms, _ = await self._published(window, GLOBAL)
        last = as_of_ms // MINUTE.pane_ms
        minutes = range(last + 1 - WINDOWS[window].span_ms // MINUTE.pane_ms, last + 1)
        held = {pane.pane: pane for pane in await self._panes.panes(normalized_tag, minutes[0], minutes[-1])}
        panes = [
            {
                "start": rfc3339_of_ms(minute * MINUTE.pane_ms),
                "count": held[minute].count if minute in held else 0,
                "unique_authors": held[minute].unique_authors if minute in held else 0,
            }
            for minute in minutes
        ]
        return orjson.dumps({"tag": normalized_tag, "window": window, "as_of": rfc3339_of_ms(as_of_ms), "panes": panes})

    async def _published(self, window: str, key: str) -> tuple[int, bytes | None]:
        found = await self._trends.top(window, key)
        if found is None:
            raise TrendsNotReady(window)
        return found

    async def _key(self, location: str) -> str:
        """The key of a place. The first look-up reads the names of all places, which takes seconds: aside, and once."""
        async with self._looking_up:
            found = await asyncio.to_thread(lambda: gazetteer().place(location))
        if found is None:
            raise NotFound("No place of this name is known.", "unknown_place")
        return found.key


def _trend(trend: Trend, samples: Iterable[int]) -> dict[str, Any]:
    return {
        "tag": trend.tag,
        "count": trend.count,
        "unique_authors": trend.unique_authors,
        "velocity": trend.count / trend.previous if trend.previous else None,
        "is_new": not trend.previous,
        "score": trend.score,
        "since": rfc3339(trend.since),
        "tweets": [str(tweet) for tweet in samples],
    }
