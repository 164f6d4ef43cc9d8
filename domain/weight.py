"""Weight of a text, as Twitter counts (twitter-text 3): most signs 1, wide ones and emoji 2, URLs 23."""

from collections.abc import Sequence
from pathlib import Path

import regex

from domain.spans import Span

URL_WEIGHT = 23
EMOJI_WEIGHT = 2
_HEAVY = regex.compile(r"[^\x00-\xa8\xaa-\xad\xaf-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
"""Characters that weigh 2: all but most alphabets and some punctuation; © and ® are emoji."""

_SEQUENCES = frozenset(Path(__file__).with_name("emoji.txt").read_text(encoding="utf-8").split())
"""Emoji that are made of several characters."""
EMOJI_CHARS_MAX = max(map(len, _SEQUENCES))
_LENGTHS: dict[str, list[int]] = {}
"""Lengths of emoji that begin with two given characters, the longest first."""
for _sequence in sorted(_SEQUENCES, key=len, reverse=True):
    _lengths = _LENGTHS.setdefault(_sequence[:2], [])
    if len(_sequence) not in _lengths:
        _lengths.append(len(_sequence))
_MAY_BEGIN = regex.compile(
    rf"[{regex.escape(''.join({pair[0] for pair in _LENGTHS}))}](?=[{''.join({pair[1] for pair in _LENGTHS})}])"
)


def weight_of(text: str, urls: Sequence[Span]) -> int:
    """The weight of a text in NFC whose URLs are known."""
    if text.isascii():
        light = len(text) - text.count("\r\n")
        return light + sum(URL_WEIGHT - (url.end - url.start) for url in urls)
    ends = [0, *(url.end for url in urls)]
    starts = [*(url.start for url in urls), len(text)]
    between = (text[start:end] for start, end in zip(ends, starts, strict=True))
    return URL_WEIGHT * len(urls) + sum(map(_weight_without_urls, between))


def _weight_without_urls(text: str) -> int:
    if text.isascii():
        return len(text) - text.count("\r\n")
    weight = len(text) + len(_HEAVY.findall(text)) - text.count("\r\n")
    after = 0
    for beginning in _MAY_BEGIN.finditer(text):
        start = beginning.start()
        if start >= after:
            for length in _LENGTHS.get(text[start : start + 2], ()):
                if (emoji := text[start : start + length]) in _SEQUENCES:
                    after = start + len(emoji)
                    weight += EMOJI_WEIGHT - len(emoji) - len(_HEAVY.findall(emoji))
                    break
    return weight
