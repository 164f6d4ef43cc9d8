"""Commands on relations: turn one on or off, whichever it is; each checks, decides on one event, and publishes it."""

from domain.clock import Clock
from domain.errors import Forbidden, Invalid
from domain.events import Event
from domain.ids import EventId, IdSource, TweetId, UserId, stamp_us
from domain.limits import Limits
from domain.relations import FOLLOW, Relation, RelationState, Target
from serve.reading.viewer import ViewerRelations
from serve.writing.publisher import Publisher
from serve.writing.targets import Targets
from storage.ports.relations import RelationStore
from storage.rows import MINUTE_MS
from telemetry.logs import request_id


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

    async def turn_on(self, relation: Relation, user: UserId, target: int) -> int:
        """Turn a relation on, if it is off; its target is returned, which through a retweet is the original.

        Raises `NotFound`, `Invalid` (to oneself) and `Forbidden` (to too many).
        """
        target, author = await self._target(relation, user, target)
        before = await self._relations.state(relation, user, target)
        following_max = self._limits.following_max
        if relation is FOLLOW and not before.active and len(await self._known.followees(user)) >= following_max:
            raise Forbidden(f"Nobody may follow more than {following_max} accounts.", "following_too_many")
        fields = {"author": author} if relation.is_entry else {}
        await self._write(before, True, relation.on, user=user, **{relation.target_field: target}, **fields)
        return target

    async def turn_off(self, relation: Relation, user: UserId, target: int) -> int:
        """Turn a relation off, if it is on; likewise. One that is on ends though its target was deleted."""
        before = await self._relations.state(relation, user, target)
        if not before.active:
            target, _ = await self._target(relation, user, target)
            before = await self._relations.state(relation, user, target)
        fields = {relation.target_field: target, "since": before.event_id}
        await self._write(before, False, relation.off, user=user, **fields)
        return target

    async def _target(self, relation: Relation, user: UserId, target: int) -> tuple[int, UserId]:
        """The target of a relation that exists, and its author; a user is their own."""
        if relation.target is Target.TWEET:
            tweet = await self._targets.original(TweetId(target))
            return tweet.id, tweet.author
        if user == target:
            raise Invalid(f"You cannot {relation.name} yourself.", f"self_{relation.name}", (("id", "is your own"),))
        await self._targets.check_user(UserId(target))
        return target, UserId(target)

    async def _write(self, before: RelationState, active: bool, kind: type[Event], **fields: int) -> None:
        id_ = self._ids.next()
        stamp = max(stamp_us(id_), before.written_us + 1, self._clock.now_ms() * 1000)
        event = kind(event_id=EventId(id_), stamp_us=stamp, request_id=request_id.get(), **fields)
        if before.active is not active:
            await self._publisher.publish(event)
        elif stamp - before.written_us < self._limits.reconcile_trail_minutes * MINUTE_MS * 1000:
            await self._publisher.invalidate(event)
