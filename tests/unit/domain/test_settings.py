import pytest

from domain.errors import Invalid
from domain.settings import DEFAULTS, NOTIFICATION_KINDS, Setting, all_settings, checked_settings, grouped, ungrouped


def test_what_was_not_changed_is_as_at_first() -> None:
    changed: dict[str, Setting] = {"language": "de", "push.like": False}
    assert all_settings(changed) == {**DEFAULTS, **changed}


def test_a_setting_of_another_release_is_left_out() -> None:
    assert all_settings({"theme": "dark"}) == DEFAULTS


def test_settings_are_grouped_and_back() -> None:
    shown = grouped(DEFAULTS)
    assert shown["notifications"] == dict.fromkeys(NOTIFICATION_KINDS, "everyone")
    assert shown["push"] == dict.fromkeys(NOTIFICATION_KINDS, True)
    assert shown["discoverable"] is True
    assert ungrouped(shown) == DEFAULTS
    assert ungrouped({"push": {}}) == {}


@pytest.mark.parametrize("language", ["", "de", "pt-BR", "zh-Hant-TW", "sr-Latn"])
def test_a_language_is_a_tag_or_none(language: str) -> None:
    assert checked_settings({"language": language}) == {"language": language}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("language", tag)
            for tag in ("d", "german", "de-", "de_CH", "de\n", "\u0434\u0435", "de" + "-abcdefgh" * 4, "<b>")
        ),
        ("language", True),
        ("discoverable", "yes"),
        ("push.like", "everyone"),
        ("who_can_message", "friends"),
        ("who_can_message", False),
        ("notifications.reply", ""),
    ],
)
def test_what_a_setting_cannot_be_is_told(name: str, value: bool | str) -> None:
    with pytest.raises(Invalid) as refused:
        checked_settings({"suggestable": False, name: value})
    assert [field for field, _ in refused.value.fields] == [name]
    assert refused.value.code == "invalid_settings"
