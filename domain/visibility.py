"""The lens: what a reader may see of others, decided at read from what came with the page.

Whatever is listed is a hint. One function decides about a tweet, in as much time as it takes to look up its author, the
same on every surface; so it holds from the next read on, for what is old too, and undoing brings all back.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from domain.ids import UserId
from domain.muted_words import WordMatcher, WordSurface
from domain.tweets import Visibility
from domain.users import PRIVATE, SUSPENDED


class Reason(StrEnum):
    """The reasons for which a tweet is not shown, as a tombstone gives them; the first that holds."""

    DELETED = "deleted"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"
    PRIVATE = "private"
    MUTED = "muted"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """A place where tweets are shown, and all in which it differs from others."""

    widest: Visibility
    """The tweets that it admits, up to those of so few readers."""
    private: bool = True
    """False if it admits nothing by private users, even for their followers."""
    words: WordSurface | None = None
    """The muted words that count here, and muted people with them; None where a reader goes on purpose."""


HOME: Final = Surface(widest=Visibility.FOLLOWERS, words=WordSurface.HOME)
PUBLIC: Final = Surface(widest=Visibility.PUBLIC, private=False, words=WordSurface.PUBLIC)
HASHTAG: Final = Surface(widest=Visibility.PUBLIC, words=WordSurface.PUBLIC)
PROFILE: Final = Surface(widest=Visibility.MENTIONED)
LINK: Final = Surface(widest=Visibility.MENTIONED)
"""Single tweets, conversations, replies, bookmarks."""
SAMPLE: Final = Surface(widest=Visibility.PUBLIC, private=False, words=WordSurface.PUBLIC)
"""The tweets that trends give as examples."""


class Header(Protocol):
    """The header of a tweet or retweet, as far as the lens looks at it."""

    @property
    def author(self) -> int: ...
    @property
    def visibility(self) -> int: ...
    @property
    def mention_ids(self) -> Collection[int]:
        """The readers of one that is for those whom it mentions."""
        ...

    @property
    def text(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """Relations of one reader, and the states of authors, as far as they decide about the tweets at hand."""

    viewer: UserId | None = None
    """None without a token: a reader without relations."""
    states: Mapping[int, int] = field(default_factory=dict)
    """States of authors; those that have none may be left out."""
    following: Collection[int] = ()
    """The authors whom the reader follows, at least those whose tweets not everybody may see."""
    blocked: Collection[int] = ()
    blocked_by: Collection[int] = ()
    muted: Mapping[int, int] = field(default_factory=dict)
    """The end of each mute, by the wall clock."""
    retweets_hidden: Collection[int] = ()
    words: WordMatcher | None = None
    now_ms: int = 0


def why_hidden(tweet: Header | None, lens: Lens, surface: Surface) -> Reason | None:
    """Decide whether a reader sees a tweet on a surface, or an embedded one: None if so. None is what does not exist.

    The reader's own is never hidden.
    """
    if tweet is None:
        return Reason.DELETED
    author = tweet.author
    if author == lens.viewer:
        return None
    state = lens.states.get(author, 0)
    if state & SUSPENDED:
        return Reason.SUSPENDED
    if author in lens.blocked or author in lens.blocked_by:
        return Reason.BLOCKED
    if (state or tweet.visibility) and not _is_admitted(tweet, state, lens, surface):
        return Reason.PRIVATE
    if surface.words is None:
        return None
    if lens.muted and lens.now_ms < lens.muted.get(author, 0):
        return Reason.MUTED
    if lens.words is not None and lens.words.mutes(tweet.text, surface.words, lens.now_ms):
        return Reason.MUTED
    return None


def is_visible(tweet: Header | None, original: Header | None, lens: Lens, surface: Surface) -> bool:
    """Decide whether a reader sees an entry of a list: it, and what it shows if it is a retweet.

    `tweet` and `original` are the same but for a retweet.
    """
    if why_hidden(tweet, lens, surface) is not None:
        return False
    if original is tweet:
        return True
    assert tweet is not None, "what does not exist is hidden"
    if surface is HOME and tweet.author in lens.retweets_hidden:
        return False
    return why_hidden(original, lens, surface) is None


def why_closed(user: int, lens: Lens) -> Reason | None:
    """Decide whether a reader may look through what is listed of a user: None if so.

    Who blocks somebody may.
    """
    state = lens.states.get(user, 0)
    if user == lens.viewer:
        return None
    if state & SUSPENDED:
        return Reason.SUSPENDED
    if user in lens.blocked_by:
        return Reason.BLOCKED
    return Reason.PRIVATE if state & PRIVATE and user not in lens.following else None


def is_listed(user: int, lens: Lens) -> bool:
    """Decide whether a reader sees a user in a list of users; private and muted ones they do."""
    if user == lens.viewer:
        return True
    return not (lens.states.get(user, 0) & SUSPENDED or user in lens.blocked or user in lens.blocked_by)


def _is_admitted(tweet: Header, state: int, lens: Lens, surface: Surface) -> bool:
    """True if a tweet that is not for everybody is for this reader, and belongs on a surface."""
    private = bool(state & PRIVATE)
    if tweet.visibility > surface.widest or (private and not surface.private):
        return False
    if tweet.visibility == Visibility.MENTIONED and lens.viewer not in tweet.mention_ids:
        return False
    return tweet.author in lens.following or not (private or tweet.visibility == Visibility.FOLLOWERS)
