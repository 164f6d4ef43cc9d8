"""The whole of the product's rules about tweets and relations on one page, in sets and lists."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Self

from domain.hashtags import folded_tag
from domain.texts import parsed
from storage.gazetteer import gazetteer
from tests.support.oracle.trends import LiveTweet


class Relation(StrEnum):
    """From a user to a user, or to a tweet."""

    FOLLOW = "follow"
    LIKE = "like"
    RETWEET = "retweet"
    BOOKMARK = "bookmark"
    REQUEST = "follow_request"
    BLOCK = "block"
    MUTE = "mute"
    RETWEETS_HIDDEN = "retweet_hide"


FLAGS: Mapping[str, Relation] = {
    "liked": Relation.LIKE,
    "retweeted": Relation.RETWEET,
    "bookmarked": Relation.BOOKMARK,
}
"""Relations of the viewer that are shown with every tweet, by the name of the field."""


class Entry(NamedTuple):
    """A line of a timeline: a tweet or a retweet, and the tweet that it shows."""

    id: int
    original: int


class Span(NamedTuple):
    """When a relation began: after `begun` and before `answered`, by any clock, the same for all."""

    begun: int
    answered: int


class Place(StrEnum):
    """Where lines are shown, as far as that makes a difference."""

    HOME = "home"
    PUBLIC = "everybody's"
    HASHTAG = "a hashtag's"
    ON_PURPOSE = "on purpose"
    """Profiles, links, conversations, bookmarks."""


ANY_TIME = Span(0, 0)
"""Where nobody looks at the order."""


class Counts(NamedTuple):
    """How often a tweet was engaged with."""

    likes: int = 0
    retweets: int = 0
    replies: int = 0
    quotes: int = 0

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        return cls(*(int(json[f"{name}_count"]) for name in cls._fields))


class UserCounts(NamedTuple):
    """The sizes of a user's sets."""

    followers: int = 0
    following: int = 0
    tweets: int = 0

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        return cls(*(int(json[f"{name}_count"]) for name in cls._fields))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tweet:
    """What its author sent."""

    id: int
    author: int
    text: str
    reply_to: int | None = None
    quote_of: int | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What users say of themselves, and whether they are private."""

    name: str
    bio: str = ""
    private: bool = False

    @classmethod
    def of(cls, json: Mapping[str, Any]) -> Self:
        return cls(name=json["name"], bio=json["bio"], private=json["private"])


class Oracle:
    """Everything that was acknowledged, and nothing else."""

    def __init__(self) -> None:
        self.tweets: dict[int, Tweet] = {}
        self.deleted: set[int] = set()
        self.about: dict[int, About] = {}
        """The profiles of those who edited them."""
        self.private: set[int] = set()
        """The users whose accounts are private."""
        self._targets: defaultdict[tuple[Relation, int], dict[int, Span]] = defaultdict(dict)
        self._sources: defaultdict[tuple[Relation, int], dict[int, Span]] = defaultdict(dict)
        self._entries: defaultdict[int, dict[int, Entry]] = defaultdict(dict)
        self._retweet_ids: dict[tuple[int, int], int] = {}
        self._by: dict[int, int] = {}
        """Who wrote each tweet and made each retweet, those that are gone too."""
        self._replies: defaultdict[int, set[int]] = defaultdict(set)
        self._quotes: defaultdict[int, set[int]] = defaultdict(set)

    # ------------------------------------------------------------------------------------------------------- facts

    def post(self, tweet: Tweet) -> None:
        self.tweets[tweet.id] = tweet
        self._entries[tweet.author][tweet.id] = Entry(tweet.id, tweet.id)
        self._by[tweet.id] = tweet.author
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

    def relate(
        self, relation: Relation, user: int, target: int, span: Span = ANY_TIME, *, entry: int | None = None
    ) -> None:
        """Begin a relation; of a retweet `entry` is the id of its line in timelines."""
        self._targets[relation, user][target] = span
        self._sources[relation, target][user] = span
        if entry is not None:
            self._retweet_ids[user, target] = entry
            self._entries[user][entry] = Entry(entry, target)
            self._by[entry] = user

    def part(self, relation: Relation, user: int, target: int) -> None:
        """End a relation."""
        del self._targets[relation, user][target]
        del self._sources[relation, target][user]
        if relation is Relation.RETWEET:
            del self._entries[user][self._retweet_ids.pop((user, target))]

    # ------------------------------------------------------------------------------------------------------- rules

    def sees(self, viewer: int | None, entry: Entry, place: Place = Place.ON_PURPOSE) -> bool:
        """The rule of visibility, asked for each line of each list; the viewer is None without a token."""
        if entry.original not in self.tweets:
            return False
        if (
            place is Place.HOME
            and entry.id != entry.original
            and self._has(viewer, Relation.RETWEETS_HIDDEN, self._by[entry.id])
        ):
            return False
        return all(self._may_see(viewer, self._by[id_], place) for id_ in entry)

    def may_use(self, user: int, tweet: int, *, share: bool = False) -> bool:
        """Whether somebody may like a tweet or reply to it, or also `share` it: quote or retweet it."""
        return self.sees(user, Entry(tweet, tweet)) and not (share and self._by[tweet] in self.private)

    def lists(self, viewer: int | None, user: int) -> bool:
        """Whether somebody finds a user in lists of users: not if either blocks the other."""
        return not (self._has(viewer, Relation.BLOCK, user) or self._has(user, Relation.BLOCK, viewer))

    def listed(self, viewer: int | None, spans: Mapping[int, Span]) -> Mapping[int, Span]:
        """As many of some users as somebody finds in a list."""
        return {user: span for user, span in spans.items() if self.lists(viewer, user)}

    def opens(self, viewer: int | None, user: int) -> bool:
        """Whether somebody may look through what a user wrote, and their lists; who blocks them may."""
        if viewer == user:
            return True
        if self._has(user, Relation.BLOCK, viewer):
            return False
        return user not in self.private or self._has(viewer, Relation.FOLLOW, user)

    def _may_see(self, viewer: int | None, author: int, place: Place) -> bool:
        if viewer == author:
            return True
        if not (self.opens(viewer, author) and self.lists(viewer, author)):
            return False
        if author in self.private and place is Place.PUBLIC:
            return False
        return place is Place.ON_PURPOSE or not self._has(viewer, Relation.MUTE, author)

    def _has(self, user: int | None, relation: Relation, target: int | None) -> bool:
        return user is not None and target in self._targets[relation, user]

    def in_home(self, viewer: int) -> Collection[int]:
        """The authors whose entries a home timeline is made of."""
        return {viewer, *self.targets(Relation.FOLLOW, viewer)}

    # ------------------------------------------------------------------------------------------------------- lists

    def targets(self, relation: Relation, user: int) -> Mapping[int, Span]:
        """Whom somebody follows, what they like."""
        return self._targets[relation, user]

    def sources(self, relation: Relation, target: int) -> Mapping[int, Span]:
        """Followers, likers, retweeters."""
        return self._sources[relation, target]

    def bookmarks(self, user: int) -> Mapping[int, Span]:
        """What somebody bookmarked, as far as it still exists; nobody else is shown it."""
        kept = self.targets(Relation.BOOKMARK, user)
        return {tweet: span for tweet, span in kept.items() if self.sees(user, Entry(tweet, tweet))}

    def flags(self, viewer: int, tweet: int) -> dict[str, bool]:
        """How the viewer stands to a tweet."""
        return {name: viewer in self.sources(relation, tweet) for name, relation in FLAGS.items()}

    def user_timeline(self, author: int, viewer: int | None = None) -> list[Entry]:
        """What somebody wrote and retweeted, as far as the viewer may see it, newest first."""
        return self._seen(viewer, self._entries[author].values()) if self.opens(viewer, author) else []

    def written(self, author: int) -> list[Entry]:
        """What somebody wrote and retweeted, as far as it still exists, whoever may see it."""
        return sorted((each for each in self._entries[author].values() if each.original in self.tweets), reverse=True)

    def home(self, user: int) -> list[Entry]:
        """Every entry by the user and whom they follow, newest first; how much of it is shown, `matches_home` says."""
        entries = (entry for who in self.in_home(user) for entry in self._entries[who].values())
        return self._seen(user, entries, Place.HOME)

    def replies(self, tweet: int, viewer: int | None = None) -> list[Entry]:
        return self._seen(viewer, (Entry(id_, id_) for id_ in self._replies[tweet]))

    def public(self, viewer: int | None = None, place: Place = Place.PUBLIC) -> list[Entry]:
        """Everybody's tweets, replies and quotes, newest first."""
        return self._seen(viewer, (Entry(id_, id_) for id_ in self.tweets), place)

    def by_hashtag(self, viewer: int | None = None) -> dict[str, list[Entry]]:
        """The tweets of every hashtag (without case), newest first."""
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.public(viewer, Place.HASHTAG):
            for tag in parsed(self.tweets[entry.id].text).hashtags:
                found[folded_tag(tag)].append(entry)
        return found

    def _seen(self, viewer: int | None, entries: Iterable[Entry], place: Place = Place.ON_PURPOSE) -> list[Entry]:
        return sorted((entry for entry in entries if self.sees(viewer, entry, place)), reverse=True)

    # ------------------------------------------------------------------------------------------------------ counts

    def counts(self, tweet: int) -> Counts:
        likes, retweets = (self.sources(relation, tweet) for relation in (Relation.LIKE, Relation.RETWEET))
        return Counts(*map(len, (likes, retweets, self._replies[tweet], self._quotes[tweet])))

    def user_counts(self, user: int) -> UserCounts:
        written = sum(entry.id == entry.original for entry in self._entries[user].values())
        followers, following = self.sources(Relation.FOLLOW, user), self.targets(Relation.FOLLOW, user)
        return UserCounts(len(followers), len(following), written)

    def live(self) -> list[LiveTweet]:
        """Everybody's tweets, replies and quotes as trends see them: without those of private accounts."""
        return [
            LiveTweet(
                id=tweet.id,
                author=tweet.author,
                tags=parsed(tweet.text).hashtags,
                places=gazetteer().places_of(tweet.location),
            )
            for tweet in self.tweets.values()
            if tweet.author not in self.private
        ]
