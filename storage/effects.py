"""What a fact makes stale: one pure function from an event to the cached values and lists to forget.

The command does it right after the commit, so that its author reads their own write; the log's consumer does it
again, in case the command died in between.
"""

from dataclasses import dataclass

from domain.events import (
    Event,
    Followed,
    Liked,
    Retweeted,
    RetweetUndone,
    TweetDeleted,
    TweetPosted,
    Unfollowed,
    Unliked,
    UserReinstated,
    UserSuspended,
)
from storage import keys
from storage.ports.cache import ListKey, ListKind


@dataclass(frozen=True, slots=True)
class Effects:
    """Keys of values to drop, and lists to unlink."""

    values: tuple[str, ...] = ()
    lists: tuple[ListKey, ...] = ()


def effects_of(event: Event) -> Effects:
    """The effects of an event on caches; counts are not among them, they are recounted."""
    match event:
        case TweetDeleted(tweet_id=tweet):
            return Effects((keys.tweet(tweet),))
        case RetweetUndone(user=user, since=retweet):
            return Effects((keys.tweet(retweet), keys.engaged(user)))
        case Retweeted(user=user) | Liked(user=user) | Unliked(user=user):
            return Effects((keys.engaged(user),))
        case Followed(user=user) | Unfollowed(user=user):
            return Effects((keys.following(user),), (ListKey(ListKind.HOME, user),))
        case UserSuspended(user=user) | UserReinstated(user=user):
            return Effects((keys.user(user),))
        case _:
            return Effects()


@dataclass(frozen=True, slots=True)
class Recounts:
    """(Tweet, count) and (user, count) that an event changes, by the names of `TweetCounts` and `UserCounts`."""

    tweets: tuple[tuple[int, str], ...] = ()
    users: tuple[tuple[int, str], ...] = ()


def recounts_of(event: Event) -> Recounts:
    """What must be counted again after an event."""
    match event:
        case Liked(tweet_id=tweet) | Unliked(tweet_id=tweet):
            return Recounts(((tweet, "likes"),))
        case Retweeted(tweet_id=tweet) | RetweetUndone(tweet_id=tweet):
            return Recounts(((tweet, "retweets"),))
        case Followed(user=user, followee=followee) | Unfollowed(user=user, followee=followee):
            return Recounts((), ((user, "following"), (followee, "followers")))
        case TweetPosted() | TweetDeleted():
            related = ((event.reply_to, "replies"), (event.quote_of, "quotes"))
            tweets = tuple((tweet, name) for tweet, name in related if tweet is not None)
            return Recounts(tweets, ((event.author, "tweets"),))
        case _:
            return Recounts()
