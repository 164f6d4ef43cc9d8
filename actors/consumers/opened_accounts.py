"""Opened accounts: whoever asked to follow an account that is private no longer is let in, a page at a time."""

from dataclasses import dataclass

from typing_extensions import override

from actors.consumers.conflicts import Conflicts
from actors.consumers.log_consumer import Batch, Handler, Share
from domain.events import SettingsChanged
from domain.ids import ID_MAX, count_part
from domain.limits import Limits
from domain.relations import REQUEST
from storage.ports import Ports
from storage.ports.users import OpenedAccount


@dataclass(slots=True)
class _Walk:
    """A walk down the requests to one account; those after it came when it was open, and are resolved as they come."""

    account: OpenedAccount
    before: int = ID_MAX


class OpenedAccounts(Handler):
    """Approves what waits at accounts that were opened, one account after another, a page in each turn.

    Each has a row until all of its requests were approved or it is private again. So nothing has to be handled again
    before offsets are saved, and another consumer goes on with what is left.
    """

    def __init__(self, ports: Ports, conflicts: Conflicts, limits: Limits) -> None:
        self._relations = ports.relations
        self._users = ports.users
        self._conflicts = conflicts
        self._page_max = limits.approvals_max
        self._parts: set[int] = set()
        """The parts in which rows may be."""
        self._walk: _Walk | None = None

    @override
    async def resume(self, share: Share) -> None:
        self._parts, self._walk = set(share.parts), None

    @override
    async def handle(self, batch: Batch) -> None:
        opened = (event.user for event in batch.own if isinstance(event, SettingsChanged) and event.private is False)
        self._parts |= {count_part(user) for user in opened}

    @override
    async def advance(self) -> bool:
        if self._walk is None:
            self._walk = await self._next()
        if self._walk is not None and await self._approve_page(self._walk):
            self._walk = None
        return True

    async def _next(self) -> _Walk | None:
        while self._parts:
            part = min(self._parts)
            for account in await self._users.opened_accounts(part, limit=1):
                return _Walk(account)
            self._parts.discard(part)
        return None

    async def _approve_page(self, walk: _Walk) -> bool:
        """Approve some requests; True at the end of the walk, once the row is gone."""
        user = walk.account.user
        found = (await self._users.users((user,))).get(user)
        if found is not None and not found.private:
            page = await self._relations.sources(REQUEST, user, before=walk.before, limit=self._page_max)
            await self._conflicts.resolve([(requester, user) for requester, _ in page])
            if len(page) == self._page_max:
                walk.before = page[-1][1]
                return False
        await self._users.forget_opened(walk.account)
        return True
