"""Relations of users to tweets and to each other."""

from collections.abc import Sequence
from typing import Protocol

from domain.ids import Ids, UserId
from domain.relations import Relation, RelationState


class RelationStore(Protocol):
    """Relations from users to targets, from both sides; a target is the id of a tweet or user, as the relation says.

    Pages hold pairs of whom or what is shown and the id of the event that turned the relation on, latest event first.
    """

    async def state(self, relation: Relation, user: UserId, target: int) -> RelationState:
        """The state of one relation; `INACTIVE` if it was never touched."""

    async def states(self, relation: Relation, pairs: Sequence[tuple[UserId, int]]) -> list[RelationState]:
        """The states of several (user, target) pairs, in their order."""

    async def active_among(self, relation: Relation, user: UserId, targets: Sequence[int]) -> set[int]:
        """Those of some targets to which a user's relation is active."""

    async def recent_targets(self, relation: Relation, user: UserId, *, limit: int) -> tuple[list[int], int]:
        """The active ones of the targets with the largest ids, and a floor: above it the answer is complete."""

    async def all_targets(self, relation: Relation, user: UserId) -> list[tuple[int, int]]:
        """All active targets of a user, of a relation that has few, latest first."""

    async def details(self, relation: Relation, user: UserId) -> dict[int, tuple[int, ...]]:
        """The details of all active targets of a user, of a relation that has any."""

    async def targets(self, relation: Relation, user: UserId, *, before: int, limit: int) -> list[tuple[int, int]]:
        """A page of a user's active targets, turned on by events < `before`."""

    async def sources(self, relation: Relation, target: int, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        """A page of the users of a target, by events < `before`; of a relation that keeps sources."""

    async def sources_in(self, relation: Relation, target: int, ranges: Sequence[int]) -> Ids:
        """The users of a target who fall into some follower ranges, of a relation that keeps sources `BY_RANGE`."""
