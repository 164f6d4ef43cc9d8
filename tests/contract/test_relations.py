"""Relations from both sides: states, whole pages, a floor that keeps its word, and races that leave nothing behind."""

from dataclasses import replace

import pytest

from domain.ids import ID_MAX, RANGES, TweetId, range_of
from domain.relations import BLOCK, FOLLOW, INACTIVE, LIKE, MUTE, RELATIONS, REQUEST, RETWEET, Relation
from tests.contract.people import People, new_id

ALL = pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
WITH_SOURCES = pytest.mark.parametrize(
    "relation", [each for each in RELATIONS if each.sources], ids=lambda relation: relation.name
)


async def test_followers_are_found_by_range(people: People) -> None:
    author = people.somebody()
    followers = [people.somebody() for _ in range(40)]
    for follower in followers:
        await people.follow(follower, author)
    relations = people.ports.relations
    everybody = await relations.sources_in(FOLLOW, author, range(RANGES))
    assert sorted(everybody.tolist()) == sorted(followers)
    some_ranges = [0, 1, 9, 63, range_of(followers[0])]
    some = await relations.sources_in(FOLLOW, author, some_ranges)
    assert sorted(some.tolist()) == sorted(follower for follower in followers if range_of(follower) in some_ranges)
    assert (await relations.sources_in(FOLLOW, author, [])).tolist() == []


@WITH_SOURCES
async def test_pages_of_sources_run_over_all_buckets_latest_first(people: People, relation: Relation) -> None:
    target = new_id()
    turned_on = [await people.turn_on(relation, people.somebody(), target) for _ in range(25)]
    await people.turn_off(relation, turned_on.pop(10))
    seen: list[tuple[int, int]] = []
    before = ID_MAX
    while page := await people.ports.relations.sources(relation, target, before=before, limit=4):
        seen += page
        before = page[-1][1]
    assert seen == [(event.actor, event.event_id) for event in reversed(turned_on)]


@ALL
async def test_pages_of_targets_are_in_the_order_in_which_they_were_turned_on(
    people: People, relation: Relation
) -> None:
    alice = people.somebody()
    targets = sorted((new_id() for _ in range(9)), key=lambda id_: id_ * 7 % 5)
    turned_on = [await people.turn_on(relation, alice, target) for target in targets]
    await people.turn_off(relation, turned_on.pop(3))
    seen: list[tuple[int, int]] = []
    before = ID_MAX
    while page := await people.ports.relations.targets(relation, alice, before=before, limit=3):
        seen += page
        before = page[-1][1]
    assert seen == [(relation.target_of(event), event.event_id) for event in reversed(turned_on)]
    assert await people.ports.relations.all_targets(relation, alice) == seen


@ALL
async def test_states_come_in_the_order_asked_for(people: People, relation: Relation) -> None:
    alice, bob, carol = (people.somebody() for _ in range(3))
    to_bob = await people.turn_on(relation, alice, bob)
    await people.turn_off(relation, await people.turn_on(relation, bob, alice))
    relations = people.ports.relations
    states = await relations.states(relation, [(bob, alice), (alice, carol), (alice, bob)])
    assert [state.active for state in states] == [False, False, True]
    assert states[1] == INACTIVE
    assert states[2].event_id == to_bob.event_id
    assert await relations.state(relation, bob, alice) == states[0]
    assert await relations.all_targets(relation, alice) == [(bob, to_bob.event_id)]
    assert await relations.all_targets(relation, bob) == []


@ALL
async def test_above_the_floor_the_answer_is_complete(people: People, relation: Relation) -> None:
    alice = people.somebody()
    targets = [new_id() for _ in range(8)]
    turned_on = [await people.turn_on(relation, alice, target) for target in targets]
    await people.turn_off(relation, turned_on[6])
    still = {target for target in targets if target != targets[6]}
    relations = people.ports.relations
    for limit in (1, 3, 8, 20):
        found, floor = await relations.recent_targets(relation, alice, limit=limit)
        assert len(found) <= limit
        assert set(found) == {target for target in still if target > floor}
    _, floor = await relations.recent_targets(relation, alice, limit=20)
    assert floor == 0
    assert await relations.active_among(relation, alice, [*targets, new_id()]) == still


