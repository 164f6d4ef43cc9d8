"""People who use a system over HTTP."""

import itertools
from dataclasses import dataclass
from typing import Any

import httpx

_numbers = itertools.count(1)
PASSWORD = "correct horse battery"


async def signed_up(api: httpx.AsyncClient) -> tuple[dict[str, str], dict[str, Any]]:
    """A new user: the headers they send, and their profile."""
    name = f"user_{next(_numbers)}"
    body = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
    answer = await api.post("/api/v1/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}, answer.json()["user"]


@dataclass(frozen=True, slots=True)
class Person:
    """A user in a story."""

    api: httpx.AsyncClient
    headers: dict[str, str]
    id: str
    username: str

    async def call(self, method: str, path: str, status: int, **kwargs: Any) -> Any:
        """Send a request, expect a status, and get the JSON of the answer."""
        headers = {**self.headers, **kwargs.pop("headers", {})}
        answer = await self.api.request(method, f"/api/v1{path}", headers=headers, **kwargs)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    async def post(self, text: str, **fields: Any) -> str:
        """Publish a tweet; its id."""
        return str((await self.call("POST", "/tweets", 201, json={"text": text, **fields}))["id"])

    async def follow(self, other: "Person") -> None:
        await self.call("POST", f"/users/{other.id}/follow", 200)

    async def home(self, limit: int = 100) -> list[str]:
        """The ids of the whole home timeline."""
        return [tweet["id"] for tweet in await self.pages("/timeline/home", limit)]

    async def pages(self, path: str, limit: int = 100, name: str = "tweets") -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            params = {"limit": limit, **({"cursor": cursor} if cursor else {})}
            page = await self.call("GET", path, 200, params=params)
            assert len(page[name]) == limit or page["next_cursor"] is None, "a page is full unless the list ends"
            items += page[name]
            cursor = page["next_cursor"]
            if cursor is None:
                return items


async def sign_up(api: httpx.AsyncClient, count: int) -> list[Person]:
    """Some new people."""
    made = []
    for _ in range(count):
        headers, user = await signed_up(api)
        made.append(Person(api, headers, user["id"], user["username"]))
    return made
