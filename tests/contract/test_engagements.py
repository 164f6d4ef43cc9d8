"""Likes and retweets: exact counts, whole pages, and a floor that keeps its word."""

from domain.graph import OFF, TweetCounts
from domain.ids import ID_MAX, TweetId
from storage.ports.relations import Engagement
from tests.contract.people import People

pytest_plugins = ("tests.contract.truth",)


async def test_counts_are_the_sizes_of_the_sets(people: People) -> None:
    posted = await people.post(people.somebody())
    likers = [people.somebody() for _ in range(12)]
    liked = [await people.like(liker, posted.tweet_id) for liker in likers]
    await people.unlike(liked[0])
    await people.retweet(likers[1], posted)
    await people.undo(await people.retweet(likers[2], posted))
    await people.post(likers[3], reply_to=posted.tweet_id)
    counts = await people.stores.engagements.tweet_counts(posted.tweet_id)
    assert counts == TweetCounts(likes=11, retweets=1, replies=1, quotes=0)


async def test_pages_of_likers_run_over_all_buckets_latest_first(people: People) -> None:
    posted = await people.post(people.somebody())
    liked = [await people.like(people.somebody(), posted.tweet_id) for _ in range(15)]
    seen: list[tuple[int, int]] = []
    before = ID_MAX
    while page := await people.stores.engagements.engagers(Engagement.LIKE, posted.tweet_id, before=before, limit=4):
        seen += page
        before = page[-1][1]
    assert seen == [(event.user, event.event_id) for event in reversed(liked)]


async def test_above_the_floor_the_answer_is_complete(people: People) -> None:
    alice = people.somebody()
    tweets = [(await people.post(people.somebody())).tweet_id for _ in range(8)]
    liked = [await people.like(alice, tweet) for tweet in tweets]
    await people.unlike(liked[6])
    still = {tweet for tweet in tweets if tweet != tweets[6]}
    for limit in (1, 3, 8, 20):
        found, floor = await people.stores.engagements.engaged(Engagement.LIKE, alice, limit=limit)
        assert len(found) <= limit
        assert set(found) == {tweet for tweet in still if tweet > floor}
    _, floor = await people.stores.engagements.engaged(Engagement.LIKE, alice, limit=20)
    assert floor == 0


async def test_a_retweet_is_a_switch_that_knows_its_id(people: People) -> None:
    alice, posted, other = people.somebody(), await people.post(people.somebody()), TweetId(1)
    retweeted = await people.retweet(alice, posted)
    engagements = people.stores.engagements
    assert (await engagements.engagement(Engagement.RETWEET, alice, posted.tweet_id)).since == retweeted.event_id
    assert await engagements.engaged_with(Engagement.RETWEET, alice, [other, posted.tweet_id]) == {posted.tweet_id}
    assert await engagements.engagement(Engagement.LIKE, alice, posted.tweet_id) == OFF
    await people.undo(retweeted)
    assert await engagements.engaged_with(Engagement.RETWEET, alice, [posted.tweet_id]) == set()
