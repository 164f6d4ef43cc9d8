"""Names and places as they are shown: what they may hold, and how long they are.

After RFC 8266 (nicknames) and UTS 39 (marks), and more lenient where people's names ask for it: an invisible character
is refused unless it does something where it stands, as in a Persian name, a Sinhala one or an emoji
(docs/decisions/0026). Names are kept as they are written, with spaces of any width.
"""

import unicodedata

import regex

from domain.blank_texts import shows_something
from domain.normal_form import is_normalizable

COMMON_MARKS_MAX = 4
"""Marks on one letter that belong to no script, as UTS 39 (5.4) counts them."""
OWN_MARKS_MAX = 6
"""Marks on one letter; Burmese and pointed Hebrew write up to so many of their own."""
STACK_MAX = 8
"""The same in Tibetan, whose stacked letters are marks to Unicode."""

_BRAHMIC = r"[[\p{L}\p{M}]--\p{Indic_Syllabic_Category=Other}]"
_CURSIVE = r"[\p{Joining_Type=D}\p{Joining_Type=L}\p{Joining_Type=R}\u0640]"
_EMOJI = r"[\p{Extended_Pictographic}\p{Emoji_Modifier}]"
_USEFUL = (
    rf"(?:(?<={_BRAHMIC})|(?<={_CURSIVE}\p{{Mn}}{{0,4}}))[\u200b-\u200d]",  # how letters join, where lines may break
    rf"(?<={_EMOJI}\ufe0f?)\u200d(?=\p{{Extended_Pictographic}})",  # families, professions
    r"(?<=[[\p{L}\p{M}\p{N}\p{P}\p{S}]--\p{Default_Ignorable_Code_Point}])\p{Variation_Selector}",
    r"(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f",  # flags: Scotland
    r"(?<=\p{M})\u034f(?=\p{M})",  # keeps marks in an unusual order
    r"(?<=\p{Mongolian})\u180e(?=\p{Mongolian})",
)
_WORKING = regex.compile("|".join(_USEFUL), regex.V1)
"""Invisible characters that do something where they stand."""
_DIRECTION = regex.compile(r"[\u061c\u200e\u200f]")
_RIGHT_TO_LEFT = regex.compile(r"[[\p{Bidi_Class=R}\p{Bidi_Class=AL}]&&\p{L}]", regex.V1)
_REFUSED = regex.compile(
    r"[\p{Cc}\p{Cs}\p{Co}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufff9-\ufffb"
    r"[\p{Cn}--\p{Extended_Pictographic}]]",  # of emoji, those to come are known already
    regex.V1,
)
_PILE = regex.compile(
    rf"^\p{{M}}|[\p{{M}}&&[\p{{Inherited}}\p{{Common}}]]{{{COMMON_MARKS_MAX + 1}}}"
    rf"|[[\p{{Mn}}\p{{Me}}]--\p{{Tibetan}}]{{{OWN_MARKS_MAX + 1}}}|\p{{M}}{{{STACK_MAX + 1}}}",
    regex.V1,
)
_SPACES = regex.compile(r"(\p{Zs})\p{Zs}+")


def normalized_name(text: str, chars_max: int) -> str:
    """A name or a place as it is kept: Unicode NFC, no white space around it, and one space where there were several.

    What must not be normalized is returned as it came; `name_fault` refuses it.
    """
    if not is_normalizable(text, chars_max):
        return text
    return _SPACES.sub(r"\1", unicodedata.normalize("NFC", text).strip())


def name_fault(name: str, chars_max: int) -> str | None:
    """The reason why a normalized text can be no name or place, to be said after its field; None if it can."""
    if not 1 <= len(name) <= chars_max:
        return f"must be 1 to {chars_max} characters"
    if not shows_something(name):
        return "must show something"
    seen = _WORKING.sub("", name)
    if _RIGHT_TO_LEFT.search(seen):
        seen = _DIRECTION.sub("", seen)
    if _REFUSED.search(seen):
        return "must not hold control characters, nor invisible ones that no script or emoji needs there"
    if _PILE.search(seen):
        return "must not begin with a combining mark, nor pile them up"
    return None
