"""Stories of tweets, replies, likes and retweets, as people live them over HTTP."""

import httpx

from tests.support.api_user import sign_up
from tests.support.waiting import eventually


async def test_a_tweet_is_read_back_as_it_was_written(api: httpx.AsyncClient) -> None:
    (alice,) = await sign_up(api, 1)
    body = {"text": "  Hello #World and #日本 @bob https://example.com/#no  ", "location": "Zürich"}
    tweet = await alice.call("POST", "/tweets", 201, json=body)
    assert tweet["text"] == "Hello #World and #日本 @bob https://example.com/#no"
    assert tweet["hashtags"] == ["World", "日本"]
    assert tweet["mentions"] == ["bob"]
    assert tweet["location"] == "Zürich"
    shown = {"id": str(alice.id), "username": alice.username, "name": alice.username, "private": False}
    assert (tweet["author"], tweet["visibility"]) == (shown, "public")
    assert await alice.call("GET", f"/tweets/{tweet['id']}", 200) == tweet


async def test_an_idempotency_key_creates_once(api: httpx.AsyncClient) -> None:
    (alice,) = await sign_up(api, 1)
    headers = {"Idempotency-Key": "k1"}
    first = await alice.call("POST", "/tweets", 201, json={"text": "once"}, headers=headers)
    again = await alice.call("POST", "/tweets", 201, json={"text": "once"}, headers=headers)
    in_body = await alice.call("POST", "/tweets", 201, json={"text": "once", "idempotency_key": "k1"})
    assert first["id"] == again["id"] == in_body["id"]
    refused = await alice.call("POST", "/tweets", 409, json={"text": "other"}, headers=headers)
    assert refused["code"] == "idempotency_key_reused"
    assert await alice.home() == [first["id"]]


