"""Tweets per language and minute."""

import bytewax.operators as op
import py3langid
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from dataflows.operators.in_order import in_order
from dataflows.sinks.rows import Row, RowSink, output
from dataflows.sources.chunks import Chunk
from domain.events import AnyEvent, TweetPosted
from domain.ids import time_ms

KEPT_MINUTES = 180


def build(log: Source[Chunk], out: RowSink) -> Dataflow:
    """The dataflow."""
    flow = Dataflow("languages")
    tweets = op.filter_map("tweets", in_order("log", flow, log), language_and_minute)
    output("out", op.stateful_flat_map("count", tweets, count), out)
    return flow


def language_and_minute(event: AnyEvent) -> tuple[str, tuple[str, int]] | None:
    """Keyed by language, as that is what is counted."""
    if not isinstance(event, TweetPosted):
        return None
    language = str(py3langid.classify(event.text)[0])
    return language, (language, time_ms(event.tweet_id) // 60_000)


def count(counts: dict[int, int] | None, tweet: tuple[str, int]) -> tuple[dict[int, int], list[Row]]:
    """The state is a count for each minute of the last three hours; a tweet that is later than that is left out."""
    language, minute = tweet
    newest = max([minute, *(counts or ())])
    kept = {at: n for at, n in (counts or {}).items() if at > newest - KEPT_MINUTES}
    if minute <= newest - KEPT_MINUTES:
        return kept, []
    kept[minute] = kept.get(minute, 0) + 1
    return kept, [Row(f"{minute} {language}", {"minute": minute, "language": language, "tweets": kept[minute]})]
