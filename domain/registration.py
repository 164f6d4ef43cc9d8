"""The rules of signing up, and what logging in makes of the same texts."""

from typing import Final

from domain.emails import normalized_address
from domain.errors import Conflict, Invalid
from domain.names import name_fault
from domain.passwords import password_fault
from domain.reserved_names import RESERVED_NAMES
from domain.users import NAME_CHARS_MAX, folded, is_username

NOBODY: Final = "@"
"""A login that nobody can have; it is looked up like any other."""


def normalized_login(login: str) -> str:
    """A username or an address as sign-up would have kept it; `NOBODY` for all else."""
    if is_username(login):
        return login
    try:
        return normalized_address(login)
    except ValueError:
        return NOBODY


def check_registration(username: str, address: str, name: str, password: str) -> None:
    """Check what somebody signs up with, each text normalized.

    Raises `Invalid` that names every field that breaks a rule, and `Conflict` (`username_reserved`).
    """
    faults = {
        "username": None if is_username(username) else "must be 1 to 15 letters, digits or underscores",
        "name": name_fault(name, NAME_CHARS_MAX),
        "password": password_fault(password, username, address),
    }
    fields = tuple((field, fault) for field, fault in faults.items() if fault is not None)
    if fields:
        raise Invalid("The registration is not valid.", "invalid_registration", fields)
    if folded(username) in RESERVED_NAMES:
        raise Conflict("This username is kept for the service.", "username_reserved")
