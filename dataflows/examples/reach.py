"""An author's reach per hour: how many people followed the author, or somebody who retweeted them, when they did.

It knows the follows that are still events when it begins, those of the last seven days, and all that come later. A user
who was ever followed or tweeted keeps a state: the followers, and whom the last two hours reached. A block ends follows
and is private: the dataflow asks for such events, and no row tells of one.
"""

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.inputs import Source

from dataflows.operators.in_order import in_order
from dataflows.sinks.rows import Row, RowSink, output
from dataflows.sources.chunks import Chunk
from domain.events import AnyEvent, Blocked, Followed, Retweeted, TweetPosted, Unfollowed
from domain.ids import time_ms
from domain.public_events import is_public

Shown = tuple[int, int, frozenset[int]]


def build(log: Source[Chunk], out: RowSink) -> Dataflow:
    """The dataflow."""
    flow = Dataflow("reach")
    facts = op.flat_map("whose", in_order("log", flow, log, private=True), whose_followers)
    shown = op.key_rm("authors", op.stateful_flat_map("followers", facts, shown_to))
    output("out", op.stateful_map("reach", op.key_on("author", shown, lambda s: str(s[0])), reach), out)
    return flow


def whose_followers(event: AnyEvent) -> list[tuple[str, AnyEvent]]:
    """Keyed by each user whose followers change, or see what everybody may."""
    match event:
        case Blocked(user=one, blocked=other):
            return [(str(one), event), (str(other), event)]
        case Followed(followee=user) | Unfollowed(followee=user) | TweetPosted(author=user) | Retweeted(user=user):
            return [(str(user), event)] if is_public(event) else []
    return []


def shown_to(followers: set[int] | None, event: AnyEvent) -> tuple[set[int], list[Shown]]:
    """The state is a user's followers; what they are shown goes on to its author, with the hour."""
    now = set(followers or ())
    match event:
        case Followed(user=user):
            now.add(user)
        case Unfollowed(user=user):
            now.discard(user)
        case Blocked(user=one, blocked=other):
            now -= {one, other}
        case TweetPosted(author=author) | Retweeted(author=author):
            return now, [(author, time_ms(event.event_id) // 3_600_000, frozenset(now))]
    return now, []


def reach(hours: dict[int, frozenset[int]] | None, shown: Shown) -> tuple[dict[int, frozenset[int]], Row]:
    """The state is whom the author reached in the last two hours."""
    author, hour, people = shown
    kept = {at: reached for at, reached in (hours or {}).items() if at > hour - 2}
    kept[hour] = kept.get(hour, frozenset()) | people
    return kept, Row(f"{hour} {author}", {"hour": hour, "author": author, "reach": len(kept[hour])})