async def test_a_deleted_tweet_is_gone_everywhere_at_once(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    await bob.follow(alice)
    tag = f"gone{alice.id}"
    tweet = await alice.post(f"soon away #{tag}")
    await bob.call("POST", f"/tweets/{tweet}/retweet", 200)
    await eventually(bob.home, lambda ids: len(ids) == 1)
    await alice.call("DELETE", f"/tweets/{tweet}", 204)
    assert await alice.home() == []
    assert await bob.home() == []
    for path in (f"/tweets/{tweet}", f"/tweets/{tweet}/replies", f"/tweets/{tweet}/thread", f"/tweets/{tweet}/likers"):
        await bob.call("GET", path, 404)
    for path in (f"/timeline/hashtag/{tag}", f"/timeline/user/{alice.id}", f"/timeline/user/{bob.id}"):
        assert await bob.pages(path) == []


async def test_likes_are_counted_exactly_once_settled(api: httpx.AsyncClient) -> None:
    alice, bob, carol = await sign_up(api, 3)
    tweet = await alice.post("likeable")
    for person in (bob, carol, bob):
        seen = await person.call("POST", f"/tweets/{tweet}/like", 200)
        assert seen["liked"], "who likes sees it in the next answer"
    await bob.call("DELETE", f"/tweets/{tweet}/like", 200)

    async def likes() -> int:
        return int((await carol.call("GET", f"/tweets/{tweet}/engagements", 200))["likes_count"])

    await eventually(likes, lambda count: count == 1)
    assert [user["id"] for user in await alice.pages(f"/tweets/{tweet}/likers", name="users")] == [str(carol.id)]
    assert (await carol.call("GET", f"/tweets/{tweet}", 200))["liked"]
    assert not (await bob.call("GET", f"/tweets/{tweet}", 200))["liked"]


async def test_what_one_did_is_counted_for_oneself_in_the_answer_and_in_every_read_after_it(
    api: httpx.AsyncClient,
) -> None:
    alice, bob = await sign_up(api, 2)
    profile = await bob.call("POST", f"/users/{alice.id}/follow", 200)
    assert (profile["following"], profile["followers_count"]) == (True, 1)
    for number in range(1, 5):
        tweet = await alice.post(f"number {number}")
        assert (await alice.call("GET", "/users/me", 200))["tweets_count"] == number
        await bob.call("GET", f"/tweets/{tweet}", 200)
        liked = await bob.call("POST", f"/tweets/{tweet}/like", 200)
        retweeted = await bob.call("POST", f"/tweets/{tweet}/retweet", 200)
        assert (liked["liked"], liked["likes_count"]) == (True, 1)
        assert (retweeted["retweeted"], retweeted["retweets_count"]) == (True, 1)
        reply = await bob.post("a reply", reply_to_id=tweet, quote_of_id=tweet)
        counts = {"likes_count": 1, "retweets_count": 1, "replies_count": 1, "quotes_count": 1}
        assert await bob.call("GET", f"/tweets/{tweet}/engagements", 200) == counts
        for path, name in (
            (f"/tweets/{tweet}", None),
            (f"/tweets/{reply}/thread", "ancestors"),
            ("/timeline/home", "tweets"),
            (f"/timeline/user/{bob.id}", "tweets"),
        ):
            read = await bob.call("GET", path, 200)
            shown = [read] if name is None else [tweet["retweet_of"] or tweet for tweet in read[name]]
            (found,) = {tuple(t[key] for key in counts) for t in shown if t["id"] == tweet}
            assert found == (1, 1, 1, 1), path
        assert (await bob.call("DELETE", f"/tweets/{tweet}/like", 200))["likes_count"] == 0
        assert (await bob.call("DELETE", f"/tweets/{tweet}/retweet", 200))["retweets_count"] == 0
        await bob.call("DELETE", f"/tweets/{reply}", 204)
        assert set((await bob.call("GET", f"/tweets/{tweet}/engagements", 200)).values()) == {0}
    assert (await bob.call("GET", "/users/me", 200))["following_count"] == 1
    assert (await bob.call("DELETE", f"/users/{alice.id}/follow", 200))["followers_count"] == 0
    assert (await bob.call("GET", f"/users/{alice.id}", 200))["followers_count"] == 0
    assert (await bob.call("GET", "/users/me", 200))["following_count"] == 0


async def test_a_retweet_reaches_followers_and_can_be_taken_back(api: httpx.AsyncClient) -> None:
    alice, bob, carol = await sign_up(api, 3)
    await carol.follow(bob)
    assert await carol.home() == []
    tweet = await alice.post("worth repeating")
    seen = await bob.call("POST", f"/tweets/{tweet}/retweet", 200)
    assert seen["id"] == tweet
    assert seen["retweeted"]
    (entry,) = await eventually(lambda: carol.pages("/timeline/home"), lambda tweets: len(tweets) == 1)
    assert entry["author"]["id"] == str(bob.id)
    assert entry["retweet_of"]["id"] == tweet
    assert entry["retweet_of"]["text"] == "worth repeating"
    await bob.call("DELETE", f"/tweets/{tweet}/retweet", 200)
    assert await carol.home() == []
    assert await bob.home() == []


async def test_a_tweet_that_several_followees_retweet_stands_once_at_its_newest_place(api: httpx.AsyncClient) -> None:
    alice, bob, carol, dave = await sign_up(api, 4)
    for author in (alice, bob, carol):
        await dave.follow(author)
    first = await alice.post("first")
    await bob.call("POST", f"/tweets/{first}/retweet", 200)
    between = await alice.post("between")
    await carol.call("POST", f"/tweets/{first}/retweet", 200)

    async def shown() -> list[str]:
        return [(tweet["retweet_of"] or tweet)["id"] for tweet in await dave.pages("/timeline/home")]

    await eventually(shown, lambda ids: ids == [first, between])


async def test_a_conversation_is_shown_above_and_below(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    root = await alice.post("root")
    middle = await bob.post("middle", reply_to_id=root)
    leaf = await alice.post("leaf", reply_to_id=middle)
    other = await bob.post("other", reply_to_id=root)
    thread = await alice.call("GET", f"/tweets/{middle}/thread", 200)
    assert [tweet["id"] for tweet in thread["ancestors"]] == [root]
    assert thread["tweet"]["id"] == middle
    assert [tweet["id"] for tweet in thread["descendants"]] == [leaf]
    assert [tweet["id"] for tweet in await bob.pages(f"/tweets/{root}/replies")] == [other, middle]

    async def counts() -> tuple[int, int]:
        tweet = await bob.call("GET", f"/tweets/{root}", 200)
        return tweet["replies_count"], tweet["quotes_count"]

    await bob.post("quoting", quote_of_id=root)
    await eventually(counts, lambda seen: seen == (2, 1))


async def test_a_long_conversation_with_a_deleted_middle_is_read_whole_from_both_ends(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    chain = [await alice.post("root")]
    for number in range(1, 132):
        chain.append(await (alice, bob)[number % 2].post(f"number {number}", reply_to_id=chain[-1]))
    gone, leaf = chain[61], chain[-1]
    await bob.call("DELETE", f"/tweets/{gone}", 204)
    above = await alice.call("GET", f"/tweets/{leaf}/thread", 200)
    assert [tweet["id"] for tweet in above["ancestors"]] == chain[:-1]
    assert above["ancestors"][61] == {"id": gone, "unavailable": "deleted"}
    assert (above["ancestors_cursor"], above["descendants"], above["next_cursor"]) == (None, [], None)
    first = await bob.call("GET", f"/tweets/{chain[0]}/thread", 200)
    rest = await bob.call("GET", f"/tweets/{chain[0]}/thread", 200, params={"cursor": first["next_cursor"]})
    assert (len(first["descendants"]), rest["next_cursor"]) == (100, None)
    below = first["descendants"] + rest["descendants"]
    assert [tweet["id"] for tweet in below] == chain[1:]
    assert [tweet["id"] for tweet in below if tweet.get("unavailable")] == [gone]
    await bob.call("GET", f"/tweets/{gone}/thread", 404)


async def test_hashtags_that_look_alike_have_one_page(api: httpx.AsyncClient) -> None:
    (alice,) = await sign_up(api, 1)
    spellings = [f"Caf\u00e9{alice.id}", f"\uff23afe\u0301\ufe0f{alice.id}", f"CAF\u00c9{alice.id}\u200d"]
    ids = [await alice.post(f"\u2764\ufe0f#{spelling}") for spelling in spellings]
    shown = await alice.pages(f"/timeline/hashtag/caf\u00e9{alice.id}")
    assert [tweet["id"] for tweet in shown] == ids[::-1]
    for tweet in shown:
        (written,) = tweet["hashtags"]
        assert await alice.pages(f"/timeline/hashtag/{written}") == shown


async def test_public_and_hashtag_timelines_lead_to_the_true_end(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    tag = f"Straße{alice.id}"
    ids = [await author.post(f"number {n} #{tag}") for n in range(4) for author in (alice, bob)]
    assert [tweet["id"] for tweet in await bob.pages(f"/timeline/hashtag/STRASSE{alice.id}", limit=3)] == ids[::-1]
    public = [tweet["id"] for tweet in await alice.pages("/timeline/public", limit=50)]
    assert [id_ for id_ in public if id_ in ids] == ids[::-1]
    assert public == sorted(public, key=int, reverse=True)
