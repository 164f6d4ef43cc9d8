"""Hashtags. Many cases are those of twitter-text's conformance suite (Apache License 2.0), in our own form."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.hashtags import folded_tag, tag_of
from domain.hashtags import hashtags as in_text
from domain.urls import url_spans


def hashtags(text: str) -> list[str]:
    text = unicodedata.normalize("NFC", text)
    return [*in_text(text, [*url_spans(text, len(text))])]


@pytest.mark.parametrize(
    "tag",
    [
        *(
            "hashtag1",
            "1hashtag",
            "under_score",
            "mañana",
            "münchen",
            "Azərbaycanca",
            "mûǁae",
            "Ċaoiṁín",
            "hag\u0303ua",
        ),
        *(
            "트위터",
            "ﾣﾦﾰ",
            "ашок",
            "カタカナ",
            "ひらがな",
            "漢字",
            "サッカー",
            "ﾊｯｼｭﾀｸﾞ123",
            "ｈａｓｈｔａｇ１２３",
            "大丈夫",
        ),
        *(
            "云々",
            "学問のすゝめ",
            "いすゞ",
            "各〻",
            "各〃",
            "メ～テレ",
            "メ〜テレ",
            "İn",
            "ın",
            "il·lusió",
            "か゛",
            "꙾а",
        ),
        *("سیاست", "لس_آنجلس", "میخواهم", "می\u200cخواهم", "ســـلام_عليكم_٤٠٦", "۳۴۵هشتگ"),
        *("עַל־יְדֵי", "וכו׳", "מ״כ", "צה״ל"),
        *("ผู้เริ่ม", "महात्मा_१२३४", "বাংলা", "മലയാളം", "తెలుగు", "ශ්\u200dරීලංකා", "བོད་སྐད་", "មហាត្មះគន្ធី", "မြင့်မြတ်သော"),
        *("ኢትዮሙስሊምስ", "Μαχάτμα_Γκάντι", "Մահաթմա", "მაჰათმა", "\U00020021", "\U00016f04\U00016f51", "A\U000104a0"),
        "x" * 100,
    ],
)
def test_this_is_a_hashtag_all_of_it_and_has_a_page(tag: str) -> None:
    tag = unicodedata.normalize("NFC", tag)
    for sign in "#＃":
        assert hashtags(f"{sign}{tag}") == hashtags(f"これは、{sign}{tag}。") == [tag]
        assert tag_of(f"{sign}{tag}") == folded_tag(tag)
    assert tag_of(tag) == tag_of(folded_tag(tag)) == folded_tag(tag)


@pytest.mark.parametrize(
    "text",
    [
        "On the #16 bus #0 #_ #1_2 #〃 # 会議中 #१२३४",
        "text#hashtag 日本語ハッシュタグ#日本語 &#nbsp; a\u0301#no",
        "#\ufe0fhashtag #\u20e3hashtag",
        "#http://twitter.com #https://twitter.com",
        "http://twitter.com/#hashtag twitter.com/#hashtag",
        "#" + "x" * 101,
        "#" + "ß" * 60,  # 120 as it is compared
        "#" + "\ufdfa" * 7,  # 105, without the spaces in it
        "#1\u034f #\u034f",  # nothing is left that could be a page's
    ],
)
def test_this_is_no_hashtag(text: str) -> None:
    assert hashtags(text) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#One and #two", ["One", "two"]),
        ("#one #ONE #One", ["one"]),
        ("##double #half#half", ["double"]),
        ("#a/#b dodge/#c #d/e", ["a", "b", "c", "d"]),
        ("❤️#a ✌︎#b 👍🏿#c 👨\u200d👩\u200d👧#d 🎉#e", ["a", "b", "c", "d", "e"]),
        ("(#a )#b [#c ’#d’#e :#f", ["a", "b", "c", "d", "e", "f"]),
        ("#a. #b! #c: #d; #e-f #g🎉", ["a", "b", "c", "d", "e", "g"]),
        ("#twitter.com #日本語です。", ["twitter", "日本語です"]),
        ("http://a.com#x example.com/#no #yes", ["yes"]),
        ("#日http://a.com #日a.com", ["日a"]),
    ],
)
def test_hashtags_among_other_text(text: str, found: list[str]) -> None:
    assert hashtags(text) == found


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Straße", "STRASSE"),
        ("Cafe\u0301", "café"),
        ("ｈａｓｈｔａｇ", "hashtag"),
        ("ﾊﾝﾊﾞｰｶﾞｰ", "ハンバーガー"),
        ("love\ufe0f", "love"),
        ("می\u200cخواهم", "میخواهم"),
        ("می\u200c", "می"),
        ("ශ්\u200dරී", "ශ්රී"),
        ("rain\u00adbow", "rainbow"),
        ("か゛", "が"),
        ("メ～テレ", "メ〜テレ"),
        ("ΣΊΣΥΦΟΣ", "σίσυφος"),
        ("ﬁn", "fin"),
    ],
)
def test_hashtags_that_look_alike_are_one(one: str, other: str) -> None:
    assert folded_tag(one) == folded_tag(other) == tag_of(one) == tag_of(f"#{other}")


def test_a_tweet_has_each_hashtag_once_as_it_is_written_first() -> None:
    assert hashtags("#ｂlue #Blue #blue\u200d #green") == ["ｂlue", "green"]


_LETTERS = st.characters(categories=("L", "M", "Nd", "Cf", "Pd")) | st.sampled_from("_・゛゜〜～·゠\u200d\ufe0f")


@given(st.text(_LETTERS, min_size=1, max_size=8))
@example("\u1e9b\u0323")
@example("\u0345\u03b1")
@example("ﷺ")
def test_folding_twice_is_folding_once(tag: str) -> None:
    assert folded_tag(folded_tag(tag)) == folded_tag(tag)


@given(st.text(_LETTERS, min_size=1, max_size=120))
def test_what_is_a_hashtag_in_a_tweet_is_one_in_the_path_of_its_page(text: str) -> None:
    for tag in hashtags(f"#{text}"):
        assert tag_of(tag) == tag_of(f"#{tag}") == tag_of(folded_tag(tag)) == folded_tag(tag)


def test_what_every_letter_folds_to_folds_to_itself() -> None:
    folded = {folded_tag(chr(code)) for code in range(0x1F000) if not 0xD800 <= code < 0xE000}
    assert [letter for letter in folded if folded_tag(letter) != letter] == []


@pytest.mark.parametrize(
    "text",
    ["", "#", "##rain", "123", "two words", "rain!", "a.com", "rain#sun", "a\x00", "a\n", " a", "a" * 101, "ß" * 60],
)
def test_what_no_tweet_can_carry_is_no_hashtag(text: str) -> None:
    assert tag_of(text) is None
