"""Projections of events about users: what a user's row says of them, their settings, and the cached user.

A user's row has the id of the event that changed it last; its write timestamp is that of the latest change.
"""

from collections.abc import Iterator

import orjson

from domain.events import ProfileEdited, SettingsChanged, UserReinstated, UserSuspended
from domain.ids import count_part, time_ms
from storage import keys
from storage.projections.projection import Projection
from storage.rows import Row, Upsert, Value

_UserEvent = ProfileEdited | SettingsChanged | UserSuspended | UserReinstated


def _changed(event: _UserEvent, values: dict[str, Value]) -> Upsert:
    """The row of a user, of which only some columns are written."""
    return Upsert("users", (event.user,), event.stamp_us, {**values, "event_id": event.event_id})


def _edited(event: ProfileEdited) -> Iterator[Row]:
    values = {"name": event.name, "bio": event.bio, "location": event.location, "website": event.website}
    yield _changed(event, {column: value for column, value in values.items() if value is not None})


def _set(event: SettingsChanged) -> Iterator[Row]:
    yield _changed(event, {} if event.private is None else {"private": event.private})
    for name, value in event.settings.items():
        yield Upsert("user_settings", (event.user, name), event.stamp_us, {"value": orjson.dumps(value).decode()})
    if event.private is False:
        part = count_part(event.user)
        yield Upsert("opened_accounts", (part, event.user), event.stamp_us, {"event_id": event.event_id})


def _cached(event: _UserEvent) -> tuple[str]:
    return (keys.user(event.user),)


PROFILE_EDITED: Projection[ProfileEdited] = Projection(rows=_edited, invalidates=_cached)
SETTINGS_CHANGED: Projection[SettingsChanged] = Projection(rows=_set, invalidates=_cached)
USER_SUSPENDED: Projection[UserSuspended] = Projection(
    rows=lambda event: (_changed(event, {"suspended_at": time_ms(event.event_id)}),), invalidates=_cached
)
"""Trends read the event from the log."""
USER_REINSTATED: Projection[UserReinstated] = Projection(
    rows=lambda event: (_changed(event, {"suspended_at": 0}),), invalidates=_cached
)
