"""Projections of the events that turn relations on and off, and the repair after a race: the same for all relations."""

from collections.abc import Iterator
from typing import Any

from domain.events import Event, Retweeted
from domain.ids import UserId
from domain.relations import Relation, RelationState, Target, relation_of
from storage import keys
from storage.ports.cache import ListKey, ListKind
from storage.projections.projection import Count, Entry, Projection
from storage.projections.tweets import removed_tweet_rows, retweet_rows
from storage.rows import Delete, Row, SetRelation, Upsert, tables_of


def relation_projections(relation: Relation) -> dict[type[Event], Projection[Any]]:
    """The projections of the two events of a relation."""

    def counts(event: Event) -> Iterator[Count]:
        if relation.user_counted:
            yield Count(Target.USER, event.actor, relation.user_counted, relation.target_of(event))
        if relation.counted:
            yield Count(relation.target, relation.target_of(event), relation.counted, event.actor)

    def ended(event: Event) -> Iterator[str | ListKey]:
        yield from _ended_values(relation, (relation.turned_on_by(event),))
        yield from _cached(relation, event)

    on: Projection[Event] = Projection(
        rows=lambda event: _on(relation, event),
        invalidates=lambda event: _cached(relation, event),
        recounts=counts,
        change=1,
        entry=lambda event: Entry(event.event_id, relation.target_of(event)) if relation.is_entry else None,
    )
    off: Projection[Event] = Projection(
        rows=lambda event: _off(relation, event), invalidates=ended, recounts=counts, change=-1
    )
    return {relation.on: on, relation.off: off}


def superseded_rows(event: Event, state: RelationState) -> Iterator[Row]:
    """The rows to remove of the events that lost a relation, the one that `event` is about, to another write.

    All of theirs were written at or before the state's latest write, and of equal stamps the delete wins.
    """
    relation = _related(event)
    target, stamp = relation.target_of(event), state.written_us
    for event_id in state.superseded:
        yield from _ended(relation, event.actor, target, event_id, stamp)
    yield SetRelation(tables_of(relation).by_user, (event.actor, target), stamp, {}, "-", state.superseded)


def superseded_values(event: Event, state: RelationState) -> list[str]:
    """The cached values to drop once `superseded_rows` are removed."""
    return _ended_values(_related(event), state.superseded)


def _related(event: Event) -> Relation:
    relation = relation_of(event)
    assert relation is not None, f"{type(event).__name__} turns no relation on or off"
    return relation


def _on(relation: Relation, event: Event) -> Iterator[Row]:
    tables, user, target = tables_of(relation), event.actor, relation.target_of(event)
    id_, stamp = event.event_id, event.stamp_us
    yield SetRelation(tables.by_user, (user, target), stamp, {"active": True, "event_id": id_}, "+", (id_,))
    if relation.targets_by_time:
        yield Upsert(tables.by_user_time, (user, id_), stamp, {"target_id": target})
    if relation.sources:
        place = relation.sources.place(user)
        yield Upsert(tables.by_target, (target, *place, user), stamp, {"event_id": id_})
        yield Upsert(tables.by_target_time, (target, place[0], id_), stamp, {"user_id": user})
    if relation.is_entry:
        assert isinstance(event, Retweeted), "no other relation is an entry"
        yield from retweet_rows(event)


def _off(relation: Relation, event: Event) -> Iterator[Row]:
    tables, user, target = tables_of(relation), event.actor, relation.target_of(event)
    id_, stamp = relation.turned_on_by(event), event.stamp_us
    yield SetRelation(tables.by_user, (user, target), stamp, {"active": False, "event_id": id_}, "-", (id_,))
    if relation.sources:
        yield Delete(tables.by_target, (target, *relation.sources.place(user), user), stamp)
    yield from _ended(relation, user, target, id_, stamp)


def _ended(relation: Relation, user: int, target: int, event_id: int, stamp_us: int) -> Iterator[Row]:
    """Deletes of the rows whose key holds the id of the event that turned a relation on."""
    tables = tables_of(relation)
    if relation.targets_by_time:
        yield Delete(tables.by_user_time, (user, event_id), stamp_us)
    if relation.sources:
        yield Delete(tables.by_target_time, (target, relation.sources.place(user)[0], event_id), stamp_us)
    if relation.is_entry:
        yield from removed_tweet_rows(user, event_id, stamp_us)


def _ended_values(relation: Relation, event_ids: tuple[int, ...]) -> list[str]:
    return [keys.tweet(event_id) for event_id in event_ids] if relation.is_entry else []


def _cached(relation: Relation, event: Event) -> tuple[str | ListKey, ...]:
    """Cached values and lists of a user's relations to targets of one kind."""
    if relation.target is Target.TWEET:
        return (keys.engaged(event.actor),)
    return keys.following(event.actor), ListKey(ListKind.HOME, UserId(event.actor))
