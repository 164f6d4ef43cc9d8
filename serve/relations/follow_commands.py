"""Commands on follows, of which a private account is asked first; each decides on one event, and publishes it."""

import asyncio

from domain.errors import Forbidden, NotFound
from domain.ids import UserId
from domain.relations import BLOCK, FOLLOW, REQUEST, RETWEETS_HIDDEN
from domain.users import PRIVATE
from serve.reading.people import no_user
from serve.relations.commands import RelationCommands, refuse_oneself
from serve.writing.targets import Targets
from storage.ports.relations import RelationStore


class FollowCommands:
    """Commands on follows and follow requests. They may raise `StoreUnavailable`, as those on relations."""

    def __init__(self, relations: RelationStore, commands: RelationCommands, targets: Targets) -> None:
        self._relations = relations
        self._commands = commands
        self._targets = targets

    async def follow(self, user: UserId, target: UserId, retweets_hidden: bool | None = None) -> None:
        """Follow somebody, or ask to, if their account is private; and hide what they retweet or show it again.

        Raises `NotFound`, `Invalid` (oneself) and `Forbidden` (`blocked`, or too many).
        """
        refuse_oneself(FOLLOW, user, target)
        person, before, blocks = await asyncio.gather(
            self._targets.latest_user(target),
            self._commands.before(FOLLOW, user, target),
            self._relations.states(BLOCK, ((user, target), (target, user))),
        )
        if person is None:
            raise no_user()
        if any(block.active for block in blocks):
            raise Forbidden("You cannot follow this account.", "blocked")
        if person.state & PRIVATE and not before.state.active:
            asked = await self._commands.before(REQUEST, user, target)
            await self._commands.begin(REQUEST, user, target, asked)
        else:
            await self._commands.begin(FOLLOW, user, target, before)
        if retweets_hidden is not None:
            turn = self._commands.turn_on if retweets_hidden else self._commands.turn_off
            await turn(RETWEETS_HIDDEN, user, target)

    async def unfollow(self, user: UserId, target: UserId) -> None:
        """Follow somebody no longer, and withdraw what was asked. Raises `NotFound` and `Invalid` (oneself)."""
        asked = await self._relations.state(REQUEST, user, target)
        if asked.active:
            await self._commands.end(REQUEST, user, target, asked)
        await self._commands.turn_off(FOLLOW, user, target)

    async def approve(self, user: UserId, requester: UserId) -> None:
        """Let somebody follow who asked to; again, while they follow, changes nothing. Raises `NotFound`."""
        before = await self._commands.before(FOLLOW, requester, user)
        if "request" not in before.fields:
            raise _no_request()
        await self._commands.begin(FOLLOW, requester, user, before, by=user)

    async def reject(self, user: UserId, requester: UserId) -> None:
        """Refuse somebody who asked to follow. Raises `NotFound`."""
        asked = await self._relations.state(REQUEST, requester, user)
        if not asked.active:
            raise _no_request()
        await self._commands.end(REQUEST, requester, user, asked)


def _no_request() -> NotFound:
    return NotFound("This user does not ask to follow you.", "not_found")
