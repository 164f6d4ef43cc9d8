"""Visibility of characters: a text made of spaces, format characters and blanks shows nothing at all."""

import regex

_BLANKS = r"\u2800\U00013441\U00013442\U00016fe4\U0001d159"
"""Drawn as nothing although their category is that of letters, marks or symbols (a Braille pattern without dots)."""
_SHOWN = regex.compile(
    rf"(?!\p{{Default_Ignorable_Code_Point}})"
    rf"(?:[^\p{{Z}}\p{{Cc}}\p{{Cf}}\p{{Cs}}\p{{Noncharacter_Code_Point}}{_BLANKS}]|\p{{Prepended_Concatenation_Mark}})"
)
"""One visible character. An unassigned one is: a newer Unicode than ours may know it."""


def shows_something(text: str) -> bool:
    """True if a reader sees anything of a text; one pass, whatever the text is."""
    return _SHOWN.search(text) is not None
