"""The rules of a tweet's text, and what it holds: read once, when it is posted."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import regex

from domain.blank_texts import shows_something
from domain.errors import Invalid
from domain.hashtags import hashtags
from domain.mentions import mentions
from domain.spans import Span
from domain.urls import url_spans
from domain.weight import EMOJI_CHARS_MAX, EMOJI_WEIGHT, URL_WEIGHT, weight_of

TEXT_WEIGHT_MAX = 280
TEXT_CHARS_MAX = 4_096
"""A longer text is refused unread (a URL of any length weighs 23)."""
_URLS_MAX = TEXT_WEIGHT_MAX // URL_WEIGHT
_CHARS_BESIDE_URLS_MAX = TEXT_WEIGHT_MAX // EMOJI_WEIGHT * EMOJI_CHARS_MAX
"""No text of more URLs or of more characters beside them can weigh so little, whatever the characters are."""
_TOO_MANY_MARKS = regex.compile(rf"(?<!\p{{M}})\p{{M}}{{{TEXT_WEIGHT_MAX + 1}}}")
"""A bound, as the cost of putting marks in order grows with the square of how many there are in a row."""
_CONTROL = regex.compile(r"(?![\n\r\t])[\p{Cc}\p{Cs}]")
_NOT_ALLOWED = regex.compile(r"[\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedText:
    """A text that may be posted, as it is kept, and what is in it; URLs, hashtags and mentions in order."""

    text: str
    weight: int
    urls: tuple[str, ...]
    hashtags: tuple[str, ...]
    mentions: tuple[str, ...]


def normalized(text: str) -> str:
    """The text as it is kept: Unicode NFC, without white space around it."""
    return unicodedata.normalize("NFC", text).strip()


def parsed(text: str) -> ParsedText:
    """Read a text as it was sent. Raises `Invalid` unless it shows something and weighs at most 280."""
    try:
        found = weighed(text, weight_max=TEXT_WEIGHT_MAX, chars_max=TEXT_CHARS_MAX)
    except ValueError as fault:
        raise Invalid(f"The text {fault}.", "invalid_text", (("text", str(fault)),)) from None
    text, urls = found.text, found.urls
    return ParsedText(
        text=text,
        weight=found.weight,
        urls=tuple(text[url.start : url.end] for url in urls),
        hashtags=hashtags(text, urls),
        mentions=mentions(text, urls),
    )


class Weighed(NamedTuple):
    """A text as it is kept, its weight, and where its URLs are."""

    text: str
    weight: int
    urls: Sequence[Span]


def weighed(text: str, *, weight_max: int, chars_max: int) -> Weighed:
    """Read a text as it was sent; one of more characters is refused unread.

    Raises `ValueError` that says why a text cannot be kept: it must show something, and weigh no more than a tweet may.
    """
    assert weight_max <= TEXT_WEIGHT_MAX
    too_heavy = f"weighs more than the {weight_max} that are allowed"
    if len(text) > chars_max:
        raise ValueError(f"must not be longer than {chars_max} characters")
    if _TOO_MANY_MARKS.search(text):
        raise ValueError(too_heavy)
    text = normalized(text)
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters")
    if not shows_something(text):
        raise ValueError("must not be empty")
    if _NOT_ALLOWED.search(text):
        raise ValueError("holds characters that are not allowed")
    urls = [*islice(url_spans(text, _CHARS_BESIDE_URLS_MAX), _URLS_MAX + 1)]
    chars_beside = len(text) - sum(url.end - url.start for url in urls)
    if len(urls) > _URLS_MAX or chars_beside > _CHARS_BESIDE_URLS_MAX:
        raise ValueError(too_heavy)
    weight = weight_of(text, urls)
    if weight > weight_max:
        raise ValueError(f"weighs {weight}, at most {weight_max} are allowed")
    return Weighed(text, weight, urls)
