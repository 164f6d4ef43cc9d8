"""Relations, each in tables named after it; statements are made once for each relation."""

import asyncio
import heapq
from collections.abc import Sequence
from functools import cache
from itertools import chain, islice
from operator import itemgetter

import numpy as np

from domain.fanout import NO_IDS
from domain.ids import RANGES_PER_BUCKET, Ids, UserId, follower_bucket
from domain.relations import BY_RANGE, INACTIVE, Relation, RelationState
from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import read
from storage.rows import tables_of

IN_MAX = 100
"""Keys of one IN list."""
_STATE = "active, event_id, WRITETIME(active), active_events"
"""The columns of a state, as `RelationState.stored` takes them."""
_SCANNED_ROWS = 5_000
"""Rows of a page of a whole partition."""


class RelationStatements:
    """Statements that read one relation; those of tables that it has not are never prepared."""

    def __init__(self, relation: Relation) -> None:
        tables = tables_of(relation)
        of_user = f"FROM {tables.by_user} WHERE user_id = ?"
        state = f"{_STATE}, details" if relation.details else _STATE
        of_target = f"FROM {tables.by_target} WHERE target_id = ? AND bucket = ?"
        self.state = read(f"SELECT {state} {of_user} AND target_id = ?")
        self.states = read(f"SELECT target_id, {state} {of_user} AND target_id IN ?")
        self.active_among = read(f"SELECT target_id, active {of_user} AND target_id IN ?")
        self.recent_targets = read(f"SELECT target_id, active {of_user} LIMIT ?")
        self.all_targets = read(f"SELECT target_id, event_id, active {of_user}", fetch_rows=_SCANNED_ROWS)
        self.details = read(f"SELECT target_id, active, details {of_user}", fetch_rows=_SCANNED_ROWS)
        self.targets = read(
            f"SELECT target_id, event_id FROM {tables.by_user_time} WHERE user_id = ? AND event_id < ? LIMIT ?"
        )
        self.all_sources = read(f"SELECT user_id {of_target}", fetch_rows=_SCANNED_ROWS)
        self.sources_in = read(f"SELECT user_id {of_target} AND range IN ?", fetch_rows=_SCANNED_ROWS)
        self.sources = read(
            f"SELECT event_id, user_id FROM {tables.by_target_time}"
            " WHERE target_id = ? AND bucket = ? AND event_id < ? LIMIT ?"
        )


statements_of = cache(RelationStatements)
"""The statements of a relation, always the same ones: each is its own key in the cache of prepared ones."""


class CassandraRelationStore(CassandraAdapter):
    """`RelationStore` on Cassandra."""

    async def state(self, relation: Relation, user: UserId, target: int) -> RelationState:
        rows = await self._session.execute(statements_of(relation).state, (user, target))
        return RelationState.stored(*rows[0]) if rows else INACTIVE

    async def states(self, relation: Relation, pairs: Sequence[tuple[UserId, int]]) -> list[RelationState]:
        """One query per user and hundred targets."""
        targets: dict[UserId, list[int]] = {}
        for user, target in pairs:
            targets.setdefault(user, []).append(target)
        params = [
            (user, theirs[at : at + IN_MAX]) for user, theirs in targets.items() for at in range(0, len(theirs), IN_MAX)
        ]
        answers = await self._session.execute_many(statements_of(relation).states, params)
        found = {
            (user, target): RelationState.stored(*state)
            for (user, _), rows in zip(params, answers, strict=True)
            for target, *state in rows
        }
        return [found.get(pair, INACTIVE) for pair in pairs]

    async def active_among(self, relation: Relation, user: UserId, targets: Sequence[int]) -> set[int]:
        params = [(user, list(targets[at : at + IN_MAX])) for at in range(0, len(targets), IN_MAX)]
        answers = await self._session.execute_many(statements_of(relation).active_among, params)
        return {target for rows in answers for target, active in rows if active}

    async def recent_targets(self, relation: Relation, user: UserId, *, limit: int) -> tuple[list[int], int]:
        """Look at the `limit` largest ids, active or not: the floor lies just below the last of them."""
        rows = await self._session.execute(statements_of(relation).recent_targets, (user, limit))
        floor = rows[-1][0] - 1 if len(rows) == limit else 0
        return [target for target, active in rows if active], floor

    async def all_targets(self, relation: Relation, user: UserId) -> list[tuple[int, int]]:
        rows = await self._session.execute(statements_of(relation).all_targets, (user,))
        return sorted(((target, event) for target, event, active in rows if active), key=itemgetter(1), reverse=True)

    async def details(self, relation: Relation, user: UserId) -> dict[int, tuple[int, ...]]:
        assert relation.details, f"a {relation.name} has no details"
        rows = await self._session.execute(statements_of(relation).details, (user,))
        return {target: tuple(details) for target, active, details in rows if active}

    async def targets(self, relation: Relation, user: UserId, *, before: int, limit: int) -> list[tuple[int, int]]:
        if not relation.targets_by_time:
            return [pair for pair in await self.all_targets(relation, user) if pair[1] < before][:limit]
        rows = await self._session.execute(statements_of(relation).targets, (user, before, limit))
        return [(target, event) for target, event in rows]

    async def sources(self, relation: Relation, target: int, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        assert relation.sources, f"nobody asks whose {relation.name} a target has"
        params = [(target, bucket, before, limit) for bucket in range(relation.sources.buckets)]
        buckets = await self._session.execute_many(statements_of(relation).sources, params)
        latest_first = heapq.merge(*buckets, key=itemgetter(0), reverse=True)  # as each of them is
        return [(UserId(user), event) for event, user in islice(latest_first, limit)]

    async def sources_in(self, relation: Relation, target: int, ranges: Sequence[int]) -> Ids:
        assert relation.sources is BY_RANGE
        buckets: dict[int, list[int]] = {}
        for range_ in sorted(set(ranges)):
            buckets.setdefault(follower_bucket(range_), []).append(range_)
        statements = statements_of(relation)
        parts = await asyncio.gather(*(self._sources_in(statements, target, *bucket) for bucket in buckets.items()))
        return np.concatenate(parts) if parts else NO_IDS

    async def _sources_in(self, statements: RelationStatements, target: int, bucket: int, ranges: list[int]) -> Ids:
        if len(ranges) == RANGES_PER_BUCKET:
            pages = self._session.pages(statements.all_sources, (target, bucket))
        else:
            pages = self._session.pages(statements.sources_in, (target, bucket, ranges))
        parts = [np.fromiter(chain.from_iterable(page), dtype=np.uint64, count=len(page)) async for page in pages]
        return np.concatenate(parts)
