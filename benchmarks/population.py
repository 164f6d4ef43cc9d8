"""The people of the requests, made over HTTP alone, so that every server has the same: authors, a star, their readers.

Of 500 readers 200 read: each of these follows five of 50 authors, who so have 20 followers each. All follow the star.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

from benchmarks.effort import PAGE_TWEETS
from benchmarks.sides import Side
from cluster.client import pool
from cluster.client.api import Account, ApiClient, connected

T = TypeVar("T")
R = TypeVar("R")
AUTHORS, READERS, READING, FOLLOWEES = 50, 500, 200, 5
_STRIDE = 7
"""Between the authors of one reader; with this every author has equally many followers."""
_TEXT = "Number {}: the tide comes in at seven, and the boats go out with it, whatever the weather says."
_FIRST_POSTS, _FIRST_OF_STAR = 4, 6
_AT_ONCE = 8
_PASSWORD = "correct horse battery"
_RENEW_AFTER_S = 600.0
"""Access tokens last for 15 minutes."""
_LIST_MAX = 100
_GIVE_UP_S = 60.0


@dataclass(slots=True, kw_only=True)
class Population:
    """Who signed up at one server, and what was acknowledged there."""

    side: Side
    api: ApiClient
    star: Account
    authors: Sequence[Account]
    readers: Sequence[Account]
    posted: set[int] = field(default_factory=set)
    """Ids that were answered 201."""
    unknown: int = 0
    """Posts that were refused, and may have happened."""
    tokens_s: float = field(default_factory=time.perf_counter)

    @property
    def reading(self) -> Sequence[Account]:
        """The readers who read."""
        return self.readers[:READING]

    def followees(self, reader: int) -> list[int]:
        """The authors, by number, whom a reader who reads follows besides the star."""
        return [(reader + _STRIDE * number) % AUTHORS for number in range(FOLLOWEES)]

    async def post(self, author: Account, text: str) -> None:
        answer = await self.api.call("post", "POST", "/tweets", author, json={"text": text})
        self.posted.add(int(answer["id"]))

    async def follow(self, pairs: Iterable[tuple[Account, Account]]) -> None:
        """Have readers follow authors, whether or not they do."""
        await _each(pairs, lambda pair: self.api.call("follow", "POST", f"/users/{pair[1].id}/follow", pair[0]))

    async def renew(self) -> None:
        """Log in anew whoever takes part in loads, before the tokens expire."""
        if time.perf_counter() - self.tokens_s > _RENEW_AFTER_S:
            await _each([self.star, *self.authors, *self.readers], self.api.renew)
            self.tokens_s = time.perf_counter()

    async def page_bytes(self) -> int:
        """The size of a page."""
        answer = await self.api.send("page", "GET", "/timeline/home", self.readers[0], params={"limit": PAGE_TWEETS})
        return len(answer.content)

    async def compare(self) -> None:
        """Find every post that was acknowledged in its author's list, and on each reader's page what belongs there."""
        lists = await _each([self.star, *self.authors], self._list)
        found = {id_ for each in lists for id_, _ in each}
        assert self.posted <= found, f"{len(self.posted - found)} posts were acknowledged and are not there"
        assert len(found) <= len(self.posted) + self.unknown, f"{len(found)} tweets of {len(self.posted)} posts"
        of_star, *of_authors = lists

        async def page_of(number: int) -> None:
            own = [of_star, *(of_authors[author] for author in self.followees(number))]
            expected = sorted((tweet for each in own for tweet in each), reverse=True)[:PAGE_TWEETS]
            await self._shows(self.reading[number], expected)

        await _each(range(READING), page_of)

    async def _shows(self, reader: Account, expected: Sequence[tuple[int, str]]) -> None:
        """Return when a reader's page is as expected; what was posted last may still be on its way."""
        begun_s = time.perf_counter()
        while (await self._page("/timeline/home", reader, PAGE_TWEETS))[0] != expected:
            assert time.perf_counter() - begun_s < _GIVE_UP_S, f"the page of {reader.username} is not what it must be"
            await asyncio.sleep(0.1)

    async def _list(self, author: Account) -> list[tuple[int, str]]:
        """All that an author posted."""
        found, cursor = await self._page(f"/timeline/user/{author.id}", author, _LIST_MAX)
        while cursor:
            more, cursor = await self._page(f"/timeline/user/{author.id}", author, _LIST_MAX, cursor)
            found += more
        return found

    async def _page(
        self, path: str, reader: Account, limit: int, cursor: str | None = None
    ) -> tuple[list[tuple[int, str]], str | None]:
        params: dict[str, Any] = {"limit": limit, **({"cursor": cursor} if cursor else {})}
        answer = await self.api.call("page", "GET", path, reader, params=params)
        return [(int(tweet["id"]), tweet["text"]) for tweet in answer["tweets"]], answer["next_cursor"]


@asynccontextmanager
async def founded(side: Side) -> AsyncIterator[Population]:
    """Everybody, signed up, with followees and first tweets."""
    async with connected(side.url, at_once=_AT_ONCE) as api:

        async def sign_up(name: str) -> Account:
            return await api.sign_up(name, f"{name}@example.com", _PASSWORD)

        names = ["star", *(f"author{n}" for n in range(AUTHORS)), *(f"reader{n}" for n in range(READERS))]
        star, *others = await _each(names, sign_up)
        people = Population(side=side, api=api, star=star, authors=others[:AUTHORS], readers=others[AUTHORS:])
        await people.follow((reader, star) for reader in people.readers)
        own = ((reader, people.followees(number)) for number, reader in enumerate(people.reading))
        await people.follow((reader, people.authors[author]) for reader, followees in own for author in followees)
        posts = [author for _ in range(_FIRST_POSTS) for author in people.authors] + [star] * _FIRST_OF_STAR
        await _each(enumerate(posts), lambda post: people.post(post[1], _TEXT.format(post[0])))
        await people.compare()
        yield people


async def _each(items: Iterable[T], act: Callable[[T], Awaitable[R]]) -> list[R]:
    """What an act answers for each item, a few at a time."""
    answers: dict[int, R] = {}

    async def answer(numbered: tuple[int, T]) -> None:
        number, item = numbered
        answers[number] = await act(item)

    await pool.each(answer, enumerate(items), at_once=_AT_ONCE)
    return [answer for _, answer in sorted(answers.items(), key=itemgetter(0))]
