"""Views of readers, read through, and the lens of one request: of a view, what the authors at hand ask for."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from cachetools import LRUCache

from domain.clock import Clock
from domain.columns import in_sorted
from domain.errors import Forbidden
from domain.ids import ID_MAX, UserId
from domain.limits import Limits
from domain.muted_words import FOREVER, WordMatcher
from domain.relations import BLOCK, MUTE, RETWEETS_HIDDEN
from domain.users import PRIVATE
from domain.visibility import Lens, Reason, why_closed
from serve.reading.people import no_user
from serve.reading.viewer import ViewerRelations
from storage import keys
from storage.cache_codec import Person, Profile, ids_from, ids_value
from storage.ports import Ports
from storage.ports.cache import CacheStore
from storage.read_through import Fetch, ReadThrough, multi_get
from storage.view_codec import View, view_from, view_value
from telemetry import metrics

_READ_ASIDE_BYTES = 4_096
"""A longer value may hold so many words that reading it would hold up others."""
_ELEMENT_BYTES = 300
"""Memory of an id or of a matcher's state, or more."""


class ReadView(NamedTuple):
    """A view as it is cached, and what is made of it."""

    value: bytes
    view: View
    words: WordMatcher | None

    def size(self) -> int:
        """Bytes of memory, about."""
        return _ELEMENT_BYTES * (1 + len(self.value) // 8 + (0 if self.words is None else self.words.size))


NOTHING = ReadView(view_value(View()), View(), None)
"""Of most people."""


class Views:
    """Views of readers. One that does not change is made once."""

    def __init__(
        self, cache: CacheStore, ports: Ports, relations: ViewerRelations, clock: Clock, limits: Limits
    ) -> None:
        self._relations, self._words = ports.relations, ports.muted_words
        self._ids_max = limits.view_ids_max
        self._made: LRUCache[UserId, ReadView] = LRUCache(limits.views_bytes_max, ReadView.size)
        self.now_ms = clock.now_ms
        self.following = relations.following
        self.values = ReadThrough(cache, limits, kind="view", key=keys.view, load=self._load)

    async def read(self, viewer: UserId, cached: Mapping[int, bytes | None]) -> ReadView:
        """The view of a reader, from what is `cached` of it."""
        value = (await self.values.fill_missing(cached))[viewer]
        if value == NOTHING.value:
            return NOTHING
        made = self._made.get(viewer)
        if made is None or made.value != value:
            made = _made(value) if len(value) < _READ_ASIDE_BYTES else await asyncio.to_thread(_made, value)
            self._made[viewer] = made
        return made

    async def look_up(self, viewer: UserId, users: Collection[UserId]) -> View:
        """As much of a view as concerns some users, from the store."""
        metrics.SAFEGUARDS.record(safeguard="view_overflow")
        from_viewer, to_viewer = [(viewer, user) for user in users], [(user, viewer) for user in users]
        all_ = await asyncio.gather(
            self._relations.states(BLOCK, from_viewer),
            self._relations.states(BLOCK, to_viewer),
            self._relations.states(MUTE, from_viewer),
            self._relations.states(RETWEETS_HIDDEN, from_viewer),
        )
        blocked, blocked_by, muted, hidden = (
            {user: state.details for user, state in zip(users, states, strict=True) if state.active} for states in all_
        )
        return View(
            blocked=frozenset(blocked),
            blocked_by=frozenset(blocked_by),
            muted={user: _end_ms(details) for user, details in muted.items()},
            retweets_hidden=frozenset(hidden),
        )

    async def _load(self, ids: list[int]) -> dict[int, bytes]:
        return dict(zip(ids, await asyncio.gather(*(self._value(UserId(id_)) for id_ in ids)), strict=True))

    async def _value(self, user: UserId) -> bytes:
        blocked, blocked_by, muted, hidden, words = await asyncio.gather(
            self._relations.all_targets(BLOCK, user),
            self._relations.sources(BLOCK, user, before=ID_MAX, limit=self._ids_max + 1),
            self._relations.details(MUTE, user),
            self._relations.all_targets(RETWEETS_HIDDEN, user),
            self._words.words(user),
        )
        if max(len(blocked), len(blocked_by), len(muted), len(hidden)) > self._ids_max:
            return view_value(View(words=tuple(words), is_whole=False))
        return view_value(
            View(
                blocked=frozenset(target for target, _ in blocked),
                blocked_by=frozenset(source for source, _ in blocked_by),
                muted={target: _end_ms(details) for target, details in muted.items()},
                retweets_hidden=frozenset(target for target, _ in hidden),
                words=tuple(words),
            )
        )


class RequestLens:
    """The lens of one request, complete for the authors at hand."""

    def __init__(self, viewer: UserId | None, views: Views, fetch: Fetch) -> None:
        self._viewer = viewer
        self._views = views
        self._fetch = fetch
        self._states: dict[int, int] = {}
        self._following: set[int] = set()
        self._ends_ms: Iterable[int] = ()
        self.lens = Lens(viewer=viewer, states=self._states, following=self._following, now_ms=views.now_ms())
        self.is_whole = True
        """False if the store is asked of each author, as the view has too many users."""

    @property
    def end_ms(self) -> int:
        """The wall time from which on it shows more, though nothing has changed: the next end of a mute or word."""
        return min((end for end in self._ends_ms if end > self.lens.now_ms), default=FOREVER)

    async def open(self, cached: Mapping[int, bytes | None]) -> None:
        """Begin with what is `cached` of the reader's view; nothing without a token."""
        if self._viewer is None:
            return
        made = await self._views.read(self._viewer, cached)
        if made is NOTHING:
            return
        view = made.view
        self._ends_ms = view.ends_ms
        self.is_whole = view.is_whole
        self.lens = replace(
            self.lens,
            blocked=view.blocked,
            blocked_by=view.blocked_by,
            muted=view.muted,
            retweets_hidden=view.retweets_hidden,
            words=made.words,
        )

    async def add(self, people: Mapping[int, Person | Profile], for_followers: Iterable[int] = ()) -> None:
        """Take in some authors; some tweets at hand are `for_followers` of these or earlier ones alone."""
        states = {id_: person.state for id_, person in people.items() if person.state}
        self._states |= states
        if self._viewer is None:
            return
        asked = {id_ for id_, state in states.items() if state & PRIVATE}.union(for_followers)
        if asked := asked - self._following - {self._viewer}:
            self._following |= await self._followed(self._viewer, asked)
        if not self.is_whole and (users := [UserId(id_) for id_ in people if id_ != self._viewer]):
            found, lens = await self._views.look_up(self._viewer, users), self.lens
            self.lens = replace(
                lens,
                blocked=found.blocked.union(lens.blocked),
                blocked_by=found.blocked_by.union(lens.blocked_by),
                muted={**found.muted, **lens.muted},
                retweets_hidden=found.retweets_hidden.union(lens.retweets_hidden),
            )

    def check_open(self, user: UserId) -> None:
        """Raise `NotFound` or `Forbidden` unless the reader may look through what is listed of a user."""
        reason = why_closed(user, self.lens)
        if reason is Reason.PRIVATE:
            raise Forbidden("This account is private.", "private_account")
        if reason is not None:
            raise no_user()

    async def _followed(self, viewer: UserId, users: Iterable[int]) -> set[int]:
        """Those of some users whom the reader follows."""
        following = self._views.following
        (cached,) = await multi_get(self._fetch, (following.key, (viewer,)))
        asked = ids_from(ids_value(list(users)))
        return set(asked[in_sorted(asked, ids_from((await following.fill_missing(cached))[viewer]))].tolist())


def _made(value: bytes) -> ReadView:
    view = view_from(value)
    return ReadView(value, view, WordMatcher(view.words) if view.words else None)


def _end_ms(details: tuple[int, ...]) -> int:
    """The end of a mute, from what is kept of it."""
    return details[MUTE.details.index("until_ms")] or FOREVER
