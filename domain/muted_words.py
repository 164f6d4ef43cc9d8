"""Muted words: the form in which phrases and texts are compared, and one matcher for all phrases of a user."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import regex

from domain.blank_texts import shows_something
from domain.errors import Invalid
from domain.ids import ID_MAX
from domain.mentions import NO_SPACES
from domain.normal_form import is_normalizable

PHRASE_CHARS_MAX = 100
"""Of a phrase, as it is written and as it is compared."""
FOREVER = ID_MAX
"""The end of what was muted without one."""

_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}_]--[{NO_SPACES}]]++"
_TOKENS = regex.compile(rf"{_WORD}(?:'{_WORD})*+|\S", regex.V1)
"""Words, and single signs: of scripts without spaces there is no telling where a word begins."""
_ASCII_TOKENS = re.compile(r"\w+(?:'\w+)*|\S", re.ASCII)
"""The same in less time."""
_HASHTAG_SIGNS = regex.compile(r"(?<![\p{L}\p{M}\p{N}_&])#++(?=[\p{L}\p{M}\p{N}_])")
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_CONTROL = regex.compile(r"[\p{Cc}\p{Cs}]")


class WordSurface(StrEnum):
    """The surfaces on which a word may be muted."""

    HOME = "home"
    NOTIFICATIONS = "notifications"
    PUBLIC = "public"
    SEARCH = "search"


_PLACE = {surface: place for place, surface in enumerate(WordSurface)}


@dataclass(frozen=True, slots=True, kw_only=True)
class MutedWord:
    """A phrase that a user does not want to read in tweets of others."""

    id: int
    """Of the event that muted it."""
    phrase: str
    """As it was written."""
    folded: str
    """As it is compared: of two with the same there is one."""
    whole_word: bool = True
    until_ms: int = 0
    """Its end by the wall clock; 0 if it has none."""
    surfaces: tuple[WordSurface, ...] = tuple(WordSurface)

    @property
    def end_ms(self) -> int:
        """Its end, also if it has none."""
        return self.until_ms or FOREVER


def folded_text(text: str) -> str:
    """A text without case, width, what is invisible and the signs of hashtags, white space of any kind one space."""
    if text.isascii():
        text = text.lower()
    else:
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", text).replace("\u2019", "'")).casefold()
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    return " ".join((_HASHTAG_SIGNS.sub("", text) if "#" in text else text).split())


def checked_phrase(text: str) -> tuple[str, str]:
    """A phrase as it is kept and as it is compared. Raises `Invalid` for what cannot be muted."""
    too_long = _invalid(f"must not be longer than {PHRASE_CHARS_MAX} characters")
    if not is_normalizable(text, PHRASE_CHARS_MAX):
        raise too_long
    phrase = unicodedata.normalize("NFC", text).strip()
    if _CONTROL.search(phrase):
        raise _invalid("must not hold control characters")
    if not shows_something(phrase):
        raise _invalid("must not be empty")
    folded = folded_text(phrase)
    if max(len(phrase), len(folded)) > PHRASE_CHARS_MAX:
        raise too_long
    assert folded, "what shows something holds something that is compared"
    return phrase, folded


class WordMatcher:
    """All words that a user muted as one matcher, whose work grows with the text alone."""

    def __init__(self, words: Iterable[MutedWord]) -> None:
        found = [(word, [word.end_ms if each in word.surfaces else 0 for each in WordSurface]) for word in words]
        self._whole = _Sequences([(_tokens(word.folded), ends) for word, ends in found if word.whole_word])
        self._parts = _Sequences([(word.folded, ends) for word, ends in found if not word.whole_word])

    @property
    def size(self) -> int:
        """Its number of states, in proportion to which it takes memory."""
        return self._whole.size + self._parts.size

    def mutes(self, text: str, surface: WordSurface, now_ms: int) -> bool:
        """True if a text holds what is muted on a surface."""
        folded, place = folded_text(text), _PLACE[surface]
        whole = self._whole.size > 1 and self._whole.holds_live(_tokens(folded), place, now_ms)
        return whole or (self._parts.size > 1 and self._parts.holds_live(folded, place, now_ms))


class _Sequences:
    """Finds any of some sequences within another one, in one pass over it (Aho and Corasick, 1975).

    A state is how much of some sequence was read: its number is its place in the lists. State 0 is nothing.
    """

    def __init__(self, sequences: Iterable[tuple[Sequence[str], Sequence[int]]]) -> None:
        self._longer: list[dict[str, int]] = [{}]
        """The states that are longer by one."""
        self._ends: dict[int, Sequence[int]] = {}
        """For each state that ends with a whole sequence the latest ends of those."""
        for sequence, ends in sequences:
            state = 0
            for sign in sequence:
                longer = self._longer[state]
                if sign not in longer:
                    longer[sign] = len(self._longer)
                    self._longer.append({})
                state = longer[sign]
            self._add_ends(state, ends)
        self.size = len(self._longer)
        self._rest = [0] * self.size
        """The longest other state with which a state ends."""
        self._link()

    def holds_live(self, text: Sequence[str], place: int, now_ms: int) -> bool:
        """True if a sequence is found whose end at some place is still to come."""
        longer, rest, ends = self._longer, self._rest, self._ends
        state = 0
        for sign in text:
            while state and sign not in longer[state]:
                state = rest[state]
            state = longer[state].get(sign, 0)
            if state in ends and now_ms < ends[state][place]:
                return True
        return False

    def _link(self) -> None:
        longer, rest = self._longer, self._rest
        states = list(longer[0].values())
        for state in states:  # shorter ones come first
            for sign, next_ in longer[state].items():
                shorter = rest[state]
                while shorter and sign not in longer[shorter]:
                    shorter = rest[shorter]
                rest[next_] = shorter = longer[shorter].get(sign, 0)
                if shorter in self._ends:
                    self._add_ends(next_, self._ends[shorter])
                states.append(next_)

    def _add_ends(self, state: int, ends: Sequence[int]) -> None:
        self._ends[state] = [*map(max, self._ends.get(state, ends), ends)]


def _tokens(folded: str) -> list[str]:
    return _ASCII_TOKENS.findall(folded) if folded.isascii() else _TOKENS.findall(folded)


def _invalid(why: str) -> Invalid:
    return Invalid(f"The phrase {why}.", "invalid_phrase", (("phrase", why),))
