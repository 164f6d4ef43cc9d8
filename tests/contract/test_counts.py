"""Sets that are counted: their members in order, their segments, and sizes that are exact whoever wrote when."""

import asyncio
from dataclasses import replace
from itertools import combinations

import pytest

from domain.counts import CountedSet, TweetCounts, UserCounts, place_of
from domain.ids import ID_MAX
from domain.limits import SMALL
from domain.segments import END, START, Place, Segment, chained
from storage.ports.counts import Member
from storage.sizes import Size, Sizes
from tests.contract.people import People, new_id
from tests.support.counts import tweet_counts, user_counts

LONGEST = 2
LIMITS = replace(SMALL, segment_max=LONGEST)


async def test_counts_of_a_tweet_are_the_sizes_of_the_sets(people: People) -> None:
    posted = await people.post(people.somebody())
    likers = [people.somebody() for _ in range(12)]
    liked = [await people.like(liker, posted.tweet_id) for liker in likers]
    await people.unlike(liked[0])
    await people.retweet(likers[1], posted)
    await people.undo(await people.retweet(likers[2], posted))
    await people.post(likers[3], reply_to=posted.tweet_id)
    assert await tweet_counts(people.ports, posted.tweet_id) == TweetCounts(likes=11, retweets=1, replies=1, quotes=0)


