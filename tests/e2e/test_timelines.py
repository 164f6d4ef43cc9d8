"""Stories of following and of home timelines."""

import asyncio

import httpx

from tests.support.api_user import sign_up
from tests.support.waiting import eventually


async def test_the_next_read_shows_ones_own_tweet(api: httpx.AsyncClient) -> None:
    (alice,) = await sign_up(api, 1)
    for n in range(5):
        tweet = await alice.post(f"tweet {n}")
        assert (await alice.home())[0] == tweet


async def test_the_next_read_shows_a_follow_and_an_unfollow(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    tweet = await alice.post("from before")
    assert await bob.home() == []
    await bob.follow(alice)
    assert await bob.home() == [tweet]
    assert [user["id"] for user in await bob.pages(f"/users/{alice.id}/followers", name="users")] == [str(bob.id)]
    assert [user["id"] for user in await alice.pages(f"/users/{bob.id}/following", name="users")] == [str(alice.id)]
    seen = await alice.call("GET", f"/users/{bob.id}", 200)
    assert (seen["following"], seen["followed_by"]) == (False, True)
    await bob.call("DELETE", f"/users/{alice.id}/follow", 200)
    assert await bob.home() == []
    assert await bob.pages(f"/users/{alice.id}/followers", name="users") == []


async def test_following_twice_is_following_once(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    for _ in range(2):
        await bob.follow(alice)

    async def counts() -> tuple[int, int]:
        followed = await alice.call("GET", "/users/me", 200)
        follower = await alice.call("GET", f"/users/{bob.id}", 200)
        return followed["followers_count"], follower["following_count"]

    await eventually(counts, lambda seen: seen == (1, 1))


async def test_tweets_reach_those_who_have_read_their_timeline(api: httpx.AsyncClient) -> None:
    alice, *followers = await sign_up(api, 6)
    for follower in followers:
        await follower.follow(alice)
        assert await follower.home() == []
    ids = [await alice.post(f"news {n}") for n in range(10)]
    for follower in followers:
        await eventually(follower.home, lambda seen: seen == ids[::-1])


async def test_a_walk_by_pages_is_stable_while_tweets_arrive(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    await bob.follow(alice)
    ids = [await alice.post(f"tweet {n}") for n in range(12)]
    await eventually(bob.home, lambda seen: seen == ids[::-1])
    first = await bob.call("GET", "/timeline/home", 200, params={"limit": 5})
    newer = [await alice.post(f"newer {n}") for n in range(3)]
    await eventually(bob.home, lambda seen: seen == [*newer[::-1], *ids[::-1]])
    shown = [tweet["id"] for tweet in first["tweets"]]
    cursor = first["next_cursor"]
    while cursor is not None:
        page = await bob.call("GET", "/timeline/home", 200, params={"limit": 5, "cursor": cursor})
        shown += [tweet["id"] for tweet in page["tweets"]]
        cursor = page["next_cursor"]
    assert shown == ids[::-1]


async def test_many_people_at_once_lose_nothing(api: httpx.AsyncClient) -> None:
    alice, bob, carol = await sign_up(api, 3)
    await carol.follow(alice)
    await carol.follow(bob)
    ids = await asyncio.gather(*(author.post(f"tweet {n}") for n in range(30) for author in (alice, bob)))
    await eventually(carol.home, lambda seen: seen == sorted(ids, key=int, reverse=True))

    async def tweets() -> int:
        return int((await alice.call("GET", "/users/me", 200))["tweets_count"])

    await eventually(tweets, lambda count: count == 30)
