"""URLs. Many cases are those of twitter-text's conformance suite (Apache License 2.0), in our own form."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twitter_text.extract_urls import extract_urls_with_indices

from domain.urls import url_spans
from tests.support.text_tables import DOMAIN


def urls(text: str) -> list[str]:
    return [text[url.start : url.end] for url in url_spans(unicodedata.normalize("NFC", text), len(text))]


@pytest.mark.parametrize(
    "text",
    [
        "http://google.com/#search?q=iphone%20-filter%3Alinks",
        "http://somehost.com:3000",
        "http://xo.com/~matthew+%ff-,.;x",
        "http://en.wikipedia.org/wiki/Primer_(film)",
        "http://msdn.com/S(deadbeef)/page.htm",
        "https://rdio.com/artist/50_Cent/track/We_Up_(Album_Version_(Edited))/",
        "http://✪df.ws/ejp",
        "http://ああ.com",
        "http://exampleこれは日本語です.com/path/index.html",
        "http://foobar.みんな/",
        "http://foobar.中国/",
        "http://foobar.پاکستان/",
        "http://xn--ls8h.XN--ls8h.la/",
        "http://xn--80abe5aohbnkjb.xn--p1ai/",
        "http://a_b.c-d.com",
        "http://twitter.com/Русские_слова",
        "https://en.m.wikipedia.org/wiki/Hatfield–McCoy_feud",
        "http://www.flickr.com/photos/29674651@N00/4382024406",
        "http://foo.com/bar?param1=foo;param2=P1|0||P2|0",
        "http://www.foo.com?referer=https://t.co/abcde",
        "https://t.co/UqIyJAJTfo?amp=1",
        "HTTPS://www.ExaMPLE.COM/index.html",
        "ELPAÍS.com",
        "t.co/abcde",
        "www.foo.co.uk",
        "name.al-lastname.com",
        "foo.jp",
        "https://radio.music/now",
        "books.kids",
        "https://twitter.ישראל",
        "https://twitter.VERMÖGENSBERATUNG",
        "http://shop.xn--4dbrk0ce/",
        "https://example.com/" + "x" * 4_000,
    ],
)
def test_this_is_a_url_all_of_it(text: str) -> None:
    assert urls(text) == [text]
    assert urls(f"see {text} now") == [text]


@pytest.mark.parametrize(
    "text",
    [
        "http://no-tld http://tld-too-short.x http:// wwwww.xxxxxxx foo.somecom",
        "http://-leadingdash.twitter.com http://trailingdash-.twitter.com",
        "http://_leading.twitter.com http://twitter_underscore.com http://twitter.c_o_m",
        "http://a_b.foo-cow_4352.com http://foo_bar.com",
        "#test.com @test.com #http://test.com @http://test.com #t.co/abcde @t.co/abcde",
        "$http://twitter.com $twitter.com $t.co/abcde $TVI.CA",
        "name.al-lastname@foo.com name.al+lastname@foo.com",
        "john.doe.gov@mail.com john.doe.jp@mail.com foo@bar.com иван@example.com",
        "long.test.tar.bz2 1.5 e.g. www...foo",
        "http://xn--はじめよう.com/index.html",
        "http://t.co/abcdefghijklmnopqrstuvwxyz012345678901234",
        "randomurlrandomurlrandomurlrandomurlrandomurlrandomurlrandomurls.com",  # a label of 64
        "http://" + "あいうえおかきくけこ" * 5 + "あいう.com",  # one of 64 in DNS
        "domain.com-that-should-have-a-space",
        "a." * 200 + "com",
        "http://" + "a." * 200 + "com/path",
        "http://" + "日本." * 30 + "com",  # 30 labels of 11 in DNS
    ],
)
def test_this_is_no_url(text: str) -> None:
    assert urls(text) == []


def test_every_top_level_domain_makes_a_url() -> None:
    domains = (DOMAIN / "tlds.txt").read_text(encoding="utf-8").split()
    for host in (f"twitter.{domain}" for domain in domains):
        assert urls(f"x {host}, http://{host.upper()}/") == [host, f"http://{host.upper()}/"]


def test_a_host_may_be_as_long_as_dns_allows() -> None:
    longest = "a." * 125 + "com"
    assert len(longest) == 253
    assert urls(longest) == [longest]
    assert urls(f"http://{longest}/x") == [f"http://{longest}/x"]
    assert urls(f"a.{longest}") == urls(f"http://a.{longest}/x") == []
    widest = "http://" + "あいうえおかきくけこ" * 5 + "あい.com"  # a label of 63
    assert urls(widest) == [widest]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("text (http://example.com/test).", ["http://example.com/test"]),
        (
            "http://example.com/path.......... http://example.com/,,,,",
            ["http://example.com/path", "http://example.com/"],
        ),
        ("(URL in parentheses http://msdn.com/S(deadbeef))", ["http://msdn.com/S(deadbeef)"]),
        ("http://rdio.com/We_Up_(Album_Version_(Edited", ["http://rdio.com/We_Up_"]),
        ("http://tell.me/why?=because.i.want.it. Even", ["http://tell.me/why?=because.i.want.it"]),
        ("=http://example.com/a? !http://example.com!", ["http://example.com/a", "http://example.com"]),
        ("http://t.co/pbY2NfTZ's http://t.co/8t7G3ddS#a", ["http://t.co/pbY2NfTZ", "http://t.co/8t7G3ddS"]),
        ("http:// example.com/path", ["example.com/path"]),
        ("twitter.comこれは日本語です。example.com中国語t.co/a한국", ["twitter.com", "example.com", "t.co/a"]),
        ("http://twitter.com/これは日本語です。example.com", ["http://twitter.com/", "example.com"]),
        ("http://example.comだよね.comtest/hogehoge", ["http://example.com"]),
        ("example.comてすとですtwitter.みんなです", ["example.com", "twitter.みんな"]),
        ("twitter.jp日本語it.so中国語foo.jp", ["twitter.jp", "it.so", "foo.jp"]),
        ("いまなにしてるhttp://example.comいまなにしてる", ["http://example.com"]),
        ("\u2066\u202atest abcdef.com پاکستان http://twitter.com/\u202c\u2069", ["abcdef.com", "http://twitter.com/"]),
        ("日_本é.me日t.co", ["é.me", "t.co"]),
        ("http://a.com http://a.com\nb.com", ["http://a.com", "http://a.com", "b.com"]),
        ("https://twitter.com/otm_m@\"onmousedown=\"alert('foo')", ["https://twitter.com/otm_m"]),
    ],
)
def test_urls_among_other_text(text: str, found: list[str]) -> None:
    assert urls(text) == found


_PIECES = [
    *("a", "b", "x1", "1", "80", "us", "Z", "com", "co", "jp", "net", "la", "me", "example", "t.co", "/a", "%20"),
    *("日", "本語", "é", "みんな", "中国", "😀", "❤️", "\u200f"),
    *" .-_/:@#$()?=&!~,|';+\"\n",
    *("http://", "https://", "://", ".", ".", "/"),
]


@settings(max_examples=600, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(_PIECES), max_size=14).map("".join))
def test_urls_are_those_that_twitter_text_finds(text: str) -> None:
    text = " " + unicodedata.normalize("NFC", text)  # what the library does at the very beginning is an accident
    found = [[*span] for span in url_spans(text, len(text))]
    assert found == [url["indices"] for url in extract_urls_with_indices(text)]
