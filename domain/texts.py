"""The rules of a tweet's text, and what it holds: read once, when it is posted."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

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
    if len(text) > TEXT_CHARS_MAX:
        raise _invalid(f"must not be longer than {TEXT_CHARS_MAX} characters")
    if _TOO_MANY_MARKS.search(text):
        raise _too_heavy()
    text = normalized(text)
    if _CONTROL.search(text):
        raise _invalid("must not hold control characters")
    if not shows_something(text):
        raise _invalid("must not be empty")
    if _NOT_ALLOWED.search(text):
        raise _invalid("holds characters that are not allowed in a tweet")
    urls = [*islice(url_spans(text, _CHARS_BESIDE_URLS_MAX), _URLS_MAX + 1)]
    weight = _checked_weight(text, urls)
    return ParsedText(
        text=text,
        weight=weight,
        urls=tuple(text[url.start : url.end] for url in urls),
        hashtags=hashtags(text, urls),
        mentions=mentions(text, urls),
    )


def _checked_weight(text: str, urls: Sequence[Span]) -> int:
    chars_beside = len(text) - sum(url.end - url.start for url in urls)
    if len(urls) > _URLS_MAX or chars_beside > _CHARS_BESIDE_URLS_MAX:
        raise _too_heavy()
    weight = weight_of(text, urls)
    if weight > TEXT_WEIGHT_MAX:
        raise _invalid(f"weighs {weight}, at most {TEXT_WEIGHT_MAX} are allowed")
    return weight


def _too_heavy() -> Invalid:
    return _invalid(f"weighs more than the {TEXT_WEIGHT_MAX} that are allowed")


def _invalid(why: str) -> Invalid:
    return Invalid(f"The text {why}.", "invalid_text", (("text", why),))
