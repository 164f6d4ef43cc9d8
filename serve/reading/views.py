"""Views of readers, read through, and the lens of one request: of a view, what the authors at hand ask for."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from cachetools import LRUCache

from domain.clock import Clock
from domain.columns import in_sorted
from domain.errors import Forbidden, NotFound
from domain.ids import ID_MAX, UserId
from domain.limits import Limits
from domain.muted_words import FOREVER, WordMatcher
from domain.relations import BLOCK, MUTE, RETWEETS_HIDDEN
from domain.users import PRIVATE
from domain.visibility import Lens, Reason, why_closed
from serve.reading.viewer import ViewerRelations
from storage import keys
from storage.cache_codec import ids_from, ids_value
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

    def ends_ms(self) -> Iterable[int]:
        """The ends of mutes and words."""
        return (*self.view.muted.values(), *(word.end_ms for word in self.view.words))

    def size(self) -> int:
        """Bytes of memory, about."""
        return _ELEMENT_BYTES * (1 + len(self.value) // 8 + (0 if self.words is None else self.words.size))


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
        self.lens = Lens(viewer=viewer, states=self._states, following=self._following, now_ms=views.now_ms())
        self.end_ms = FOREVER
        """The wall time from which on it shows more, though nothing has changed: the next end of a mute or word."""
        self.is_whole = True
        """False if the store is asked of each author, as the view has too many users."""

    async def open(self, cached: Mapping[int, bytes | None]) -> None:
        """Begin with what is `cached` of the reader's view; nothing without a token."""
        if self._viewer is None:
            return
        made = await self._views.read(self._viewer, cached)
        self.end_ms = min((end for end in made.ends_ms() if end > self.lens.now_ms), default=FOREVER)
        self.is_whole = made.view.is_whole
        self.lens = replace(self.lens, words=made.words)
        self._learn(made.view)

    async def add(self, states: Mapping[int, int], restricted: Iterable[int] = ()) -> None:
        """Take in some authors, with their states; `restricted` are those with tweets that are for followers alone."""
        self._states.update((author, state) for author, state in states.items() if state)
        if self._viewer is None:
            return
        asked = {author for author, state in states.items() if state & PRIVATE}.union(restricted) - {self._viewer}
        if asked := asked - self._following:
            self._following |= await self._followed(self._viewer, asked)
        if not self.is_whole and (users := [UserId(author) for author in states if author != self._viewer]):
            self._learn(await self._views.look_up(self._viewer, users))

    def check_open(self, user: UserId) -> None:
        """Raise `NotFound` or `Forbidden` unless the reader may look through what is listed of a user."""
        reason = why_closed(user, self.lens)
        if reason is Reason.PRIVATE:
            raise Forbidden("This account is private.", "private_account")
        if reason is not None:
            raise NotFound("This user does not exist.", "not_found")

    def _learn(self, view: View) -> None:
        self.lens = replace(
            self.lens,
            blocked=view.blocked.union(self.lens.blocked),
            blocked_by=view.blocked_by.union(self.lens.blocked_by),
            muted={**view.muted, **self.lens.muted} if self.lens.muted else view.muted,
            retweets_hidden=view.retweets_hidden.union(self.lens.retweets_hidden),
        )

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
