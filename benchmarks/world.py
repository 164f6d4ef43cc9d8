"""People, tweets and who reads whom, put into the stores; and what a reader's first page must then be."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks import seeding
from benchmarks.effort import CONNECTIONS, PAGE_TWEETS, Effort
from cluster.state import Endpoints
from domain.clock import SystemClock
from domain.ids import SessionId, TweetId, UserId, first_id_at
from domain.users import User
from serve.accounts.key_ring import KeyRing
from serve.accounts.tokens import AccessTokens
from storage.stores import Stores

_SEED = 11
_DAY_MS = 86_400_000
_TEXT = "Number {}: the tide comes in at seven, and the boats go out with it, whatever the weather says."
_CLOCK = SystemClock()


class Tokens:
    """Access tokens of people who never logged in, signed with the service's own key."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._sessions = AccessTokens(KeyRing(endpoints.data_dir / "keys" / "jwt", _CLOCK), _CLOCK)
        self._session = SessionId(first_id_at(_CLOCK.now_ms()))

    def of(self, user: int) -> str:
        """A fresh token."""
        return self._sessions.issue(UserId(user), self._session)


@dataclass(slots=True, kw_only=True)
class World:
    """A population at one scale."""

    users: list[int]
    readers: list[int]
    """Those of them who follow others."""
    followees: dict[int, list[int]]
    tweets: dict[int, list[int]]
    """Ids by author."""
    texts: dict[int, str] = field(default_factory=dict)

    def first_page(self, reader: int) -> list[tuple[str, str]]:
        """Id and text of what the reader must see."""
        ids = sorted((t for a in (reader, *self.followees[reader]) for t in self.tweets.get(a, ())), reverse=True)
        return [(str(tweet), self.texts[tweet]) for tweet in ids[:PAGE_TWEETS]]


class Seeder:
    """Makes worlds, each of people of its own; their tweets lie in the past."""

    def __init__(self, stores: Stores) -> None:
        self._session = stores.cassandra.session
        self._rng = np.random.default_rng(_SEED)
        self._people = first_id_at(_CLOCK.now_ms() - 90 * _DAY_MS)
        self._tweet_ms = _CLOCK.now_ms() - 30 * _DAY_MS

    async def world(self, effort: Effort, times: int) -> World:
        """A world at `times` the size in users, tweets and followees."""
        return await self.of(effort.users * times, CONNECTIONS, effort.followees * times, effort.tweets_each)

    async def of(self, users: int, readers: int, followees: int, tweets_each: int) -> World:
        """So many users with tweets each, and readers among them with followees each."""
        people = await self.people(users)
        chosen = people[:readers]
        world = World(
            users=people,
            readers=chosen,
            followees={reader: self._others(people, reader, followees) for reader in chosen},
            tweets={person: [] for person in people},
        )
        for author in self._rng.permutation(people * tweets_each).tolist():
            tweet = self._new_tweet()
            world.tweets[author].append(tweet)
            world.texts[tweet] = _TEXT.format(tweet)
        written = ((author, [(t, world.texts[t]) for t in made]) for author, made in world.tweets.items())
        await seeding.write_rows(self._session, (row for each in written for row in seeding.tweets(*each)))
        edges = world.followees.items()
        await seeding.write_rows(self._session, (row for edge in edges for row in seeding.following(*edge)))
        return world

    async def people(self, number: int) -> list[int]:
        """Users without tweets or followers."""
        ids = [self._people + (n << 12) for n in range(1, number + 1)]
        self._people = ids[-1]
        users = [User(id=UserId(id_), username=f"u{id_ >> 12 & 0xFFFFFFFFF:x}", name="Somebody") for id_ in ids]
        await seeding.write_rows(self._session, seeding.users(users))
        return ids

    async def tweet(self, author: int) -> int:
        """A tweet of an author."""
        id_ = self._new_tweet()
        await seeding.write_rows(self._session, seeding.tweets(author, [(id_, _TEXT.format(id_))]))
        return id_

    async def follow(self, author: int, followers: Sequence[int]) -> None:
        """Have people follow an author, as the fan-out sees it."""
        await seeding.write_rows(self._session, seeding.followers(author, followers))

    def _others(self, people: list[int], reader: int, number: int) -> list[int]:
        chosen = self._rng.choice(people, number + 1, replace=False).tolist()
        return [person for person in chosen if person != reader][:number]

    def _new_tweet(self) -> TweetId:
        self._tweet_ms += 1
        return TweetId(first_id_at(self._tweet_ms))
