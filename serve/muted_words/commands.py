"""Commands on muted words: each decides on one event, and publishes it."""

from collections.abc import Collection
from datetime import datetime

from domain.clock import Clock
from domain.errors import Conflict, Invalid, NotFound
from domain.events import WordMuted, WordUnmuted
from domain.ids import EventId, IdSource, UserId, stamp_us
from domain.limits import Limits
from domain.muted_words import MutedWord, WordSurface, checked_phrase
from domain.timestamps import end_ms_of
from serve.writing.publisher import Publisher
from storage.ports.muted_words import MutedWordStore
from telemetry.logs import request_id

_SWEPT = 2
"""Ended words that are removed with each new one: more than come to be."""


class MutedWordCommands:
    """Commands on muted words. They may raise `StoreUnavailable`; then it may have happened, and may be repeated."""

    def __init__(
        self, words: MutedWordStore, publisher: Publisher, ids: IdSource, clock: Clock, limits: Limits
    ) -> None:
        self._words = words
        self._publisher = publisher
        self._ids = ids
        self._clock = clock
        self._words_max = limits.muted_words_max

    async def mute(
        self,
        user: UserId,
        phrase: str,
        *,
        whole_word: bool = True,
        until: datetime | None = None,
        surfaces: Collection[WordSurface] = tuple(WordSurface),
    ) -> MutedWord:
        """Mute a phrase. Raises `Invalid` (phrase, end, too many) and `Conflict` (muted already)."""
        written, folded = checked_phrase(phrase)
        now_ms = self._clock.now_ms()
        until_ms = end_ms_of(until, now_ms)
        words = await self._words.words(user)
        live = [word for word in words if now_ms < word.end_ms]
        if any(word.folded == folded for word in live):
            raise Conflict("This phrase is muted already.", "muted_already")
        if len(live) >= self._words_max:
            why = f"is one too many: at most {self._words_max} may be muted"
            raise Invalid(f"The phrase {why}.", "too_many_muted_words", (("phrase", why),))
        for ended in [word for word in words if now_ms >= word.end_ms][:_SWEPT]:
            await self._unmute(user, ended.id)
        id_, places = self._ids.next(), tuple(each for each in WordSurface if each in surfaces)
        event = WordMuted(
            event_id=EventId(id_),
            stamp_us=stamp_us(id_),
            request_id=request_id.get(),
            user=user,
            phrase=written,
            folded=folded,
            whole_word=whole_word,
            until_ms=until_ms,
            surfaces=places,
        )
        await self._publisher.publish(event)
        return MutedWord(
            id=id_, phrase=written, folded=folded, whole_word=whole_word, until_ms=until_ms, surfaces=places
        )

    async def unmute(self, user: UserId, word: int) -> None:
        """Mute a phrase no longer. Raises `NotFound`."""
        if all(each.id != word for each in await self._words.words(user)):
            raise NotFound("You mute no such phrase.", "not_found")
        await self._unmute(user, word)

    async def _unmute(self, user: UserId, word: int) -> None:
        id_ = self._ids.next()
        stamp = max(stamp_us(id_), stamp_us(word) + 1)
        event = WordUnmuted(event_id=EventId(id_), stamp_us=stamp, request_id=request_id.get(), user=user, since=word)
        await self._publisher.publish(event)
