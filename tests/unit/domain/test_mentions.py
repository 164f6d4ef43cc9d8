"""Mentions. Many cases are those of twitter-text's conformance suite (Apache License 2.0), in our own form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.mentions import mentions as in_text
from domain.urls import url_spans


def mentions(text: str) -> list[str]:
    return [*in_text(text, [*url_spans(text, len(text))])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@bob hi @Alice_1 and @12345", ["bob", "Alice_1", "12345"]),
        ("@bob @BOB", ["bob"]),
        ("(@carol) .@dave ＠erin great.@frank!", ["carol", "dave", "erin", "frank"]),
        ("の@usernameに到着を待っている", ["username"]),
        ("@annさん @bob님 感谢@carol @dave・@erin สวัสดี@frank", ["ann", "bob", "carol", "dave", "erin", "frank"]),
        ("❤️@ann 👍🏽@bob 👨\u200d👩\u200d👧@carol", ["ann", "bob", "carol"]),
        ("w/@ann @bob/@carol @dave/list", ["ann", "bob", "carol", "dave"]),
        ("Current Status: @_@ (cc: @username)", ["username"]),
        ("RT@ann rt:@bob Rt @carol", ["ann", "bob", "carol"]),
        ("@user.com @user&^$%^ @user: x", ["user"]),
        ("привет@ann", ["ann"]),
        ("http://example.com/@nobody http://example.com/?@nobody @somebody", ["somebody"]),
        ("@exactly15_chars", ["exactly15_chars"]),
    ],
)
def test_these_are_mentioned(text: str, found: list[str]) -> None:
    assert mentions(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "mail@example.com meet@the beach a@b",
        "иван@example.com josé@my-example.com φίλος@παράδειγμα.ελ @test@example.com",
        "f!@kn f@@kn f#@kn f$@kn f%@kn f&@kn f*@kn _@kn",
        "@aliceìnheiro something",
        "@http://twitter.com",
        "smart@ann x.rt@ann",
        "@waytoolongforausername @sixteen_letters_",
        "@ @- @日本",
    ],
)
def test_nobody_is_mentioned(text: str) -> None:
    assert mentions(text) == []


@given(st.text(st.sampled_from("@＠ab_日é/.:#rt \ufe0f")))
def test_everybody_is_mentioned_once(text: str) -> None:
    found = [name.lower() for name in mentions(text)]
    assert len(found) == len(set(found))
