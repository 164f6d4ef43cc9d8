"""Who follows whom, from every side."""

from domain.graph import OFF, UserCounts
from domain.ids import ID_MAX, RANGES, range_of
from tests.contract.people import People

pytest_plugins = ("tests.contract.truth",)


async def test_followers_are_found_by_range(people: People) -> None:
    author = people.somebody()
    followers = [people.somebody() for _ in range(40)]
    for follower in followers:
        await people.follow(follower, author)
    graph = people.stores.graph
    everybody = await graph.followers(author, range(RANGES))
    assert sorted(everybody.tolist()) == sorted(followers)
    wanted = [0, 1, 9, 63, range_of(followers[0])]
    some = await graph.followers(author, wanted)
    assert sorted(some.tolist()) == sorted(follower for follower in followers if range_of(follower) in wanted)
    assert (await graph.followers(author, [])).tolist() == []


async def test_pages_of_followers_run_over_all_buckets_latest_first(people: People) -> None:
    author = people.somebody()
    followed = [await people.follow(people.somebody(), author) for _ in range(25)]
    await people.unfollow(followed.pop(10))
    seen: list[tuple[int, int]] = []
    before = ID_MAX
    while page := await people.stores.graph.followers_page(author, before=before, limit=4):
        seen += page
        before = page[-1][1]
    assert seen == [(event.user, event.event_id) for event in reversed(followed)]


async def test_the_states_of_edges_come_in_the_order_asked_for(people: People) -> None:
    alice, bob, carol = (people.somebody() for _ in range(3))
    to_bob = await people.follow(alice, bob)
    back = await people.follow(bob, alice)
    await people.unfollow(back)
    graph = people.stores.graph
    states = await graph.follows([(bob, alice), (alice, carol), (alice, bob)])
    assert [state.active for state in states] == [False, False, True]
    assert states[1] == OFF
    assert states[2].since == to_bob.event_id
    assert await graph.follow(bob, alice) == states[0]
    assert await graph.following(alice) == [(bob, to_bob.event_id)]
    assert await graph.following(bob) == []


async def test_counts_are_the_sizes_of_the_sets(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    assert await people.stores.graph.user_counts(alice) == UserCounts()
    for _ in range(3):
        await people.follow(people.somebody(), alice)
    await people.follow(alice, bob)
    await people.unfollow(await people.follow(alice, people.somebody()))
    posted = await people.post(bob)
    await people.post(alice)
    await people.retweet(alice, posted)
    assert await people.stores.graph.user_counts(alice) == UserCounts(followers=3, following=1, tweets=1)
