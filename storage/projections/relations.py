"""Projections of the events that turn relations on and off, and the repair after a race: the same for all relations."""

from collections.abc import Iterator
from typing import Any

from domain.events import Event, Retweeted
from domain.ids import UserId
from domain.relations import FOLLOW, Ended, Relation, RelationState, Target, relation_of
from storage import keys
from storage.ports.cache import ListKey, ListKind
from storage.projections.projection import Count, Entry, Projection
from storage.projections.tweets import removed_tweet_rows, retweet_rows
from storage.rows import Delete, Row, SetRelation, Upsert, Value, tables_of


def relation_projections(relation: Relation) -> dict[type[Event], Projection[Any]]:
    """The projections of the two events of a relation."""
    is_counted = bool(relation.counted or relation.user_counted)
    assert not is_counted or not any(ending.relation.counted for ending in relation.ends), "an event has one change"
    on: Projection[Event] = Projection(
        rows=lambda event: _on(relation, event),
        invalidates=lambda event: _began(relation, event),
        recounts=lambda event: _counts(relation, event),
        change=1 if is_counted else -1,
        entry=lambda event: Entry(event.event_id, relation.target_of(event)) if relation.is_entry else None,
    )
    off: Projection[Event] = Projection(
        rows=lambda event: _off(_about(relation, event), event.stamp_us),
        invalidates=lambda event: _ended_values(_about(relation, event)),
        recounts=lambda event: _counts(relation, event),
        change=-1,
    )
    return {relation.on: on, relation.off: off}


def superseded_rows(event: Event, state: RelationState) -> Iterator[Row]:
    """The rows to remove of the events that lost a relation, the one that `event` is about, to another write.

    All of theirs were written at or before the state's latest write, and of equal stamps the delete wins.
    """
    relation = _related(event)
    target, stamp = relation.target_of(event), state.written_us
    for event_id in state.superseded:
        yield from _ended(Ended(relation, event.actor, target, event_id), stamp)
    yield SetRelation(tables_of(relation).by_user, (event.actor, target), stamp, {}, "-", state.superseded)


def superseded_values(event: Event, state: RelationState) -> list[str]:
    """The cached values to drop once `superseded_rows` are removed."""
    return [keys.tweet(event_id) for event_id in state.superseded] if _related(event).is_entry else []


def _related(event: Event) -> Relation:
    relation = relation_of(event)
    assert relation is not None, f"{type(event).__name__} turns no relation on or off"
    return relation


def _about(relation: Relation, event: Event) -> Ended:
    """The relation that an event ends, if it is one that turns it off."""
    return Ended(relation, event.actor, relation.target_of(event), relation.turned_on_by(event))


def _on(relation: Relation, event: Event) -> Iterator[Row]:
    tables, user, target = tables_of(relation), event.actor, relation.target_of(event)
    id_, stamp = event.event_id, event.stamp_us
    values: dict[str, Value] = {"active": True, "event_id": id_}
    if relation.details:
        values["details"] = tuple(getattr(event, name) for name in relation.details)
    yield SetRelation(tables.by_user, (user, target), stamp, values, "+", (id_,))
    if relation.targets_by_time:
        yield Upsert(tables.by_user_time, (user, id_), stamp, {"target_id": target})
    if relation.sources:
        place = relation.sources.place(user)
        if relation.counted:
            yield Upsert(tables.by_target, (target, *place, user), stamp, {"event_id": id_})
        yield Upsert(tables.by_target_time, (target, place[0], id_), stamp, {"user_id": user})
    if relation.is_entry:
        assert isinstance(event, Retweeted), "no other relation is an entry"
        yield from retweet_rows(event)
    for ended in relation.ended_by(event):
        yield from _off(ended, stamp)


def _off(ended: Ended, stamp_us: int) -> Iterator[Row]:
    relation, user, target, id_ = ended
    tables = tables_of(relation)
    yield SetRelation(tables.by_user, (user, target), stamp_us, {"active": False, "event_id": id_}, "-", (id_,))
    if relation.sources and relation.counted:
        yield Delete(tables.by_target, (target, *relation.sources.place(user), user), stamp_us)
    yield from _ended(ended, stamp_us)


def _ended(ended: Ended, stamp_us: int) -> Iterator[Row]:
    """Deletes of the rows whose key holds the id of the event that turned a relation on."""
    relation, user, target, id_ = ended
    tables = tables_of(relation)
    if relation.targets_by_time:
        yield Delete(tables.by_user_time, (user, id_), stamp_us)
    if relation.sources:
        yield Delete(tables.by_target_time, (target, relation.sources.place(user)[0], id_), stamp_us)
    if relation.is_entry:
        yield from removed_tweet_rows(user, id_, stamp_us)


def _counts(relation: Relation, event: Event) -> Iterator[Count]:
    yield from _counted(relation, event.actor, relation.target_of(event))
    for ended in relation.ended_by(event):
        yield from _counted(ended.relation, ended.user, ended.target)


def _counted(relation: Relation, user: int, target: int) -> Iterator[Count]:
    if relation.user_counted:
        yield Count(Target.USER, user, relation.user_counted, target)
    if relation.counted:
        yield Count(relation.target, target, relation.counted, user)


def _began(relation: Relation, event: Event) -> Iterator[str | ListKey]:
    yield from _cached(relation, event.actor, relation.target_of(event))
    for ended in relation.ended_by(event):
        yield from _ended_values(ended)


def _ended_values(ended: Ended) -> Iterator[str | ListKey]:
    if ended.relation.is_entry:
        yield keys.tweet(ended.since)
    yield from _cached(ended.relation, ended.user, ended.target)


def _cached(relation: Relation, user: int, target: int) -> Iterator[str | ListKey]:
    """Cached values and lists that hold a relation of a user to a target."""
    if relation.target is Target.TWEET:
        yield keys.engaged(user)
    if relation is FOLLOW:
        yield keys.following(user)
        yield ListKey(ListKind.HOME, UserId(user))
    if relation.hides:
        yield keys.view(user)
        if relation.sources:
            yield keys.view(target)
