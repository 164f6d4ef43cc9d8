"""Mentions in a text: what Twitter links to a profile (twitter-text 3), with usernames of at most 15 characters."""

from collections.abc import Sequence

import regex

from domain.spans import Span, covers
from domain.urls import LATIN

MENTIONS_MAX = 50
"""Of a tweet; more do not count."""
MENTION_IDS_MAX = 10
"""Users whom a tweet reaches by mentioning them: the first ones."""
_SIGNS = "@\uff20"

NO_SPACES = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts that put no spaces between words."""
_ADDRESS = rf"(?<=(?![{NO_SPACES}])[\p{{L}}\p{{M}}\p{{N}}])[{_SIGNS}][\w\-]++\.[\p{{L}}\p{{N}}]"
"""The rest of an e-mail address, if it follows a letter and is like a domain: `иван@example.com`."""
_RETWEET = r"(?<=(?<![A-Za-z0-9_+~.\-])[Rr][Tt])"
_MENTION = regex.compile(
    rf"(?:(?<![A-Za-z0-9_!#$%&*{_SIGNS}])|{_RETWEET})(?!{_ADDRESS})"
    rf"[{_SIGNS}]([A-Za-z0-9_]{{1,15}}+)(?![A-Za-z0-9_{_SIGNS}{LATIN}]|://)"
)


def mentions(text: str, urls: Sequence[Span]) -> tuple[str, ...]:
    """The usernames that a text mentions outside its URLs as they are written, each (without case) once, in order."""
    if not any(sign in text for sign in _SIGNS):
        return ()
    found: dict[str, str] = {}
    for match in _MENTION.finditer(text):
        if not covers(urls, match.start()):
            found.setdefault(match[1].lower(), match[1])
    return tuple(found.values())[:MENTIONS_MAX]
