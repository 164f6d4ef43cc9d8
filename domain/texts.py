"""The rules of a tweet's text: length, hashtags, mentions. Apart from `domain.tweets`: its import costs half a second.

The patterns follow Twitter's own (github.com/twitter/twitter-text, conformance 3.x): a hashtag needs a letter or
mark, a mention is a username, neither counts inside a URL.
"""

import unicodedata
from collections.abc import Iterable

import regex
from twitter_text import parse_tweet
from twitter_text.extract_urls import extract_urls_with_indices
from twitter_text.has_invalid_characters import has_invalid_characters

from domain.errors import Invalid
from domain.tweets import folded_tag

TEXT_WEIGHT_MAX = 280
TEXT_CHARS_MAX = 4_096
"""Text longer than this is refused before anything weighs it (a URL of any length weighs 23)."""
HASHTAG_CHARS_MAX = 100
HASHTAGS_MAX = 50
MENTIONS_MAX = 50

_WORD = r"\p{L}\p{M}\p{Nd}_\u200c\u200d\u00b7\u30fb\u309b\u309c\u30a0\u3005\u0f0b\u0f0c"
_HASHTAG = regex.compile(
    rf"(?<![{_WORD}&/#\uff03])[#\uff03](?![\ufe0f\u20e3])(?=[{_WORD}]*[\p{{L}}\p{{M}}])([{_WORD}]++)(?!://|[#\uff03])"
)
_CONTROL = regex.compile(r"(?![\n\r\t])[\p{Cc}\p{Cs}]")
_DOT = regex.compile(r"\.(?=[^\s.])")
"""Every URL has such a dot."""
_URL_WEIGHT = 23
_MENTION = regex.compile(rf"(?<![{_WORD}@\uff20/!#$%&*])[@\uff20]([A-Za-z0-9_]{{1,15}})(?![{_WORD}@\uff20]|://)")


def normalized(text: str) -> str:
    """The text as it is kept: Unicode NFC, without white space around it."""
    return unicodedata.normalize("NFC", text).strip()


def check_text(text: str) -> None:
    """Raise `Invalid` unless a normalized text weighs 1 to 280 as Twitter counts."""
    if not text:
        raise _invalid_text("must not be empty")
    if len(text) > TEXT_CHARS_MAX:
        raise _invalid_text(f"must not be longer than {TEXT_CHARS_MAX} characters")
    if _CONTROL.search(text):
        raise _invalid_text("must not hold control characters")
    if _weight_at_most(text) <= TEXT_WEIGHT_MAX and not has_invalid_characters(text):
        return  # spares the parser, which takes longer than all the rest of a post
    parsed = parse_tweet(text)
    if parsed.weightedLength > TEXT_WEIGHT_MAX:
        raise _invalid_text(f"weighs {parsed.weightedLength}, at most {TEXT_WEIGHT_MAX} are allowed")
    if not parsed.valid:
        raise _invalid_text("holds characters that are not allowed in a tweet")


def _weight_at_most(text: str) -> int:
    """A bound of a text's weight: a character weighs two at most, of ASCII one, and a URL 23."""
    return len(text) * (1 if text.isascii() else 2) + _URL_WEIGHT * len(_DOT.findall(text))


def _invalid_text(why: str) -> Invalid:
    return Invalid(f"The text {why}.", "invalid_text", (("text", why),))


def hashtags(text: str) -> tuple[str, ...]:
    """The hashtags of a text as they are written, without the sign, each (case-folded) once, in order."""
    found = (tag for tag in _HASHTAG.findall(_without_urls(text)) if len(tag) <= HASHTAG_CHARS_MAX)
    return _first_of_each(found)[:HASHTAGS_MAX]


def tag_of(text: str) -> str | None:
    """The hashtag, folded, that a text is, with its sign or without; None if no tweet can carry it."""
    tag = text[1:] if text.startswith(("#", "\uff03")) else text
    return folded_tag(tag) if len(tag) <= HASHTAG_CHARS_MAX and hashtags(f"#{tag}") == (tag,) else None


def mentions(text: str) -> tuple[str, ...]:
    """The usernames a text mentions as they are written, without the sign, each (without case) once, in order."""
    return _first_of_each(_MENTION.findall(_without_urls(text)))[:MENTIONS_MAX]


def _first_of_each(words: Iterable[str]) -> tuple[str, ...]:
    first: dict[str, str] = {}
    for word in words:
        first.setdefault(folded_tag(word), word)
    return tuple(first.values())


def _without_urls(text: str) -> str:
    """The text with every URL blanked out, so that neither a fragment nor a path counts."""
    if not _DOT.search(text):
        return text
    for url in reversed(extract_urls_with_indices(text)):
        start, end = url["indices"]
        text = f"{text[:start]} {text[end:]}"
    return text
