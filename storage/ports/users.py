"""Users and their credentials."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from domain.ids import UserId
from domain.settings import Setting
from domain.users import User


class Credentials(NamedTuple):
    """Credentials that log-in compares with."""

    user: UserId
    password_hash: str


class OpenedAccount(NamedTuple):
    """An account that stopped being private, and the write timestamp of that."""

    user: UserId
    written_us: int


class UserStore(Protocol):
    """Users; usernames and e-mail addresses are unique without case."""

    async def create(self, user: User, email: str, password_hash: str) -> None:
        """Claim name and address, then write the user.

        Raises `Conflict` (`username_taken`, `email_taken`). A claim whose user was never written ends by itself
        within a minute.
        """

    async def users(self, ids: Sequence[UserId]) -> dict[UserId, User]:
        """Some users, as registration and the events since have them; the absent are left out."""

    async def settings(self, user: UserId) -> dict[str, Setting]:
        """The settings that a user changed, beside `private`."""

    async def written_us(self, user: UserId) -> int | None:
        """The write timestamp of a user's latest change, None for nobody: that of the next must be larger."""

    async def opened_accounts(self, part: int, *, limit: int) -> list[OpenedAccount]:
        """Some accounts of a part that stopped being private and were not forgotten since."""

    async def forget_opened(self, account: OpenedAccount) -> None:
        """Forget that an account stopped being private, unless it did so again later."""

    async def by_username(self, username: str) -> UserId | None:
        """The user who bears a name, without case."""

    async def credentials(self, login: str) -> Credentials | None:
        """The credentials of a username or an e-mail address."""
