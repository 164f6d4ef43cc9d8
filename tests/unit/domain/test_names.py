import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.names import name_fault, normalized_name
from domain.normal_form import raw_chars_max

CHARS_MAX = 50
LENGTH, BLANK = "must be 1 to 50 characters", "must show something"
HIDDEN = "must not hold control characters, nor invisible ones that no script or emoji needs there"
PILED = "must not begin with a combining mark, nor pile them up"


def fault(text: str) -> str | None:
    return name_fault(normalized_name(text, CHARS_MAX), CHARS_MAX)


@pytest.mark.parametrize(
    "name",
    [
        "Ana 👩‍💻",
        "علی‌رضا",
        "ශ්‍රී",
        "山田　花子",
        "東京都　渋谷区",
        "Ana\u00a0B.",
        "O'Brien-Łukasz, C3PO ¯\\_(ツ)_/¯",
        "ʻOkina Ọ́lá",
        "Nguyễn Văn Ạ",
        "한국",
        "ქართული",
        "ⵜⴰⵎⴰⵣⵉⵖⵜ",
    ],
)
def test_names_of_many_languages_are_kept_as_they_are_written(name: str) -> None:
    assert fault(name) is None
    assert normalized_name(name, CHARS_MAX) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        "❤️",
        "1️⃣ #️⃣",
        "🇩🇪",
        "👍🏽",
        "👨‍👩‍👧‍👦",
        "🏳️‍🌈",
        "🏃🏽‍♀️‍➡️",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "\U0001fae8",
        "葛\U000e0100城",
    ],
)
def test_emoji_in_all_their_parts_and_variants_of_ideographs_are_names(name: str) -> None:
    assert fault(name) is None


@pytest.mark.parametrize(
    "name",
    [
        "کار‌ها",
        "مُحَمَّد",
        "هـ‍",
        "(C++)\u200e مرحبا",
        "בְּרֵאשִׁ֖ית",
        "क्‍षत्रिय",
        "র‍্যাব",  # Bengali, before a virama
        "ന്‍",
        "ක්‍ෂ",
        "น้ำทิพย์ กุ๊กกิ๊ก",
        "ភ្នំ\u200bពេញ",
        "မြို့ လွှိုံ့",
        "བཀྲ་ཤིས",
        "ཧྐྵྨླྺྲྱྃ",  # the ten-fold one: eight marks below and above a letter
        "ᠮᠣᠩᠭᠣᠯ᠎ᠠ",
    ],
)
def test_joiners_breaks_and_marks_are_names_where_a_script_needs_them(name: str) -> None:
    assert fault(name) is None


@pytest.mark.parametrize(
    "name", ["\u3164", "\u2800", "\ufe0f", "\u200d", "\u200b", "\u115f\u1160", "\u00ad", "\u200e", "\ufeff"]
)
def test_a_name_that_shows_nothing_is_none(name: str) -> None:
    assert fault(name) == fault(f" {name}\u3000{name} ") == BLANK


@pytest.mark.parametrize("name", ["", " ", "\u3000\u00a0", "\n", "a" * 51, "é" * 51, "a" * 100_000])
def test_a_name_has_1_to_50_characters(name: str) -> None:
    assert fault(name) == LENGTH


def test_characters_are_counted_after_normalization_and_raw_ones_before() -> None:
    assert fault("e\u0301" * 50) is None
    assert fault("\u03b1\u0313\u0300\u0345" * 50) is None, "four code points that are one"
    assert fault("\u03b1\u0313\u0300\u0345" * 50 + " ") == LENGTH
    assert raw_chars_max(CHARS_MAX) == 200


@pytest.mark.parametrize(
    "hidden",
    [
        "\x00",
        "\n",
        "\t",
        "\x1b",
        "\x85",
        "\u2028",
        "\u2029",
        "\ue000",
        "\U00100000",
        "\u0378",
        "\uffff",
        "\ufdd0",
        "\ud83d",
    ],
)
def test_controls_line_breaks_and_what_is_no_character_are_refused(hidden: str) -> None:
    assert fault(f"a{hidden}b") == HIDDEN


@pytest.mark.parametrize("code", [*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
def test_what_overrides_the_direction_is_refused_in_any_script(code: int) -> None:
    assert fault(f"a{chr(code)}b") == fault(f"א{chr(code)}ב") == HIDDEN


@pytest.mark.parametrize(
    "name",
    [
        "a\u200db",
        "a\u200cb",
        "a\u200bb",
        "a\u00adb",
        "a\u2060b",
        "\ufeffa",
        "\u200eAna",
        "Ana\u200f",
        "a\u061cb",
        "👩\u200d",
        "👩\u200da",
        "a\u034fb",
        "a \ufe0fb",
        "❤\ufe0f\ufe0f",
        "ك\u200c\u200cب",
        "a\U000e0061b",
        "🏴\U000e0067",
        "\U000e0001a",
        "a\u3164b",
        "a\ufff9b\ufffa",
        "a\u180eb",
    ],
)
def test_an_invisible_character_that_does_nothing_is_refused(name: str) -> None:
    assert fault(name) == HIDDEN


@pytest.mark.parametrize(
    "pile",
    [
        "a" + "\u0301" * 49,
        "a\u0300\u0316\u0300\u0316\u0300\u0316",
        "\u0301a",
        "ก" + "็" * 9,
        "ก" + "็\u200d" * 12,
        "❤" + "\u20dd" * 5,
        "ཀ" + "ྐ" * 9,
        "क" + "ा" * 9,
    ],
)
def test_marks_are_not_piled_up(pile: str) -> None:
    assert fault(pile) == PILED


@pytest.mark.parametrize("marks", ["\u0302\u0301\u0323\u0331", "\u0331\u0331\u0331\u0331"])
def test_a_few_marks_on_a_letter_are_no_pile(marks: str) -> None:
    assert fault(f"q{marks}") is None
    assert fault(f"q{marks}\u0331") == PILED


def test_spaces_around_a_name_go_and_of_several_the_first_stays() -> None:
    assert normalized_name("\u3000 Ana \u00a0 B.\n", CHARS_MAX) == "Ana B."
    assert normalized_name("山田　　花子", CHARS_MAX) == "山田　花子"


@given(st.text(max_size=200))
def test_what_is_kept_of_a_name_is_kept_again(text: str) -> None:
    name = normalized_name(text, CHARS_MAX)
    assert normalized_name(name, CHARS_MAX) == name
    if name_fault(name, CHARS_MAX) is None:
        assert name.strip() == name
        assert 1 <= len(name) <= CHARS_MAX
