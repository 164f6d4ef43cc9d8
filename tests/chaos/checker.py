"""After healing: everything that can be read, compared with the model."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx

from tests.chaos.history import History, Outcome
from tests.chaos.load import TAGS, Client
from tests.chaos.model import Model, Post, difference, unexplained

Check = Callable[[], Awaitable[str | None]]
"""What is wrong with one thing, None if nothing is."""

SETTLED_S = 60.0
"""How long what is not right at once is looked at again: what is counted or delivered may still be on its way."""
_PATIENCE_VIOLATIONS_MAX = 10
"""With more nobody needs to wait for the rest."""
_REPEAT_S = 0.5
_AT_ONCE = 8


@dataclass(slots=True)
class Verdict:
    """What was compared and what was wrong."""

    compared: int
    violations: list[str]
    settled_s: float
    """When, after the load had ended, the last thing that was right only later was right."""


class Unanswered(Exception):
    """The service did not answer a question as it must."""


async def patiently(
    check: Check, bring_up_to_date: Callable[[], Awaitable[None]], *, within_s: float, every_s: float = _REPEAT_S
) -> tuple[str | None, bool]:
    """What is wrong in the end, and whether it was right at once.

    What differs may still be on its way, and who does not answer may still be recovering: both are looked at again
    for a while.
    """
    clock = asyncio.get_running_loop().time
    deadline_s = clock() + within_s
    at_once = True
    while True:
        try:
            if not at_once:
                await bring_up_to_date()
            wrong = await check()
        except Unanswered as unanswered:
            wrong = str(unanswered)
        if wrong is None or clock() >= deadline_s:
            return wrong, at_once
        at_once = False
        await asyncio.sleep(every_s)


class Checker:
    """Reads all there is, and says what does not agree with the history."""

    def __init__(self, api: httpx.AsyncClient, clients: Sequence[Client], history: History) -> None:
        self._api = api
        self._clients = clients
        self._history = history
        self._clock = asyncio.get_running_loop().time

    async def check(self, since: int = 0) -> Verdict:
        """Compare everything that is, and what was read from a place in the history on."""
        begun_s = self._clock()
        model = Model.of(self._history)
        gate, settled_s, violations = asyncio.Semaphore(_AT_ONCE), 0.0, list(unexplained(self._history, since))
        close = partial(self._close_what_is_open, model)

        async def settled(check: Check) -> None:
            nonlocal settled_s
            async with gate:
                patience_s = SETTLED_S if len(violations) < _PATIENCE_VIOLATIONS_MAX else 0.0
                wrong, at_once = await patiently(check, close, within_s=patience_s)
            if wrong is not None:
                violations.append(wrong)
            if not at_once:
                settled_s = max(settled_s, self._clock() - begun_s)

        await settled(close)
        checks = list(self._checks(model))
        await asyncio.gather(*map(settled, checks))
        return Verdict(len(checks) + len(self._history.of("home")), violations, settled_s)

    def _checks(self, model: Model) -> Iterator[Check]:
        for client in self._clients:
            yield partial(self._list, client, "/timeline/home", partial(model.home, client.id))
            yield partial(self._list, client, f"/timeline/user/{client.id}", partial(model.written, client.id))
            yield partial(self._profile, client, model)
        for post in model.posts.values():
            if post.id:
                yield partial(self._tweet, post, model)
        yield partial(self._trends, model)

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
        """The JSON of an answer, None for a 404 if that is expected. Raises `Unanswered`."""
        headers = {"Authorization": f"Bearer {viewer.token}"}
        try:
            answer = await self._api.get(f"/api/v1{path}", headers=headers, params=params)
        except httpx.TransportError as failure:
            raise Unanswered(f"GET {path} for {viewer.username}: {type(failure).__name__}") from failure
        if answer.status_code == 404 and absent:
            return None
        if not answer.is_success:
            raise Unanswered(f"GET {path} for {viewer.username}: {answer.status_code} {answer.text}")
        return answer.json()

    async def _list(self, viewer: Client, path: str, of: Callable[[], list[int]]) -> str | None:
        wrong = difference(of(), [int(tweet["id"]) for tweet in await self._pages(viewer, path)])
        return None if wrong is None else f"{path} of {viewer.username}: {wrong}"

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
