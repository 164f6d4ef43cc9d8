"""A short selection of the faults; `make chaos` runs all of them."""

from tests.chaos.run import describe, faults_one_by_one
from tests.chaos.stage import stage

SOME = ("shards-killed", "redis-killed-with-files", "cassandra-cut")
SEED = 1


async def test_nothing_is_lost_and_nothing_shows_twice() -> None:
    async with stage() as found:
        rows = await faults_one_by_one(found, SOME, SEED, print)
    for row in rows:
        assert row.recovered_s is not None, describe(row)
        assert row.verdict.violations == [], describe(row)
