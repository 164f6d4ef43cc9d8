"""What must be: sets and lists, and what the answers to commands leave open."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Switch = tuple[str, int, int]
"""(`follow`, user, followee), (`like` or `retweet`, user, tweet), (`deleted`, 0, tweet)."""
Outcome = Literal["acknowledged", "refused", "unknown"]


class Entry(NamedTuple):
    """One line of a timeline: its id, and the tweet it shows."""

    id: int
    original: int


@dataclass(slots=True, kw_only=True)
class Post:
    """An attempt to publish; `id` is known if it was acknowledged. Every text is used once."""

    author: int
    text: str
    reply_to: int | None = None
    quote_of: int | None = None
    outcome: Outcome = "unknown"
    id: int | None = None
    clean: bool = False
    """Acknowledged, and no fault was met on the way."""


@dataclass(slots=True)
class Answers:
    """What the answers to commands say. Nobody can tell what a call without an answer did, or in which order two
    overlapping ones took place: such a switch stands as Cassandra has it."""

    posts: dict[str, Post] = field(default_factory=dict)
    _on: dict[Switch, bool] = field(default_factory=dict)
    _under_way: defaultdict[Switch, int] = field(default_factory=lambda: defaultdict(int))
    _crowded: set[Switch] = field(default_factory=set)
    _overlapped: set[Switch] = field(default_factory=set)
    _lost: set[Switch] = field(default_factory=set)

    def begin(self, switch: Switch) -> None:
        if self._under_way[switch]:
            self._crowded.add(switch)
            self._overlapped.add(switch)
        else:
            self._crowded.discard(switch)
        self._under_way[switch] += 1

    def is_crowded(self, switch: Switch) -> bool:
        """Whether it is being turned by several at once, or was when it was turned last."""
        return switch in self._crowded

    def end(self, switch: Switch, outcome: Outcome, on: bool) -> None:
        self._under_way[switch] -= 1
        if outcome == "unknown":
            self._lost.add(switch)
        elif outcome == "acknowledged":
            self._on[switch] = on
            if switch not in self._crowded:
                self._overlapped.discard(switch)

    def known(self, switch: Switch) -> bool | None:
        """How a switch must stand; None if that is open."""
        if switch in self._lost or switch in self._overlapped or self._under_way[switch]:
            return None
        return self._on.get(switch, False)

    def touched(self) -> set[Switch]:
        return self._on.keys() | self._lost


@dataclass(slots=True)
class Truth:
    """The facts, from which everything that is shown follows."""

    tweets: dict[int, Post] = field(default_factory=dict)
    follows: dict[tuple[int, int], int] = field(default_factory=dict)
    """(user, followee) → since; likes and retweets likewise (user, tweet) → since."""
    likes: dict[tuple[int, int], int] = field(default_factory=dict)
    retweets: dict[tuple[int, int], int] = field(default_factory=dict)

    def following(self, user: int) -> list[int]:
        return _latest_first({to: since for (who, to), since in self.follows.items() if who == user})

    def followers(self, user: int) -> list[int]:
        return _latest_first({who: since for (who, to), since in self.follows.items() if to == user})

    def likers(self, tweet: int) -> list[int]:
        return _latest_first({who: since for (who, to), since in self.likes.items() if to == tweet})

    def retweeters(self, tweet: int) -> list[int]:
        return _latest_first({who: since for (who, to), since in self.retweets.items() if to == tweet})

    def replies(self, tweet: int) -> list[int]:
        return sorted((id_ for id_, post in self.tweets.items() if post.reply_to == tweet), reverse=True)

    def quotes(self, tweet: int) -> list[int]:
        return [id_ for id_, post in self.tweets.items() if post.quote_of == tweet]

    def written(self, author: int) -> list[int]:
        return [id_ for id_, post in self.tweets.items() if post.author == author]

    def timeline(self, author: int) -> list[Entry]:
        """What somebody wrote, and what they retweeted of what still exists, newest first."""
        retweets = [Entry(since, to) for (who, to), since in self.retweets.items() if who == author]
        shown = [Entry(id_, id_) for id_ in self.written(author)] + [e for e in retweets if e.original in self.tweets]
        return sorted(shown, reverse=True)

    def home(self, user: int) -> list[Entry]:
        """Everything by the user and whom they follow, newest first."""
        return sorted((e for who in (user, *self.following(user)) for e in self.timeline(who)), reverse=True)

    def tweet_counts(self, tweet: int) -> tuple[int, int, int, int]:
        """Likes, retweets, replies, quotes."""
        return (
            len(self.likers(tweet)),
            len(self.retweeters(tweet)),
            len(self.replies(tweet)),
            len(self.quotes(tweet)),
        )

    def user_counts(self, user: int) -> tuple[int, int, int]:
        """Followers, following, tweets."""
        return len(self.followers(user)), len(self.following(user)), len(self.written(user))


def deduplicated_above(floor: int, entries: list[Entry]) -> list[Entry]:
    """A home timeline: above the floor each tweet stands at its newest entry, below it every entry is shown."""
    shown: list[Entry] = []
    seen: set[int] = set()
    for entry in entries:
        if entry.id <= floor or entry.original not in seen:
            shown.append(entry)
        seen.add(entry.original)
    return shown


def shows(shown: list[Entry], entries: list[Entry]) -> bool:
    """Whether there is a floor (the server's own business) under which `entries` are shown like this."""
    return any(shown == deduplicated_above(floor, entries) for floor in (0, *(entry.id for entry in entries)))


def _latest_first(since: dict[int, int]) -> list[int]:
    return sorted(since, key=lambda id_: since[id_], reverse=True)
