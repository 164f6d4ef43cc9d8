"""Events and their rows: one batch, any number of times, in any order."""

from dataclasses import replace

from domain.events import decode
from domain.ids import ID_MAX, EventId
from domain.relations import FOLLOW, LIKE, RETWEET
from storage.rows import event_place, hashtag_feed
from tests.contract.people import PARTITIONS, People, new_id
from tests.support.counts import tweet_counts, user_counts


async def test_a_posted_tweet_is_where_each_reader_looks_for_it(people: People) -> None:
    alice, tag = people.somebody(), f"tag{new_id()}"
    first = await people.post(alice, "first")
    reply = await people.post(alice, "second", reply_to=first.tweet_id, hashtags=(tag,))
    tweets = people.ports.tweets
    assert await tweets.authors([first.tweet_id, reply.tweet_id]) == {first.tweet_id: alice, reply.tweet_id: alice}
    written = await tweets.entries_by_author(alice, before=ID_MAX, limit=10)
    assert written[:, 0].tolist() == [reply.tweet_id, first.tweet_id]
    assert await tweets.replies(first.tweet_id, before=ID_MAX, limit=10) == [(reply.tweet_id, alice)]
    assert await tweets.feed(hashtag_feed(tag), before=ID_MAX, limit=10) == [(reply.tweet_id, alice)]
    minute, partition = event_place(reply, PARTITIONS)
    found = await people.ports.events.events_of(minute, partition, after=EventId(reply.event_id - 1), limit=1)
    assert [(id_, decode(body)) for id_, body in found] == [(reply.event_id, reply)]


async def test_committing_twice_changes_nothing_more(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    posted = await people.post(alice)
    liked = await people.like(bob, posted.tweet_id)
    before = await tweet_counts(people.ports, posted.tweet_id)
    for event in (posted, liked, posted):
        await people.ports.events.commit(event)
    assert await tweet_counts(people.ports, posted.tweet_id) == before
    assert len(await people.ports.tweets.entries_by_author(alice, before=ID_MAX, limit=10)) == 1


async def test_a_delete_wins_over_its_tweet_even_if_it_comes_first(people: People) -> None:
    alice, tag = people.somebody(), f"tag{new_id()}"
    template = await people.post(people.somebody(), hashtags=(tag,))
    late = type(template)(
        event_id=EventId(new_id()), stamp_us=template.stamp_us, author=alice, text="late", hashtags=(tag,)
    )
    await people.ports.events.commit(people.deletion(late))
    await people.ports.events.commit(late)
    assert not len(await people.ports.tweets.entries_by_author(alice, before=ID_MAX, limit=10))
    assert await people.ports.tweets.authors([late.tweet_id]) == {}
    listed = await people.ports.tweets.feed(hashtag_feed(tag), before=ID_MAX, limit=10)
    assert listed == [(template.tweet_id, template.author)]


async def test_of_equal_stamps_the_delete_wins(people: People) -> None:
    posted = await people.post(people.somebody())
    deletion = people.deletion(posted)
    same_time = type(deletion)(
        event_id=deletion.event_id, stamp_us=posted.stamp_us, author=posted.author, tweet_id=posted.tweet_id
    )
    await people.ports.events.commit(same_time)
    await people.ports.events.commit(posted)
    assert await people.ports.tweets.authors([posted.tweet_id]) == {}


async def test_a_late_change_of_a_relation_with_an_earlier_stamp_loses(people: People) -> None:
    alice, posted = people.somebody(), await people.post(people.somebody())
    liked = await people.like(alice, posted.tweet_id)
    await people.unlike(liked, stamp=liked.stamp_us - 1)
    state = await people.ports.relations.state(LIKE, alice, posted.tweet_id)
    assert (state.active, state.event_id, state.written_us) == (True, liked.event_id, liked.stamp_us)
    assert (await tweet_counts(people.ports, posted.tweet_id)).likes == 1


async def test_a_relation_can_be_turned_on_again(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    first = await people.follow(alice, bob)
    await people.unfollow(first)
    again = await people.follow(alice, bob, stamp=first.stamp_us + 2)
    assert await people.ports.relations.sources(FOLLOW, bob, before=ID_MAX, limit=10) == [(alice, again.event_id)]
    assert (await user_counts(people.ports, bob)).followers == 1


async def test_what_a_lost_race_left_behind_is_known_and_removed(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    loser = await people.follow(alice, bob)
    winner = await people.follow(alice, bob, stamp=loser.stamp_us + 10)
    assert len(await people.ports.relations.sources(FOLLOW, bob, before=ID_MAX, limit=10)) == 2
    state = await people.ports.relations.state(FOLLOW, alice, bob)
    assert (state.event_id, state.superseded) == (winner.event_id, (loser.event_id,))
    assert await people.ports.relations.states(FOLLOW, [(alice, bob)]) == [state]
    await people.ports.events.remove_superseded(winner, state)
    await people.ports.events.commit(loser)  # a repeat brings nothing back
    assert await people.ports.relations.sources(FOLLOW, bob, before=ID_MAX, limit=10) == [(alice, winner.event_id)]
    assert await people.ports.relations.state(FOLLOW, alice, bob) == replace(state, superseded=())


async def test_who_lost_a_race_stays_known_when_the_winner_is_turned_off(people: People) -> None:
    alice, posted = people.somebody(), await people.post(people.somebody())
    loser = await people.retweet(alice, posted)
    winner = await people.retweet(alice, posted, stamp=loser.stamp_us)
    off = await people.undo(winner)
    state = await people.ports.relations.state(RETWEET, alice, posted.tweet_id)
    assert (state.active, state.superseded) == (False, (loser.event_id,))
    await people.ports.events.remove_superseded(off, state)
    assert not len(await people.ports.tweets.entries_by_author(alice, before=ID_MAX, limit=10))
    state = await people.ports.relations.state(RETWEET, alice, posted.tweet_id)
    assert (state.active, state.superseded) == (False, ())


async def test_the_events_of_a_minute_come_oldest_first_and_in_parts(people: People) -> None:
    alice = people.somebody()
    first = await people.post(alice)
    posted = [first]
    while len(posted) < 5:  # ids of one minute: had the minute changed, begin again
        posted.append(await people.post(alice))
        if event_place(posted[-1], PARTITIONS) != event_place(posted[0], PARTITIONS):
            posted = posted[-1:]
    minute, partition = event_place(posted[0], PARTITIONS)
    before = EventId(posted[0].event_id - 1)
    found = await people.ports.events.events_of(minute, partition, after=before, limit=3)
    assert [id_ for id_, _ in found] == [each.event_id for each in posted[:3]]
    ids = await people.ports.events.event_ids_of(minute, after=found[-1][0])
    assert [id_ for where, id_ in ids if where == partition] == [each.event_id for each in posted[3:]]


async def test_the_ids_of_a_minute_are_those_of_all_partitions(people: People) -> None:
    events = [await people.post(people.somebody()) for _ in range(20)]
    for minute in {event_place(event, PARTITIONS)[0] for event in events}:
        expected = {(event_place(event, PARTITIONS), event.event_id) for event in events}
        found = await people.ports.events.event_ids_of(minute, after=EventId(events[0].event_id - 1))
        assert {((minute, partition), id_) for partition, id_ in found} >= {e for e in expected if e[0][0] == minute}
    assert len({event_place(event, PARTITIONS)[1] for event in events}) > 1
