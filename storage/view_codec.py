"""Codec of a reader's view: whom they blocked or muted, who blocks them, and the words they muted."""

from collections.abc import Mapping

import msgspec

from domain.muted_words import MutedWord


class View(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """All that decides what a reader sees of others, but for whom they follow."""

    blocked: frozenset[int] = frozenset()
    blocked_by: frozenset[int] = frozenset()
    muted: Mapping[int, int] = {}
    """The end of each mute, by the wall clock."""
    retweets_hidden: frozenset[int] = frozenset()
    words: tuple[MutedWord, ...] = ()
    is_whole: bool = True
    """False if it has no users, as there are too many."""

    @property
    def ends_ms(self) -> tuple[int, ...]:
        """The ends of mutes and words."""
        return (*self.muted.values(), *(word.end_ms for word in self.words))


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(View)


def view_value(view: View) -> bytes:
    return _encoder.encode(view)


def view_from(value: bytes) -> View:
    """The view of a value that is not empty."""
    return _decoder.decode(value)
