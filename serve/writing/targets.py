"""Targets of commands: the users and tweets that they refer to."""

from domain.errors import Forbidden, NotFound
from domain.ids import TweetId, UserId
from domain.tweets import Tweet, Visibility
from domain.users import PRIVATE
from domain.visibility import LINK
from serve.reading.readers import Readers
from storage.ports.tweets import TweetStore


class Hidden(NotFound):
    """It is there, and its user may not know."""


class Targets:
    """Finds what a command refers to, or raises `NotFound`."""

    def __init__(self, tweets: TweetStore, readers: Readers) -> None:
        self._tweets = tweets
        self._readers = readers
        self.check_user = readers.people.check
        self.latest_user = readers.people.latest

    async def original(self, user: UserId, tweet_id: TweetId, *, for_everybody: bool = False) -> Tweet:
        """A tweet itself, or what a retweet shows. Raises `Hidden`.

        Raises `Forbidden` if it must be `for_everybody`, and is not.
        """
        tweet = await self.tweet(tweet_id)
        original = tweet if tweet.retweet_of is None else await self.tweet(tweet.retweet_of)
        reader = await self._readers.tweets(user)
        await reader.read((tweet_id,))
        if not reader.seen_on(LINK)(tweet_id):
            raise Hidden("This tweet does not exist.", "not_found")
        is_private = reader.authors[original.author].state & PRIVATE
        if for_everybody and (is_private or original.visibility is not Visibility.PUBLIC):
            raise Forbidden("This tweet is not for everybody.", "not_public")
        return original

    async def tweet(self, tweet_id: TweetId) -> Tweet:
        authors = await self._tweets.authors((tweet_id,))
        found = await self._tweets.tweets([(author, id_) for id_, author in authors.items()])
        if tweet_id not in found:
            raise NotFound("This tweet does not exist.", "not_found")
        return found[tweet_id]
