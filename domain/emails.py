"""E-mail addresses: whoever signs up and whoever logs in mean one address by every way of writing it."""

import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from domain.names import raw_chars_max

ADDRESS_CHARS_MAX: Final = 254
"""RFC 5321."""


def normalized_address(text: str) -> str:
    """The address that a text writes: in NFKC (UTS 39, 5.2), its domain in lower case and Unicode rather than punycode.

    The case of the local part is kept; stores compare addresses without it. Raises `ValueError` that says why a text is
    no address: an address alone, without a name or brackets, at a domain that can receive mail.
    """
    if len(text) > raw_chars_max(ADDRESS_CHARS_MAX):
        raise ValueError(f"must be an e-mail address of at most {ADDRESS_CHARS_MAX} characters")
    address = unicodedata.normalize("NFKC", text.strip())
    if len(address) > ADDRESS_CHARS_MAX:
        raise ValueError(f"must be an e-mail address of at most {ADDRESS_CHARS_MAX} characters")
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"must be an e-mail address: {error}") from None
