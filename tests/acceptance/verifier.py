"""Comparison of everything that can be read with the oracle."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import zip_longest
from typing import TypeVar

from rich.progress import Progress

from cluster.client.api import UnexpectedAnswer
from cluster.client.pool import each_with_bar
from domain.ids import time_ms
from domain.trends.tag_counts import GLOBAL, Trend
from domain.trends.windows import WINDOWS
from tests.acceptance.world import World
from tests.support.api_user import HOME, ApiUser, trends
from tests.support.oracle.comparison import matches_home, matches_latest_first, matches_list
from tests.support.oracle.oracle import About, Entry, Relation, Span
from tests.support.oracle.trends import trends_of
from tests.support.shapes import Shown

_HASHTAGS = 10
"""So many of the most and of the least used hashtags are compared."""
_REPEAT_S = 0.5
_SHOWN_MAX = 5

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared of one kind, what differed in the end, and how many were right only at a second look."""

    name: str
    compared: int
    differences: tuple[str, ...]
    late: int

    def shown(self) -> Sequence[str]:
        """The first few differences."""
        more = len(self.differences) - _SHOWN_MAX
        return [*self.differences[:_SHOWN_MAX], *([f"and {more} more"] if more > 0 else [])]


class Verifier:
    """Compares a system at rest with the oracle.

    What differs is looked at again until `settle_s` after the verifier was made, as the last deliveries and counts may
    still be under way; what differs then is a difference, even if the next look does not show it: that tells a faulty
    read from something lost. `strict` says that nobody else uses the system.
    """

    def __init__(self, world: World, *, settle_s: float, strict: bool, maybe: Collection[str] = frozenset()) -> None:
        """`maybe` are texts that were sent and not answered: they may be shown, or not."""
        self._world = world
        self._oracle = world.oracle
        self._strict = strict
        self._maybe = maybe
        self._clock = asyncio.get_running_loop().time
        self._begun_s = self._clock()
        self._deadline_s = self._begun_s + settle_s
        self.settled_s = 0.0
        """How long after the verifier was made the last late one was right."""

    async def everything(self, bars: Progress) -> list[Comparison]:
        """Compare all there is."""
        oracle, members = self._oracle, self._world.members
        counts = {tweet: oracle.counts(tweet) for tweet in oracle.tweets}
        liked = [tweet for tweet, its in counts.items() if its.likes]
        retweeted = [tweet for tweet, its in counts.items() if its.retweets]
        answered = [tweet for tweet, its in counts.items() if its.replies]
        self._by_hashtag = oracle.by_hashtag(self._reader().id)
        tags = sorted(self._by_hashtag, key=lambda tag: len(self._by_hashtag[tag]), reverse=True)
        some_tags = list(dict.fromkeys([*tags[:_HASHTAGS], *tags[-_HASHTAGS:]]))
        return [
            await self.homes(bars),
            await self._compare("user timelines", members, self._user_timeline, bars),
            await self._compare("user counts", members, self._profile, bars),
            await self._compare("tweet counts", list(oracle.tweets), self._counts, bars),
            await self._compare("deleted tweets", list(oracle.deleted), self._deleted, bars),
            await self._compare("followers", members, self._followers, bars),
            await self._compare("following", members, self._following, bars),
            await self._compare("likers", liked, self._likers, bars),
            await self._compare("retweeters", retweeted, self._retweeters, bars),
            await self._compare("replies", answered, self._replies, bars),
            await self._compare("hashtags", some_tags, self._hashtag, bars),
            await self._compare("public timeline", [self._reader()], self._public, bars),
            *([await self._compare("trends", self._trends_asked(), self._trends, bars)] if self._strict else ()),
        ]

    async def homes(self, bars: Progress, name: str = "home timelines") -> Comparison:
        """Compare every home timeline, to its last page."""
        return await self._compare(name, self._world.members, self._home, bars)

    async def _compare(
        self, name: str, subjects: Sequence[S], check: Callable[[S], Awaitable[str | None]], bars: Progress
    ) -> Comparison:
        differences: list[str] = []
        late = 0

        async def compare(subject: S) -> None:
            nonlocal late
            difference = await self._words(check, subject)
            if difference is not None:
                late += 1
                while difference is not None and self._clock() < self._deadline_s:
                    await asyncio.sleep(_REPEAT_S)
                    difference = await self._words(check, subject)
                if difference is not None:
                    await asyncio.sleep(_REPEAT_S)
                    lasts = await self._words(check, subject) is not None
                    differences.append(difference if lasts else f"{difference} (but not at the next look)")
                else:
                    self.settled_s = max(self.settled_s, self._clock() - self._begun_s)

        await each_with_bar(bars, f"Comparing {name}", compare, subjects, at_once=self._world.api.at_once)
        return Comparison(name, len(subjects), tuple(differences), late - len(differences))

    async def _words(self, check: Callable[[S], Awaitable[str | None]], subject: S) -> str | None:
        try:
            return await check(subject)
        except UnexpectedAnswer as failure:
            return str(failure)

    async def _home(self, member: ApiUser) -> str | None:
        shown = await member.tweets("home", HOME)
        shown = [tweet for tweet in shown if tweet.text not in self._maybe]
        difference = matches_home(_lines(shown), self._oracle.home(member.id))
        if difference is not None:
            difference += self._by_author(member, shown)
        return _of(f"home of {member.username}", difference or self._content(member, shown))

    async def _user_timeline(self, member: ApiUser) -> str | None:
        shown = await member.tweets("user timeline", f"/timeline/user/{member.id}")
        difference = matches_list(_lines(shown), self._oracle.user_timeline(member.id, member.id))
        return _of(f"timeline of {member.username}", difference or self._content(member, shown))

    async def _profile(self, member: ApiUser) -> str | None:
        at = self._world.members.index(member)
        others = (*self._world.members[at + 1 :], *self._world.members[:at])
        viewer = next(other for other in others if self._oracle.lists(other.id, member.id))
        profile = await viewer.profile(member.id)
        found = (profile.about, profile.counts, profile.following, profile.followed_by)
        expected = (
            self._about(member.id),
            self._oracle.user_counts(member.id),
            member.id in self._oracle.targets(Relation.FOLLOW, viewer.id),
            viewer.id in self._oracle.targets(Relation.FOLLOW, member.id),
        )
        return None if found == expected else f"{member.username} is {found} instead of {expected}"

    async def _counts(self, tweet: int) -> str | None:
        found, expected = await self._author(tweet).counts(tweet), self._oracle.counts(tweet)
        return None if found == expected else f"tweet {tweet} has {found} instead of {expected}"

    async def _deleted(self, tweet: int) -> str | None:
        found = await self._reader().tweet(tweet)
        return None if found is None else f"tweet {tweet} is there after its delete"

    async def _followers(self, member: ApiUser) -> str | None:
        spans = self._oracle.sources(Relation.FOLLOW, member.id)
        return await self._people(member, f"/users/{member.id}/followers", spans)

    async def _following(self, member: ApiUser) -> str | None:
        spans = self._oracle.targets(Relation.FOLLOW, member.id)
        return await self._people(member, f"/users/{member.id}/following", spans)

    async def _likers(self, tweet: int) -> str | None:
        spans = self._oracle.sources(Relation.LIKE, tweet)
        return await self._people(self._author(tweet), f"/tweets/{tweet}/likers", spans)

    async def _retweeters(self, tweet: int) -> str | None:
        spans = self._oracle.sources(Relation.RETWEET, tweet)
        return await self._people(self._author(tweet), f"/tweets/{tweet}/retweeters", spans)

    async def _people(self, reader: ApiUser, path: str, spans: Mapping[int, Span]) -> str | None:
        shown = await reader.users(path.rpartition("/")[2], path)
        return _of(path, matches_latest_first(shown, self._oracle.listed(reader.id, spans)))

    async def _replies(self, tweet: int) -> str | None:
        reader = self._author(tweet)
        shown = await reader.tweets("replies", f"/tweets/{tweet}/replies")
        expected = self._oracle.replies(tweet, reader.id)
        return _of(f"replies to {tweet}", matches_list(_lines(shown), expected))

    async def _hashtag(self, tag: str) -> str | None:
        return await self._feed(f"/timeline/hashtag/{tag}", self._by_hashtag[tag])

    async def _public(self, reader: ApiUser) -> str | None:
        return await self._feed("/timeline/public", self._oracle.public(reader.id))

    def _trends_asked(self) -> list[tuple[str, str | None]]:
        """Every window, everywhere and at every place that somebody named."""
        self._live = self._oracle.live()
        places = sorted({place for tweet in self._live for place in tweet.places})
        return [(window, place) for window in WINDOWS for place in (None, *places)]

    async def _trends(self, asked: tuple[str, str | None]) -> str | None:
        """A window at a place, as of the moment that the answer names: all of every trend, and their order."""
        window, place = asked
        answer = await trends(self._world.api, window, place)
        as_of_ms = round(datetime.fromisoformat(str(answer["as_of"])).timestamp() * 1000)
        if self._live and as_of_ms < time_ms(max(tweet.id for tweet in self._live)):
            return f"trends of {window} at {place} end at {answer['as_of']}, before the last tweet"
        expected = [_trend(t) for t in trends_of(self._live, WINDOWS[window], place or GLOBAL, as_of_ms)]
        for at, (seen, wanted) in enumerate(zip_longest(answer["trends"], expected), 1):
            if seen is None or wanted is None or {name: seen[name] for name in wanted} != wanted:
                return f"trend {at} of {window} at {place} as of {answer['as_of']} is {seen} instead of {wanted}"
        return None

    async def _feed(self, path: str, expected: Sequence[Entry]) -> str | None:
        down_to = 0 if self._strict else min(expected, default=Entry(0, 0)).id
        shown = await self._reader().tweets("feed", path, down_to=down_to)
        if not self._strict:
            shown = [tweet for tweet in shown if tweet.author in self._world.by_id]
        return _of(path, matches_list(_lines(shown), expected))

    def _about(self, user: int) -> About:
        """What somebody says of themselves; at first their name is the one that they logged in with."""
        about = self._oracle.about.get(user) or About(name=self._world.by_id[user].username)
        return replace(about, private=user in self._oracle.private)

    def _author(self, tweet: int) -> ApiUser:
        """Who wrote it, from whom it is not hidden."""
        return self._world.by_id[self._oracle.tweets[tweet].author]

    def _reader(self) -> ApiUser:
        return self._world.members[0]

    def _by_author(self, member: ApiUser, shown: Sequence[Shown]) -> str:
        """Whose entries are not shown, and of how many: it tells a lost delivery from a lost follow."""
        originals = {tweet.original for tweet in shown}
        parts = []
        for author in self._oracle.in_home(member.id):
            entries = self._oracle.user_timeline(author, member.id)
            unmet = sum(entry.original not in originals for entry in entries)
            if unmet:
                parts.append(f"{unmet} of {len(entries)} by {self._world.by_id[author].username}")
        return f" ({', '.join(parts)})" if parts else ""

    def _content(self, viewer: ApiUser, shown: Sequence[Shown]) -> str | None:
        """What the entries say: text, author, counts, and what the viewer did to them."""
        for entry in shown:
            tweet = self._oracle.tweets[entry.original]
            found = (entry.original_author, entry.original_name, entry.text, entry.counts, entry.flags)
            flags = self._oracle.flags(viewer.id, tweet.id)
            name = self._about(tweet.author).name
            expected = (tweet.author, name, tweet.text, self._oracle.counts(tweet.id), flags)
            if found != expected:
                return f"tweet {tweet.id} is shown as {found} instead of {expected}"
        return None


def _lines(shown: Sequence[Shown]) -> list[Entry]:
    return [tweet.line for tweet in shown]


def _trend(trend: Trend) -> dict[str, object]:
    """A trend as it is answered, its time of beginning apart."""
    return {
        "tag": trend.tag,
        "count": trend.count,
        "unique_authors": trend.unique_authors,
        "velocity": trend.count / trend.previous if trend.previous else None,
        "is_new": not trend.previous,
        "score": trend.score,
        "tweets": [str(id_) for id_ in trend.tweets],
    }


def _of(what: str, difference: str | None) -> str | None:
    return None if difference is None else f"{what}: {difference}"
