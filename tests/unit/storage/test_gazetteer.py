import json
import string
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.places import Place
from storage.gazetteer import gazetteer
from tests.support.regions import regions
from tests.unit.test_tidy import ROOT

SAN_FRANCISCO = ("us", "us/california", "us/california/san-francisco")
LONDON = ("gb", "gb/england", "gb/england/london")
NEW_YORK = ("us", "us/new-york", "us/new-york/new-york-city")
WORDS = ["Paris", "London", "Georgia", "New York", "TX", "CA", "uk", "Ontario", "東京", "Łódź", "Springfield", "home"]
texts = st.text() | st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=5).map(", ".join)


def places_of(location: str | None) -> tuple[str, ...]:
    return gazetteer().places_of(location)


def place(key_or_text: str) -> Place | None:
    return gazetteer().place(key_or_text)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("San Francisco, CA", "us/california/san-francisco"),
        ("San Francisco, California, USA", "us/california/san-francisco"),
        ("London, UK", "gb/england/london"),
        ("London, England", "gb/england/london"),
        ("London, Ontario", "ca/ontario/london"),
        ("Paris", "fr/ile-de-france/paris"),
        ("Paris, Texas", "us/texas/paris"),
        ("Toronto, ON, Canada", "ca/ontario/toronto"),
        ("Munich, Bavaria", "de/bavaria/munich"),
        ("Vancouver, CA", "ca/british-columbia/vancouver"),
        ("Scotland", "gb/scotland"),
        ("California, USA", "us/california"),
        ("Ontario, California", "us/california/ontario"),
        ("Sydney, NSW", "au/new-south-wales/sydney"),
        ("München, Bayern", "de/bavaria/munich"),
        ("Marseille, Bouches-du-Rhône", "fr/provence-alpes-cote-dazur/marseille"),
    ],
)
def test_a_wider_place_narrows_a_name_that_many_places_have(text: str, key: str) -> None:
    assert places_of(text)[-1] == key


def test_a_city_comes_with_its_country_and_its_region_from_large_to_small() -> None:
    assert places_of("San Francisco, CA") == SAN_FRANCISCO
    assert places_of("Paris") == ("fr", "fr/ile-de-france", "fr/ile-de-france/paris")
    assert places_of("Deutschland") == ("de",)


def test_of_cities_of_one_name_the_most_populous_is_meant() -> None:
    assert places_of("London") == LONDON
    assert places_of("Portland")[-1] == "us/oregon/portland"


def test_cities_of_one_name_in_one_place_have_keys_of_their_own() -> None:
    assert places_of("Brentwood, CA")[-1] == "us/california/brentwood"
    smaller = place("us/california/brentwood-5330643")
    assert smaller is not None
    assert smaller.name == "Brentwood"


def test_a_city_is_found_by_its_other_names_in_any_script() -> None:
    assert places_of("NYC") == places_of("nyc") == places_of("New York") == NEW_YORK
    assert places_of("東京") == places_of("Tokyo") == ("jp", "jp/tokyo", "jp/tokyo/tokyo")
    assert places_of("Москва") == ("ru", "ru/moscow-mow", "ru/moscow-mow/moscow")


@pytest.mark.parametrize(
    "text", ["São Paulo, Brasil", "sao paulo, BRAZIL", "  SÃO  PAULO ,Brasil", "São Paulo\uff0cBrasil"]
)
def test_case_accents_width_and_white_space_make_no_difference(text: str) -> None:
    assert places_of(text) == ("br", "br/sao-paulo", "br/sao-paulo/sao-paulo")


def test_letters_that_are_no_accented_ones_are_spelled_in_ascii() -> None:
    assert places_of("Łódź") == places_of("Lodz") == ("pl", "pl/lodz", "pl/lodz/lodz")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("US", "us"),
        ("USA", "us"),
        ("U.S.A.", "us"),
        ("UK", "gb"),
        ("GBR", "gb"),
        ("DE", "de"),
        ("España", "es"),
        ("日本", "jp"),
        ("Ivory Coast", "ci"),
        ("South Korea", "kr"),
        ("Czech Republic", "cz"),
        ("UAE", "ae"),
    ],
)
def test_a_country_is_found_by_its_names_and_codes(text: str, key: str) -> None:
    assert places_of(text) == (key,)


def test_a_code_that_stands_alone_is_written_in_capitals_and_one_after_a_comma_need_not_be() -> None:
    assert places_of("IN") == ("in",)
    assert places_of("in") == places_of("us") == ()
    assert places_of("san francisco, ca") == SAN_FRANCISCO


def test_a_region_is_found_by_its_names_here_and_there_and_a_part_of_it_leads_to_it() -> None:
    assert places_of("Bavaria") == places_of("Bayern") == ("de", "de/bavaria")
    assert places_of("Lombardy") == places_of("Lombardia") == ("it", "it/lombardy")
    assert places_of("Bouches-du-Rhône") == ("fr", "fr/provence-alpes-cote-dazur")
    assert places_of("Scotland") == ("gb", "gb/scotland")


def test_regions_of_one_name_in_one_country_have_keys_of_their_own() -> None:
    assert place("ru/moscow") == Place(key="ru/moscow", name="Moscow", kind="region")
    assert place("ru/moscow-mow") == Place(key="ru/moscow-mow", name="Moscow", kind="region")


def test_a_city_that_a_region_of_its_name_dwarfs_is_not_meant() -> None:
    assert places_of("Ontario") == ("ca", "ca/ontario")


def test_the_table_of_regions_is_what_the_gazetteers_say() -> None:
    table = json.loads((ROOT / "storage" / "regions.json").read_bytes())
    assert {key: tuple(found) for key, found in table.items()} == regions(), "python -m tests.support.regions"


def test_a_metropolis_is_meant_rather_than_the_region_of_its_name_and_a_country_rather_than_either() -> None:
    assert places_of("Washington")[-1] == "us/district-of-columbia/washington"
    assert places_of("Washington, USA")[-1] == "us/district-of-columbia/washington"
    assert places_of("Delaware") == ("us", "us/delaware")
    assert places_of("Georgia") == ("ge",)
    assert places_of("Atlanta, Georgia")[-1] == "us/georgia/atlanta"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        ",",
        "in love with paris",
        "somewhere over the rainbow",
        "home",
        "here",
        "London, baby",
        "a,b,c,d,e",
        "😀",
        "Paris, France, somewhere",
        "Paris, Paris, Paris, Paris, Paris",
        "Paris" * 1000,
    ],
)
def test_what_names_no_place_has_none(text: str | None) -> None:
    assert places_of(text) == ()


def test_a_place_is_asked_for_by_its_key_or_by_a_text() -> None:
    san_francisco = Place(key="us/california/san-francisco", name="San Francisco", kind="city")
    assert place("us/california/san-francisco") == place("San Francisco, CA") == san_francisco
    assert place("us/california") == place("California") == Place(key="us/california", name="California", kind="region")
    assert place("us") == place("USA") == Place(key="us", name="United States", kind="country")
    assert place("us/atlantis") is place("lost in Atlantis") is place("") is None


@settings(deadline=None)  # the first call reads the gazetteer
@given(texts)
def test_any_text_has_places_that_lie_in_each_other_and_are_found_by_their_keys(text: str) -> None:
    keys = places_of(text)
    for wide, narrow in pairwise(keys):
        assert narrow.startswith(wide + "/")
    for key in keys:
        assert set(key) <= {*string.ascii_lowercase, *string.digits, "-", "/"}
        found = place(key)
        assert found is not None
        assert found.key == key
