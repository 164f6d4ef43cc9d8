"""Commands on relations: turn one on or off, whichever it is; each checks, decides on one event, and publishes it."""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from domain.clock import Clock
from domain.errors import Forbidden, Invalid
from domain.events import Event
from domain.ids import EventId, IdSource, TweetId, UserId, stamp_above_us
from domain.limits import Limits
from domain.relations import BLOCK, FOLLOW, MUTE, REQUEST, RETWEETS_HIDDEN, Relation, RelationState, Target
from domain.timestamps import end_ms_of
from serve.reading.viewer import ViewerRelations
from serve.writing.publisher import Publisher
from serve.writing.targets import Targets
from storage.ports.relations import RelationStore
from storage.rows import MINUTE_MS
from telemetry.logs import request_id

NO_FIELDS: Final[Mapping[str, int]] = {}


class Before(NamedTuple):
    """The state of a relation before a command, the fields of the event that would turn it on, and its latest write.

    The fields name what would end with it, or did where it is on; the latest write is that of any of these.
    """

    state: RelationState
    fields: Mapping[str, int]
    written_us: int


class RelationCommands:
    """Commands on relations. Every one may raise `StoreUnavailable`; then it may have happened, and may be repeated."""

    def __init__(
        self,
        relations: RelationStore,
        publisher: Publisher,
        targets: Targets,
        known: ViewerRelations,
        ids: IdSource,
        clock: Clock,
        limits: Limits,
    ) -> None:
        self._relations = relations
        self._publisher = publisher
        self._targets = targets
        self._known = known
        self._ids = ids
        self._clock = clock
        self._limits = limits
        self._most = {
            FOLLOW: ("follow", limits.following_max),
            REQUEST: ("ask to follow", limits.requests_max),
            BLOCK: ("block", limits.blocks_max),
            MUTE: ("mute", limits.mutes_max),
            RETWEETS_HIDDEN: ("hide the retweets of", limits.mutes_max),
        }
        """By relation: its verb, and to how many one user may have it."""

    async def turn_on(self, relation: Relation, user: UserId, target: int, **details: int) -> int:
        """Turn a relation on, if it is off or has other details; its target, which through a retweet is the original.

        Raises `NotFound`, `Invalid` (to oneself) and `Forbidden` (to too many; what is not for everybody).
        """
        target, author = await self._target(relation, user, target, for_everybody=relation.is_entry)
        before = await self.before(relation, user, target)
        fields = {**details, "author": author} if relation.is_entry else details
        await self.begin(relation, user, target, before, fields)
        return target

    async def mute(self, user: UserId, target: UserId, until: datetime | None, *, notifications: bool) -> None:
        """Mute somebody until a time, or for ever. Raises also `Invalid` for a time that is over."""
        until_ms = end_ms_of(until, self._clock.now_ms())
        await self.turn_on(MUTE, user, target, until_ms=until_ms, notifications=int(notifications))

    async def turn_off(self, relation: Relation, user: UserId, target: int) -> int:
        """Turn a relation off, if it is on; likewise. One that is on ends though its target was deleted."""
        before = await self._relations.state(relation, user, target)
        if not before.active:
            target, _ = await self._target(relation, user, target)
            before = await self._relations.state(relation, user, target)
        await self.end(relation, user, target, before)
        return target

    async def before(self, relation: Relation, user: UserId, target: int) -> Before:
        """Read what decides about turning a relation on."""
        pairs = [(relation, (user, target)), *((each.relation, each.pair(user, target)) for each in relation.ends)]
        reads = (self._relations.state(of, UserId(source), to) for of, (source, to) in pairs)
        state, *ending = await asyncio.gather(*reads)
        ends = zip(relation.ends, ending, strict=True)
        fields = {each.field: ended.event_id for each, ended in ends if ended.active or state.active}
        return Before(state, fields, max(each.written_us for each in (state, *ending)))

    async def begin(
        self,
        relation: Relation,
        user: UserId,
        target: int,
        before: Before,
        fields: Mapping[str, int] = NO_FIELDS,
        by: UserId | None = None,
    ) -> None:
        """Turn a relation on whose target was checked, `by` somebody else if not by its user.

        Raises `Forbidden` (to too many).
        """
        state = before.state
        if not state.active:
            await self._check_room(relation, user)
        details = tuple(fields.get(name, 0) for name in relation.details)
        event = self._event(relation.on, relation, user, target, before.written_us, **before.fields, **fields)
        await self._publish(event, state, changed=not state.active or state.details != details, by=by)

    async def end(self, relation: Relation, user: UserId, target: int, state: RelationState) -> None:
        """Turn a relation off that is in a state."""
        event = self._event(relation.off, relation, user, target, state.written_us, since=state.event_id)
        await self._publish(event, state, changed=state.active)

    async def _target(
        self, relation: Relation, user: UserId, target: int, *, for_everybody: bool = False
    ) -> tuple[int, UserId]:
        """The target of a relation that exists, and its author; a user is their own."""
        if relation.target is Target.TWEET:
            tweet = await self._targets.original(user, TweetId(target), for_everybody=for_everybody)
            return tweet.id, tweet.author
        refuse_oneself(relation, user, target)
        await self._targets.check_user(UserId(target))
        return target, UserId(target)

    async def _check_room(self, relation: Relation, user: UserId) -> None:
        if relation not in self._most:
            return
        verb, most = self._most[relation]
        if relation is FOLLOW:
            have = len(await self._known.followees(user))
        else:
            have = len(await self._relations.all_targets(relation, user))
        if have >= most:
            raise Forbidden(f"Nobody may {verb} more than {most} accounts.", f"{relation.flag}_too_many")

    def _event(
        self, kind: type[Event], relation: Relation, user: UserId, target: int, above_us: int, **fields: int
    ) -> Event:
        id_ = self._ids.next()
        stamp = stamp_above_us(id_, above_us, self._clock.now_ms())
        pair = {"user": user, relation.target_field: target}
        return kind(event_id=EventId(id_), stamp_us=stamp, request_id=request_id.get(), **pair, **fields)

    async def _publish(self, event: Event, before: RelationState, *, changed: bool, by: UserId | None = None) -> None:
        if changed:
            await self._publisher.publish(event, by=by)
        elif event.stamp_us - before.written_us < self._limits.reconcile_trail_minutes * MINUTE_MS * 1000:
            await self._publisher.invalidate(event, by=by)


def refuse_oneself(relation: Relation, user: UserId, target: int) -> None:
    """Raise `Invalid` if a user means themselves."""
    if user == target:
        raise Invalid(f"You cannot {relation.name} yourself.", f"self_{relation.name}", (("id", "is your own"),))
