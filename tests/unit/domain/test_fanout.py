import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from domain.fanout import FollowerSets, Interleaver, Job, Pulled, Watermark
from domain.ids import UserId


def job(entry: int, followers: int) -> Job:
    return Job(entry, entry, np.arange(followers, dtype=np.uint64), 0, f"{entry}-0")


@given(st.lists(st.integers(0, 50), max_size=12), st.integers(1, 10), st.integers(1, 30))
def test_every_follower_gets_every_entry_once(sizes: list[int], slice_max: int, batch_max: int) -> None:
    interleaver = Interleaver(slice_max, batch_max)
    for entry, size in enumerate(sizes):
        interleaver.add(job(entry, size))
    delivered: list[tuple[int, int]] = []
    finished: list[int] = []
    while len(interleaver):
        batch = interleaver.next_batch()
        assert len(batch.followers) == len(batch.entries) <= batch_max
        delivered += zip(batch.entries[:, 0].tolist(), batch.followers.tolist(), strict=True)
        finished += [each.entry for each in batch.finished]
    assert sorted(delivered) == [(entry, follower) for entry, size in enumerate(sizes) for follower in range(size)]
    assert sorted(finished) == list(range(len(sizes)))


def test_a_tweet_of_an_author_with_a_million_followers_delays_nobody() -> None:
    interleaver = Interleaver(slice_followers_max=1_000, batch_max=4_000)
    interleaver.add(job(1, 1_000_000))
    for entry in range(2, 5):
        interleaver.add(job(entry, 10))
    assert [each.entry for each in interleaver.next_batch().finished] == [2, 3, 4]


@given(st.permutations(range(8)))
def test_a_watermark_never_passes_what_is_still_under_way(order: list[int]) -> None:
    mark = Watermark(done="start")
    for at in range(8):
        mark.begin(f"p{at}")
    done: set[int] = set()
    for at in order:
        mark.finish(f"p{at}")
        done.add(at)
        passed = next((n for n in range(8) if n not in done), 8)
        assert mark.done == ("start" if passed == 0 else f"p{passed - 1}")


def test_records_that_share_an_offset_are_all_waited_for() -> None:
    mark = Watermark(done="start")
    mark.begin("same")
    mark.begin("same")
    mark.finish("same")
    assert mark.done == "start"
    mark.finish("same")
    assert mark.done == "same"


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40))
def test_follower_sets_follow_the_edges(changes: list[tuple[int, bool]]) -> None:
    sets = FollowerSets(edges_max=100)
    sets.put(1, np.array([2, 4], dtype=np.uint64))
    expected = {2, 4}
    for follower, following in changes:
        sets.set_edge(1, follower, following)
        (expected.add if following else expected.discard)(follower)
    held = sets.get(1)
    assert held is not None
    assert held.tolist() == sorted(expected)
    assert sets.edges == len(expected)


def test_the_author_whose_followers_were_used_longest_ago_leaves_first() -> None:
    sets = FollowerSets(edges_max=4)
    sets.put(1, np.array([1, 2], dtype=np.uint64))
    sets.put(2, np.array([1, 2], dtype=np.uint64))
    sets.get(1)
    sets.put(3, np.array([1, 2], dtype=np.uint64))
    assert sets.get(2) is None
    assert sets.get(1) is not None
    assert sets.edges == 4


def test_an_author_who_crossed_the_threshold_is_pushed_for_the_grace_period_too() -> None:
    pulled = Pulled({UserId(7): 1_000}, grace_ms=100)
    assert pulled.among(np.array([3, 7], dtype=np.uint64)).tolist() == [7]
    assert pulled.pushed(UserId(7), 1_099)
    assert not pulled.pushed(UserId(7), 1_100)
    assert pulled.pushed(UserId(3), 9_999)
