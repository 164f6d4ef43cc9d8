"""What a fact makes stale: one pure function from an event to the cached values and lists to forget.

The command does it right after the commit, so that its author reads their own write; the log's consumer does it
again, in case the command died in between.
"""

from dataclasses import dataclass

from domain.events import Event, Followed, Liked, Retweeted, RetweetUndone, TweetDeleted, Unfollowed, Unliked
from storage import keys
from storage.ports import ListKey, ListKind


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
        case _:
            return Effects()


@dataclass(frozen=True, slots=True)
class Recounts:
    """Tweets and users whose counts an event changes."""

    tweets: tuple[int, ...] = ()
    users: tuple[int, ...] = ()


def recounts_of(event: Event) -> Recounts:
    """Whose counts must be taken again after an event."""
    match event:
        case (
            Liked(tweet_id=tweet) | Unliked(tweet_id=tweet) | Retweeted(tweet_id=tweet) | RetweetUndone(tweet_id=tweet)
        ):
            return Recounts((tweet,))
        case Followed(user=user, followee=followee) | Unfollowed(user=user, followee=followee):
            return Recounts((), (user, followee))
        case _:
            related = (getattr(event, "reply_to", None), getattr(event, "quote_of", None))
            return Recounts(tuple(tweet for tweet in related if tweet is not None), (event.actor,))
