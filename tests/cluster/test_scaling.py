"""Other numbers of shards and counters meanwhile: readers see no difference, and no actor is missed by readiness."""

import asyncio

import httpx

from tests.cluster.test_recovery import audience, ready
from tests.support import faults
from tests.support.api_user import ApiUser
from tests.support.oracle.oracle import Relation
from tests.support.system import RunningSystem
from tests.support.waiting import eventually

AT_ONCE = 4
PAUSE_S = 0.1


async def test_shards_come_and_go_in_mid_stream_and_nobody_sees_a_difference(system: RunningSystem) -> None:
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as api:
        author, followers = await audience(api)
        await ready(api)
        ids: list[str] = []
        for shards in (3, 1, 2):
            ids += await posted_while_scaling(system, api, author, shards)
            assert len(faults.processes(system, "ray::FanoutShardActor")) == shards
        expected = sorted(ids, key=int, reverse=True)
        for follower in followers:
            await eventually(follower.home, lambda seen: seen == expected, within_s=30)
        status = await system.run("status")
        assert "fanout-1" in status
        assert "fanout-2" not in status
        assert "down" not in status


async def posted_while_scaling(
    system: RunningSystem, api: httpx.AsyncClient, author: ApiUser, shards: int
) -> list[str]:
    """The ids of what was posted from before the change until after it; readiness never missed a shard meanwhile."""
    scaling = asyncio.create_task(system.run("scale", "--shards", str(shards)))
    ids: list[str] = []
    while not scaling.done():
        ids += await asyncio.gather(*(author.post(f"{shards} shards") for _ in range(AT_ONCE)))
        answer = await api.get("/readyz")  # on a busy machine a store may be slow; that is another matter
        assert "no sign of life" not in answer.text, answer.text
        await asyncio.sleep(PAUSE_S)
    assert await scaling == f"The number of fan-out shards is {shards}.\n"
    return ids


async def test_counters_come_and_go_while_likes_come_in_and_each_is_counted(system: RunningSystem) -> None:
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as api:
        author, likers = await audience(api)
        await ready(api)
        tweets = [int(await author.post(f"number {number}")) for number in range(12)]
        on = True
        for counters in (3, 1, 2, 1):
            scaling = asyncio.create_task(system.run("scale", "--counters", str(counters)))
            while not scaling.done():
                await asyncio.gather(*(who.relate(Relation.LIKE, tweet, on=on) for who in likers for tweet in tweets))
                on = not on
                answer = await api.get("/readyz")
                assert "no sign of life" not in answer.text, answer.text
                await asyncio.sleep(PAUSE_S)
            assert await scaling == f"The number of counters is {counters}.\n"
            assert len(faults.processes(system, "ray::CountersActor")) == counters

            async def likes() -> list[int]:
                return [(await author.counts(tweet)).likes for tweet in tweets]

            expected = [0 if on else len(likers)] * len(tweets)
            await eventually(likes, lambda seen, expected=expected: seen == expected, within_s=30)  # type: ignore[misc]
