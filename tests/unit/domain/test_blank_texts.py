import pytest

from domain.blank_texts import shows_something


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "\u3164a",
        "👩\u200d💻",
        "1\ufe0f\u20e3",
        "\u0301",  # a mark alone is drawn on a dotted circle
        "\u0600",  # a format character that is a sign: Arabic number sign
        "\u2801",
        "🇨🇭",
        "\U0001fb00",
        "\uf8ff",  # private use: fonts draw a logo here
        "\u0378",  # not assigned yet
    ],
)
def test_a_text_with_one_character_that_is_drawn_shows_something(text: str) -> None:
    assert shows_something(text)
    assert shows_something(f"\u200b{text}\u2800")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \t\n\u00a0\u2003\u3000\u2028",
        "\u3164",  # Hangul filler
        "\uffa0\u115f\u1160",
        "\u2800",  # Braille pattern blank
        "\u200b\u200c\u200d\u2060\ufeff",
        "\ufe0f\ufe0e\U000e0100",
        "\u00ad\u034f\u061c\u180e",
        "\u202e\u2066\u2069",
        "\U000e0061\U000e007f",  # tags
        "\U0001d159",  # null notehead
        "\ufff9\ufffb",
        "\x00\x1f",
        "\ufffe",
        "\ud800",
    ],
)
def test_what_is_drawn_as_nothing_shows_nothing(text: str) -> None:
    assert not shows_something(text)
    assert not shows_something(text * 2_000)
