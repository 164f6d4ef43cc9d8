"""The story of bookmarks, as people live it over HTTP."""

from typing import Any

import httpx

from tests.support.api_user import HOME, ApiUser, sign_up
from tests.support.oracle.oracle import Counts, UserCounts
from tests.support.waiting import eventually

_MINE = "/users/me/bookmarks"


async def bookmark(person: ApiUser, tweet: str) -> Any:
    """Have somebody bookmark a tweet; the tweet as they see it then."""
    return await person.call("POST", f"/tweets/{tweet}/bookmark", 200)


async def kept(person: ApiUser, limit: int = 100) -> list[str]:
    """The ids of somebody's bookmarks."""
    return [tweet["id"] for tweet in await person.pages(_MINE, limit)]


async def test_bookmarks_are_ones_own_latest_first_and_counted_nowhere(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    tweets = [await alice.post(f"worth keeping {number}") for number in range(4)]
    before = await alice.call("GET", f"/tweets/{tweets[0]}", 200)
    assert before["bookmarked"] is False
    for at in (2, 0, 3, 0):
        assert (await bookmark(bob, tweets[at]))["bookmarked"]
    await alice.call("POST", f"/tweets/{tweets[1]}/retweet", 200)
    retweet = (await alice.pages(f"/timeline/user/{alice.id}"))[0]
    through_a_retweet = await bookmark(bob, retweet["id"])
    assert (through_a_retweet["id"], through_a_retweet["bookmarked"]) == (tweets[1], True)

    assert await kept(bob) == [tweets[at] for at in (1, 3, 0, 2)], "the latest bookmark first, each once"
    assert await kept(bob, limit=2) == await kept(bob)
    assert all(tweet["bookmarked"] for tweet in await bob.pages(_MINE))

    assert await kept(alice) == [], "nobody sees those of others"
    assert await alice.call("GET", f"/tweets/{tweets[0]}", 200) == before, "nor that there are any"
    assert (await bob.pages(f"/timeline/user/{alice.id}"))[-1]["bookmarked"]

    for _ in range(2):
        assert not (await bob.call("DELETE", f"/tweets/{tweets[3]}/bookmark", 200))["bookmarked"]
    await alice.call("DELETE", f"/tweets/{tweets[0]}", 204)
    assert await kept(bob) == [tweets[1], tweets[2]], "neither what was removed nor what is gone"
    await bookmark(bob, tweets[3])
    assert await kept(bob) == [tweets[3], tweets[1], tweets[2]], "what is bookmarked again is the latest"
    await bob.call("POST", f"/tweets/{tweets[0]}/bookmark", 404)


async def test_nobody_else_can_ask_for_bookmarks(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    tweet = await alice.post("worth keeping")
    await bookmark(bob, tweet)
    for headers in (alice.headers, bob.headers, {}):
        assert (await api.get(f"/api/v1/users/{bob.id}/bookmarks", headers=headers)).status_code == 404
    for method, path in (
        ("GET", _MINE),
        ("POST", f"/tweets/{tweet}/bookmark"),
        ("DELETE", f"/tweets/{tweet}/bookmark"),
    ):
        assert (await api.request(method, f"/api/v1{path}")).status_code == 401
    assert await kept(bob) == [tweet]


async def test_a_bookmark_is_in_no_list_and_no_count_of_others_once_a_later_like_is(api: httpx.AsyncClient) -> None:
    alice, bob, carol = await sign_up(api, 3)
    await carol.follow(bob)
    assert await carol.home() == []
    tweet = await alice.post("worth keeping")

    async def profiles() -> list[UserCounts]:
        return [(await carol.profile(person.id)).counts for person in (alice, bob)]

    before = [UserCounts(tweets=1), UserCounts(followers=1)]
    await eventually(profiles, lambda seen: seen == before)
    await bookmark(bob, tweet)
    await bob.call("POST", f"/tweets/{tweet}/like", 200)
    counted = await eventually(lambda: carol.counts(int(tweet)), lambda seen: seen.likes > 0)
    assert counted == Counts(likes=1), "what Bob does is counted in its order, and the bookmark came first"
    assert await profiles() == before
    for reader in (alice, carol):
        assert await reader.users("likers", f"/tweets/{tweet}/likers") == [bob.id]
        assert await reader.users("retweeters", f"/tweets/{tweet}/retweeters") == []
        assert await reader.counts(int(tweet)) == counted

    said = await bob.post("what I keep is my own affair")
    assert await eventually(carol.home, lambda shown: said in shown) == [said], "no follower got the bookmark before it"
    assert [entry["id"] for entry in await carol.pages(f"/timeline/user/{bob.id}")] == [said]


async def test_a_tweet_is_marked_for_who_bookmarked_it_wherever_it_is_shown(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    tweet = await alice.post("worth keeping")
    reply = await alice.post("not worth it", reply_to_id=tweet)
    await bob.follow(alice)
    await bookmark(bob, tweet)

    async def marked(path: str, name: str, headers: dict[str, str]) -> dict[str, bool]:
        answer = await api.get(f"/api/v1{path}", params={"limit": 100}, headers=headers)
        assert answer.status_code == 200, answer.text
        return {each["id"]: each["bookmarked"] for each in answer.json()[name] if each["id"] in (tweet, reply)}

    for headers, on in ((bob.headers, True), (alice.headers, False)):
        assert await marked(HOME, "tweets", headers) == {tweet: on, reply: False}
        assert await marked("/timeline/public", "tweets", headers) == {tweet: on, reply: False}
        assert await marked(f"/tweets/{reply}/thread", "ancestors", headers) == {tweet: on}
        assert await marked(f"/tweets/{tweet}/thread", "descendants", headers) == {reply: False}
    assert await marked("/timeline/public", "tweets", {}) == {tweet: False, reply: False}


async def test_a_walk_through_bookmarks_goes_on_unchanged_while_a_newer_one_is_made(api: httpx.AsyncClient) -> None:
    (alice,) = await sign_up(api, 1)
    tweets = [await alice.post(f"worth keeping {number}") for number in range(4)]
    newest, *before = tweets
    for tweet in before:
        await bookmark(alice, tweet)
    page = await alice.call("GET", _MINE, 200, params={"limit": 1})
    shown = page["tweets"]
    await bookmark(alice, newest)
    while page["next_cursor"] is not None:
        page = await alice.call("GET", _MINE, 200, params={"limit": 1, "cursor": page["next_cursor"]})
        assert len(page["tweets"]) == 1
        shown += page["tweets"]
    assert [tweet["id"] for tweet in shown] == before[::-1]
    assert await kept(alice, limit=1) == [newest, *before[::-1]]
