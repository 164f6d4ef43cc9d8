"""The matrix: who sees what of an author's tweets, and where. Written down by hand; nothing of the service is asked."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

SHOWN = "+"


class Stands(StrEnum):
    """The relations of a reader to an author; one holds."""

    STRANGER = "stranger"
    FOLLOWER = "follower"
    ASKS = "asks to follow"
    BLOCKED = "is blocked"
    BLOCKS = "blocks"
    MUTES = "follows and mutes"
    MUTES_STRANGER = "mutes"
    MUTES_WORD = "follows, and mutes a word of theirs"
    HIDES_RETWEETS = "follows without retweets"
    SUSPENDED = "of a suspended one"
    SELF = "the author"


class Surface(StrEnum):
    """The places where tweets are shown."""

    HOME = "home"
    PROFILE = "profile"
    LINK = "link"
    PUBLIC = "public"
    HASHTAG = "hashtag"


class Audience(StrEnum):
    """The people for whom a tweet is; that of `OTHERS` mentions others than its reader."""

    EVERYBODY = "public"
    FOLLOWERS = "followers"
    READER = "mentioned"
    OTHERS = "mentioned, but others"

    @property
    def visibility(self) -> str:
        """The value in the API."""
        return self.split(",")[0]


class Row(NamedTuple):
    """A row of the matrix.

    For each surface `+`, or the reason for which a tweet for everybody is absent there, which stands in its place where
    it is embedded. Then the status of the author's timeline, of a link to a tweet of theirs (`stone` for a tombstone),
    of the lists on their profile, and of the profile itself (`shell` if it says only that they are suspended). Last,
    whether they stand in the lists of others.
    """

    home: str
    profile: str
    link: str
    public: str
    hashtag: str
    timeline: str
    single: str
    lists: str
    header: str
    listed: bool


def _row(surfaces: str, statuses: str, *, listed: bool = True) -> Row:
    home, profile, link, public, hashtag = surfaces.split()
    timeline, single, lists, header = statuses.split()
    return Row(home, profile, link, public, hashtag, timeline, single, lists, header, listed)


_ALL = "+ + + + +"
_BLOCKED = "blocked blocked blocked blocked blocked"
_PRIVATE = _row("private private private private private", "403 404 403 200")
_SUSPENDED = _row("suspended suspended suspended suspended suspended", "404 404 404 shell", listed=False)
_FOLLOWED = _row("+ + + private +", "200 200 200 200")

_PUBLIC_ACCOUNT = {
    Stands.STRANGER: _row(_ALL, "200 200 200 200"),
    Stands.FOLLOWER: _row(_ALL, "200 200 200 200"),
    Stands.BLOCKED: _row(_BLOCKED, "404 404 404 404", listed=False),
    Stands.BLOCKS: _row(_BLOCKED, "200 stone 200 200", listed=False),
    Stands.MUTES: _row("muted + + muted muted", "200 200 200 200"),
    Stands.MUTES_STRANGER: _row("muted + + muted muted", "200 200 200 200"),
    Stands.MUTES_WORD: _row("muted + + muted muted", "200 200 200 200"),
    Stands.HIDES_RETWEETS: _row(_ALL, "200 200 200 200"),
    Stands.SUSPENDED: _SUSPENDED,
    Stands.SELF: _row(_ALL, "200 200 200 200"),
}
_PRIVATE_ACCOUNT = {
    Stands.STRANGER: _PRIVATE,
    Stands.ASKS: _PRIVATE,
    Stands.FOLLOWER: _FOLLOWED,
    Stands.BLOCKED: _row(_BLOCKED, "404 404 404 404", listed=False),
    Stands.BLOCKS: _row(_BLOCKED, "403 stone 403 200", listed=False),
    Stands.MUTES: _row("muted + + private muted", "200 200 200 200"),
    Stands.MUTES_STRANGER: _PRIVATE,
    Stands.MUTES_WORD: _row("muted + + private muted", "200 200 200 200"),
    Stands.HIDES_RETWEETS: _FOLLOWED,
    Stands.SUSPENDED: _SUSPENDED,
    Stands.SELF: _row(_ALL, "200 200 200 200"),
}
_FOLLOWING = (Stands.FOLLOWER, Stands.MUTES, Stands.MUTES_WORD, Stands.HIDES_RETWEETS, Stands.SELF)
_FINAL = ("suspended", "blocked", "private")


@dataclass(frozen=True, slots=True)
class Standing:
    """A reader's relation to an author, and whether that one's account is private."""

    stands: Stands
    private: bool = False
    mentioned: bool = True
    """Whether it is the reader whom tweets mention."""

    @property
    def row(self) -> Row:
        return (_PRIVATE_ACCOUNT if self.private else _PUBLIC_ACCOUNT)[self.stands]

    @property
    def follows(self) -> bool:
        return self.stands in _FOLLOWING

    def sees(self, audience: Audience, surface: Surface, *, retweet: bool = False) -> str:
        """`+`, or the reason for which a tweet (or a retweet, which has no words) is absent."""
        if self.stands is Stands.SELF:
            return SHOWN
        row = self.row
        if retweet and self.stands is Stands.MUTES_WORD:
            row = Standing(Stands.FOLLOWER, self.private).row
        if retweet and self.stands is Stands.HIDES_RETWEETS and surface is Surface.HOME:
            return "muted"
        found: str = getattr(row, surface)
        if audience is Audience.EVERYBODY or found in _FINAL:
            return found
        if surface in (Surface.PUBLIC, Surface.HASHTAG):
            return "private"
        if audience is Audience.FOLLOWERS:
            return found if self.follows else "private"
        for_reader = audience is Audience.READER and self.mentioned
        return found if for_reader and surface is not Surface.HOME else "private"
