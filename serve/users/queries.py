"""Profiles and settings of users."""

import asyncio

import orjson

from domain.ids import UserId
from domain.settings import all_settings, grouped
from domain.visibility import Reason, why_closed
from serve.reading.people import no_user
from serve.reading.readers import Readers
from serve.reading.user_reader import UserReader
from serve.users.render import users_json
from storage.ports.users import UserStore


class UserQueries:
    """Users as finished JSON; `viewer` is None without a token. Raises `NotFound` for what does not exist."""

    def __init__(self, readers: Readers, users: UserStore) -> None:
        self._readers = readers
        self._users = users

    async def user(self, viewer: UserId | None, user: UserId) -> bytes:
        """A profile as it is answered to who has done something to the user."""
        return await _user_json(await self._readers.users(viewer), user)

    async def profile(self, viewer: UserId | None, user: UserId) -> bytes:
        """A profile; of a suspended user only that they are."""
        reader = await self._readers.users(viewer)
        await reader.read((user,))
        match why_closed(user, reader.lens):
            case Reason.BLOCKED:
                raise no_user()
            case Reason.SUSPENDED:
                return b'{"id":"%d","suspended":true}' % user
        return await _user_json(reader, user)

    async def user_by_name(self, viewer: UserId | None, name: str) -> bytes:
        """The profile of a username, without case."""
        user = await self._users.by_username(name)
        if user is None:
            raise no_user()
        return await self.profile(viewer, user)

    async def settings(self, user: UserId) -> bytes:
        """All settings of a user, as the store has them."""
        found, changed = await asyncio.gather(self._users.users((user,)), self._users.settings(user))
        if user not in found:
            raise no_user()
        return orjson.dumps({"private": found[user].private, **grouped(all_settings(changed))})


async def _user_json(reader: UserReader, user: UserId) -> bytes:
    if user not in await reader.read((user,)):
        raise no_user()
    (found,) = await users_json(reader, (user,))
    return found
