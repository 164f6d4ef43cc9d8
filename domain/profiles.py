"""The rules of a profile: the name, biography, place and link that users show of themselves."""

from collections.abc import Callable, Mapping
from typing import Final

import regex

from domain.errors import Invalid
from domain.names import name_fault, normalized_name
from domain.spans import Span
from domain.texts import weighed
from domain.urls import url_spans
from domain.users import NAME_CHARS_MAX

BIO_WEIGHT_MAX: Final = 160
BIO_CHARS_MAX: Final = 1_024
"""A longer biography is refused unread (a URL of any length weighs 23)."""
LOCATION_CHARS_MAX: Final = 30
WEBSITE_CHARS_MAX: Final = 100

_WEBSITE: Final = regex.compile(
    r"(https?)(://[^/?#:]++(?::[0-9]{1,5})?)((?:[/?#][^\p{C}\p{Z}<>\"\\^`{|}]*+)?)", regex.IGNORECASE | regex.V1
)


def checked_profile(given: Mapping[str, str]) -> dict[str, str]:
    """The given fields of a profile as they are kept; an empty one clears what was there.

    Raises `Invalid` that names every field that breaks a rule.
    """
    kept: dict[str, str] = {}
    faults: list[tuple[str, str]] = []
    for field, text in given.items():
        try:
            kept[field] = _RULES[field](text)
        except ValueError as fault:
            faults.append((field, str(fault)))
    if faults:
        raise Invalid("The profile is not valid.", "invalid_profile", tuple(faults))
    return kept


def _name(text: str) -> str:
    return _one_line(text, NAME_CHARS_MAX)


def _bio(text: str) -> str:
    return weighed(text, weight_max=BIO_WEIGHT_MAX, chars_max=BIO_CHARS_MAX).text if text.strip() else ""


def _location(text: str) -> str:
    return _one_line(text, LOCATION_CHARS_MAX) if text.strip() else ""


def _website(text: str) -> str:
    """A link of http or https to a host with a known top-level domain; no user, password or number stands before it."""
    if len(text) > WEBSITE_CHARS_MAX:
        raise ValueError(f"must not be longer than {WEBSITE_CHARS_MAX} characters")
    if not text.strip():
        return ""
    link = _one_line(text, WEBSITE_CHARS_MAX)
    parts = _WEBSITE.fullmatch(link)
    origin = "" if parts is None else parts[1] + parts[2]
    if parts is None or [*url_spans(origin, len(origin))] != [Span(0, len(origin))]:
        raise ValueError("must be a link that begins with http:// or https://, and a host")
    return parts[1].lower() + parts[2] + parts[3]


def _one_line(text: str, chars_max: int) -> str:
    line = normalized_name(text, chars_max)
    if fault := name_fault(line, chars_max):
        raise ValueError(fault)
    return line


_RULES: Final[Mapping[str, Callable[[str], str]]] = {
    "name": _name,
    "bio": _bio,
    "location": _location,
    "website": _website,
}
PROFILE_FIELDS: Final = tuple(_RULES)
"""Names of the fields that a user may change."""
