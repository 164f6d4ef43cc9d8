"""What everybody must see, in sets and lists: the whole of the product's rules about tweets on one page."""

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from cluster.demo.shapes import Counts, UserCounts
from cluster.demo.trends_model import LiveTweet
from domain.hashtags import folded_tag
from domain.texts import parsed
from storage.gazetteer import gazetteer


class Entry(NamedTuple):
    """A line of a timeline: a tweet or a retweet, and the tweet that it shows."""

    id: int
    original: int


class Span(NamedTuple):
    """When a switch was turned on: it happened after `begun` and before `answered`, in steps of the model's clock."""

    begun: int
    answered: int


Switches = dict[int, Span]
"""Who turned a switch on, and when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tweet:
    """What its author sent."""

    id: int
    author: int
    text: str
    reply_to: int | None = None
    quote_of: int | None = None
    location: str | None = None


class Model:
    """Everything that was acknowledged, and nothing else."""

    def __init__(self) -> None:
        self.users: list[int] = []
        self.tweets: dict[int, Tweet] = {}
        self.deleted: set[int] = set()
        self.following: defaultdict[int, Switches] = defaultdict(dict)
        self.followers: defaultdict[int, Switches] = defaultdict(dict)
        self.likes: defaultdict[int, Switches] = defaultdict(dict)
        self.retweets: defaultdict[int, Switches] = defaultdict(dict)
        self._entries: defaultdict[int, dict[int, Entry]] = defaultdict(dict)
        self._retweet_ids: dict[tuple[int, int], int] = {}
        self._replies: defaultdict[int, set[int]] = defaultdict(set)
        self._quotes: defaultdict[int, set[int]] = defaultdict(set)
        self._now = 0

    def tick(self) -> int:
        """The next step of the model's clock."""
        self._now += 1
        return self._now

    def since(self, begun: int) -> Span:
        """The span from then to now."""
        return Span(begun, self.tick())

    def post(self, tweet: Tweet) -> None:
        self.tweets[tweet.id] = tweet
        self._entries[tweet.author][tweet.id] = Entry(tweet.id, tweet.id)
        if tweet.reply_to is not None:
            self._replies[tweet.reply_to].add(tweet.id)
        if tweet.quote_of is not None:
            self._quotes[tweet.quote_of].add(tweet.id)

    def delete(self, id_: int) -> None:
        tweet = self.tweets.pop(id_)
        self.deleted.add(id_)
        del self._entries[tweet.author][id_]
        if tweet.reply_to is not None:
            self._replies[tweet.reply_to].discard(id_)
        if tweet.quote_of is not None:
            self._quotes[tweet.quote_of].discard(id_)

    def retweet(self, user: int, original: int, entry: int, span: Span) -> None:
        self.retweets[original][user] = span
        self._retweet_ids[user, original] = entry
        self._entries[user][entry] = Entry(entry, original)

    def undo_retweet(self, user: int, original: int) -> None:
        del self.retweets[original][user]
        del self._entries[user][self._retweet_ids.pop((user, original))]

    def like(self, user: int, tweet: int, span: Span) -> None:
        self.likes[tweet][user] = span

    def unlike(self, user: int, tweet: int) -> None:
        del self.likes[tweet][user]

    def follow(self, user: int, target: int, span: Span) -> None:
        self.following[user][target] = span
        self.followers[target][user] = span

    def unfollow(self, user: int, target: int) -> None:
        del self.following[user][target]
        del self.followers[target][user]

    def user_timeline(self, author: int) -> list[Entry]:
        """What somebody wrote and retweeted, as far as it still exists, newest first."""
        return sorted((e for e in self._entries[author].values() if e.original in self.tweets), reverse=True)

    def home(self, user: int) -> list[Entry]:
        """Every entry by the user and whom they follow, newest first; how much of it is shown, `matches_home` says."""
        return sorted((e for who in (user, *self.following[user]) for e in self.user_timeline(who)), reverse=True)

    def counts(self, tweet: int) -> Counts:
        sets = (self.likes[tweet], self.retweets[tweet], self._replies[tweet], self._quotes[tweet])
        return Counts(*map(len, sets))

    def user_counts(self, user: int) -> UserCounts:
        written = sum(tweet.author == user for id_ in self._entries[user] if (tweet := self.tweets.get(id_)))
        return UserCounts(len(self.followers[user]), len(self.following[user]), written)

    def replies(self, tweet: int) -> list[Entry]:
        return sorted((Entry(id_, id_) for id_ in self._replies[tweet]), reverse=True)

    def public(self) -> list[Entry]:
        """Everybody's tweets, replies and quotes, newest first."""
        return sorted((Entry(id_, id_) for id_ in self.tweets), reverse=True)

    def live(self) -> list[LiveTweet]:
        """Everybody's tweets, replies and quotes as trends see them."""
        return [
            LiveTweet(
                id=tweet.id,
                author=tweet.author,
                tags=parsed(tweet.text).hashtags,
                places=gazetteer().places_of(tweet.location),
            )
            for tweet in self.tweets.values()
        ]

    def by_hashtag(self) -> dict[str, list[Entry]]:
        """The tweets of every hashtag (without case), newest first."""
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.public():
            for tag in parsed(self.tweets[entry.id].text).hashtags:
                found[folded_tag(tag)].append(entry)
        return found
