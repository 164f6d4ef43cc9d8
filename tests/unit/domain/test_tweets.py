import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twitter_text import parse_tweet
from twitter_text.extract_urls import extract_urls_with_indices

from domain.errors import Invalid
from domain.hashtags import folded_tag
from domain.texts import _DOT, check_text, hashtags, mentions, normalized, tag_of


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a" * 280,
        "日" * 140,
        "https://example.com/" + "x" * 500,
        ("http://a.com " * 11).strip(),
        "👨‍👩‍👧‍👦" * 140,
        "two\nlines\tand a tab",
    ],
)
def test_text_up_to_280_as_twitter_counts_is_allowed(text: str) -> None:
    check_text(normalized(text))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("a" * 281, "weighs 281"),
        ("日" * 141, "weighs 282"),
        ("👨‍👩‍👧‍👦" * 141, "weighs 282"),
        ("https://example.com/" + "x" * 5_000, "longer than"),
        ("nul\x00", "control"),
        ("half a pair \ud800", "control"),
        ("not a character \ufffe", "not allowed"),
    ],
)
def test_other_text_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_text(normalized(text))
    assert why in refused.value.sentence
    assert dict(refused.value.fields).keys() == {"text"}


_words = st.one_of(
    st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S", "Zs")), max_size=60),
    st.text(st.characters(categories=("L", "N", "P", "S", "M", "Cf", "Cn")), max_size=60),
    st.sampled_from(
        ["a.co ", "https://t.co/x ", "例え.jp ", "x" * 100, "日本" * 30, "1\ufe0f\u20e3", "©®", "👨‍👩‍👧‍👦" * 20, "."]
    ),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(_words, max_size=8).map("".join))
def test_the_shortcut_decides_as_the_library_does(text: str) -> None:
    text = normalized(text)
    try:
        check_text(text)
        allowed = True
    except Invalid:
        allowed = False
    parsed = parse_tweet(text)
    assert allowed == (bool(text) and parsed.valid and parsed.weightedLength <= 280)


@settings(max_examples=400, deadline=None)
@given(st.lists(_words, max_size=8).map("".join))
def test_every_url_has_a_dot_that_the_shortcut_sees(text: str) -> None:
    found = extract_urls_with_indices(text)
    assert len(_DOT.findall(text)) >= len(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("#One and #two", ("One", "two")),
        ("#one #ONE #One", ("one",)),
        ("a#no &#no /#no x#y", ()),
        ("#1 #123 #1a", ("1a",)),
        ("＃日本 #日本語です。", ("日本", "日本語です")),
        ("#नमस्ते #café", ("नमस्ते", "café")),
        ("#tag🎉 🎉#party", ("tag", "party")),
        ("https://example.com/#fragment example.com/#no #yes", ("yes",)),
        ("##double #half#half", ()),
        ("(#paren) #dash-ed #under_score", ("paren", "dash", "under_score")),
        ("#" + "x" * 101, ()),
        ("#straße #STRASSE", ("straße",)),
    ],
)
def test_hashtags(text: str, expected: tuple[str, ...]) -> None:
    assert hashtags(normalized(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@bob hi @Alice_1", ("bob", "Alice_1")),
        ("@bob @BOB", ("bob",)),
        ("mail@example.com a@b @@bob", ()),
        ("(@carol) .@dave ＠erin", ("carol", "dave", "erin")),
        ("@waytoolongforausername", ()),
        ("https://example.com/@nobody @somebody", ("somebody",)),
    ],
)
def test_mentions(text: str, expected: tuple[str, ...]) -> None:
    assert mentions(normalized(text)) == expected


@given(st.text())
def test_parsing_never_fails_and_tags_are_each_once(text: str) -> None:
    found = [folded_tag(tag) for tag in hashtags(normalized(text))]
    assert len(found) == len(set(found))
    mentions(normalized(text))


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        ("rain", "rain"),
        ("#Rain", "rain"),
        ("\uff03雨", "雨"),
        ("Stra\u00dfe", "strasse"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("a" * 100, "a" * 100),
        ("#" + "a" * 100, "a" * 100),
    ],
)
def test_a_hashtag_may_be_named_with_its_sign_or_without(text: str, tag: str) -> None:
    assert tag_of(text) == tag


@pytest.mark.parametrize(
    "text", ["", "#", "##rain", "123", "two words", "rain!", "a.com", "rain#sun", "a\x00", "a\n", " a", "a" * 101]
)
def test_what_no_tweet_can_carry_is_no_hashtag(text: str) -> None:
    assert tag_of(text) is None
