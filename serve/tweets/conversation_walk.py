"""Walks the replies below a tweet in preorder, from any place on, reading ahead what is next to it."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from domain.conversations import Below
from domain.ids import TweetId
from storage.ports.tweets import Reply, TweetStore

_AHEAD = 20
"""Replies to each reply that are read before anybody asks."""


class Node(NamedTuple):
    """A reply, deleted or not: what it replies to, and the place after it."""

    id: TweetId
    parent: TweetId
    place: Below

    @property
    def own(self) -> bool:
        """True if it is the author's own continuation."""
        return self.place.branch == self.id


@dataclass(slots=True)
class _Window:
    """Replies to one tweet that were read, oldest first; `complete` if there are no more after them."""

    replies: deque[Reply]
    last: int
    complete: bool
    read_ahead: bool = False
    """True if the replies to these replies were read."""


class ConversationWalk:
    """One request's walk; `place` is where to go on. It ends, or gives up after `reads_max` lists and parents."""

    def __init__(
        self,
        tweets: TweetStore,
        top: TweetId,
        place: Below,
        parent_of: Callable[[TweetId], Awaitable[TweetId | None]],
        reads_max: int,
    ) -> None:
        self.place = place
        self.ended = False
        self._tweets = tweets
        self._top = top
        self._parent_of = parent_of
        self._reads_left = reads_max
        self._parents: dict[TweetId, TweetId] = {}
        self._windows: dict[tuple[TweetId, bool], _Window] = {}

    @property
    def gave_up(self) -> bool:
        """True if it read as much as one request may."""
        return not self.ended and self._reads_left <= 0

    async def take(self, want: int) -> list[Node]:
        """The next nodes; fewer at the end, or when it gives up."""
        found: list[Node] = []
        while len(found) < want and not self.ended:
            window = await self._window(want - len(found))
            if window is None:
                break
            if (reply := self._next_in(window)) is not None:
                parent, self.place = self.place.parent, self.place.entered(reply)
                self._parents[reply] = parent
                found.append(Node(reply, parent, self.place))
            elif window.complete:
                await self._leave()
            else:  # what was passed over counts, or a walk that gives up here would begin here again
                self.place = replace(self.place, after=window.last)
        return found

    def _next_in(self, window: _Window) -> TweetId | None:
        while window.replies:
            reply = window.replies.popleft()
            if self._is_next(reply):
                return reply.id
        return None

    def _is_next(self, reply: Reply) -> bool:
        place = self.place
        listed_before = place.others and place.parent == place.branch  # the author's own replies came first
        return reply.id > place.after and not (listed_before and reply.self_reply)

    async def _leave(self) -> None:
        """Go on with the other replies to the parent, or after it."""
        place = self.place
        if not place.others:
            self.place = Below(place.branch, place.parent, others=True)
            return
        if place.parent == self._top:
            self.ended = True
            return
        above = self._parents.get(place.parent)
        if above is None:
            self._reads_left -= 1
            above = await self._parent_of(place.parent)
        if above is None:  # no cursor of this conversation
            self.ended = True
        else:
            self.place = place.left(above)

    async def _window(self, want: int) -> _Window | None:
        """The known part of the list that the place is in, with at least one more of it if there is one."""
        key = (self.place.parent, self.place.others)
        window = self._windows.get(key)
        if window is None or not (window.replies or window.complete):
            if self._reads_left <= 0:
                return None
            self._reads_left -= 1
            tweet, after = self.place.parent, self.place.after if window is None else window.last
            if self.place.others:
                (replies,) = await self._tweets.replies_after([(tweet, after)], limit=want)
            else:
                replies = await self._tweets.self_replies(tweet, after=after, limit=want)
            window = self._windows[key] = _window_of(replies, want, after)
        if self.place.others and not window.read_ahead:
            window.read_ahead = True
            await self._read_ahead([reply.id for reply in window.replies if self._is_next(reply)])
        return window

    async def _read_ahead(self, tweets: Sequence[TweetId]) -> None:
        wanted = [tweet for tweet in tweets if (tweet, True) not in self._windows][: max(0, self._reads_left)]
        if not wanted:
            return
        self._reads_left -= len(wanted)
        found = await self._tweets.replies_after([(tweet, 0) for tweet in wanted], limit=_AHEAD)
        for tweet, replies in zip(wanted, found, strict=True):
            self._windows[tweet, True] = _window_of(replies, _AHEAD, 0)


def _window_of(replies: Sequence[Reply], limit: int, after: int) -> _Window:
    return _Window(deque(replies), replies[-1].id if replies else after, len(replies) < limit)
