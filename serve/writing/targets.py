"""Targets of commands: the users and tweets that they refer to."""

from domain.errors import Forbidden, NotFound
from domain.ids import TweetId
from domain.tweets import Tweet, Visibility
from domain.users import PRIVATE
from serve.reading.people import People
from storage.ports.tweets import TweetStore


class Targets:
    """Finds what a command refers to, or raises `NotFound`."""

    def __init__(self, tweets: TweetStore, people: People) -> None:
        self._tweets = tweets
        self.check_user = people.check
        self.latest_user = people.latest

    async def original(self, tweet_id: TweetId) -> Tweet:
        """A tweet itself, or what a retweet shows."""
        tweet = await self.tweet(tweet_id)
        return tweet if tweet.retweet_of is None else await self.tweet(tweet.retweet_of)

    async def shareable(self, tweet_id: TweetId) -> Tweet:
        """Such a tweet, to retweet or quote. Raises `Forbidden` for what not everybody may see, by its author too."""
        tweet = await self.original(tweet_id)
        author = await self.latest_user(tweet.author)
        if tweet.visibility is not Visibility.PUBLIC or author is None or author.state & PRIVATE:
            raise Forbidden("This tweet is not for everybody, and so not to be shared.", "not_public")
        return tweet

    async def tweet(self, tweet_id: TweetId) -> Tweet:
        authors = await self._tweets.authors((tweet_id,))
        found = await self._tweets.tweets([(author, id_) for id_, author in authors.items()])
        if tweet_id not in found:
            raise NotFound("This tweet does not exist.", "not_found")
        return found[tweet_id]
