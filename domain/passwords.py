"""Passwords: one form of what different keyboards send (RFC 8265, OpaqueString), and which are guessed first."""

import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

import regex

from domain.normal_form import is_normalizable

PASSWORD_CHARS_MIN: Final = 8
PASSWORD_CHARS_MAX: Final = 256
"""Longer ones would let a client choose how long hashing takes."""

_COMMON = Path(__file__).with_name("common_passwords.txt")
_SPACES = regex.compile(r"\p{Zs}")
_REFUSED = regex.compile(r"[\p{Cc}\p{Cs}\p{Co}[\p{Cn}--\p{Extended_Pictographic}]]", regex.V1)


def normalized_password(text: str) -> str:
    """A password as it is hashed: every space is SPACE, then Unicode NFC; case and width are its owner's.

    What must not be normalized is returned as it came: it is nobody's, since `password_fault` refuses it.
    """
    if not is_normalizable(text, PASSWORD_CHARS_MAX):
        return text
    return unicodedata.normalize("NFC", _SPACES.sub(" ", text))


def password_fault(password: str, username: str, address: str) -> str | None:
    """The reason why a normalized password cannot be somebody's, to be said after its field; None if it can."""
    if not PASSWORD_CHARS_MIN <= len(password) <= PASSWORD_CHARS_MAX:
        return f"must be {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters"
    if _REFUSED.search(password):
        return "must not hold control characters, nor characters that Unicode does not know"
    if not is_normalizable(password, PASSWORD_CHARS_MAX):
        return "must not pile up combining marks"
    guess = compared(password)
    if guess == compared(username):
        return "must not be the username"
    if guess in (compared(address), compared(address.rpartition("@")[0])):
        return "must not be the e-mail address"
    if guess in _common_passwords():
        return "is one of those that are guessed first; choose another"
    return None


@cache
def _common_passwords() -> frozenset[str]:
    """The commonest passwords, in the form in which they are compared; 1.5 MB once somebody signs up."""
    return frozenset(_COMMON.read_text("utf-8").splitlines())


def compared(text: str) -> str:
    """A text without its case and width, which is what guessers try."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).strip()
