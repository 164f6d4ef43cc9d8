"""Tweets by id, by author and by feed, page after page."""

import numpy as np

from domain.events import TweetPosted
from domain.ids import ID_MAX, EventId, TweetId, UserId, stamp_us
from domain.tweets import Visibility
from storage.ports.tweets import Reply
from storage.rows import DAY_MS, hashtag_feed
from tests.contract.people import People, new_id
from tests.support.counts import tweet_counts


async def test_every_field_of_a_tweet_comes_back(people: People) -> None:
    alice, id_ = people.somebody(), new_id()
    event = TweetPosted(
        event_id=EventId(id_),
        stamp_us=stamp_us(id_),
        author=alice,
        text="héllo 👋 #Tag @bob",
        hashtags=("Tag",),
        mentions=("bob",),
        reply_to=TweetId(1),
        quote_of=TweetId(2),
        location="Zürich",
        visibility=Visibility.MENTIONED,
        mention_ids=(UserId(3), UserId(ID_MAX)),
        protected=True,
    )
    await people.ports.events.commit(event)
    absent = TweetId(new_id())
    found = await people.ports.tweets.tweets([(alice, event.tweet_id), (alice, absent)])
    assert list(found) == [event.tweet_id]
    tweet = found[event.tweet_id]
    assert (tweet.author, tweet.text, tweet.hashtags, tweet.mentions) == (alice, event.text, ("Tag",), ("bob",))
    assert (tweet.reply_to, tweet.quote_of, tweet.location, tweet.retweet_of) == (1, 2, "Zürich", None)
    assert (tweet.visibility, tweet.mention_ids, tweet.protected) == (Visibility.MENTIONED, (3, ID_MAX), True)
    plain = await people.post(alice)
    (tweet,) = (await people.ports.tweets.tweets([(alice, plain.tweet_id)])).values()
    assert (tweet.visibility, tweet.mention_ids, tweet.protected) == (Visibility.PUBLIC, (), False)


async def test_pages_of_an_author_meet_without_gap_or_overlap(people: People) -> None:
    alice = people.somebody()
    posted = [(await people.post(alice, str(n))).tweet_id for n in range(7)]
    seen: list[int] = []
    before = ID_MAX
    while len(page := await people.ports.tweets.entries_by_author(alice, before=before, limit=3)):
        seen += page[:, 0].tolist()
        before = seen[-1]
    assert seen == posted[::-1]


async def test_a_retweet_is_an_entry_that_shows_the_original(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    posted = await people.post(alice)
    retweeted = await people.retweet(bob, posted)
    entries = await people.ports.tweets.entries_by_author(bob, before=ID_MAX, limit=10)
    assert entries.dtype == np.uint64
    assert entries.tolist() == [[retweeted.event_id, posted.tweet_id]]
    (tweet,) = (await people.ports.tweets.tweets([(bob, TweetId(retweeted.event_id))])).values()
    assert (tweet.original, tweet.retweet_author, tweet.text) == (posted.tweet_id, alice, "")
    await people.undo(retweeted)
    assert (await people.ports.tweets.entries_by_author(bob, before=ID_MAX, limit=10)).shape == (0, 2)


async def test_a_feed_is_walked_over_empty_days_to_its_true_end(people: People) -> None:
    alice, tag = people.somebody(), f"tag{new_id()}"
    newest = new_id()
    days = [0, 1, 2, 3, 40, 41, 300]
    posted = []
    for day in days:
        id_ = newest - ((day * DAY_MS) << 22)
        event = TweetPosted(
            event_id=EventId(id_), stamp_us=stamp_us(id_), author=alice, text=f"day {day}", hashtags=(tag,)
        )
        await people.ports.events.commit(event)
        posted.append(event)
    for event in posted[1:4]:
        await people.ports.events.commit(people.deletion(event))
    left = [posted[0].tweet_id, *(event.tweet_id for event in posted[4:])]
    feed = hashtag_feed(tag)
    first = await people.ports.tweets.feed(feed, before=ID_MAX, limit=2)
    rest = await people.ports.tweets.feed(feed, before=first[-1][0], limit=10)
    assert [tweet for tweet, _ in first + rest] == left
    assert await people.ports.tweets.feed(feed, before=left[-1], limit=10) == []


async def test_many_tweets_at_once_are_all_found(people: People) -> None:
    authors = [people.somebody() for _ in range(90)]
    posted = [await people.post(author) for author in authors]
    found = await people.ports.tweets.authors([event.tweet_id for event in posted])
    assert found == {event.tweet_id: event.author for event in posted}
    assert len(await people.ports.tweets.tweets([(event.author, event.tweet_id) for event in posted])) == 90


async def test_replies_are_listed_and_counted_without_the_deleted_which_keep_their_place_in_the_conversation(
    people: People,
) -> None:
    alice, bob = people.somebody(), people.somebody()
    root = (await people.post(alice)).tweet_id
    posted = [
        await people.post(author, reply_to=root, reply_to_author=alice) for author in (bob, alice, bob, alice, bob, bob)
    ]
    gone = [posted[1], posted[2], posted[5]]
    for event in gone:
        await people.ports.events.commit(people.deletion(event))
        await people.ports.events.commit(event)  # late
    ports, ids = people.ports, [event.tweet_id for event in posted]
    tweets = ports.tweets
    assert await tweets.replies(root, before=ID_MAX, limit=3) == [(ids[4], bob), (ids[3], alice), (ids[0], bob)]
    assert await tweets.replies(root, before=ids[3], limit=9) == [(ids[0], bob)]
    assert (await tweet_counts(ports, root)).replies == 3
    everything = [Reply(event.tweet_id, event.author == alice) for event in posted]
    assert await tweets.replies_after([(root, 0), (ids[0], 0), (root, ids[1])], limit=4) == [
        everything[:4],
        [],
        everything[2:],
    ]
    assert await tweets.self_replies(root, after=0, limit=9) == [everything[1], everything[3]]
    assert await tweets.self_replies(root, after=ids[1], limit=1) == [everything[3]]
    assert await tweets.parents_of_deleted([root, *ids]) == {event.tweet_id: root for event in gone}
    assert await tweets.tweets([(event.author, event.tweet_id) for event in gone]) == {}


async def test_replies_are_listed_past_a_crowd_of_deleted_ones(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    root = (await people.post(alice)).tweet_id
    posted = [await people.post(bob, reply_to=root) for _ in range(20)]
    stay = [posted[at] for at in (0, 1, 4, 19)]
    for event in posted:
        if event not in stay:
            await people.ports.events.commit(people.deletion(event))
    listed = [(event.tweet_id, bob) for event in reversed(stay)]
    for limit in (1, 2, 3, 4, 5, 30):
        assert await people.ports.tweets.replies(root, before=ID_MAX, limit=limit) == listed[:limit]
