"""Filters of timelines: the kinds of entries that a reader asks for, and those that they do not want."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import Invalid
from storage.cache_codec import CachedTweet


class EntryKind(StrEnum):
    """The kinds of entries; one may be of several, or of none."""

    MEDIA = "media"
    REPLIES = "replies"
    RETWEETS = "retweets"

    def has(self, entry: CachedTweet) -> bool:
        """True for an entry of this kind; a retweet is what it is itself, whatever it shows."""
        match self:
            case EntryKind.MEDIA:
                return entry.has_media
            case EntryKind.REPLIES:
                return bool(entry.reply_to)
            case EntryKind.RETWEETS:
                return bool(entry.retweet_of)


_KIND = f"({'|'.join(EntryKind)})"
_COMMAS_MAX = len(EntryKind) - 1
KINDS_PATTERN: Final = rf"^{_KIND}(,{_KIND}){{0,{_COMMAS_MAX}}}$(?!\n)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """The one kind that is asked for, None for all, and the kinds that are left out."""

    only: EntryKind | None = None
    exclude: frozenset[EntryKind] = frozenset()

    def takes(self, entry: CachedTweet) -> bool:
        """True for an entry that the reader wants."""
        return (self.only is None or self.only.has(entry)) and not any(kind.has(entry) for kind in self.exclude)


EVERYTHING: Final = EntryFilter()
"""No filter; it is this value only."""


def kinds_of(text: str) -> frozenset[EntryKind]:
    """The kinds of a list with commas. Raises `Invalid`."""
    try:
        return frozenset(map(EntryKind, text.split(",", _COMMAS_MAX)))
    except ValueError:
        why = f"must be some of {', '.join(EntryKind)}, with commas between them"
        raise Invalid(f"What to exclude {why}.", "invalid_request", (("exclude", why),)) from None
