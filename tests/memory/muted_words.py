"""Muted words of users in memory."""

from typing import Any

from domain.ids import UserId
from domain.muted_words import MutedWord, WordSurface
from tests.memory.tables import MemoryTables, StoredRow


class MemoryMutedWordStore:
    """`MutedWordStore` on the rows of events."""

    def __init__(self, tables: MemoryTables) -> None:
        self._tables = tables

    async def words(self, user: UserId) -> list[MutedWord]:
        await self._tables.turn()
        return [_word(id_, row) for (id_,), row in self._tables.partition("muted_words", user, newest_first=True)]


def _word(id_: Any, row: StoredRow) -> MutedWord:
    values: dict[str, Any] = {name: row.get(name) for name in ("phrase", "folded", "whole_word", "until_ms")}
    surfaces: Any = row.get("surfaces")
    return MutedWord(id=id_, surfaces=tuple(map(WordSurface, surfaces)), **values)
