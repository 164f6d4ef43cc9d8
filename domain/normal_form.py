"""Bounds on texts to be normalized (UAX 15): the cost grows with the square of how many marks stand in a row."""

import regex

COMPOSED_OF_MAX = 4
"""Code points that NFC makes one of, at most (U+1F82)."""
MARKS_IN_A_ROW_MAX = 30
"""As in the stream-safe format of UAX 15; no language comes near."""

_UNSAFE = regex.compile(rf"\p{{M}}{{{MARKS_IN_A_ROW_MAX + 1}}}")


def raw_chars_max(chars_max: int) -> int:
    """The longest a text may be before it is normalized, if it may have `chars_max` code points afterwards."""
    return COMPOSED_OF_MAX * chars_max


def is_normalizable(text: str, chars_max: int) -> bool:
    """True if a text is short enough for `chars_max` code points in some form, and stream-safe."""
    return len(text) <= raw_chars_max(chars_max) and not _UNSAFE.search(text)
