"""Users and the rules of their names."""

import re
from dataclasses import dataclass

from domain.errors import Invalid
from domain.ids import UserId

USERNAME_CHARS_MAX = 15
NAME_CHARS_MAX = 50
PASSWORD_CHARS_MIN = 8
PASSWORD_CHARS_MAX = 256
"""Longer ones would let a client choose how long hashing takes."""

_USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who signed up; the username keeps its case and is unique without it."""

    id: UserId
    username: str
    name: str


def folded(username: str) -> str:
    """The form in which usernames are compared; usernames are ASCII."""
    return username.lower()


def check_registration(username: str, name: str, password: str) -> None:
    """Raise `Invalid` naming every field that breaks a rule."""
    fields = []
    if not _USERNAME.fullmatch(username):
        fields.append(("username", "must be 1 to 15 letters, digits or underscores"))
    if not 1 <= len(name) <= NAME_CHARS_MAX or not name.isprintable():
        fields.append(("name", f"must be 1 to {NAME_CHARS_MAX} printable characters"))
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        fields.append(("password", f"must be {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"))
    if fields:
        raise Invalid("The registration is not valid.", "invalid_registration", tuple(fields))
