"""The shapes of muted words and of pages of them."""

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, StrictBool

from domain.muted_words import PHRASE_CHARS_MAX, WordSurface
from serve.http.schemas import NOT_BLANK, Body, Id, Time, at_most

_SURFACES = tuple(WordSurface)


class NewMutedWord(Body):
    """A word or phrase, muted for ever unless it has an end, and everywhere unless `in` says where.

    `whole_word` does not count in scripts without spaces. Case, width and the sign of a hashtag do not either.
    """

    phrase: Annotated[str, at_most(PHRASE_CHARS_MAX, pattern=NOT_BLANK)]
    whole_word: StrictBool = True
    until: Time | None = None
    surfaces: Annotated[
        list[WordSurface],
        Field(alias="in", min_length=1, max_length=len(_SURFACES), default_factory=lambda: [*_SURFACES]),
    ]


class MutedWord(BaseModel):
    """A muted word; `until` is null if it has no end."""

    id: Id
    phrase: str
    whole_word: bool
    until: datetime | None
    surfaces: list[WordSurface] = Field(alias="in")


class MutedWordPage(BaseModel):
    """A page of muted words; `next_cursor` is null at the end."""

    muted_words: list[MutedWord]
    next_cursor: str | None
