"""Stories of what people show of themselves, and how they are set."""

import asyncio
from typing import Any

import httpx

from tests.support.api_user import ApiUser, sign_up

Names = set[tuple[str, bool]]
"""Names under which somebody is shown, each with whether they are private."""


async def shown_to(reader: ApiUser | None, author: ApiUser, tweet: str, api: httpx.AsyncClient) -> Names:
    """The names of an author on every page where somebody finds them."""
    headers = {} if reader is None else reader.headers

    async def read(path: str) -> Any:
        answer = await api.get(f"/api/v1{path}", params={"limit": 100}, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    lists = [f"/timeline/user/{author.id}", "/timeline/public", "/timeline/hashtag/renamed"]
    lists += [] if reader is None else ["/timeline/home", "/users/me/bookmarks"]
    people = [f"/tweets/{tweet}/likers", f"/tweets/{tweet}/retweeters"]
    people += [] if reader is None else [f"/users/{reader.id}/following"]
    found = [await read(f"/tweets/{tweet}"), (await read(f"/tweets/{tweet}/thread"))["tweet"]]
    for path in lists:
        found += (await read(path))["tweets"]
    users = [await read(f"/users/{author.id}"), await read(f"/users/by/username/{author.username}")]
    for path in people:
        users += (await read(path))["users"]
    users += [each["author"] for item in found for each in (item, item["retweet_of"]) if each is not None]
    mine = [user for user in users if user["id"] == str(author.id)]
    assert len(mine) >= len(lists) + len(people) + 4, "they are on every one of them"
    return {(user["name"], user["private"]) for user in mine}


async def test_a_new_name_shows_on_every_page_at_the_next_read_to_everybody(api: httpx.AsyncClient) -> None:
    alice, *readers = await sign_up(api, 5)
    tweet = await alice.post("who am I? #renamed")
    for relation in ("like", "retweet"):
        await alice.call("POST", f"/tweets/{tweet}/{relation}", 200)
    for reader in readers:
        await reader.follow(alice)
        await reader.call("POST", f"/tweets/{tweet}/bookmark", 200)

    async def everywhere() -> Names:
        pages = await asyncio.gather(*(shown_to(reader, alice, tweet, api) for reader in (*readers, None)))
        return Names().union(*pages)

    assert await everywhere() == {(alice.username, False)}
    for number in range(3):
        await alice.call("PUT", "/users/me", 200, json={"name": f"Alice {number}"})
        assert await everywhere() == {(f"Alice {number}", False)}


async def test_a_profile_has_what_its_user_gave_and_nothing_that_they_cleared(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    given = {"bio": '<b>"hi"</b>\n\u202eabc', "location": "東京", "website": "HTTPS://münchen.de/?a=b"}
    mine = await alice.call("PUT", "/users/me", 200, json=given)
    kept = given | {"website": "https://münchen.de/?a=b"}
    assert {field: mine[field] for field in kept} == kept
    assert mine == await alice.call("GET", "/users/me", 200) == await alice.call("PUT", "/users/me", 200, json={})
    assert mine == await bob.call("GET", f"/users/{alice.id}", 200)
    await alice.call("PUT", "/users/me", 200, json={"bio": "", "location": None, "website": " "})
    cleared = await bob.call("GET", f"/users/{alice.id}", 200)
    assert cleared == mine | {"bio": "", "website": ""}
    wrong = {"name": "", "bio": "kept?", "website": "javascript:alert(1)"}
    refused = await alice.call("PUT", "/users/me", 422, json=wrong)
    assert (refused["code"], refused["fields"].keys()) == ("invalid_profile", {"name", "website"})
    assert cleared == await bob.call("GET", f"/users/{alice.id}", 200), "all of it or nothing"


async def test_settings_are_ones_own_and_change_one_by_one(api: httpx.AsyncClient) -> None:
    alice, bob = await sign_up(api, 2)
    first = await alice.call("GET", "/users/me/settings", 200)
    assert first == await bob.call("GET", "/users/me/settings", 200)
    change = {
        "private": True,
        "who_can_message": "nobody",
        "notifications": {"like": "followees"},
        "push": {"reply": False},
    }
    changed = await alice.call("PUT", "/users/me/settings", 200, json=change)
    assert changed == first | {
        "private": True,
        "who_can_message": "nobody",
        "notifications": first["notifications"] | {"like": "followees"},
        "push": first["push"] | {"reply": False},
    }
    assert changed == await alice.call("PUT", "/users/me/settings", 200, json={"language": None, "push": {}})
    assert first == await bob.call("GET", "/users/me/settings", 200)
    assert (await bob.call("GET", f"/users/{alice.id}", 200))["private"] is True
    assert await alice.call("PUT", "/users/me/settings", 200, json=first) == first
    assert (await bob.call("GET", f"/users/{alice.id}", 200))["private"] is False
