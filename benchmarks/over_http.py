"""Everything that is measured on a whole system: puts the yardstick beside it, takes the questions in turn."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import uvloop

from benchmarks import constant, delivery, growth, growth_of_acts, home, overload, patience, post, rebuild, spike
from benchmarks.bench import Bench
from benchmarks.effort import Effort
from benchmarks.results import Row
from benchmarks.system import Servers
from benchmarks.world import Seeder, Tokens
from cluster.state import Endpoints

_QUESTIONS: Mapping[str, Callable[[Bench], Awaitable[list[Row]]]] = {
    "home": home.measure,
    "post": post.measure,
    "delivery": delivery.measure,
    "rebuild": rebuild.measure,
    "spike": spike.measure,
    "overload": overload.measure,
    "growth": growth.measure,
    "growth-of-acts": growth_of_acts.measure,
}


def measure(
    servers: Servers,
    endpoints: Endpoints,
    effort: Effort,
    wanted: Sequence[str],
    say: Callable[[str], Any],
    rows: list[Row],
) -> None:
    """Add the rows that are wanted, of a system that is up."""
    yardstick = servers.stores("benchmark_post")
    stores = servers.stores(servers.settings.cassandra_keyspace)
    constant.deploy(endpoints, servers.settings.serve_replicas)

    async def questions() -> None:
        opened = await patience.opened(stores)
        bench = Bench(
            servers=servers,
            endpoints=endpoints,
            stores=opened,
            yardstick_stores=yardstick,
            effort=effort,
            tokens=Tokens(endpoints),
            seeder=Seeder(opened),
        )
        try:
            for name, question in _QUESTIONS.items():
                if name in wanted:
                    say(f"Measuring {name}.")
                    rows.extend(await question(bench))
        finally:
            await opened.close()

    uvloop.run(questions())
