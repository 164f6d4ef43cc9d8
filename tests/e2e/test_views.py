"""Stories of what people do not want to see, or may not: so it is at the next read, everywhere, until it ends."""

from typing import Any
from uuid import uuid4

import httpx

from tests.support.api_user import ApiUser, sign_up


async def tagged(reader: ApiUser, tag: str) -> dict[str, Any]:
    """The tweets with a hashtag, by id."""
    page = await reader.call("GET", f"/timeline/hashtag/{tag}", 200)
    return {tweet["id"]: tweet for tweet in page["tweets"]}


async def test_a_block_hides_each_from_the_other_and_nobody_else(api: httpx.AsyncClient) -> None:
    alice, bob, carol = await sign_up(api, 3)
    tag = f"block{uuid4().hex[:8]}"
    tweet = await alice.post(f"hello #{tag}")
    quote = await carol.post(f"look #{tag}", quote_of_id=tweet)
    reply = await carol.post("so it is", reply_to_id=tweet)
    for _ in range(3):
        await bob.call("POST", f"/users/{alice.id}/block", 200)
        tombstone = {"id": tweet, "unavailable": "blocked"}
        assert await bob.call("GET", f"/tweets/{tweet}", 200) == tombstone
        found = await tagged(bob, tag)
        assert (set(found), found[quote]["quote"]) == ({quote}, tombstone)
        assert (await bob.call("GET", f"/tweets/{reply}/thread", 200))["ancestors"] == [tombstone]
        await bob.call("POST", f"/tweets/{tweet}/like", 404)
        await bob.call("POST", "/tweets", 404, json={"text": "hello", "reply_to_id": tweet})
        await alice.call("GET", f"/users/{bob.id}", 404)
        await alice.call("GET", f"/timeline/user/{bob.id}", 404)
        assert set(await tagged(carol, tag)) == {tweet, quote}
        await bob.call("DELETE", f"/users/{alice.id}/block", 200)
        assert set(await tagged(bob, tag)) == {tweet, quote}
        await alice.call("GET", f"/users/{bob.id}", 200)


async def test_a_private_account_is_for_its_followers(api: httpx.AsyncClient) -> None:
    alice, bob, carol = await sign_up(api, 3)
    tag = f"private{uuid4().hex[:8]}"
    tweet = await alice.post(f"hello #{tag}")
    quote = await carol.post(f"look #{tag}", quote_of_id=tweet)
    await bob.follow(alice)
    await alice.call("PUT", "/users/me/settings", 200, json={"private": True})
    for path in (f"/timeline/user/{alice.id}", f"/users/{alice.id}/followers", f"/users/{alice.id}/following"):
        assert (await carol.call("GET", path, 403))["code"] == "private_account"
        await bob.call("GET", path, 200)
    await carol.call("GET", f"/tweets/{tweet}", 404)
    found = await tagged(carol, tag)
    assert (set(found), found[quote]["quote"]) == (
        {quote},
        {"id": tweet, "unavailable": "private"},
    )
    assert set(await tagged(bob, tag)) == {tweet, quote}
    assert (await bob.call("POST", f"/tweets/{tweet}/retweet", 403))["code"] == "not_public"
    assert (await bob.call("POST", "/tweets", 403, json={"text": "!", "quote_of_id": tweet}))["code"] == "not_public"
    await alice.call("PUT", "/users/me/settings", 200, json={"private": False})
    assert set(await tagged(carol, tag)) == {tweet, quote}
    await bob.call("POST", f"/tweets/{tweet}/retweet", 200)


async def test_muted_words(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    tag = f"word{uuid4().hex[:8]}"
    tweet, other = await alice.post(f"green tea #{tag}"), await alice.post(f"coffee #{tag}")
    word = await bob.call("POST", "/users/me/muted-words", 201, json={"phrase": "Green TEA"})
    assert set(await tagged(bob, tag)) == {other}
    assert set(await tagged(alice, tag)) == {tweet, other}
    assert (await bob.call("GET", f"/tweets/{tweet}", 200))["id"] == tweet
    assert (await bob.call("POST", "/users/me/muted-words", 409, json={"phrase": "#green tea"}))[
        "code"
    ] == "muted_already"
    assert (await bob.call("GET", "/users/me/muted-words", 200))["muted_words"] == [word]
    wrong = await bob.call("POST", "/users/me/muted-words", 422, json={"phrase": "x", "until": "2001-01-01T00:00:00Z"})
    assert wrong["fields"].keys() == {"until"}
    await bob.call("DELETE", f"/users/me/muted-words/{word['id']}", 204)
    await bob.call("DELETE", f"/users/me/muted-words/{word['id']}", 404)
    assert set(await tagged(bob, tag)) == {tweet, other}
