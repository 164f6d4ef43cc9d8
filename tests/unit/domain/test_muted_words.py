"""Muted words: as people write them, in any script, found in one pass."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.muted_words import FOREVER, MutedWord, WordMatcher, WordSurface, checked_phrase, folded_text

HOME = WordSurface.HOME


def muted(
    phrase: str, *, whole_word: bool = True, until_ms: int = 0, surfaces: tuple[WordSurface, ...] = (HOME,)
) -> MutedWord:
    written, folded = checked_phrase(phrase)
    return MutedWord(id=1, phrase=written, folded=folded, whole_word=whole_word, until_ms=until_ms, surfaces=surfaces)


@pytest.mark.parametrize(
    ("phrase", "text", "whole", "part"),
    [
        # Found as a whole word, and anywhere.
        ("tea", "a cup of tea", True, True),
        ("tea", "TEA!", True, True),
        ("tea", "teapot", False, True),
        ("tea", "instead", False, True),
        ("tea", "te a", False, False),
        ("tea", "tea_time", False, True),
        ("tea", "green-tea", True, True),
        ("tea", "#tea", True, True),
        ("#tea", "tea", True, True),
        ("＃Ｔｅａ", "#tea", True, True),
        ("#tea", "#teatime", False, True),
        ("c#", "I like C# a lot", True, True),
        ("c#", "vitamin c", False, False),
        ("green  tea", "a green\n\ttea", True, True),
        ("green tea", "green, tea", False, False),
        ("green tea", "greenish tea", False, False),
        ("don", "I don't", False, True),
        ("don't", "I don\u2019t know", True, True),
        ("Straße", "DIE STRASSE", True, True),
        ("STRASSE", "straßen", False, True),
        ("ΣΟΦΟΣ", "ο σοφος", True, True),
        ("café", "cafe\u0301 au lait", True, True),
        ("cafe", "café", False, False),
        ("ﬁn", "la fin", True, True),
        ("spoiler", "spo\u200biler", True, True),
        ("spoiler", "ｓｐｏｉｌｅｒ", True, True),
        ("熱力", "熱力学の話", True, True),
        ("熱力", "熱と力", False, False),
        ("カタカナ", "これはｶﾀｶﾅです", True, True),
        ("コーヒー", "朝のコーヒーは", True, True),
        ("ข้าว", "กินข้าวแล้ว", True, True),
        ("한국", "한국어", False, True),
        ("привет", "Привет, мир", True, True),
        ("нет", "интернет", False, True),
        ("سلام", "سلام عليكم", True, True),
        ("हिन्दी", "हिन्दी में", True, True),
        (":)", "fine :)", True, True),
        ("😀", "so 😀😀", True, True),
        ("👨‍👩‍👧", "us 👨‍👩‍👧!", True, True),
        ("@ann", "hello @ann", True, True),
        ("1984", "19840", False, True),
    ],
)
def test_words_are_found_as_people_see_them(phrase: str, text: str, whole: bool, part: bool) -> None:
    assert WordMatcher([muted(phrase)]).mutes(text, HOME, 0) is whole
    assert WordMatcher([muted(phrase, whole_word=False)]).mutes(text, HOME, 0) is part


def test_each_word_has_its_end_and_its_surfaces() -> None:
    matcher = WordMatcher(
        [
            muted("tea", until_ms=10, surfaces=(HOME, WordSurface.SEARCH)),
            muted("green tea", surfaces=(WordSurface.PUBLIC,)),
            muted("cake", until_ms=20, whole_word=False),
        ]
    )
    assert matcher.mutes("green tea", HOME, 9)
    assert not matcher.mutes("green tea", HOME, 10)
    assert matcher.mutes("tea", WordSurface.SEARCH, 9)
    assert not matcher.mutes("tea", WordSurface.PUBLIC, 9)
    assert matcher.mutes("green tea", WordSurface.PUBLIC, FOREVER - 1)
    assert matcher.mutes("cakes", HOME, 19)
    assert not matcher.mutes("cakes", HOME, 20)
    assert not WordMatcher([]).mutes("tea", HOME, 0)


@pytest.mark.parametrize(
    ("phrase", "why"),
    [
        ("", "empty"),
        (" \u200b ", "empty"),
        ("\u2800", "empty"),
        ("a" * 101, "longer"),
        ("ß" * 51, "longer"),
        ("a" + "\u0301" * 40, "longer"),
        ("a\x00b", "control"),
        ("a\nb", "control"),
    ],
)
def test_a_phrase_must_be_one(phrase: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_phrase(phrase)
    assert refused.value.code == "invalid_phrase"
    assert refused.value.fields[0][0] == "phrase"
    assert why in refused.value.fields[0][1]


def test_phrases_are_the_same_without_case_width_and_sign() -> None:
    assert checked_phrase("  #Grüner  TEE ") == ("#Grüner  TEE", "grüner tee")
    assert len({checked_phrase(each)[1] for each in ("Tee", "#tee", "ＴＥＥ", "t\u00ade\u200de")}) == 1


SOUP = st.text(st.sampled_from("ab' 熱#é"), max_size=12)
PHRASES = st.lists(st.text(st.sampled_from("ab' 熱#é"), min_size=1, max_size=5).filter(lambda text: text.strip() != ""))


@given(PHRASES, SOUP)
def test_parts_are_found_as_by_looking_for_each(phrases: list[str], text: str) -> None:
    matcher = WordMatcher([muted(phrase, whole_word=False) for phrase in phrases])
    assert matcher.mutes(text, HOME, 0) is any(checked_phrase(each)[1] in folded_text(text) for each in phrases)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5)), st.lists(st.sampled_from("abc")))
def test_whole_phrases_are_found_as_by_looking_for_each(phrases: list[list[str]], text: list[str]) -> None:
    matcher = WordMatcher([muted(" ".join(phrase)) for phrase in phrases])
    padded = f" {' '.join(text)} "
    assert matcher.mutes(" ".join(text), HOME, 0) is any(f" {' '.join(each)} " in padded for each in phrases)


@given(st.text(max_size=40))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded_text(folded_text(text)) == folded_text(text)
