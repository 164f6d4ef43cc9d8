"""The words that a user muted, for nobody else to see."""

from typing import Any

import orjson

from domain.clock import Clock
from domain.ids import UserId
from domain.muted_words import MutedWord
from domain.timeline import START, Walk, cursor_of, walk_of
from domain.timestamps import rfc3339_of_ms
from storage.ports.muted_words import MutedWordStore


class MutedWordQueries:
    """Muted words as finished JSON."""

    def __init__(self, words: MutedWordStore, clock: Clock) -> None:
        self._words = words
        self._clock = clock

    async def words(self, user: UserId, cursor: str | None, limit: int) -> bytes:
        """A page of the words that are muted now, latest first."""
        walk, now_ms = walk_of(cursor), self._clock.now_ms()
        left = [each for each in await self._words.words(user) if each.id < walk.last and now_ms < each.end_ms]
        shown, rest = left[:limit], None
        if len(left) > limit:
            rest = cursor_of(Walk(walk.top if walk != START else shown[0].id, shown[-1].id))
        return orjson.dumps({"muted_words": [shown_word(each) for each in shown], "next_cursor": rest})


def shown_word(word: MutedWord) -> dict[str, Any]:
    """A muted word as its user sees it."""
    return {
        "id": str(word.id),
        "phrase": word.phrase,
        "whole_word": word.whole_word,
        "until": rfc3339_of_ms(word.until_ms) if word.until_ms else None,
        "in": word.surfaces,
    }
