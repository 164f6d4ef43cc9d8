"""A user of the HTTP API, for every tier that has some.

Stories ask with `call`, which expects a status and answers JSON as it is, ids as text. What is compared with the oracle
is asked with the others, which are as patient as their client and answer values, ids as numbers.
"""

import itertools
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from cluster.client.api import Account, ApiClient, Json, UnexpectedAnswer
from domain.trends.tag_counts import TOP_MAX
from tests.support.oracle.oracle import Counts, Relation
from tests.support.shapes import Profile, Shown

PASSWORD = "correct horse battery"
HOME = "/timeline/home"
_PAGE_MAX = 100
_PATHS: Mapping[Relation, str] = {
    Relation.FOLLOW: "/users/{}/follow",
    Relation.LIKE: "/tweets/{}/like",
    Relation.RETWEET: "/tweets/{}/retweet",
    Relation.BOOKMARK: "/tweets/{}/bookmark",
    Relation.BLOCK: "/users/{}/block",
    Relation.MUTE: "/users/{}/mute",
}
"""By relation; the others begin and end with a follow."""
_ENDED: Mapping[Relation, str] = {Relation.FOLLOW: "unfollow"}
_numbers = itertools.count(1)


@dataclass(slots=True)
class ApiUser:
    """Somebody who signed up."""

    api: ApiClient
    account: Account

    @property
    def id(self) -> int:
        return self.account.id

    @property
    def username(self) -> str:
        return self.account.username

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.account.token}"}

    # ----------------------------------------------------------------------------------------------------- stories

    async def send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The last answer, whatever it is. Raises `httpx.TransportError` without one."""
        return await self.api.send(method, method, path, self.account, **content)

    async def call(self, method: str, path: str, status: int, **content: Any) -> Any:
        """Send a request, expect a status, and get the JSON of the answer."""
        answer = await self.send(method, path, **content)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def post(self, text: str, **fields: Any) -> str:
        """Publish a tweet; its id."""
        return str((await self.call("POST", "/tweets", 201, json={"text": text, **fields}))["id"])

    async def follow(self, other: "ApiUser") -> None:
        await self.call("POST", f"/users/{other.id}/follow", 200)

    async def home(self, limit: int = _PAGE_MAX) -> list[str]:
        """The ids of the whole home timeline."""
        return [tweet["id"] for tweet in await self.pages(HOME, limit)]

    async def pages(self, path: str, limit: int = _PAGE_MAX, name: str = "tweets") -> list[Json]:
        """Every item of a list, page by page."""
        pages = [page async for page in self._walk("pages", path, name, limit)]
        assert all(len(page) == limit for page in pages[:-1]), "a page is full unless the list ends"
        return [item for page in pages for item in page]

    # ------------------------------------------------------------------------------------------------------ values

    async def publish(
        self, text: str, *, reply_to: int | None = None, quote_of: int | None = None, location: str | None = None
    ) -> Shown:
        """Publish a tweet; repeated under one idempotency key, so once."""
        refers = {"reply_to_id": reply_to, "quote_of_id": quote_of}
        body = {"text": text} | {name: str(id_) for name, id_ in refers.items() if id_ is not None}
        body |= {} if location is None else {"location": location}
        key = {"Idempotency-Key": secrets.token_hex(12)}
        return Shown.of(await self._ask("post", "POST", "/tweets", json=body, headers=key))

    async def delete(self, tweet: int) -> None:
        """Take a tweet away; a repeated call may find it gone."""
        await self._ask_for("delete", "DELETE", f"/tweets/{tweet}")

    async def relate(self, relation: Relation, target: int, *, on: bool) -> Json:
        """Begin or end a relation; the target as the user sees it then."""
        kind = str(relation) if on else _ENDED.get(relation, f"undo {relation}")
        return await self._ask(kind, "POST" if on else "DELETE", path_of(relation, target))

    async def edit(self, **fields: str) -> None:
        """Change some of one's profile."""
        await self._ask("edit profile", "PUT", "/users/me", json=fields)

    async def change_settings(self, **settings: Any) -> None:
        """Change some of one's settings."""
        await self._ask("change settings", "PUT", "/users/me/settings", json=settings)

    async def tweet(self, tweet: int) -> Shown | None:
        """A tweet, None if there is none."""
        found = await self._ask_for("read tweet", "GET", f"/tweets/{tweet}")
        return None if found is None else Shown.of(found)

    async def profile(self, user: int) -> Profile:
        return Profile.of(await self._ask("read user", "GET", f"/users/{user}"))

    async def counts(self, tweet: int) -> Counts:
        return Counts.of(await self._ask("read counts", "GET", f"/tweets/{tweet}/engagements"))

    async def page(self, kind: str, path: str, cursor: str | None = None) -> tuple[list[Shown], str | None]:
        """One page of tweets, and the cursor of the next."""
        answer = await self._ask(kind, "GET", path, params=_page(cursor, _PAGE_MAX))
        return [Shown.of(tweet) for tweet in answer["tweets"]], answer["next_cursor"]

    async def tweets(self, kind: str, path: str, *, down_to: int = 0) -> list[Shown]:
        """A list of tweets to its last page, or to the page that passes an id."""
        found: list[Shown] = []
        async for page in self._walk(kind, path, "tweets", _PAGE_MAX):
            found += map(Shown.of, page)
            if found and found[-1].entry < down_to:
                break
        return found

    async def users(self, kind: str, path: str) -> list[int]:
        """A list of users to its last page."""
        return [int(user["id"]) async for page in self._walk(kind, path, "users", _PAGE_MAX) for user in page]

    async def _walk(self, kind: str, path: str, name: str, limit: int) -> AsyncIterator[list[Json]]:
        """The pages of a list, each as large as the first but for the last. Raises `UnexpectedAnswer`."""
        cursor: str | None = None
        size: int | None = None
        while True:
            answer = await self._ask(kind, "GET", path, params=_page(cursor, limit))
            page, following = answer[name], answer["next_cursor"]
            size = len(page) if size is None else size
            if (following is not None and len(page) != size) or (cursor is not None and not 0 < len(page) <= size):
                raise UnexpectedAnswer(f"GET {path}", 200, f"a page of {len(page)} after one of {size}")
            yield page
            if following is None:
                return
            cursor = following

    async def _ask(self, kind: str, method: str, path: str, **content: Any) -> Json:
        return await self.api.call(kind, method, path, self.account, **content)

    async def _ask_for(self, kind: str, method: str, path: str) -> Json | None:
        """As `_ask`; None if it is not there."""
        try:
            return await self._ask(kind, method, path)
        except UnexpectedAnswer as failure:
            if failure.status != 404:
                raise
            return None


def path_of(relation: Relation, target: int) -> str:
    """The route that begins a relation (POST) and ends it (DELETE)."""
    return _PATHS.get(relation, _PATHS[Relation.FOLLOW]).format(target)


async def trends(api: ApiClient, window: str, place: str | None = None) -> Json:
    """All that trends in a window, everywhere or at a place."""
    params = {"window": window, "limit": str(TOP_MAX)} | ({} if place is None else {"location": place})
    return await api.call("trends", "GET", "/trends", params=params)


async def signed_up(api: httpx.AsyncClient) -> tuple[dict[str, str], dict[str, Any]]:
    """A new user: the headers they send, and their profile."""
    name = f"user_{next(_numbers)}"
    body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    answer = await api.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}, answer.json()["user"]


async def sign_up(api: httpx.AsyncClient, count: int) -> list[ApiUser]:
    """Some new people; their client has no patience."""
    client = ApiClient(api)
    names = [f"user_{next(_numbers)}" for _ in range(count)]
    return [ApiUser(client, await client.sign_up(name, f"{name}@example.com", PASSWORD)) for name in names]


def _page(cursor: str | None, limit: int) -> dict[str, str]:
    return {"limit": str(limit)} if cursor is None else {"limit": str(limit), "cursor": cursor}
