"""Skeletons of the lists that relations are."""

from domain.ids import UserId
from domain.relations import Relation
from serve.reading.pipeline import Candidate, Skeleton
from storage.ports.relations import RelationStore


def sources_of(relations: RelationStore, relation: Relation, target: int) -> Skeleton:
    """The users of a target, latest first."""

    async def candidates(before: int, limit: int) -> list[Candidate]:
        return [Candidate(*each) for each in await relations.sources(relation, target, before=before, limit=limit)]

    return candidates


def targets_of(relations: RelationStore, relation: Relation, user: UserId) -> Skeleton:
    """The targets of a user, latest first."""

    async def candidates(before: int, limit: int) -> list[Candidate]:
        return [Candidate(*each) for each in await relations.targets(relation, user, before=before, limit=limit)]

    return candidates
