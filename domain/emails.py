"""E-mail addresses: whoever signs up and whoever logs in mean one address by every way of writing it."""

import unicodedata
from typing import Final

from email_validator import EmailNotValidError, validate_email

from domain.normal_form import is_normalizable

ADDRESS_CHARS_MAX: Final = 254
"""RFC 5321."""
_WHY: Final = f"must be an e-mail address of at most {ADDRESS_CHARS_MAX} characters"


def normalized_address(text: str) -> str:
    """The address that a text writes: in NFKC (UTS 39, 5.2), its domain in lower case and Unicode rather than punycode.

    The case of the local part is kept; stores compare addresses without it. Raises `ValueError` that says why a text is
    no address: an address alone, without a name or brackets, at a domain that can receive mail.
    """
    if not is_normalizable(text, ADDRESS_CHARS_MAX):
        raise ValueError(_WHY)
    address = unicodedata.normalize("NFKC", text.strip())
    if len(address) > ADDRESS_CHARS_MAX:
        raise ValueError(_WHY)
    try:
        return validate_email(address, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"must be an e-mail address: {error}") from None
