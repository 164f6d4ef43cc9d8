"""Users; a username and an e-mail address are claimed before there is a user, and confirmed afterwards.

A claim is made with a time to live and confirmed without one, so a process that dies in between takes nobody's name.
Everything about a claim is a lightweight transaction: a plain write beside them could be ordered before. The user is
written with the timestamp of the id, which events of theirs exceed.
"""

import asyncio
from collections.abc import Sequence

import orjson

from domain.errors import Conflict
from domain.ids import UserId, count_part, stamp_us
from domain.settings import Setting
from domain.users import User, folded, folded_address
from storage.cassandra.driver.session import CassandraSession
from storage.cassandra.driver.statements import cas, read, write
from storage.ports.users import Credentials, OpenedAccount

CLAIM_TTL_S = 60
_NOBODY = UserId(0)
_CLAIM_NAME = cas(
    "INSERT INTO usernames (name_folded, user_id, confirmed) VALUES (?, ?, false) IF NOT EXISTS USING TTL ?"
)
_CLAIM_EMAIL = cas("INSERT INTO emails (address, user_id, confirmed) VALUES (?, ?, false) IF NOT EXISTS USING TTL ?")
_CONFIRM_NAME = cas("UPDATE usernames SET user_id = ?, confirmed = true WHERE name_folded = ? IF user_id = ?")
_CONFIRM_EMAIL = cas("UPDATE emails SET user_id = ?, confirmed = true WHERE address = ? IF user_id = ?")
_RELEASE_NAME = cas("DELETE FROM usernames WHERE name_folded = ? IF user_id = ? AND confirmed = false")
_INSERT = write(
    "INSERT INTO users (user_id, username, name, email, password_hash, event_id) VALUES (?, ?, ?, ?, ?, ?)"
    " USING TIMESTAMP ?"
)
_BY_NAME = read("SELECT user_id, confirmed FROM usernames WHERE name_folded = ?")
_BY_EMAIL = read("SELECT user_id, confirmed FROM emails WHERE address = ?")
_USERS = read(
    "SELECT user_id, username, name, bio, location, website, private, suspended_at FROM users WHERE user_id = ?"
)
_SETTINGS = read("SELECT name, value FROM user_settings WHERE user_id = ?")
_WRITTEN = read("SELECT username, WRITETIME(event_id) FROM users WHERE user_id = ?")
_OPENED = read("SELECT user_id, WRITETIME(event_id) FROM opened_accounts WHERE part = ? LIMIT ?")
_FORGET_OPENED = write("DELETE FROM opened_accounts USING TIMESTAMP ? WHERE part = ? AND user_id = ?")
_PASSWORD = read("SELECT password_hash FROM users WHERE user_id = ?")


class CassandraUserStore:
    """Users by id, and confirmed claims of names and addresses."""

    def __init__(self, session: CassandraSession, *, claim_ttl_s: int = CLAIM_TTL_S) -> None:
        self._session = session
        self._claim_ttl_s = claim_ttl_s

    async def create(self, user: User, email: str, password_hash: str) -> None:
        name, address = folded(user.username), folded_address(email)
        taken, found = await self._session.compare_and_set(_CLAIM_NAME, (name, user.id, self._claim_ttl_s))
        if not taken and found["user_id"] != user.id:
            raise Conflict("The username is taken.", "username_taken")
        taken, found = await self._session.compare_and_set(_CLAIM_EMAIL, (address, user.id, self._claim_ttl_s))
        if not taken and found["user_id"] != user.id:
            await self._session.compare_and_set(_RELEASE_NAME, (name, user.id))
            raise Conflict("The e-mail address is taken.", "email_taken")
        row = (user.id, user.username, user.name, email, password_hash, user.id)
        await self._session.execute(_INSERT, (*row, stamp_us(user.id)))
        confirmed = await asyncio.gather(
            self._session.compare_and_set(_CONFIRM_NAME, (user.id, name, user.id)),
            self._session.compare_and_set(_CONFIRM_EMAIL, (user.id, address, user.id)),
        )
        for (kept, _), what, code in zip(
            confirmed, ("username", "e-mail address"), ("username_taken", "email_taken"), strict=True
        ):
            if not kept:
                raise Conflict(f"The {what} was claimed too long ago; try again.", code)

    async def users(self, ids: Sequence[UserId]) -> dict[UserId, User]:
        answers = await self._session.execute_many(_USERS, [(user,) for user in dict.fromkeys(ids)])
        found = (_user(*row) for rows in answers for row in rows)
        return {user.id: user for user in found if user is not None}

    async def settings(self, user: UserId) -> dict[str, Setting]:
        rows = await self._session.execute(_SETTINGS, (user,))
        return {name: orjson.loads(value) for name, value in rows}

    async def written_us(self, user: UserId) -> int | None:
        for username, written_us in await self._session.execute(_WRITTEN, (user,)):
            return None if username is None else written_us or 0
        return None

    async def opened_accounts(self, part: int, *, limit: int) -> list[OpenedAccount]:
        rows = await self._session.execute(_OPENED, (part, limit))
        return [OpenedAccount(UserId(user), written_us) for user, written_us in rows]

    async def forget_opened(self, account: OpenedAccount) -> None:
        await self._session.execute(_FORGET_OPENED, (account.written_us, count_part(account.user), account.user))

    async def by_username(self, username: str) -> UserId | None:
        for user, confirmed in await self._session.execute(_BY_NAME, (folded(username),)):
            return UserId(user) if confirmed else None
        return None

    async def credentials(self, login: str) -> Credentials | None:
        """A login with an @ is an address: usernames have none. Two reads for nobody too: who exists must not show."""
        lookup, key = (_BY_EMAIL, folded_address(login)) if "@" in login else (_BY_NAME, folded(login))
        rows = await self._session.execute(lookup, (key,))
        user = next((UserId(user) for user, confirmed in rows if confirmed), _NOBODY)
        for (password_hash,) in await self._session.execute(_PASSWORD, (user,)):
            return Credentials(user, password_hash)
        return None


def _user(
    id_: int,
    username: str | None,
    name: str,
    bio: str | None,
    location: str | None,
    website: str | None,
    private: bool | None,
    suspended_at: int | None,
) -> User | None:
    """A user from their row; none from one that has only what an event about nobody wrote."""
    if username is None:
        return None
    return User(
        id=UserId(id_),
        username=username,
        name=name,
        bio=bio or "",
        location=location or "",
        website=website or "",
        private=bool(private),
        suspended=bool(suspended_at),
    )
