"""Accounts that tweet like bots: very often, or the same again and again.

Every author who ever tweeted keeps a state: at most a hundred tweets, those of the ten minutes before the last one.
"""

from collections import Counter

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from dataflows.operators.in_order import in_order
from dataflows.sinks.rows import Row, RowSink, output
from dataflows.sources.chunks import Chunk
from domain.events import AnyEvent, TweetPosted
from domain.ids import time_ms

WINDOW_MS, OFTEN, AGAIN = 600_000, 20, 4
Tweets = list[tuple[int, str]]


def build(log: Source[Chunk], out: RowSink) -> Dataflow:
    """The dataflow."""
    flow = Dataflow("bots")
    tweets = op.filter_map("tweets", in_order("log", flow, log), by_author)
    output("out", op.stateful_flat_map("judge", tweets, judge), out)
    return flow


def by_author(event: AnyEvent) -> tuple[str, TweetPosted] | None:
    """Keyed by author."""
    return (str(event.author), event) if isinstance(event, TweetPosted) else None


def judge(recent: Tweets | None, tweet: TweetPosted) -> tuple[Tweets, list[Row]]:
    """The state is what the author wrote in the last ten minutes, at most the last hundred."""
    now_ms = time_ms(tweet.tweet_id)
    kept = [*(each for each in recent or () if each[0] > now_ms - WINDOW_MS), (now_ms, tweet.text.casefold())][-100:]
    same = max(Counter(text for _, text in kept).values())
    if len(kept) < OFTEN and same < AGAIN:
        return kept, []
    return kept, [Row(str(tweet.author), {"author": tweet.author, "at_ms": now_ms, "tweets": len(kept), "same": same})]
