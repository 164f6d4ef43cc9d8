from collections.abc import Callable

import pytest

from domain.errors import Conflict, Invalid
from domain.registration import NOBODY, check_registration, normalized_login
from domain.reserved_names import RESERVED_NAMES
from domain.users import folded, is_username

ADDRESS, NAME, PASSWORD = "ann@example.com", "Ann", "correct horse"
# fmt: off
SPEAKING_FOR_THE_SERVICE = [
    "admin", "administrator", "root", "support", "help", "me", "api", "mod", "moderator", "security", "null",
    "undefined", "system", "murmur", "staff", "official", "abuse", "postmaster", "webmaster", "everyone", "here",
]
# fmt: on


@pytest.mark.parametrize("username", ["a", "Ann_1", "_", "x" * 15])
def test_a_username_is_1_to_15_letters_digits_and_underscores(username: str) -> None:
    check_registration(username, ADDRESS, NAME, PASSWORD)


@pytest.mark.parametrize(
    "username", ["", "x" * 16, "a b", "ann\n", "\u0430nn", "\uff41nn", "a-b", "K\u0131m", "\u212aim", "\ud83d"]
)
def test_nothing_else_is_one(username: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_registration(username, ADDRESS, NAME, PASSWORD)
    assert caught.value.fields == (("username", "must be 1 to 15 letters, digits or underscores"),)


def test_every_rule_that_is_broken_is_named() -> None:
    with pytest.raises(Invalid) as caught:
        check_registration("a b", ADDRESS, "\u3164", "password")
    assert [field for field, _ in caught.value.fields] == ["username", "name", "password"]


@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.title])
@pytest.mark.parametrize("name", SPEAKING_FOR_THE_SERVICE)
def test_a_name_that_the_service_needs_is_nobodys_in_any_case(name: str, spelled: Callable[[str], str]) -> None:
    with pytest.raises(Conflict) as caught:
        check_registration(spelled(name), ADDRESS, NAME, PASSWORD)
    assert caught.value.code == "username_reserved"


def test_reserved_names_are_names_that_somebody_could_have_taken() -> None:
    assert all(is_username(name) and name == folded(name) for name in RESERVED_NAMES)


@pytest.mark.parametrize(
    ("login", "meant"),
    [
        ("Ann_1", "Ann_1"),
        (" Ann@EXAMPLE.com ", "Ann@example.com"),
        ("ann@xn--bcher-kva.example", "ann@b\u00fccher.example"),
        ("ann\uff20bu\u0308cher.example", "ann@b\u00fccher.example"),
        ("Some One <ann@example.com>", NOBODY),
        ("ann@", NOBODY),
        ("a b", NOBODY),
        ("\u212aim", NOBODY),
        ("\x00", NOBODY),
        ("\ud83d", NOBODY),
        ("", NOBODY),
        ("x" * 100_000, NOBODY),
    ],
)
def test_a_login_means_what_sign_up_would_have_kept_of_it(login: str, meant: str) -> None:
    assert normalized_login(login) == meant
