"""Profiles and settings of users."""

import asyncio

import orjson

from domain.errors import NotFound
from domain.ids import UserId
from domain.settings import all_settings, grouped
from serve.reading.readers import Readers
from serve.users.render import users_json
from storage.ports.users import UserStore


class UserQueries:
    """Users as finished JSON; `viewer` is None without a token. Raises `NotFound` for what does not exist."""

    def __init__(self, readers: Readers, users: UserStore) -> None:
        self._readers = readers
        self._users = users

    async def user(self, viewer: UserId | None, user: UserId) -> bytes:
        reader = await self._readers.users(viewer)
        if user not in await reader.read((user,)):
            raise _no_user()
        (found,) = await users_json(reader, (user,))
        return found

    async def user_by_name(self, viewer: UserId | None, name: str) -> bytes:
        """The profile of a username, without case."""
        user = await self._users.by_username(name)
        if user is None:
            raise _no_user()
        return await self.user(viewer, user)

    async def settings(self, user: UserId) -> bytes:
        """All settings of a user, as the store has them."""
        found, changed = await asyncio.gather(self._users.users((user,)), self._users.settings(user))
        if user not in found:
            raise _no_user()
        return orjson.dumps({"private": found[user].private, **grouped(all_settings(changed))})


def _no_user() -> NotFound:
    return NotFound("This user does not exist.", "not_found")
