"""Texts of tweets. Many weights are those of twitter-text's conformance suite (Apache License 2.0), in our own form."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twitter_text import parse_tweet

from domain.errors import Invalid
from domain.texts import parsed

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
LONGEST = "👩🏻\u200d❤️\u200d💋\u200d👨🏼"
"""No emoji has more than these ten characters."""


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("This is a test.", 15),
        ("ÁB", 2),
        ("A\ufb2c", 4),  # three characters in NFC
        ("日本語", 6),
        ("\U00010000\U0010fffd", 4),
        ("two\nlines\tand a tab", 19),
        ("two\r\nlines", 9),
        ("http://test.com", 23),
        ("Test https://test.com test https://test.com test.com test", 86),
        ("https://example.com/" + "x" * 4_000, 23),
        ("H🐱☺👨\u200d👩\u200d👧\u200d👦", 7),
        ("😷👾😡🔥💩", 10),
        ("🙋🏽👨\u200d🎤", 4),
        ("🤪; 🧕; 🧕🏾; 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 14),
        ("1\ufe0f\u20e3#\u20e3©®™", 10),
        ("🇨🇭🇪🇺", 4),
        ("❤️❤", 4),
        ("‐‑–—‘’“”…′″", 12),
        ("a\ufe0f", 3),
        ("👨\u200d👨", 5),  # no emoji that there is
        ("🏴\U000e0061\U000e0062\U000e007f", 8),  # nor such a flag
        ("あ" * 120 + " http://" + "あいうえおかきくけこ" * 5 + "あい.com", 264),
    ],
)
def test_texts_weigh_what_they_weigh_on_twitter(text: str, weight: int) -> None:
    assert parsed(text).weight == weight


@pytest.mark.parametrize(
    "emoji",
    [
        *("🪿", "🫩", "\U0001faea"),  # Unicode 15, 16 and 17
        *("🫱🏻\u200d🫲🏿", "🐦\u200d🔥", "🙂\u200d↔️", "🧑\u200d🧑\u200d🧒", "👨🏽\u200d🦽\u200d➡️", "🧑🏾\u200d🩰"),
        *("🇨🇶", "👩🏻\u200d🐰\u200d👩🏿", "❤️\u200d🔥", "🫃🏾"),
    ],
)
def test_emoji_since_2021_weigh_two(emoji: str) -> None:
    assert parsed(emoji).weight == 2
    assert parsed(f"{emoji}{emoji} {emoji}").weight == 7


@pytest.mark.parametrize(
    "text", ["a" * 280, "日" * 140, FAMILY * 140, LONGEST * 140, "http://a.com " * 11, "a\u0301" * 280]
)
def test_a_text_may_weigh_280(text: str) -> None:
    assert parsed(text).weight in (280, 11 * 24 - 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("\u3164", "empty"),
        ("\u2800\u200b\ufe0f\u200d", "empty"),
        ("\U000e0061" * 10, "empty"),
        ("a" * 281, "weighs 281"),
        ("日" * 141, "weighs 282"),
        (FAMILY * 141, "weighs 282"),
        ("http://a.com " * 12, "weighs 287"),
        ("http://a.com " * 13, "weighs more than the 280"),
        (FAMILY * 300, "weighs more than the 280"),
        (LONGEST * 141, "weighs more than the 280"),
        ("a" + "\u0301" * 281, "weighs more than the 280"),
        ("a." * 2_048, "weighs more than the 280"),
        ("https://example.com/" + "x" * 5_000, "longer than"),
        ("\u0f71" * 65_000, "longer than"),
        ("nul\x00", "control"),
        ("half a pair \ud800", "control"),
        ("not a character \ufffe", "not allowed"),
        ("\ufeffbyte order", "not allowed"),
    ],
)
def test_other_texts_are_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        parsed(text)
    assert why in refused.value.sentence
    assert dict(refused.value.fields).keys() == {"text"}


def test_a_text_is_kept_in_nfc_without_space_around_it_and_read_once() -> None:
    found = parsed("  Cafe\u0301 with @Ann at https://example.com/#x #Cafe\u0301 \n")
    assert found.text == "Café with @Ann at https://example.com/#x #Café"
    assert (found.urls, found.hashtags, found.mentions) == (("https://example.com/#x",), ("Café",), ("Ann",))
    assert found.weight == 47


_WORDS = st.one_of(
    st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=60),
    st.text(st.characters(categories=("L", "N", "P", "S", "M")), max_size=60),
    st.sampled_from(["a.co ", "https://t.co/x ", "x" * 100, "日本" * 30, "1\ufe0f\u20e3", "©®", "."]),
    st.sampled_from([FAMILY * 20, "👩\u200d❤️\u200d💋\u200d👨" * 60]),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(_WORDS, max_size=8).map("".join))
def test_what_may_be_posted_is_what_twitter_text_lets_through(text: str) -> None:
    text = unicodedata.normalize("NFC", f"x {text}").strip()  # what it does at the very beginning is an accident
    there = parse_tweet(text)
    assert _weight(text) == (there.weightedLength if there.valid else None)


def _weight(text: str) -> int | None:
    try:
        return parsed(text).weight
    except Invalid:
        return None
