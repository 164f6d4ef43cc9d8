"""After healing: everything that can be read, compared with the model."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from tests.chaos.history import History, Outcome
from tests.chaos.load import TAGS, Client
from tests.chaos.model import Model, Post, unexplained

Check = Callable[[], Awaitable[str | None]]
"""What is wrong with one thing, None if nothing is."""

SETTLED_S = 60.0
_REPEAT_S = 0.5
_AT_ONCE = 8


@dataclass(slots=True)
class Verdict:
    """What was compared and what was wrong."""

    compared: int
    violations: list[str]
    settled_s: float
    """When, after the load had ended, the last thing that was right only later was right."""


class Checker:
    """Reads all there is, and says what does not agree with the history.

    What differs is read again until `SETTLED_S` are over: what is counted or delivered may still be on its way.
    """

    def __init__(self, api: httpx.AsyncClient, clients: Sequence[Client], history: History) -> None:
        self._api = api
        self._clients = clients
        self._history = history
        self._clock = asyncio.get_running_loop().time

    async def check(self, since: int = 0) -> Verdict:
        """Compare everything that is, and what was read from a place in the history on."""
        begun_s = self._clock()
        model = Model.of(self._history)
        await self._close_what_is_open(model)
        checks: list[Check] = []
        for client in self._clients:
            checks += [
                partial(self._list, client, "/timeline/home", partial(model.home, client.id)),
                partial(self._list, client, f"/timeline/user/{client.id}", partial(model.written, client.id)),
                partial(self._profile, client, model),
            ]
        checks += [partial(self._tweet, post, model) for post in model.posts.values() if post.id]
        checks.append(partial(self._trends, model))
        gate, settled_s, violations = asyncio.Semaphore(_AT_ONCE), 0.0, list(unexplained(self._history, since))

        async def settled(check: Check) -> None:
            nonlocal settled_s
            async with gate:
                difference = await check()
                while difference is not None and self._clock() - begun_s < SETTLED_S:
                    await asyncio.sleep(_REPEAT_S)
                    await self._close_what_is_open(model)  # what nobody was told may become visible late
                    difference = await check()
                    settled_s = max(settled_s, self._clock() - begun_s)
            if difference is not None:
                violations.append(difference)

        await asyncio.gather(*map(settled, checks))
        return Verdict(len(checks) + len(self._history.of("home")), violations, settled_s)

    async def _close_what_is_open(self, model: Model) -> None:
        """Read what nobody was told: the timelines of authors, whom each follows, what each likes."""
        by_id = {client.id: client for client in self._clients}
        for author in {post.author for post in model.open_posts()}:
            shown = {
                tweet["text"]: int(tweet["id"])
                for tweet in await self._pages(by_id[author], f"/timeline/user/{author}")
            }
            for post in model.open_posts():
                if post.author == author:
                    post.id = shown.get(post.text, 0)
        for kind, user, subject in model.open:
            path = f"/users/{subject}" if kind == "follow" else f"/tweets/{subject}"
            found = await self._get(by_id[user], path, absent=True)
            match kind:
                case "delete":
                    model.switches[kind, user, subject] = found is None
                case "follow":
                    model.switches[kind, user, subject] = bool(found["following"])
                case _:
                    model.switches[kind, user, subject] = found is not None and bool(found["liked"])

    async def _pages(self, viewer: Client, path: str) -> list[Any]:
        found: list[Any] = []
        cursor = None
        while True:
            params = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
            page = await self._get(viewer, path, params)
            found += page["tweets"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    async def _get(
        self, viewer: Client, path: str, params: dict[str, str] | None = None, *, absent: bool = False
    ) -> Any:
        """The JSON of an answer, None for a 404 if that is expected; again while the service is still recovering."""
        deadline_s = self._clock() + SETTLED_S
        while True:
            headers = {"Authorization": f"Bearer {viewer.token}"}
            try:
                answer = await self._api.get(f"/api/v1{path}", headers=headers, params=params)
            except httpx.TransportError as failure:
                said = type(failure).__name__
            else:
                if answer.status_code == 404 and absent:
                    return None
                if answer.is_success:
                    return answer.json()
                said = f"{answer.status_code} {answer.text}"
            assert self._clock() < deadline_s, f"GET {path}: {said}"
            await asyncio.sleep(_REPEAT_S)

    async def _list(self, viewer: Client, path: str, of: Callable[[], list[int]]) -> str | None:
        expected = of()
        shown = [int(tweet["id"]) for tweet in await self._pages(viewer, path)]
        if shown == expected:
            return None
        lacking = [id_ for id_ in expected if id_ not in set(shown)]
        extra = [id_ for id_ in shown if id_ not in set(expected)]
        return f"{path} of {viewer.username}: lacks {lacking[:5]}, shows {extra[:5]} too, of {len(expected)}"

    async def _profile(self, client: Client, model: Model) -> str | None:
        profile = await self._get(client, f"/users/{client.id}")
        found = tuple(profile[f"{name}_count"] for name in ("tweets", "followers", "following"))
        expected = tuple(map(len, (f(client.id) for f in (model.written, model.followers, model.following))))
        return None if found == expected else f"{client.username} has {found}, not {expected} tweets, followers, …"

    async def _tweet(self, post: Post, model: Model) -> str | None:
        tweet = await self._get(self._clients[0], f"/tweets/{post.id}", absent=True)
        if post.id in model.deleted():
            return None if tweet is None else f"tweet {post.id} is there after its delete"
        if tweet is None:
            return f"tweet {post.id}, {post.text!r}, is lost"
        found = (int(tweet["author"]["id"]), tweet["text"], tweet["likes_count"])
        expected = (post.author, post.text, len(model.likers(post.id)))
        return None if found == expected else f"tweet {post.id} is {found} instead of {expected}"

    async def _trends(self, model: Model) -> str | None:
        """Counts and authors of each tag in the hour; the history is younger than that."""
        answer = await self._get(self._clients[0], "/trends", {"window": "60m", "limit": "50"})
        found = {trend["tag"].lower(): (trend["count"], trend["unique_authors"]) for trend in answer["trends"]}
        counts, authors = Counter[str](), {tag: set[int]() for tag in TAGS}
        for post in model.live():
            tag = post.text.rpartition("#")[2]
            counts[tag] += 1
            authors[tag].add(post.author)
        expected = {tag: (counts[tag], len(authors[tag])) for tag in TAGS if counts[tag]}
        return None if found == expected else f"trends are {found} instead of {expected}"


def outcomes(history: History, since: int = 0) -> Counter[Outcome]:
    """How many calls had which outcome, from a place in the history on."""
    return Counter(call.outcome for call in history.calls[since:])
