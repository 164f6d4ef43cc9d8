"""Users and their credentials in memory: those who signed up are rows, like those of their events."""

from collections.abc import Iterable, Sequence
from typing import cast

import orjson

from domain.errors import Conflict
from domain.ids import UserId, count_part, stamp_us
from domain.settings import Setting
from domain.users import User, folded, folded_address
from storage.ports.users import Credentials, OpenedAccount
from storage.rows import Delete, Upsert, Value
from tests.memory.tables import MemoryTables, int_of

_TEXTS = ("username", "name", "bio", "location", "website")


class MemoryUserStore:
    """`UserStore` of one process; a claim and its user are one step. Users may be there from the start."""

    def __init__(self, tables: MemoryTables, users: Iterable[User] = ()) -> None:
        self._tables = tables
        self._names: dict[str, UserId] = {}
        self._addresses: dict[str, UserId] = {}
        self._hashes: dict[UserId, str] = {}
        for user in users:
            self._write(user)

    async def create(self, user: User, email: str, password_hash: str) -> None:
        await self._tables.turn()
        name, address = folded(user.username), folded_address(email)
        if self._names.get(name, user.id) != user.id:
            raise Conflict("The username is taken.", "username_taken")
        if self._addresses.get(address, user.id) != user.id:
            raise Conflict("The e-mail address is taken.", "email_taken")
        self._write(user)
        self._hashes[user.id] = password_hash
        self._addresses[address] = user.id

    async def users(self, ids: Sequence[UserId]) -> dict[UserId, User]:
        await self._tables.turn()
        found = (self._user(id_) for id_ in ids)
        return {user.id: user for user in found if user is not None}

    async def settings(self, user: UserId) -> dict[str, Setting]:
        await self._tables.turn()
        rows = self._tables.partition("user_settings", user)
        return {cast(str, name): orjson.loads(cast(str, row.get("value"))) for (name,), row in rows}

    async def written_us(self, user: UserId) -> int | None:
        await self._tables.turn()
        row = self._tables.row("users", user)
        return None if row is None or row.get("username") is None else row.stamp_us("event_id")

    async def opened_accounts(self, part: int, *, limit: int) -> list[OpenedAccount]:
        await self._tables.turn()
        rows = self._tables.partition("opened_accounts", part)[:limit]
        return [OpenedAccount(UserId(int_of(user)), row.stamp_us("event_id")) for (user,), row in rows]

    async def forget_opened(self, account: OpenedAccount) -> None:
        await self._tables.turn()
        key = (count_part(account.user), account.user)
        self._tables.apply([Delete("opened_accounts", key, account.written_us)])

    async def by_username(self, username: str) -> UserId | None:
        await self._tables.turn()
        return self._names.get(folded(username))

    async def credentials(self, login: str) -> Credentials | None:
        await self._tables.turn()
        user = self._addresses.get(folded_address(login)) if "@" in login else self._names.get(folded(login))
        return None if user not in self._hashes else Credentials(user, self._hashes[user])

    def _write(self, user: User) -> None:
        values: dict[str, Value] = {"username": user.username, "name": user.name, "event_id": user.id}
        self._tables.apply([Upsert("users", (user.id,), stamp_us(user.id), values)])
        self._names[folded(user.username)] = user.id

    def _user(self, id_: UserId) -> User | None:
        row = self._tables.row("users", id_)
        if row is None or row.get("username") is None:
            return None
        texts = {column: cast(str, row.get(column) or "") for column in _TEXTS}
        return User(id=id_, **texts, private=bool(row.get("private")), suspended=bool(row.get("suspended_at")))
