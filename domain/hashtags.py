"""Hashtags: where a text holds them, and the one form in which they are compared, stored and looked up.

What a hashtag is follows Twitter (twitter-text 3); which ones are the same follows Mastodon: case, width and what is
invisible do not count. What is a hashtag in a tweet is one in the path of its page too, as written and as compared.
"""

import unicodedata
from collections.abc import Sequence

import regex

from domain.spans import Span, covers

HASHTAG_CHARS_MAX = 100
"""Of a hashtag without its sign, as it is written and as it is compared."""
HASHTAGS_MAX = 50
"""Of a tweet; more do not count."""
_SIGNS = "#\uff03"

_WORD = (
    r"\p{L}\p{M}\p{Nd}_\u200c\u200d\ua67e\u05be\u05f3\u05f4\uff5e\u301c\u309b\u309c\u30a0\u30fb\u3003\u0f0b\u0f0c\xb7"
)
"""Characters of a hashtag, inside a regular expression's brackets: also marks that some scripts write in words."""
_TAG = rf"(?=[{_WORD}]*[\p{{L}}\p{{M}}])[{_WORD}]++"
_IN_TEXT = regex.compile(rf"(?:(?<![{_WORD}&])|(?<=[\ufe0e\ufe0f]))[{_SIGNS}](?![\ufe0f\u20e3])({_TAG})")
_NO_TAG_BEFORE = regex.compile(rf"[{_SIGNS}]|://")
_WHOLE = regex.compile(_TAG)
_INVISIBLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_NO_WORD = regex.compile(rf"[^{_WORD}]+")


def hashtags(text: str, urls: Sequence[Span]) -> tuple[str, ...]:
    """The hashtags of a text outside its URLs as they are written, without the sign, each once, in order."""
    if not any(sign in text for sign in _SIGNS):
        return ()
    found: dict[str, str] = {}
    after = 0
    for match in _IN_TEXT.finditer(text):
        touches, after = 0 < match.start() == after, match.end()
        if touches or covers(urls, match.start()) or _NO_TAG_BEFORE.match(text, after):
            continue
        if folded := _folded_if_tag(match[1]):
            found.setdefault(folded, match[1])
    return tuple(found.values())[:HASHTAGS_MAX]


def tag_of(text: str) -> str | None:
    """The hashtag, as it is compared, that a text is, with its sign or without; None if no tweet can carry it."""
    if len(text) > 4 * HASHTAG_CHARS_MAX:
        return None
    tag = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return _folded_if_tag(tag[1:] if tag.startswith(tuple(_SIGNS)) else tag)


def folded_tag(tag: str) -> str:
    """The form in which hashtags are compared: without case, width and what is invisible (NFKC_Casefold).

    Folding twice is folding once. Spaces that NFKC makes of a sign, as of U+309B, are no part of it; the two signs that
    Japanese keyboards have for one tilde are one.
    """
    if tag.isascii():
        return tag.lower()
    folded = unicodedata.normalize("NFKC", _INVISIBLE.sub("", tag).replace("\uff5e", "\u301c")).casefold()
    folded = _NO_WORD.sub("", _INVISIBLE.sub("", unicodedata.normalize("NFKC", folded)))
    return unicodedata.normalize("NFKC", folded)


def _folded_if_tag(tag: str) -> str | None:
    if len(tag) > HASHTAG_CHARS_MAX or not _WHOLE.fullmatch(tag):
        return None
    folded = folded_tag(tag)
    return folded if len(folded) <= HASHTAG_CHARS_MAX and _WHOLE.fullmatch(folded) else None
