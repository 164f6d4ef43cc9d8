"""People who ask, block and mute each other, and hide from everybody, besides all that everybody does."""

import asyncio
from collections.abc import Awaitable, Callable

from domain.errors import Refused, StoreUnavailable
from domain.ids import TweetId, UserId
from domain.relations import BLOCK, MUTE, REQUEST, RETWEETS_HIDDEN
from tests.simulation.people import ACTIONS, Person, authors_of_page
from tests.simulation.stores import CIRCLE, SHY, USERS
from tests.simulation.world import Replica, World
from tests.support.oracle.answers import PRIVATE, Answers, Fact
from tests.support.oracle.oracle import Relation

_ACTIONS = (
    *ACTIONS[::3],
    *("request",) * 16,
    *("leave",) * 4,
    *(Relation.BLOCK,) * 5,
    *("unblock",) * 5,
    *(Relation.MUTE,) * 4,
    *("unmute",) * 3,
    *("hide_retweets",) * 2,
    *("show_retweets",) * 2,
)
"""All that others do too, but less of it."""
_SHY_ACTIONS = (*_ACTIONS, *("go_private",) * 14, *("go_public",) * 9, *("approve",) * 6, *("reject",) * 2)
_Do = Callable[[Replica], Awaitable[object]]


class CirclePerson(Person):
    """One of the circle. Whether they follow each other is open: any of them may end it, and some must agree."""

    def __init__(self, user: UserId, world: World, answers: Answers) -> None:
        super().__init__(user, world, answers)
        self.actions = _SHY_ACTIONS if user in SHY else _ACTIONS
        self._others = [other for other in CIRCLE if other != user]
        for other in self._others:
            for relation in (Relation.FOLLOW, Relation.REQUEST):
                answers.leave_open((relation, user, other))

    # ------------------------------------------------------------------------------------------------ follows, requests

    async def _request(self) -> None:
        """Follow somebody of the circle, or ask to."""
        target = self._rng.choice([other for other in (*CIRCLE, *SHY * 3) if other != self.user])
        await self._ask(f"asks {target}", lambda c: c.follows.follow(self.user, target))

    async def _leave(self) -> None:
        """Follow somebody of the circle no longer, or withdraw what was asked."""
        target = self._some_other()
        await self._ask(f"leaves {target}", lambda c: c.follows.unfollow(self.user, target))

    async def _approve(self) -> None:
        if (requester := self._some_requester()) is not None:
            await self._ask(f"approves {requester}", lambda c: c.follows.approve(self.user, requester))

    async def _reject(self) -> None:
        if (requester := self._some_requester()) is not None:
            await self._ask(f"rejects {requester}", lambda c: c.follows.reject(self.user, requester))

    # ---------------------------------------------------------------------------------------------------- who is hidden

    async def _block(self) -> None:
        """Often whom they block follows them just then."""
        target = self._some_other()
        fact: Fact = (Relation.BLOCK, self.user, target)
        blocks, _ = await asyncio.gather(
            self._turned(fact, lambda c: c.relations.turn_on(BLOCK, self.user, target)), self._is_followed_by(target)
        )
        if blocks:
            await self._walk_down_to(0)
            await self._must_not_find(target)

    async def _unblock(self) -> None:
        await self._end_some(Relation.BLOCK, lambda target: lambda c: c.relations.turn_off(BLOCK, self.user, target))

    async def _mute(self) -> None:
        target = self._some_other()
        if await self._turned(
            (Relation.MUTE, self.user, target),
            lambda c: c.relations.mute(self.user, target, None, notifications=True),
        ):
            await self._walk_down_to(0)

    async def _unmute(self) -> None:
        await self._end_some(Relation.MUTE, lambda target: lambda c: c.relations.turn_off(MUTE, self.user, target))

    async def _hide_retweets(self) -> None:
        target = self._some_other()
        fact: Fact = (Relation.RETWEETS_HIDDEN, self.user, target)
        await self._change(fact, True, lambda c: c.relations.turn_on(RETWEETS_HIDDEN, self.user, target))

    async def _show_retweets(self) -> None:
        await self._end_some(
            Relation.RETWEETS_HIDDEN, lambda target: lambda c: c.relations.turn_off(RETWEETS_HIDDEN, self.user, target)
        )

    async def _go_private(self) -> None:
        """No stranger must then find what they wrote."""
        fact: Fact = (PRIVATE, self.user, self.user)
        if await self._turned(fact, lambda c: c.people.change_settings(self.user, True, {})):
            await self._must_be_hidden()

    async def _go_public(self) -> None:
        """Often somebody asks just then."""
        fact: Fact = (PRIVATE, self.user, self.user)
        await asyncio.gather(
            self._change(fact, False, lambda c: c.people.change_settings(self.user, False, {})),
            self._is_followed_by(self._some_other()),
        )

    async def _is_followed_by(self, other: UserId) -> None:
        """Half of the time another follows them, or asks to."""
        if self._rng.random() < 0.5:
            await self._ask(f"is asked by {other}", lambda c: c.follows.follow(other, self.user))

    async def _turned(self, fact: Fact, do: _Do) -> bool:
        """Turn something on. Whether it is, for certain."""
        await self._change(fact, True, do)
        return bool(self._answers.known(fact))

    async def _end_some(self, relation: Relation, do: Callable[[UserId], _Do]) -> None:
        on = [other for other in self._others if self._answers.known((relation, self.user, other))]
        if on:
            target = self._rng.choice(on)
            await self._change((relation, self.user, target), False, do(target))

    # ------------------------------------------------------------------------------------------------------------ looks

    async def _must_not_find(self, target: UserId) -> None:
        """Whom they block finds neither them nor anything of theirs."""
        page = await self._read_as(target, lambda c: c.timelines.public(target, None, self._world.limits.page_max))
        if page is not None and self.user in authors_of_page(page).values():
            self._problem(f"is seen by {target}, whom they block")
        if await self._read_as(target, lambda c: c.users.profile(target, self.user)) is not None:
            self._problem(f"is found by {target}, whom they block")

    async def _must_be_hidden(self) -> None:
        stranger = self._rng.choice([None, *(user for user in USERS if user not in CIRCLE)])
        page = await self._read_as(stranger, lambda c: c.timelines.public(stranger, None, self._world.limits.page_max))
        if page is not None and self.user in authors_of_page(page).values():
            self._problem(f"is seen among everybody's tweets by {stranger}, and is private")
        for tweet, _ in self._world.rows_of_user(self.user)[:1]:
            if await self._tweet_as(stranger, tweet) is not None:
                self._problem(f"is seen at {tweet} by {stranger}, and is private")

    async def _tweet_as(self, reader: UserId | None, tweet: TweetId) -> bytes | None:
        return await self._read_as(reader, lambda c: c.tweets.tweet(reader, tweet))

    async def _read_as(self, reader: UserId | None, ask: Callable[[Replica], Awaitable[bytes]]) -> bytes | None:
        """What somebody reads; None if they are refused, or nobody answers."""
        try:
            found, _ = await self._world.request(f"{reader}", ask)
        except (Refused, StoreUnavailable):
            return None
        return found

    def _some_other(self) -> UserId:
        return self._rng.choice(self._others)

    def _some_requester(self) -> UserId | None:
        asking = [other for other in self._others if self.user in self._world.targets(REQUEST, other)]
        return self._rng.choice(asking) if asking else None
