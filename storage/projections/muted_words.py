"""Projections of events about muted words: a row for each, and the view of the user."""

from domain.events import WordMuted, WordUnmuted
from storage import keys
from storage.projections.projection import Projection
from storage.rows import Delete, Upsert, Value


def _muted(event: WordMuted) -> tuple[Upsert]:
    values: dict[str, Value] = {
        "phrase": event.phrase,
        "folded": event.folded,
        "whole_word": event.whole_word,
        "until_ms": event.until_ms,
        "surfaces": event.surfaces,
    }
    return (Upsert("muted_words", (event.user, event.event_id), event.stamp_us, values),)


def _view(event: WordMuted | WordUnmuted) -> tuple[str]:
    return (keys.view(event.user),)


WORD_MUTED: Projection[WordMuted] = Projection(rows=_muted, invalidates=_view)
WORD_UNMUTED: Projection[WordUnmuted] = Projection(
    rows=lambda event: (Delete("muted_words", (event.user, event.since), event.stamp_us),), invalidates=_view
)
