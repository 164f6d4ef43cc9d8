from typing import get_args

import pytest

from domain.counts import TweetCounts, UserCounts
from domain.events import AnyEvent, Blocked, Followed, RetweetUndone, TweetPosted, Unblocked
from domain.ids import EventId, TweetId, UserId, follower_bucket, range_of
from domain.relations import (
    BLOCK,
    FOLLOW,
    INACTIVE,
    RELATIONS,
    REQUEST,
    RETWEET,
    Relation,
    RelationState,
    Target,
    relation_of,
)


def test_a_relation_is_found_by_both_of_its_events() -> None:
    followed = Followed(event_id=EventId(9), stamp_us=1, user=UserId(1), followee=UserId(2))
    undone = RetweetUndone(event_id=EventId(9), stamp_us=1, user=UserId(1), tweet_id=TweetId(3), since=7)
    posted = TweetPosted(event_id=EventId(9), stamp_us=1, author=UserId(1), text="hello")
    assert relation_of(followed) is FOLLOW
    assert (FOLLOW.target_of(followed), FOLLOW.turned_on_by(followed)) == (2, 9)
    assert relation_of(undone) is RETWEET
    assert (RETWEET.target_of(undone), RETWEET.turned_on_by(undone)) == (3, 7)
    assert relation_of(posted) is None


@pytest.mark.parametrize("relation", RELATIONS, ids=lambda relation: relation.name)
def test_a_relation_is_declared_whole(relation: Relation) -> None:
    assert {relation.on, relation.off} <= set(get_args(AnyEvent))
    assert {"user", relation.target_field} <= set(relation.on.__struct_fields__)
    assert {"user", relation.target_field, "since"} <= set(relation.off.__struct_fields__)
    assert relation.user_counted in {None, *UserCounts._fields}
    assert relation.counted in {None, *(TweetCounts._fields if relation.target is Target.TWEET else UserCounts._fields)}
    assert relation.sources or not relation.counted, "a set that is counted is kept"
    fields = {*relation.details, *(ending.field for ending in relation.ends)}
    assert fields <= set(relation.on.__struct_fields__)
    assert all(ending.relation.target is relation.target is Target.USER for ending in relation.ends)


def test_names_and_flags_are_of_one_relation_each() -> None:
    assert len({each.name for each in RELATIONS}) == len({each.flag for each in RELATIONS}) == len(RELATIONS)


def test_a_block_ends_what_was_there_on_either_side_and_nothing_else() -> None:
    alice, bob = UserId(1), UserId(2)
    blocked = Blocked(event_id=EventId(9), stamp_us=1, user=alice, blocked=bob, follow=5, requested_by=6)
    assert list(BLOCK.ended_by(blocked)) == [(FOLLOW, alice, bob, 5), (REQUEST, bob, alice, 6)]
    unblocked = Unblocked(event_id=EventId(10), stamp_us=1, user=alice, blocked=bob, since=9)
    assert list(BLOCK.ended_by(unblocked)) == []


def test_followers_are_placed_by_range() -> None:
    assert FOLLOW.sources is not None
    assert FOLLOW.sources.place(12_345) == (follower_bucket(range_of(12_345)), range_of(12_345))


def test_all_active_events_but_the_current_one_are_superseded() -> None:
    state = RelationState.stored(True, 5, 100, {7, 5, 3})
    assert state == RelationState(active=True, event_id=5, written_us=100, superseded=(3, 7))
    assert RelationState.stored(False, 5, 100, {5}).superseded == (5,)
    assert RelationState.stored(False, 0, 0, ()) == INACTIVE
