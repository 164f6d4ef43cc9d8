"""Projections of events about tweets, and the rows of retweets among tweets."""

from collections.abc import Iterator

from domain.events import Retweeted, TweetDeleted, TweetPosted
from domain.relations import Target
from domain.tweets import Visibility
from storage import keys
from storage.projections.projection import Count, Entry, Projection
from storage.rows import PUBLIC_FEED, Delete, Row, Upsert, Value, feed_slot, hashtag_feed


def tweet_rows(author: int, tweet_id: int, stamp_us: int, values: dict[str, Value]) -> Iterator[Row]:
    """A tweet or retweet by its author, and the author by it."""
    yield Upsert("tweets", (author, tweet_id), stamp_us, values)
    yield Upsert("tweet_authors", (tweet_id,), stamp_us, {"user_id": author})


def retweet_rows(event: Retweeted) -> Iterator[Row]:
    """A retweet among the tweets of its user."""
    values: dict[str, Value] = {"retweet_of": event.tweet_id, "retweet_author": event.author}
    return tweet_rows(event.user, event.event_id, event.stamp_us, values)


def removed_tweet_rows(author: int, tweet_id: int, stamp_us: int) -> Iterator[Row]:
    """Deletes of the rows of a tweet or retweet."""
    yield Delete("tweets", (author, tweet_id), stamp_us)
    yield Delete("tweet_authors", (tweet_id,), stamp_us)


def _posted(event: TweetPosted) -> Iterator[Row]:
    stamp = event.stamp_us
    values: dict[str, Value] = {
        "text": event.text,
        "hashtags": event.hashtags,
        "mentions": event.mentions,
        "reply_to": event.reply_to,
        "quote_of": event.quote_of,
        "location": event.location,
        "visibility": event.visibility or None,
        "mention_ids": event.mention_ids,
        "protected": event.protected or None,
    }
    given: dict[str, Value] = {name: value for name, value in values.items() if value not in (None, ())}
    yield from tweet_rows(event.author, event.tweet_id, stamp, given)
    if event.reply_to is not None:
        if self_reply := event.reply_to_author == event.author:
            yield Upsert("self_replies", (event.reply_to, event.tweet_id), stamp)
        values = {"user_id": event.author} | ({"self_reply": True} if self_reply else {})
        yield Upsert("replies", (event.reply_to, event.tweet_id), stamp, values)
    if event.quote_of is not None:
        yield Upsert("quotes", (event.quote_of, event.tweet_id), stamp, {"user_id": event.author})
    for feed in _feeds(event):
        slot = feed_slot(feed, event.tweet_id)
        yield Upsert("feed_slots", (feed, slot), stamp)
        yield Upsert("feed_tweets", (feed, slot, event.tweet_id), stamp, {"user_id": event.author})


def _deleted(event: TweetDeleted) -> Iterator[Row]:
    stamp = event.stamp_us
    yield from removed_tweet_rows(event.author, event.tweet_id, stamp)
    if event.reply_to is not None:
        # What was replied to it stays, and must be found from above and find what is above.
        yield Upsert("replies", (event.reply_to, event.tweet_id), stamp, {"deleted": True})
        yield Upsert("deleted_replies", (event.tweet_id,), stamp, {"reply_to": event.reply_to})
    if event.quote_of is not None:
        yield Delete("quotes", (event.quote_of, event.tweet_id), stamp)
    for feed in _feeds(event):
        yield Delete("feed_tweets", (feed, feed_slot(feed, event.tweet_id), event.tweet_id), stamp)


def _feeds(event: TweetPosted | TweetDeleted) -> list[str]:
    """The feeds of a tweet; one by a private author stands in them, to be everybody's once they are private no more."""
    return [PUBLIC_FEED, *map(hashtag_feed, event.hashtags)] if event.visibility is Visibility.PUBLIC else []


def _counts(event: TweetPosted | TweetDeleted) -> Iterator[Count]:
    for tweet, name in ((event.reply_to, "replies"), (event.quote_of, "quotes")):
        if tweet is not None:
            yield Count(Target.TWEET, tweet, name, event.tweet_id)
    yield Count(Target.USER, event.author, "tweets", event.tweet_id)


TWEET_POSTED: Projection[TweetPosted] = Projection(
    rows=_posted, recounts=_counts, change=1, entry=lambda event: Entry(event.event_id, event.event_id)
)
TWEET_DELETED: Projection[TweetDeleted] = Projection(
    rows=_deleted, invalidates=lambda event: (keys.tweet(event.tweet_id),), recounts=_counts, change=-1
)
