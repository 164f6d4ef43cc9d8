"""Users and their usernames. Apart from `domain.registration`, whose libraries only sign-up and log-in need."""

import re
from dataclasses import dataclass

from domain.ids import UserId

USERNAME_CHARS_MAX = 15
NAME_CHARS_MAX = 50
PRIVATE = 1
"""Bit of a user's state: only followers may see what they write."""
SUSPENDED = 2
"""Bit of a user's state: nobody may see them, for as long as a moderator says so."""
_USERNAME = re.compile(r"[A-Za-z0-9_]{1,15}")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who signed up; the username keeps its case and is unique without it. What they left out is empty."""

    id: UserId
    username: str
    name: str
    bio: str = ""
    location: str = ""
    website: str = ""
    private: bool = False
    suspended: bool = False

    @property
    def state(self) -> int:
        """The bits that decide who may see them."""
        return PRIVATE * self.private | SUSPENDED * self.suspended


def folded(username: str) -> str:
    """The form in which usernames are compared; usernames are ASCII."""
    return username.lower()


def folded_address(email: str) -> str:
    """The form in which addresses are compared; folding a domain would make one of two (straße.de, strasse.de)."""
    local, _, domain = email.rpartition("@")
    return f"{local.casefold()}@{domain.lower()}"


def is_username(text: str) -> bool:
    """True if a text can be anybody's username."""
    return _USERNAME.fullmatch(text) is not None
