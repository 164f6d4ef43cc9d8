"""A relation that only tests declare: private, uncounted, and listed for its user by time, as no other is yet."""

import pytest

from domain.events import Event
from domain.ids import TweetId, UserId
from domain.relations import RELATION_OF, Relation, Target
from storage.cassandra.driver.schema import Migration
from storage.projections import PROJECTIONS
from storage.projections.relations import relation_projections
from storage.rows import KEYS, keys_of


class Pinned(Event, frozen=True, array_like=True, kw_only=True, tag=1_001):
    user: UserId
    tweet_id: TweetId


class Unpinned(Event, frozen=True, array_like=True, kw_only=True, tag=1_002):
    user: UserId
    tweet_id: TweetId
    since: int


PIN = Relation(name="pin", on=Pinned, off=Unpinned, target=Target.TWEET, flag="pinned", targets_by_time=True)


def declare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the relation known, for one test."""
    for event in (PIN.on, PIN.off):
        monkeypatch.setitem(RELATION_OF, event, PIN)
    for event, projection in relation_projections(PIN).items():
        monkeypatch.setitem(PROJECTIONS, event, projection)
    for table, key in keys_of(PIN).items():
        monkeypatch.setitem(KEYS, table, key)


def pin_migration(number: int) -> Migration:
    """Its tables."""
    return Migration(
        number=number,
        name=f"{number:04d}_pins",
        statements=(
            "CREATE TABLE IF NOT EXISTS pins_by_user (user_id bigint, target_id bigint, active boolean,"
            " event_id bigint, active_events set<bigint>, PRIMARY KEY ((user_id), target_id))"
            " WITH CLUSTERING ORDER BY (target_id DESC)",
            "CREATE TABLE IF NOT EXISTS pins_by_user_time (user_id bigint, event_id bigint, target_id bigint,"
            " PRIMARY KEY ((user_id), event_id)) WITH CLUSTERING ORDER BY (event_id DESC)",
        ),
    )
