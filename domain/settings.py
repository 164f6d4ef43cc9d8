"""Settings of users: what each may be, and what it is until somebody changes it."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

import regex

from domain.errors import Invalid

Audience = Literal["everyone", "followees", "nobody"]
"""People whose messages or notifications a user takes."""
NotificationKind = Literal[
    "follow", "follow_request", "like", "retweet", "quote", "reply", "mention", "poll_ended", "scheduled_failed"
]
NOTIFICATION_KINDS: Final[tuple[str, ...]] = get_args(NotificationKind)
Setting = bool | str

LANGUAGE_CHARS_MAX: Final = 35
"""Enough for every tag of RFC 5646 (4.4.1)."""
LANGUAGE_PATTERN: Final = r"^([A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*)?$(?!\n)"

DEFAULTS: Final[Mapping[str, Setting]] = {
    "discoverable": True,
    "suggestable": True,
    "who_can_message": "everyone",
    "sensitive": False,
    "language": "",
    **{f"notifications.{kind}": "everyone" for kind in NOTIFICATION_KINDS},
    **{f"push.{kind}": True for kind in NOTIFICATION_KINDS},
}
"""Every setting beside `private`, which belongs to the user: its name, after that of its group, and its first value."""

_LANGUAGE: Final = regex.compile(LANGUAGE_PATTERN)


def checked_settings(given: Mapping[str, Setting]) -> dict[str, Setting]:
    """The given settings as they are kept. Raises `Invalid` that names every one that cannot be what it is given."""
    faults = tuple((name, fault) for name, value in given.items() if (fault := _fault(name, value)) is not None)
    if faults:
        raise Invalid("The settings are not valid.", "invalid_settings", faults)
    return dict(given)


def all_settings(changed: Mapping[str, Setting]) -> dict[str, Setting]:
    """Every setting of a user who changed some of them; those that this release does not know are left out."""
    return {name: changed.get(name, default) for name, default in DEFAULTS.items()}


def grouped(settings: Mapping[str, Setting]) -> dict[str, Setting | dict[str, Setting]]:
    """Settings as an object, those of a group in one of their own."""
    found: dict[str, Setting | dict[str, Setting]] = {}
    groups: dict[str, dict[str, Setting]] = {}
    for name, value in settings.items():
        group, _, rest = name.rpartition(".")
        if group:
            found[group] = groups.setdefault(group, {})
            groups[group][rest] = value
        else:
            found[name] = value
    return found


def ungrouped(settings: Mapping[str, Setting | Mapping[str, Setting]]) -> dict[str, Setting]:
    """The settings of such an object by their names."""
    found: dict[str, Setting] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= {f"{name}.{rest}": each for rest, each in value.items()}
        else:
            found[name] = value
    return found


def _fault(name: str, value: Setting) -> str | None:
    """The reason why a setting cannot have a value, to be said after its name."""
    default = DEFAULTS[name]
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, str):
        return "must be a text"
    if name == "language":
        fits = len(value) <= LANGUAGE_CHARS_MAX and _LANGUAGE.search(value)
        return None if fits else "must be empty or a language tag, such as de or pt-BR"
    return None if value in get_args(Audience) else f"must be one of {', '.join(get_args(Audience))}"
