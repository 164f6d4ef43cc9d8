"""One reader's look at everything, and the cells of the matrix that it compares."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx

from tests.support.api_user import ApiUser
from tests.support.leaks.matrix import Standing, Surface
from tests.support.leaks.world import Case, Item, World

_PAGE_MAX = 100
Standings = Callable[[Case | None], Standing]


class Reading:
    """One reader's look at everything: the cells that were compared, and those that differ."""

    def __init__(self, world: World, reader: ApiUser, standing: Standings, *, token: bool = True) -> None:
        self._world = world
        self._reader = reader
        self.token = token
        self.standing = standing
        self.cells = 0
        self.problems: list[str] = []
        self._by_text = {
            (world.word(item.by), item.way): item for item in world.items if item.by is not None and not item.original
        }
        self._written = re.compile(rf"({world.tag}by\d+by) writes ([a-z ,']+?)(?: for @\w+)? #{world.tag}")

    # --------------------------------------------------------------------------------------------------------- asking

    async def ask(self, path: str, status: int | None = 200, **content: Any) -> Any:
        """The JSON of an answer of this status, None if another was expected. No answer tells what is hidden."""
        answer = await self.answer(path, **content)
        if status is not None:
            self.cell(f"GET {path}", answer.status_code, status)
        return answer.json() if answer.status_code == 200 else None

    async def answer(self, path: str, **content: Any) -> httpx.Response:
        account = self._reader.account if self.token else None
        answer = await self._reader.api.send("leaks", "GET", path, account, **content)
        for word, way in self._written.findall(answer.text):
            item = self._by_text.get((word, way))
            if item is not None and (reason := item.why_hidden(self.standing, Surface.LINK)):
                self.problems.append(f"GET {path} tells the text of {named(item)}, which is hidden: {reason}")
        return answer

    async def pages(self, path: str, name: str = "tweets", *, down_to: int = 0) -> dict[str, Any]:
        """All items of a list by id, or down to some id; every page but the last is full."""
        found: dict[str, Any] = {}
        cursor: str | None = None
        while True:
            params = {"limit": str(_PAGE_MAX)} | ({} if cursor is None else {"cursor": cursor})
            page = await self.ask(path, params=params)
            if page is None:
                return found
            items, cursor = page[name], page["next_cursor"]
            self.cell(f"GET {path}: repeats", [item["id"] for item in items if item["id"] in found], [])
            found |= {item["id"]: item for item in items}
            if cursor is None or int(items[-1]["id"]) < down_to:
                return found

    def cell(self, where: str, found: object, expected: object) -> None:
        """Compare one cell."""
        self.cells += 1
        if found != expected:
            self.problems.append(f"{where}: {found} instead of {expected}")

    # ------------------------------------------------------------------------------------------------------ comparing

    def compare(self, path: str, entries: Mapping[str, Any], items: Iterable[Item], surface: Surface) -> None:
        """Each of some items is in a list, or is not; what one of them quotes is carried, or a tombstone."""
        for item in items:
            reason = item.why_hidden(self.standing, surface)
            self.cell(f"{path}: {named(item)} ({reason})", item.id in entries, reason is None)
            if item.id in entries:
                self.compare_embedded(path, entries[item.id], item, surface)

    def compare_embedded(self, path: str, entry: Any, item: Item, surface: Surface) -> None:
        if item.original is not None:
            self.cell(f"{path}: what {named(item)} shows", entry["retweet_of"]["id"], item.original.id)
        if item.quoted is not None:
            reason = item.quoted.why_hidden(self.standing, surface)
            quote = entry["quote"]
            if reason is None:
                self.cell(f"{path}: what {named(item)} quotes", quote.get("text") is not None, True)
            else:
                tombstone = {"id": item.quoted.id, "unavailable": reason}
                self.cell(f"{path}: what {named(item)} quotes", quote, tombstone)

    def single(self, item: Item) -> str:
        """The status of a link to an item, or `stone` for a tombstone."""
        standing = self.standing(item.by)
        if item.why_hidden(self.standing, Surface.LINK) is None:
            return "200"
        return "stone" if standing.row.single == "stone" else "404"


def named(item: Item) -> str:
    return f"{item.way} ({item.about}, {item.audience})"


async def closed(reading: Reading, path: str, status: int) -> None:
    answer = await reading.answer(path)
    reading.cell(f"GET {path}", answer.status_code, status)
    if status == 403:
        reading.cell(f"GET {path}", answer.json()["code"], "private_account")


async def refused(reading: Reading, path: str) -> None:
    reading.cell(f"GET {path} without a token", (await reading.answer(path)).status_code, 401)
