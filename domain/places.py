"""Places: the country, region and city that a free-text location names.

A key is a path of slugs made of names, as in "us/california/san-francisco". A text is compared as a whole, or part by
part between its commas; prose names no place.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from domain.tweets import LOCATION_CHARS_MAX

TEXTS_CACHED_MAX = 16_384
PARTS_MAX = 4

_ACCENTS = re.compile("[\u0300-\u036f]")
_LETTERS = str.maketrans(
    {"æ": "ae", "ð": "d", "ø": "o", "đ": "d", "ħ": "h", "\u0131": "i", "ł": "l", "œ": "oe", "ə": "e"}
)
_MARKS = str.maketrans("-\u2013_", "   ", ".'`\u2018\u2019\u02bb\u02bc")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A country, a region or a city; the keys of what it lies in are prefixes of its own."""

    key: str
    name: str
    kind: Literal["country", "region", "city"]


class KeysByName(dict[str, tuple[str, ...]]):
    """Keys of places by name or code, the likeliest first."""

    def claim(self, key: str, names: Iterable[str]) -> None:
        """Add a key, after those that some names have already."""
        for name in filter(None, names):
            self[name] = (*self.get(name, ()), key)


@dataclass(slots=True)
class PlaceIndex:
    """Keys by folded name; codes are in upper case."""

    places: dict[str, Place] = field(default_factory=dict)
    countries: KeysByName = field(default_factory=KeysByName)
    regions: KeysByName = field(default_factory=KeysByName)
    metropoles: KeysByName = field(default_factory=KeysByName)
    cities: KeysByName = field(default_factory=KeysByName)
    provinces: KeysByName = field(default_factory=KeysByName)
    """Parts of regions, and regions whose cities are not known: they lead to what they lie in."""
    codes: KeysByName = field(default_factory=KeysByName)
    province_codes: KeysByName = field(default_factory=KeysByName)
    """Codes that count after a comma only."""
    region_by_code: dict[str, str] = field(default_factory=dict)
    """Keys by code of ISO 3166-2."""
    people: Counter[str] = field(default_factory=Counter)
    """People in the cities of each region."""

    def named(self, text: str) -> Iterator[str]:
        """The keys that a text may mean, the likeliest first; a code must be written as one."""
        name = folded(text)
        for keys in (self.countries, self.metropoles, self.regions, self.cities, self.provinces):
            yield from keys.get(name, ())
        yield from self.codes.get(text.replace(".", ""), ())

    def containing(self, text: str) -> Iterator[str]:
        """The countries and regions that a text after a comma may mean; there codes need no capitals."""
        name, code = folded(text), text.replace(".", "").upper()
        for keys in (self.countries, self.regions, self.provinces):
            yield from keys.get(name, ())
        for keys in (self.codes, self.province_codes):
            yield from keys.get(code, ())


class Gazetteer:
    """The places that people may mean."""

    def __init__(self, index: PlaceIndex) -> None:
        self._index = index
        self._cached = lru_cache(maxsize=TEXTS_CACHED_MAX)(self._places_of)

    def places_of(self, location: str | None) -> tuple[str, ...]:
        """The keys of the country, region and city that a location names, from large to small, as far as known."""
        if location is None or len(location) > LOCATION_CHARS_MAX:
            return ()  # before the cache, which would keep it
        return self._cached(location)

    def place(self, key_or_text: str) -> Place | None:
        """The place of a key, or the smallest one that a text names."""
        if len(key_or_text) > LOCATION_CHARS_MAX:
            return None
        if found := self._index.places.get(key_or_text):
            return found
        keys = self.places_of(key_or_text)
        return self._index.places[keys[-1]] if keys else None

    def _places_of(self, location: str) -> tuple[str, ...]:
        text = unicodedata.normalize("NFKC", location).strip()
        parts = [part.strip() for part in text.split(",") if part.strip()]
        key = next(self._index.named(text), None) or self._narrowed(parts)
        return _path(key) if key else ()

    def _narrowed(self, parts: list[str]) -> str | None:
        """The likeliest meaning of the first part that lies within all others."""
        if not 1 <= len(parts) <= PARTS_MAX:
            return None
        within: set[str] | None = None
        for part in reversed(parts[1:]):
            within = {key for key in self._index.containing(part) if _lies_within(key, within)}
        return next((key for key in self._index.named(parts[0]) if _lies_within(key, within)), None)


def _lies_within(key: str, keys: set[str] | None) -> bool:
    return keys is None or not keys.isdisjoint(_path(key))


def _path(key: str) -> tuple[str, ...]:
    slugs = key.split("/")
    return tuple("/".join(slugs[:length]) for length in range(1, len(slugs) + 1))


def folded(text: str) -> str:
    """The form in which names are compared: without case, accents and marks."""
    text = text.casefold()
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.translate(_MARKS).split())


def slug_of(folded: str) -> str:
    """The part of a key that stands for a folded name."""
    return re.sub("[^a-z0-9]+", "-", folded).strip("-")
