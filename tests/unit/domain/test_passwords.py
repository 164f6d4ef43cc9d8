import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.passwords import PASSWORD_CHARS_MIN, compared, normalized_password, password_fault
from tests.support.api_user import PASSWORD
from tests.unit.test_tidy import ROOT

GUESSED = "is one of those that are guessed first; choose another"


def fault(password: str) -> str | None:
    return password_fault(normalized_password(password), "Ann_Example", "Ann.Example@mail.example.com")


def test_keyboards_that_send_other_code_points_send_one_password() -> None:
    assert normalized_password("cafe\u0301 cre\u0300me") == normalized_password("caf\u00e9\u00a0cr\u00e8me")
    assert normalized_password("山田\u3000花子") == "山田 花子"


def test_case_width_and_spaces_around_a_password_are_its_owners() -> None:
    for password in ("Correct Horse", "\uff43orrect horse", " correct horse "):
        assert normalized_password(password) == password


@pytest.mark.parametrize(
    "password",
    ["correct horse battery", "пароль из слов", "ひみつの ことば", "👩‍💻❤️🔑🐴🔋", "x" * 256, "e\u0301" * 256],
)
def test_a_password_is_any_8_to_256_characters(password: str) -> None:
    assert fault(password) is None


@pytest.mark.parametrize("password", ["", "1234567", "e\u0301" * 7, "x" * 257, "e\u0301" * 257, "x" * 100_000])
def test_another_length_is_refused_counted_after_normalization(password: str) -> None:
    assert fault(password) == "must be 8 to 256 characters"


@pytest.mark.parametrize("sign", ["\x00", "\t", "\n", "\x7f", "\x9f", "\ue000", "\uffff", "\u0378", "\ud83d"])
def test_controls_and_what_is_no_character_are_refused(sign: str) -> None:
    assert fault(f"correct{sign}horse") == "must not hold control characters, nor characters that Unicode does not know"


@pytest.mark.parametrize(
    "password",
    [
        "password",
        "PassWord1",
        "12345678",
        "qwertyuiop",
        "iloveyou",
        "jennifer",
        "trustno1",
        "1q2w3e4r5t",
        "\uff50assword",
        " sunshine",
    ],
)
def test_what_is_guessed_first_is_refused_in_any_case_and_width(password: str) -> None:
    assert fault(password) == GUESSED


@pytest.mark.parametrize("marks", [31, 256, 1024])
def test_marks_are_not_piled_up(marks: int) -> None:
    password = "a long password" + "\u0301" * marks
    assert normalized_password(password) == password, "sorting them would take too long"
    assert fault(password) is not None


@pytest.mark.parametrize("password", ["Ann_Example", "ann_example", "\uff21nn_Example"])
def test_the_username_is_no_password(password: str) -> None:
    assert fault(password) == "must not be the username"


@pytest.mark.parametrize("password", ["ann.example@mail.example.com", "ANN.EXAMPLE", "Ann.Example@Mail.Example.com"])
def test_the_address_and_its_local_part_are_no_passwords(password: str) -> None:
    assert fault(password) == "must not be the e-mail address"


def test_the_list_of_common_passwords_is_long_sorted_and_in_the_form_in_which_they_are_compared() -> None:
    common = (ROOT / "domain" / "common_passwords.txt").read_text("utf-8").splitlines()
    assert len(common) > 10_000
    assert common == sorted(set(common))
    assert all(word == compared(word) and len(word) >= PASSWORD_CHARS_MIN for word in common)


@pytest.mark.parametrize("path", ["docs/api.md", "cluster/client/people.py"])
def test_the_password_of_our_own_people_can_be_one(path: str) -> None:
    assert PASSWORD in (ROOT / path).read_text("utf-8")
    assert fault(PASSWORD) is None


@given(st.text(max_size=300))
def test_what_is_hashed_of_a_password_is_hashed_again(text: str) -> None:
    password = normalized_password(text)
    assert normalized_password(password) == password
