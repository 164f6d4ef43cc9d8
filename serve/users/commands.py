"""Commands on oneself: what one shows, and how one is set."""

from collections.abc import Mapping
from typing import Any

from domain.clock import Clock
from domain.events import ProfileEdited, SettingsChanged
from domain.ids import EventId, IdSource, UserId, stamp_above_us
from domain.profiles import checked_profile
from domain.settings import Setting, checked_settings
from serve.reading.people import no_user
from serve.writing.publisher import Publisher
from storage.ports.users import UserStore
from telemetry.logs import request_id


class UserCommands:
    """Commands on users. Every one may raise `StoreUnavailable`; then it may have happened, and may be repeated."""

    def __init__(self, users: UserStore, publisher: Publisher, ids: IdSource, clock: Clock) -> None:
        self._users = users
        self._publisher = publisher
        self._ids = ids
        self._clock = clock

    async def edit(self, user: UserId, given: Mapping[str, str]) -> None:
        """Change the given fields of a profile; on return every replica shows them. Raises `Invalid` and `NotFound`."""
        if changes := checked_profile(given):
            await self._publish(ProfileEdited, user, changes)

    async def change_settings(self, user: UserId, private: bool | None, given: Mapping[str, Setting]) -> None:
        """Change the given settings, and who may see the user's tweets unless that is None. Raises likewise."""
        if (changes := checked_settings(given)) or private is not None:
            await self._publish(SettingsChanged, user, {"private": private, "settings": changes})

    async def _publish(
        self, kind: type[ProfileEdited | SettingsChanged], user: UserId, fields: Mapping[str, Any]
    ) -> None:
        written_us = await self._users.written_us(user)
        if written_us is None:
            raise no_user()
        id_ = self._ids.next()
        stamp = stamp_above_us(id_, written_us, self._clock.now_ms())
        event = kind(event_id=EventId(id_), stamp_us=stamp, request_id=request_id.get(), user=user, **fields)
        await self._publisher.publish(event)
