"""Follows, requests, blocks and mutes: what each ends, and what is refused."""

from datetime import UTC, datetime

import orjson
import pytest

from domain.errors import Forbidden, Invalid, NotFound
from domain.ids import UserId
from domain.relations import BLOCK, FOLLOW, LIKE, MUTE, REQUEST, RETWEETS_HIDDEN, Relation
from serve.reading.user_reader import Relations
from serve.relations.follow_commands import FollowCommands
from serve.tweets.commands import Draft
from serve.users.commands import UserCommands
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica


class Two:
    """Alice and Bob, over one replica."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.replica = Replica(self.engine)
        self.commands = self.replica.relations
        self.follows = self.replica.use_cases.get(FollowCommands)

    async def flags(self, viewer: UserId, user: UserId) -> set[str]:
        """The relations that a profile shows its reader."""
        profile: dict[str, object] = orjson.loads(await self.replica.users.user(viewer, user))
        return {name for name in Relations._fields if profile[name]}

    async def goes(self, user: UserId, *, private: bool) -> None:
        await self.replica.use_cases.get(UserCommands).change_settings(user, private, {})

    async def has(self, relation: Relation, user: UserId, target: UserId) -> bool:
        return (await self.engine.ports.relations.state(relation, user, target)).active


@pytest.fixture
def two() -> Two:
    return Two()


async def test_a_follow_hides_what_is_retweeted_and_shows_it_again_while_it_goes_on(two: Two) -> None:
    for hidden in (None, True, None, False):
        await two.follows.follow(BOB, ALICE, hidden)
        assert await two.has(FOLLOW, BOB, ALICE)
        if hidden is not None:
            assert await two.has(RETWEETS_HIDDEN, BOB, ALICE) is hidden
    await two.follows.unfollow(BOB, ALICE)
    assert not await two.has(FOLLOW, BOB, ALICE)
    with pytest.raises(Invalid):
        await two.follows.follow(BOB, BOB)
    with pytest.raises(NotFound):
        await two.follows.follow(BOB, UserId(4711))


async def test_a_block_ends_both_follows_at_once_and_refuses_new_ones_until_it_ends(two: Two) -> None:
    await two.follows.follow(BOB, ALICE)
    await two.follows.follow(ALICE, BOB)
    tweet = await two.replica.post(ALICE, Draft(text="hello"))
    assert await two.replica.shown(BOB) == [tweet]
    await two.commands.turn_on(BLOCK, ALICE, BOB)
    assert not await two.has(FOLLOW, BOB, ALICE)
    assert not await two.has(FOLLOW, ALICE, BOB)
    assert await two.replica.shown(BOB) == []
    for user, target in ((BOB, ALICE), (ALICE, BOB)):
        with pytest.raises(Forbidden) as refused:
            await two.follows.follow(user, target)
        assert refused.value.code == "blocked"
    await two.commands.turn_on(BLOCK, ALICE, BOB)
    await two.commands.turn_off(BLOCK, ALICE, BOB)
    assert not await two.has(FOLLOW, BOB, ALICE), "what a block ended does not come back"
    await two.follows.follow(BOB, ALICE)
    assert await two.has(FOLLOW, BOB, ALICE)


async def test_who_blocks_finds_it_counted_at_once(two: Two) -> None:
    await two.follows.follow(BOB, ALICE)
    await two.follows.follow(ALICE, BOB)
    await two.commands.turn_on(BLOCK, ALICE, BOB)
    profile = await two.replica.users.user(ALICE, ALICE)
    assert b'"followers_count":0,"following_count":0' in profile


async def test_a_private_account_is_asked_and_approves_once_and_nobody_else_does(two: Two) -> None:
    await two.goes(ALICE, private=True)
    for _ in range(2):
        await two.follows.follow(BOB, ALICE)
        assert (await two.has(FOLLOW, BOB, ALICE), await two.has(REQUEST, BOB, ALICE)) == (False, True)
    assert await two.flags(BOB, ALICE) == {"requested"}
    assert await two.flags(ALICE, BOB) == {"requested_by"}
    with pytest.raises(NotFound):
        await two.follows.approve(BOB, ALICE)
    for _ in range(2):
        await two.follows.approve(ALICE, BOB)
        assert (await two.has(FOLLOW, BOB, ALICE), await two.has(REQUEST, BOB, ALICE)) == (True, False)
    assert b'"followers_count":1' in await two.replica.users.user(ALICE, ALICE), "who approves finds it counted at once"
    assert await two.flags(BOB, ALICE) == {"following"}
    assert await two.flags(ALICE, BOB) == {"followed_by"}
    with pytest.raises(NotFound):
        await two.follows.reject(ALICE, BOB)
    await two.follows.follow(BOB, ALICE, True)
    assert await two.flags(BOB, ALICE) == {"following", "retweets_hidden"}


async def test_a_follow_of_who_is_private_no_longer_ends_the_request(two: Two) -> None:
    await two.goes(ALICE, private=True)
    await two.follows.follow(BOB, ALICE)
    await two.goes(ALICE, private=False)
    await two.follows.follow(BOB, ALICE)
    assert (await two.has(FOLLOW, BOB, ALICE), await two.has(REQUEST, BOB, ALICE)) == (True, False)
    await two.goes(ALICE, private=True)
    assert await two.flags(BOB, ALICE) == {"following"}, "followers stay"


async def test_a_profile_shows_whom_one_blocks_or_mutes_and_never_that_one_is_blocked(two: Two) -> None:
    await two.commands.turn_on(BLOCK, ALICE, BOB)
    await two.commands.mute(ALICE, BOB, None, notifications=True)
    assert await two.flags(ALICE, BOB) == {"blocking", "muting"}
    await two.commands.turn_off(BLOCK, ALICE, BOB)
    await two.commands.mute(BOB, ALICE, datetime(2200, 1, 1, tzinfo=UTC), notifications=True)
    assert await two.flags(ALICE, BOB) == await two.flags(BOB, ALICE) == {"muting"}
    two.engine.clock.advance(400 * 365 * 86_400_000)
    assert await two.flags(BOB, ALICE) == set()


async def test_a_request_ends_when_it_is_rejected_withdrawn_or_its_user_is_blocked(two: Two) -> None:
    async def reject() -> None:
        await two.follows.reject(ALICE, BOB)

    async def withdraw() -> None:
        await two.follows.unfollow(BOB, ALICE)

    async def block() -> None:
        await two.commands.turn_on(BLOCK, ALICE, BOB)

    await two.goes(ALICE, private=True)
    for end in (reject, withdraw, block):
        await two.follows.follow(BOB, ALICE)
        assert await two.has(REQUEST, BOB, ALICE)
        await end()
        assert (await two.has(FOLLOW, BOB, ALICE), await two.has(REQUEST, BOB, ALICE)) == (False, False)
        with pytest.raises(NotFound):
            await two.follows.approve(ALICE, BOB)


async def test_a_mute_with_another_end_takes_the_place_of_the_first(two: Two) -> None:
    relations, later = two.engine.ports.relations, datetime(2200, 1, 1, tzinfo=UTC)
    await two.commands.mute(BOB, ALICE, None, notifications=True)
    assert await relations.details(MUTE, BOB) == {ALICE: (0, 1)}
    await two.commands.mute(BOB, ALICE, later, notifications=False)
    assert await relations.details(MUTE, BOB) == {ALICE: (int(later.timestamp() * 1000), 0)}
    with pytest.raises(Invalid) as refused:
        await two.commands.mute(BOB, ALICE, datetime(2001, 1, 1, tzinfo=UTC), notifications=True)
    assert refused.value.fields == (("until", "must lie ahead"),)
    await two.commands.turn_off(MUTE, BOB, ALICE)
    assert await relations.details(MUTE, BOB) == {}


async def test_relations_to_tweets_have_neither_room_nor_ends_of_their_own(two: Two) -> None:
    tweet = await two.replica.post(ALICE, Draft(text="hello"))
    assert (await two.commands.before(LIKE, BOB, tweet)).fields == {}
