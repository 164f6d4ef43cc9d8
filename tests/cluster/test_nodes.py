"""A system on two Ray nodes: all is spread over them, comes to a third that joins, and leaves it again, under load."""

from tests.chaos.breaking import REPLICA, SHARD, TRENDS
from tests.chaos.run import Chaos, describe
from tests.chaos.stage import Stage, stage

SEED = 1
CLIENTS = 4
"""Few: what starts on a new node has the same cores as they."""


def nodes_with(stage: Stage, title: str) -> list[int]:
    """The nodes on which processes of a title run, as often as they do."""
    assert stage.nodes is not None
    return [number for number in range(1, stage.nodes.last + 1) for _ in stage.nodes[number].processes(title)]


async def broken(chaos: Chaos, fault: str) -> None:
    row = await chaos.fault(fault)
    assert row.recovered_s is not None, describe(row)
    assert row.verdict.violations == [], describe(row)


async def test_shards_replicas_and_workers_are_spread_and_follow_the_nodes() -> None:
    async with stage(2) as found:
        assert nodes_with(found, SHARD) == nodes_with(found, REPLICA) == [1, 2]
        await found.system.run("scale", "--shards", "2", "--trends", "2")  # says so when each has its ranges
        assert nodes_with(found, TRENDS) == [1, 2]
        chaos = Chaos(found, SEED, clients=CLIENTS)
        await broken(chaos, "node-added")
        assert nodes_with(found, SHARD) == [1, 2, 3]
        assert set(nodes_with(found, REPLICA)) == {1, 2, 3}
        await broken(chaos, "node-removed")
        assert nodes_with(found, SHARD) == [1, 2]
        assert set(nodes_with(found, REPLICA)) == {1, 2}
