"""Users and their credentials in memory."""

from collections.abc import Iterable, Sequence

from domain.errors import Conflict
from domain.ids import UserId
from domain.users import User, folded, folded_address
from storage.ports.users import Credentials
from tests.memory.tables import Turn, no_faults


class MemoryUserStore:
    """`UserStore` of one process; a claim and its user are one step. Users may be there from the start."""

    def __init__(self, turn: Turn = no_faults, users: Iterable[User] = ()) -> None:
        self._turn = turn
        self._users = {user.id: user for user in users}
        self._names = {folded(user.username): id_ for id_, user in self._users.items()}
        self._addresses: dict[str, UserId] = {}
        self._hashes: dict[UserId, str] = {}

    async def create(self, user: User, email: str, password_hash: str) -> None:
        await self._turn()
        name, address = folded(user.username), folded_address(email)
        if self._names.get(name, user.id) != user.id:
            raise Conflict("The username is taken.", "username_taken")
        if self._addresses.get(address, user.id) != user.id:
            raise Conflict("The e-mail address is taken.", "email_taken")
        self._users[user.id], self._hashes[user.id] = user, password_hash
        self._names[name] = self._addresses[address] = user.id

    async def users(self, ids: Sequence[UserId]) -> dict[UserId, User]:
        await self._turn()
        return {id_: self._users[id_] for id_ in ids if id_ in self._users}

    async def by_username(self, username: str) -> UserId | None:
        await self._turn()
        return self._names.get(folded(username))

    async def credentials(self, login: str) -> Credentials | None:
        await self._turn()
        user = self._addresses.get(folded_address(login)) if "@" in login else self._names.get(folded(login))
        return None if user not in self._hashes else Credentials(user, self._hashes[user])
