"""Stories of tweets that are not for everybody, and of timelines that leave out what is not wanted."""

import httpx

from tests.support.api_user import ApiUser, sign_up
from tests.support.waiting import eventually


async def test_a_tweet_is_read_by_those_for_whom_it_is(api: httpx.AsyncClient) -> None:
    alice, bob, carol, stranger = await sign_up(api, 4)
    await bob.follow(alice)
    tag = f"few{alice.id}"
    for_followers = await alice.post(f"hello #{tag}", visibility="followers")
    for_carol = await alice.post(f"hello @{carol.username} #{tag}", visibility="mentioned")
    public = await alice.post(f"hello #{tag}")

    async def seen(reader: ApiUser) -> list[str]:
        return [tweet["id"] for tweet in await reader.pages(f"/timeline/user/{alice.id}")]

    assert await seen(alice) == [public, for_carol, for_followers]
    assert await seen(bob) == [public, for_followers]
    assert await seen(carol) == [public, for_carol]
    assert await seen(stranger) == [public]
    await eventually(bob.home, lambda ids: ids == [public, for_followers])
    assert await alice.home() == [public, for_carol, for_followers]
    for reader in (alice, bob, stranger):
        assert [tweet["id"] for tweet in await reader.pages(f"/timeline/hashtag/{tag}")] == [public]
    for reader, tweet, status in (
        (bob, for_followers, 200),
        (bob, for_carol, 404),
        (carol, for_carol, 200),
        (carol, for_followers, 404),
        (stranger, for_followers, 404),
    ):
        await reader.call("GET", f"/tweets/{tweet}", status)
    assert (await carol.call("GET", f"/tweets/{for_carol}", 200))["visibility"] == "mentioned"


async def test_what_is_not_for_everybody_is_not_shared(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    await bob.follow(alice)
    tweet = await alice.post("between us", visibility="followers")
    for person in (alice, bob):
        refused = await person.call("POST", f"/tweets/{tweet}/retweet", 403)
        assert refused["code"] == "not_public"
        await person.call("POST", "/tweets", 403, json={"text": "look", "quote_of_id": tweet})
    await bob.call("POST", f"/tweets/{tweet}/like", 200)
    public = await alice.post("for all")
    await bob.call("POST", f"/tweets/{public}/retweet", 200)
    await alice.change_settings(private=True)
    await bob.call("POST", "/tweets", 403, json={"text": "look", "quote_of_id": public})


async def test_a_reply_is_no_wider_than_what_it_replies_to(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    tweet = await alice.post(f"only you, @{bob.username}", visibility="mentioned")
    for wider in ("public", "followers"):
        body = {"text": "loud", "reply_to_id": tweet, "visibility": wider}
        refused = await bob.call("POST", "/tweets", 422, json=body)
        assert [*refused["fields"]] == ["visibility"]
    reply = await bob.call("POST", "/tweets", 201, json={"text": "quiet", "reply_to_id": tweet})
    assert reply["visibility"] == "mentioned"
    assert (await alice.call("GET", f"/tweets/{reply['id']}", 200))["text"] == "quiet", "it answers her"


async def test_timelines_leave_out_what_is_not_wanted(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    await bob.follow(alice)
    tweets, replies = list[str](), list[str]()
    for n in range(5):
        tweets.append(await alice.post(f"tweet {n}"))
        replies.append(await alice.post(f"reply {n}", reply_to_id=tweets[-1]))
    retweet = (await alice.call("POST", f"/tweets/{await bob.post('from Bob')}/retweet", 200))["id"]
    await eventually(bob.home, lambda ids: len(ids) == 11)

    async def read(path: str, **wanted: str) -> list[str]:
        found, cursor = list[str](), dict[str, str]()
        while True:
            page = await bob.call("GET", path, 200, params={**wanted, **cursor, "limit": "2"})
            found += [tweet["id"] for tweet in page["tweets"]]
            if page["next_cursor"] is None:
                return found
            assert len(page["tweets"]) == 2
            cursor = {"cursor": page["next_cursor"]}

    own = f"/timeline/user/{alice.id}"
    for path in ("/timeline/home", own):
        assert await read(path, filter="replies") == replies[::-1]
        assert await read(path, filter="media") == []
        without = await read(path, exclude="replies,retweets")
        assert [id_ for id_ in without if id_ in tweets] == tweets[::-1]
        assert not {*replies} & {*without}
    (only,) = await read(own, filter="retweets")
    assert (await bob.call("GET", f"/tweets/{only}", 200))["retweet_of"]["id"] == retweet
