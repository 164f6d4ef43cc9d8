"""One acceptance run against one system: people, tweets, comparison, tables."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from cluster.client.api import connected
from cluster.client.people import follow_graph
from cluster.client.pool import each, progress
from cluster.state import Endpoints
from tests.acceptance.actions import Actions
from tests.acceptance.edges import REQUIRED, edges_table, edges_when_all_taken
from tests.acceptance.fault import redis_halted
from tests.acceptance.hiding import hide
from tests.acceptance.history import compare_history
from tests.acceptance.own_system import OwnSystem
from tests.acceptance.report import comparison_table, print_differences
from tests.acceptance.scenario import Scenario, plan
from tests.acceptance.verifier import Comparison, Verifier
from tests.acceptance.world import World, build_graph, open_homes, populate
from tests.support.api_user import ApiUser
from tests.support.oracle.oracle import Relation

_AT_ONCE = 16
_BUILT = 0.8
"""The part of the follow graph that is there before anybody writes; the rest comes in between."""
_HALTED_POSTS = 48
"""Posts while Redis is halted, after half of the steps."""
_SETTLE_S = 45.0
_EDGES_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The system a run uses; one that is our own may be disturbed, and nobody else uses it."""

    url: str
    endpoints: Endpoints | None = None
    own: OwnSystem | None = None
    must_take_edges: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who takes part and what they write; `tag` keeps the names of several runs on one system apart."""

    users: int
    texts: Sequence[str]
    seed: int
    tag: str


async def demonstrate(target: Target, cast: Cast, console: Console) -> bool:
    """Run it and print what came out; whether all was as it must be."""
    async with connected(target.url, at_once=_AT_ONCE) as api:
        with progress(console) as bars:
            world = await populate(api, cast.users, cast.seed, cast.tag, bars)
            edges = follow_graph(cast.users, cast.seed)
            built = int(len(edges) * _BUILT)
            await build_graph(world, edges[:built], bars)
            await open_homes(world, bars)
            actions = Actions(world)
            scenario = Scenario(world, actions, authors_of(world))
            halted = cast.texts[:_HALTED_POSTS] if target.own is not None else ()
            steps = plan(cast.texts[len(halted) :], edges[built:], cast.seed)
            clock, calls = asyncio.get_running_loop().time, api.latencies.count()
            begun = clock()
            await scenario.run(steps[: len(steps) // 2], bars, "Posting and all that")
            if target.own is not None and target.endpoints is not None:
                with redis_halted(target.endpoints.redis_url, target.own.processes()):
                    await _post_unlogged(world, actions, halted)
            await hide(world)
            await scenario.run(steps[len(steps) // 2 :], bars, "More of the same")
            seconds = clock() - begun
            calls = api.latencies.count() - calls
            verifier = Verifier(world, settle_s=_SETTLE_S, strict=target.own is not None)
            on_the_way = Comparison("at once, during the run", world.checks, tuple(world.problems), 0)
            comparisons = [on_the_way, *await verifier.everything(bars)]
            if target.own is not None:
                places = sorted({place for tweet in world.oracle.live() for place in tweet.places})
                comparisons.append(await compare_history(api, target.own, places[:1]))
        console.print(comparison_table(comparisons))
        print_differences(comparisons, console)
        posts = len(world.oracle.tweets) + len(world.oracle.deleted)
        console.print(
            f"{posts} tweets and {calls} calls in {seconds:.0f} s: {posts / seconds:.0f} tweets/s, "
            f"{calls / seconds:.0f} calls/s with {_AT_ONCE} at once; settled {verifier.settled_s:.1f} s after the last."
        )
        if repeats := api.latencies.repeats:
            console.print("Repeated calls: " + ", ".join(f"{why} {count}" for why, count in sorted(repeats.items())))
        console.print(api.latencies.table("Latencies"))
    right = not any(comparison.differences for comparison in comparisons)
    return await _took_edges(target, console) and right


def authors_of(world: World) -> list[ApiUser]:
    """Who writes: everybody now and then, and more often the more followers one has."""
    followers = {member.id: world.oracle.sources(Relation.FOLLOW, member.id) for member in world.members}
    return [member for member in world.members for _ in range(1 + len(followers[member.id]) // 20)]


async def _post_unlogged(world: World, actions: Actions, texts: Sequence[str]) -> None:
    """Post while Redis does not answer; the author alone must see it at once."""

    async def post(text: str) -> None:
        tweet = await actions.post(world.random.choice(world.members), text, look=True)
        actions.unsettled.add(tweet.id)

    await each(post, texts, at_once=world.api.at_once)


async def _took_edges(target: Target, console: Console) -> bool:
    if target.endpoints is None or not target.endpoints.metrics_urls:
        console.print("Where the metrics of this system are is not known; the edges it took were not counted.")
        return not target.must_take_edges
    taken = await edges_when_all_taken(target.endpoints.metrics_urls, _EDGES_S if target.must_take_edges else 0.0)
    console.print(edges_table(taken, must=target.must_take_edges))
    missing = [edge for edge in REQUIRED if not taken[edge]]
    if missing and target.must_take_edges:
        console.print(f"Never taken, so not tested: {', '.join(missing)}.", style="red")
    return not (missing and target.must_take_edges)
