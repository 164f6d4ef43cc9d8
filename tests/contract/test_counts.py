"""Counts are the exact sizes of sets."""

from domain.counts import TweetCounts, UserCounts
from tests.contract.people import People


async def test_counts_of_a_tweet_are_the_sizes_of_the_sets(people: People) -> None:
    posted = await people.post(people.somebody())
    likers = [people.somebody() for _ in range(12)]
    liked = [await people.like(liker, posted.tweet_id) for liker in likers]
    await people.unlike(liked[0])
    await people.retweet(likers[1], posted)
    await people.undo(await people.retweet(likers[2], posted))
    await people.post(likers[3], reply_to=posted.tweet_id)
    counts = await people.ports.counts.tweet_counts(posted.tweet_id)
    assert counts == TweetCounts(likes=11, retweets=1, replies=1, quotes=0)


async def test_counts_of_a_user_are_the_sizes_of_the_sets(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    assert await people.ports.counts.user_counts(alice) == UserCounts()
    for _ in range(3):
        await people.follow(people.somebody(), alice)
    await people.follow(alice, bob)
    await people.unfollow(await people.follow(alice, people.somebody()))
    posted = await people.post(bob)
    await people.post(alice)
    await people.retweet(alice, posted)
    assert await people.ports.counts.user_counts(alice) == UserCounts(followers=3, following=1, tweets=1)


async def test_counts_that_are_not_named_are_taken_from_others(people: People) -> None:
    posted = await people.post(people.somebody())
    await people.like(people.somebody(), posted.tweet_id)
    counts = people.ports.counts
    held = TweetCounts(likes=7, quotes=5)
    assert await counts.tweet_counts(posted.tweet_id, {"likes"}, held) == TweetCounts(likes=1, quotes=5)
    assert await counts.user_counts(posted.author, {"tweets"}, UserCounts(followers=9)) == UserCounts(9, 0, 1)
