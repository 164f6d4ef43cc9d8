import pytest

from domain.errors import Invalid
from domain.profiles import BIO_CHARS_MAX, checked_profile


def kept(field: str, text: str) -> str:
    return checked_profile({field: text})[field]


def fault(field: str, text: str) -> str:
    with pytest.raises(Invalid) as refused:
        checked_profile({field: text})
    ((named, why),) = refused.value.fields
    assert (named, refused.value.code) == (field, "invalid_profile")
    return why


def test_fields_that_are_not_given_are_not_kept() -> None:
    assert checked_profile({}) == {}
    assert checked_profile({"bio": "hello"}) == {"bio": "hello"}


@pytest.mark.parametrize("field", ["bio", "location", "website"])
@pytest.mark.parametrize("empty", ["", " ", "\n\u3000 "])
def test_an_empty_text_clears(field: str, empty: str) -> None:
    assert kept(field, empty) == ""


def test_a_name_cannot_be_cleared() -> None:
    assert fault("name", " ") == "must be 1 to 50 characters"
    assert kept("name", "  Ann  Lee ") == "Ann Lee"


def test_every_field_that_breaks_a_rule_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        checked_profile({"name": "", "bio": "a" * 161, "location": "Bern", "website": "example.com"})
    assert [field for field, _ in refused.value.fields] == ["name", "bio", "website"]


@pytest.mark.parametrize(
    "bio",
    [
        "a" * 160,
        "日" * 80,
        "🐦" * 80,
        "👨\u200d👩\u200d👧\u200d👦" * 80,
        "two\nlines and <b>markup</b>, which is text",
        "https://example.com/" + "a" * 300 + " " + "b" * 136,
        "مرحبا \u202eabc",
        "e\u0301" * 160,
    ],
)
def test_a_biography_weighs_160_at_most_as_a_tweet_weighs_280(bio: str) -> None:
    assert kept("bio", bio)


@pytest.mark.parametrize(
    "bio",
    [
        "a" * 161,
        "日" * 81,
        "https://example.com " * 7,
        "a" * (BIO_CHARS_MAX + 1),
        "\u3164\u200b",
        "a\x00",
        "\x1b[31mred",
        "a\ufeff",
        "a" + "\u0301" * 500,
    ],
)
def test_another_biography_is_refused(bio: str) -> None:
    assert fault("bio", bio)


def test_a_biography_is_kept_in_its_normal_form() -> None:
    assert kept("bio", " e\u0301 \n") == "é"


@pytest.mark.parametrize("location", ["Bern", "a" * 30, "東京", "at  home"])
def test_a_location_has_30_characters_at_most(location: str) -> None:
    assert kept("location", location) == " ".join(location.split())


@pytest.mark.parametrize("location", ["a" * 31, "a\nb", "a\u202eb", "\u3164", "a" + "\u0301" * 9, "a\x00"])
def test_another_location_is_refused(location: str) -> None:
    assert fault("location", location)


@pytest.mark.parametrize(
    "website",
    [
        "https://example.com",
        "http://example.com/",
        "https://www.example.co.uk:8443/~ann/?a=b&c=%20#d",
        "https://example.com?a",
        "https://example.com#a",
        "https://münchen.de/straße",
        "https://例え.jp/日本",
        "https://xn--mnchen-3ya.de",
        "https://example.com/" + "a" * 78,
    ],
)
def test_a_website_is_a_link_of_100_characters_at_most(website: str) -> None:
    assert kept("website", f" {website} ") == website


def test_the_protocol_of_a_website_is_in_lower_case() -> None:
    assert kept("website", "HTTPS://Example.com/A") == "https://Example.com/A"


@pytest.mark.parametrize(
    "website",
    [
        "example.com",
        "//example.com",
        "ftp://example.com",
        "javascript:alert(1)",
        "JaVaScRiPt://example.com/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "http:example.com",
        "https:///example.com",
        "https://",
        "https://localhost",
        "https://127.0.0.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://user@example.com",
        "https://user:password@example.com/",
        "https://example.com@evil.com",
        "https://example.com%2f@evil.com",
        "https://evil.com\\@example.com",
        "https://example.com:123456",
        "https://example.com:",
        "https://example.com.",
        "https://a_b.com",
        "https://example.com/a b",
        "https://example.com/\nb",
        "https://example.com/<script>",
        'https://example.com/"onclick="',
        "https://exam\u202eple.com",
        "https://example.com/\u202ea",
        "https://goo\u200bgle.com",
        "https://goo\u00adgle.com",
        "https://a.com, https://b.com",
        "https://example.com/e" + "\u0301" * 9,
        "https://example.com/" + "a" * 81,
        " " * 101,
        "\u3164",
        "https://example.com/\x00",
    ],
)
def test_another_website_is_refused(website: str) -> None:
    assert fault("website", website)