async def test_a_mute_keeps_its_details_until_another_one_takes_its_place(people: People) -> None:
    alice, bob, carol = (people.somebody() for _ in range(3))
    relations = people.ports.relations
    await people.turn_on(MUTE, alice, bob, until_ms=7, notifications=0)
    of_carol = await people.turn_on(MUTE, alice, carol)
    assert await relations.details(MUTE, alice) == {bob: (7, 0), carol: (0, 1)}
    await people.turn_on(MUTE, alice, bob)
    await people.turn_off(MUTE, of_carol)
    assert await relations.details(MUTE, alice) == {bob: (0, 1)}
    assert [state.details for state in await relations.states(MUTE, [(alice, bob), (bob, alice)])] == [(0, 1), ()]


async def test_a_block_ends_the_follows_and_requests_of_either_side_in_one_step(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    relations = people.ports.relations
    follow, request = await people.turn_on(FOLLOW, bob, alice), await people.turn_on(REQUEST, alice, bob)
    await people.turn_on(BLOCK, alice, bob, followed_by=follow.event_id, request=request.event_id)
    for relation, pair in ((FOLLOW, (bob, alice)), (REQUEST, (alice, bob))):
        state = await relations.state(relation, *pair)
        assert (state.active, state.superseded) == (False, ())
        assert await relations.sources(relation, pair[1], before=ID_MAX, limit=9) == []
    assert (await relations.sources_in(FOLLOW, alice, range(RANGES))).tolist() == []
    assert [user for user, _ in await relations.sources(BLOCK, bob, before=ID_MAX, limit=9)] == [alice]


async def test_a_follow_that_was_asked_for_ends_the_request(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    request = await people.turn_on(REQUEST, alice, bob)
    await people.turn_on(FOLLOW, alice, bob, request=request.event_id)
    relations = people.ports.relations
    assert [(await relations.state(each, alice, bob)).active for each in (FOLLOW, REQUEST)] == [True, False]
    assert await relations.sources(REQUEST, bob, before=ID_MAX, limit=9) == []


async def test_the_state_of_a_retweet_knows_its_id(people: People) -> None:
    alice, posted, other = people.somebody(), await people.post(people.somebody()), TweetId(1)
    retweeted = await people.retweet(alice, posted)
    relations = people.ports.relations
    assert (await relations.state(RETWEET, alice, posted.tweet_id)).event_id == retweeted.event_id
    assert await relations.active_among(RETWEET, alice, [other, posted.tweet_id]) == {posted.tweet_id}
    assert await relations.state(LIKE, alice, posted.tweet_id) == INACTIVE
    await people.undo(retweeted)
    assert await relations.active_among(RETWEET, alice, [posted.tweet_id]) == set()


@ALL
async def test_what_lost_a_race_is_known_and_removed_from_every_side(people: People, relation: Relation) -> None:
    alice, target = people.somebody(), new_id()
    loser = await people.turn_on(relation, alice, target)
    winner = await people.turn_on(relation, alice, target, stamp=loser.stamp_us + 10)
    ports = people.ports
    state = await ports.relations.state(relation, alice, target)
    assert (state.event_id, state.superseded) == (winner.event_id, (loser.event_id,))
    await ports.events.remove_superseded(winner, state)
    await ports.events.commit(loser)  # a repeat brings nothing back
    assert await ports.relations.state(relation, alice, target) == replace(state, superseded=())
    assert await ports.relations.targets(relation, alice, before=ID_MAX, limit=9) == [(target, winner.event_id)]
    if relation.sources:
        assert await ports.relations.sources(relation, target, before=ID_MAX, limit=9) == [(alice, winner.event_id)]
    entries = await ports.tweets.entries_by_author(alice, before=ID_MAX, limit=9)
    assert entries.tolist() == ([[winner.event_id, target]] if relation.is_entry else [])