async def test_counts_of_a_user_are_the_sizes_of_the_sets(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    assert await user_counts(people.ports, alice) == UserCounts()
    for _ in range(3):
        await people.follow(people.somebody(), alice)
    await people.follow(alice, bob)
    await people.unfollow(await people.follow(alice, people.somebody()))
    posted = await people.post(bob)
    await people.post(alice)
    await people.retweet(alice, posted)
    assert await user_counts(people.ports, alice) == UserCounts(followers=3, following=1, tweets=1)


async def filled(people: People, name: str) -> tuple[CountedSet, list[Member]]:
    """A set of a name with some members, and what they are, in order."""
    subject, members = people.somebody(), list[tuple[int, bool]]()
    for number in range(17):
        other, counts = people.somebody(), True
        match name:
            case "likes":
                await people.like(other, subject)
            case "followers":
                await people.follow(other, subject)
            case "following":
                followed = await people.follow(subject, other)
                counts = number % 3 != 0
                if not counts:
                    await people.unfollow(followed)
            case "tweets":
                posted = await people.post(other)
                counts = number % 3 != 0
                made = await people.post(subject) if counts else await people.retweet(subject, posted)
                other = type(other)(made.event_id)
            case "replies":
                reply = await people.post(other, reply_to=subject)
                counts = number % 3 != 0
                if not counts:
                    await people.ports.events.commit(people.deletion(reply))
                other = type(other)(reply.tweet_id)
        members.append((other, counts))
    return CountedSet(name, subject), sorted(Member(place_of(name, other), counts) for other, counts in members)


@pytest.mark.parametrize("name", ["likes", "followers", "following", "tweets", "replies"])
async def test_members_are_read_in_order_from_any_place_to_any_other(people: People, name: str) -> None:
    set_, members = await filled(people, name)
    store = people.ports.counts
    assert await store.members(set_, START, END, limit=100) == members
    assert await store.members(set_, START, END, limit=5) == members[:5]
    bounds = sorted([START, *(member.place for member in members), Place(members[8].place.slot, ID_MAX), END])
    for start, end in combinations(bounds, 2):
        within = [member for member in members if start <= member.place < end]
        assert await store.members(set_, start, end, limit=100) == within
        assert await store.members(set_, start, end, limit=3) == within[:3]
    assert await store.members(CountedSet(name, people.somebody()), START, END, limit=5) == []


async def test_segments_of_the_larger_stamp_stay_in_whichever_order_they_are_kept(people: People) -> None:
    store, set_, other = people.ports.counts, CountedSet("likes", new_id()), CountedSet("retweets", new_id())
    a, b = Place(1, 5), Place(3, 7)
    assert await store.branches(set_.subject) == {}
    await store.keep(set_, [Segment(START, a, 4), Segment(a, END, None)], [Segment(START, END, None)], 20)
    await store.keep(set_, [Segment(START, b, 9), Segment(b, END, 9)], [Segment(START, b, 9)], 10)
    await store.keep(set_, [Segment(a, END, 2)], [Segment(START, END, 6)], 30)
    await store.keep(set_, [Segment(a, END, 1)], [Segment(START, END, 5)], 29)
    await store.keep(CountedSet(other.name, set_.subject), [Segment(START, END, 1)], [Segment(START, END, 1)], 5)
    assert await store.branches(set_.subject) == {
        "likes": [Segment(START, END, 6)],
        "retweets": [Segment(START, END, 1)],
    }
    all_ = [Segment(START, a, 4), Segment(a, END, 2), Segment(b, END, 9)]
    assert await store.leaves(set_, START, END) == all_
    assert await store.leaves(set_, a, b) == all_[1:2]
    assert await store.leaves(set_, START, a) == all_[:1]
    assert chained(all_) == all_[:2]


async def test_epochs_grow_whoever_asks(people: People) -> None:
    name = f"epoch-{new_id()}"
    epochs = await asyncio.gather(*(people.ports.coordination.next_epoch(name) for _ in range(4)))
    assert sorted(epochs) == sorted(set(epochs))
    assert await people.ports.coordination.next_epoch(name) > max(epochs)
    assert await people.ports.coordination.next_epoch(f"{name}-other") == 1


class Counted:
    """A tweet whose likes are counted by processes of several epochs."""

    def __init__(self, people: People) -> None:
        self.people = people
        self.tweet = new_id()
        self.sizes = Sizes(people.ports.counts, LIMITS)

    async def recount(self, stamp: int, *users: int) -> Size | None:
        places = [place_of("likes", user) for user in users]
        return (await self.sizes.recount(self.tweet, {"likes": places}, stamp))["likes"]

    async def read(self, *users: int) -> int:
        places = [place_of("likes", user) for user in users]
        return (await self.sizes.read(self.tweet, {"likes": places}))["likes"].size


async def test_a_set_that_grows_and_shrinks_is_exact_however_often_and_late_its_events_come(people: People) -> None:
    counted, likers = Counted(people), [people.somebody() for _ in range(24)]
    likes = []
    for number, liker in enumerate(likers, start=1):
        likes.append(await people.like(liker, counted.tweet))
        size = await counted.recount(number, liker)
        assert size == Size(number, whole=number <= 2 * LONGEST)
    assert await counted.recount(100, likers[3], likers[3], people.somebody()) == Size(24), "again, and of nobody"
    for liked in likes[:20]:
        await people.unlike(liked)
    assert await counted.recount(101, *likers[10:20]) != Size(4), "not all are heard of yet"
    assert await counted.recount(102, *likers[:10]) == Size(4)
    await people.like(likers[0], counted.tweet)
    assert await counted.read() == 4
    assert await counted.read(likers[0]) == 5, "as it is now where its reader acted"
    assert await counted.recount(103, likers[0]) == Size(5)


async def test_recounts_side_by_side_end_at_the_truth(people: People) -> None:
    """A successor counts while its predecessor still does; the events of both come to the successor."""
    counted, likers = Counted(people), [people.somebody() for _ in range(40)]
    old, new = iter(range(1, 1_000)), iter(range(1_000_001, 1_001_000))
    for at in range(0, 40, 4):
        batch, heard = likers[at : at + 4], likers[max(0, at - 4) : at + 4]
        under_way = [counted.recount(next(old), *heard) for _ in range(3)]
        await asyncio.gather(*(people.like(liker, counted.tweet) for liker in batch), *under_way)
        late = [asyncio.create_task(counted.recount(next(old), *heard)) for _ in range(3)]
        size = await counted.recount(next(new), *batch)
        await asyncio.gather(*late)
        while size is None:
            size = await counted.recount(next(new))
        assert await counted.read() == at + 4


async def test_what_somebody_planted_late_is_passed_over(people: People) -> None:
    counted, likers = Counted(people), sorted(people.somebody() for _ in range(30))
    for liker in likers:
        await people.like(liker, counted.tweet)
    stamp = 10
    while await counted.recount(stamp, *likers) is None:
        stamp += 1
    store, set_ = people.ports.counts, CountedSet("likes", counted.tweet)
    leaves = await store.leaves(set_, START, END)
    within = Place(leaves[3].start.slot, leaves[3].start.id + 1)
    planted = [Segment(leaves[3].start, within, 50), Segment(within, leaves[3].end, 70)]
    await store.keep(set_, planted, [Segment(within, END, 500)], 9)
    assert await counted.read() == 30
    assert await counted.recount(100, *likers) == Size(30)
    assert await counted.read() == 30


async def test_a_set_that_was_never_counted_is_counted_in_steps(people: People) -> None:
    counted, likers = Counted(people), [people.somebody() for _ in range(90)]
    await asyncio.gather(*(people.like(liker, counted.tweet) for liker in likers))
    assert await counted.recount(1, likers[0]) is None
    assert await counted.read() == 90, "the rest is counted as it is, until it is kept"
    stamp = 2
    while (size := await counted.recount(stamp)) is None:
        stamp += 1
    assert stamp > 2
    assert size == Size(90)
    assert await counted.read() == 90
