"""A running system loses parts in mid-stream, and nobody sees a difference."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import httpx
import msgspec
import pytest
from redis.asyncio import Redis

from cluster.settings import load_settings
from cluster.store_config import store_config
from domain.clock import SystemClock
from domain.events import VERSION, TweetPosted, encode
from domain.ids import WORKERS_MAX, EventId, IdGenerator, UserId, stamp_us
from storage.stores import open_stores
from tests.support import faults
from tests.support.api_user import ApiUser, sign_up
from tests.support.system import RunningSystem
from tests.support.waiting import eventually

FOLLOWERS = 8
TWEETS = 80
SPIKE = 25 * 40
"""Tweets: forty a second, 25 times."""


@pytest.fixture
async def api(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as client:
        yield client


async def audience(api: httpx.AsyncClient) -> tuple[ApiUser, list[ApiUser]]:
    """An author, and followers who have read their timelines."""
    author, *followers = await sign_up(api, FOLLOWERS + 1)
    for follower in followers:
        await follower.follow(author)
        assert await follower.home() == []
    return author, followers


async def posted_while(author: ApiUser, break_it: Callable[[], Awaitable[None]]) -> list[str]:
    """The ids of many tweets, posted side by side while something breaks half-way."""
    gate = asyncio.Semaphore(8)
    half = asyncio.Event()
    ids: list[str] = []

    async def post(number: int) -> None:
        async with gate:
            ids.append(await author.post(f"tweet {number}"))
            if len(ids) == TWEETS // 2:
                half.set()

    async def at_half_time() -> None:
        await half.wait()
        await break_it()

    await asyncio.gather(at_half_time(), *(post(number) for number in range(TWEETS)))
    return sorted(ids, key=int, reverse=True)


@pytest.mark.parametrize("victim", ["FanoutShardActor", "CountersActor", "SupervisorActor"])
async def test_killing_actors_in_mid_stream_loses_nothing(
    system: RunningSystem, api: httpx.AsyncClient, victim: str
) -> None:
    author, followers = await audience(api)

    async def kill() -> None:
        assert faults.kill(system, f"ray::{victim}") > 0

    ids = await posted_while(author, kill)
    for follower in followers:
        await eventually(follower.home, lambda seen: seen == ids, within_s=60)

    async def tweets() -> int:
        return int((await author.call("GET", "/users/me", 200))["tweets_count"])

    await eventually(tweets, lambda count: count == TWEETS, within_s=60)
    await ready(api)


async def test_while_replicas_die_whatever_is_answered_is_a_tweet_or_our_envelope(
    system: RunningSystem, api: httpx.AsyncClient
) -> None:
    (author,) = await sign_up(api, 1)
    gate, answers = asyncio.Semaphore(8), list[httpx.Response]()

    async def post(number: int) -> None:
        async with gate:
            if number == TWEETS // 2:
                assert faults.kill(system, "ray::ServeReplica") > 0
            body = {"text": f"tweet {number}"}
            # HAProxy tells the client of a connection that is used again nothing, so that it may try again.
            with suppress(httpx.RemoteProtocolError):
                answers.append(await api.post("/api/v1/tweets", json=body, headers=author.headers))

    await asyncio.gather(*(post(number) for number in range(TWEETS)))
    for answer in answers:
        assert answer.headers["Content-Type"] == "application/json", answer.text
        assert answer.status_code in (201, 502, 503, 504)
        if answer.status_code != 201:
            assert answer.json()["code"] in ("overloaded", "no_answer", "store_unavailable")
            assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
            assert int(answer.headers["Retry-After"]) > 0
    await ready(api)


async def test_a_second_of_25_times_as_many_tweets_reaches_everybody(
    system: RunningSystem, api: httpx.AsyncClient
) -> None:
    author, followers = await audience(api)
    end_ms = 1 << 62
    ids = IdGenerator(WORKERS_MAX - 1, SystemClock(), after_ms=0, until_ms=end_ms, lease_ends_ms=end_ms)
    events = [
        TweetPosted(event_id=EventId(id_), stamp_us=stamp_us(id_), author=UserId(author.id), text="All at once.")
        for id_ in (ids.next() for _ in range(SPIKE))
    ]
    opened = await open_stores(store_config(load_settings(), system.endpoints))
    gate = asyncio.Semaphore(16)

    async def commit(event: TweetPosted) -> None:
        async with gate:
            await opened.ports.events.commit(event)

    try:
        await asyncio.gather(*map(commit, events))
        await opened.ports.log.append(events)
    finally:
        await opened.close()
    expected = [str(event.event_id) for event in reversed(events)]
    for follower in followers:
        await eventually(follower.home, lambda seen: seen == expected, within_s=60)
    await ready(api)


async def test_after_flushall_reads_are_complete_at_once(system: RunningSystem, api: httpx.AsyncClient) -> None:
    author, followers = await audience(api)
    redis = Redis.from_url(system.endpoints.redis_url)

    async def flush() -> None:
        await redis.flushall()

    try:
        ids = await posted_while(author, flush)
    finally:
        await redis.aclose()
    for follower in followers:
        await eventually(follower.home, lambda seen: seen == ids, within_s=10)
    later = await author.post("after the flush")
    for follower in followers:
        await eventually(follower.home, lambda seen: seen == [later, *ids], within_s=10)
    await ready(api)


async def test_a_session_that_ended_stays_so_after_flushall_and_one_that_lives_goes_on(
    system: RunningSystem, api: httpx.AsyncClient
) -> None:
    gone, staying = await sign_up(api, 2)
    assert (await api.post("/api/v1/auth/logout", headers=gone.headers)).status_code == 204
    async with Redis.from_url(system.endpoints.redis_url) as redis:
        for _ in range(3):
            await redis.flushall()
            assert (await gone.call("GET", "/users/me", 401))["code"] == "session_ended"
            assert (await staying.call("GET", "/users/me", 200))["id"] == str(staying.id)
    await ready(api)


NO_EVENTS = {
    "version 99": b"\x63 from the future",
    "no bytes": b"",
    "truncated": encode(TweetPosted(event_id=EventId(1), stamp_us=1, author=UserId(1), text="cut off"))[:-4],
    "Invalid value": bytes([VERSION]) + msgspec.msgpack.encode([251, -1, 1, "", 1]),
    "too many": encode(TweetPosted(event_id=EventId(1), stamp_us=1, author=UserId(1), text="x" * (1 << 20))),
}
"""What is said of bytes that are no event."""
UNKNOWN = bytes([VERSION]) + msgspec.msgpack.encode([250, 1, 1, "", 1])
"""An event of a kind that only a newer release knows: it is skipped."""


async def test_bytes_that_are_no_event_are_put_aside_and_the_partition_goes_on(
    system: RunningSystem, api: httpx.AsyncClient
) -> None:
    author, followers = await audience(api)
    redis = Redis.from_url(system.endpoints.redis_url)
    try:
        for partition in range(8):
            for wire in (UNKNOWN, *NO_EVENTS.values()):
                await redis.xadd(f"log:{{{partition:02d}}}", {"e": wire})
    finally:
        await redis.aclose()
    tweet = await author.post("still going")
    for follower in followers:
        await eventually(follower.home, lambda seen: seen == [tweet], within_s=30)

    async def listed() -> str:
        return await system.run("dead-letters")

    def tells_all(text: str) -> bool:
        return all(words in text for words in ("counters", "fanout-", *NO_EVENTS))

    text = await eventually(listed, tells_all, within_s=60)
    assert text.count("Invalid value") == text.count("version 99"), "nobody gave the unknown kind up"


async def test_status_names_everything_and_all_is_green(system: RunningSystem, api: httpx.AsyncClient) -> None:
    await ready(api)
    seen = await system.run("status")
    for name in ("cassandra", "redis", "fanout-0", "fanout-1", "counters-0", "reconciler", "supervisor"):
        assert name in seen
    assert "down" not in seen


async def ready(api: httpx.AsyncClient) -> None:
    async def answer() -> tuple[int, str]:
        response = await api.get("/readyz")
        return response.status_code, response.text

    await eventually(answer, lambda seen: seen[0] == 200, within_s=60)
