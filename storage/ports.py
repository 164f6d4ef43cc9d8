"""What the engine asks of its stores, as promises.

Common to all: any call may raise `StoreUnavailable` within the store's time limit (at most 3 s), and a write that
raised may have happened; every write may be repeated and then changes nothing more; pages are newest first and hold
at most `limit` items, fewer only where the list ends; `before` is exclusive.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.events import Event
from domain.graph import NO_TWEET_COUNTS, NO_USER_COUNTS, TWEET_COUNTS, USER_COUNTS, Toggle, TweetCounts, UserCounts
from domain.ids import EventId, Ids, SessionId, TweetId, UserId
from domain.timeline import Entries, EntryList
from domain.trends import PaneCount
from domain.tweets import Tweet
from domain.users import User

# ---------------------------------------------------------------------------------------------- the truth (Cassandra)


class EventStore(Protocol):
    """Events and the rows that follow from them."""

    async def commit(self, event: Event) -> None:
        """Write an event and its rows, all or (in the end) none. Durable at the configured consistency on return."""
        ...

    async def take_back(self, event: Event, switch: Toggle) -> None:
        """Take back what the `lost` of a switch left beside it; `event` is any event of that switch."""
        ...

    async def events_of(
        self, minute: int, partition: int, *, after: EventId, limit: int
    ) -> list[tuple[EventId, bytes]]:
        """The events of one minute (since the epoch) and partition with id > `after`, oldest first, encoded."""
        ...

    async def event_ids_of(self, minute: int, partition: int, *, after: EventId) -> list[EventId]:
        """The ids alone, all of them, oldest first."""
        ...


class Reply(NamedTuple):
    """A reply in its conversation, deleted or not; a `self_reply` is by the author of what it replies to."""

    id: TweetId
    self_reply: bool


class TweetStore(Protocol):
    """Tweets and where they are listed."""

    async def authors(self, tweets: Sequence[TweetId]) -> dict[TweetId, UserId]:
        """Who wrote each tweet or retweet; the absent are left out."""
        ...

    async def tweets(self, keys: Sequence[tuple[UserId, TweetId]]) -> dict[TweetId, Tweet]:
        """The tweets of some (author, id); the absent are left out."""
        ...

    async def by_author(self, author: UserId, *, before: int, limit: int) -> list[Tweet]:
        """An author's tweets and retweets with id < `before`, newest first."""
        ...

    async def entries_by_author(self, author: UserId, *, before: int, limit: int) -> Entries:
        """The same as timeline entries."""
        ...

    async def replies(self, tweet: TweetId, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        """Direct replies (id, author), newest first."""
        ...

    async def replies_after(self, places: Sequence[tuple[TweetId, int]], *, limit: int) -> list[list[Reply]]:
        """For each (tweet, after) its direct replies with id > `after`, oldest first, deleted ones too."""
        ...

    async def self_replies(self, tweet: TweetId, *, after: int, limit: int) -> list[Reply]:
        """An author's own replies to a tweet of theirs with id > `after`, oldest first, deleted ones too."""
        ...

    async def parents_of_deleted(self, tweets: Sequence[TweetId]) -> dict[TweetId, TweetId]:
        """What deleted replies replied to; what is none is left out."""
        ...

    async def feed(self, feed: str, *, before: int, limit: int) -> list[tuple[TweetId, UserId]]:
        """Tweets listed under a feed (`rows.PUBLIC_FEED` or `rows.hashtag_feed`), newest first, to the true end."""
        ...


class GraphStore(Protocol):
    """Who follows whom."""

    async def follow(self, user: UserId, followee: UserId) -> Toggle:
        """The state of one edge; `OFF` if it was never touched."""
        ...

    async def follows(self, edges: Sequence[tuple[UserId, UserId]]) -> list[Toggle]:
        """The states of several (user, followee) edges, in their order."""
        ...

    async def following(self, user: UserId) -> list[tuple[UserId, int]]:
        """Everyone a user follows, with since when (an id), latest first."""
        ...

    async def followers(self, author: UserId, ranges: Sequence[int]) -> Ids:
        """The followers of an author that fall into some ranges."""
        ...

    async def followers_page(self, author: UserId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        """Followers with since when < `before`, latest first."""
        ...

    async def user_counts(
        self, user: UserId, names: Collection[str] = USER_COUNTS, others: UserCounts = NO_USER_COUNTS
    ) -> UserCounts:
        """The exact sizes of a user's sets: those named are counted now, the rest are taken from `others`."""
        ...


class Engagement(StrEnum):
    """What a user can do to a tweet; the value names the table."""

    LIKE = "likes"
    RETWEET = "retweets"


class EngagementStore(Protocol):
    """Likes and retweets as sets."""

    async def engagement(self, kind: Engagement, user: UserId, tweet: TweetId) -> Toggle:
        """The state of one switch; for a retweet `since` is the retweet's id."""
        ...

    async def engaged(self, kind: Engagement, user: UserId, *, limit: int) -> tuple[list[TweetId], int]:
        """The tweets with the largest ids that a user engaged with, and a floor: above it the answer is complete."""
        ...

    async def engaged_with(self, kind: Engagement, user: UserId, tweets: Sequence[TweetId]) -> set[TweetId]:
        """Those of some tweets that a user engaged with."""
        ...

    async def engagers(self, kind: Engagement, tweet: TweetId, *, before: int, limit: int) -> list[tuple[UserId, int]]:
        """Who engaged with a tweet, with since when < `before`, latest first."""
        ...

    async def tweet_counts(
        self, tweet: TweetId, names: Collection[str] = TWEET_COUNTS, others: TweetCounts = NO_TWEET_COUNTS
    ) -> TweetCounts:
        """The exact sizes of a tweet's sets: those named are counted now, the rest are taken from `others`."""
        ...


class Credentials(NamedTuple):
    """What log-in compares with."""

    user: UserId
    password_hash: str


class UserStore(Protocol):
    """Users; usernames and e-mail addresses are unique without case."""

    async def create(self, user: User, email: str, password_hash: str) -> None:
        """Claim name and address, then write the user.

        Raises `Conflict` (`username_taken`, `email_taken`). A claim whose user was never written ends by itself
        within a minute.
        """
        ...

    async def users(self, ids: Sequence[UserId]) -> dict[UserId, User]:
        """Some users; the absent are left out."""
        ...

    async def by_username(self, username: str) -> UserId | None:
        """Who bears a name, without case."""
        ...

    async def credentials(self, login: str) -> Credentials | None:
        """The credentials of a username or an e-mail address."""
        ...


class TokenUse(StrEnum):
    """What using a refresh token turned out to be."""

    FIRST = "first"
    REUSE = "reuse"
    """It had been used before: a thief and its owner cannot be told apart (RFC 9700, 4.14.2)."""
    REVOKED = "revoked"
    """Its family had ended, whether or not it had been used."""


class SpentToken(NamedTuple):
    """A refresh token that was just used; only its hash is stored."""

    user: UserId
    family: SessionId
    use: TokenUse


class TokenStore(Protocol):
    """Refresh tokens, each used once; those that follow from one log-in are a family, which is the session."""

    async def issue(self, token_hash: str, user: UserId, family: SessionId, ttl_s: int) -> None:
        """Store a token of a new or living family."""
        ...

    async def spend(self, token_hash: str) -> SpentToken | None:
        """Use a token. None if it is unknown or expired; of several who use one at once, one is the `FIRST`."""
        ...

    async def revoke(self, family: SessionId) -> None:
        """End a family: none of its tokens is worth anything from the return on."""
        ...

    async def revoked(self, families: Sequence[SessionId]) -> set[SessionId]:
        """Those of some families that have ended by being revoked."""
        ...


class Claim(NamedTuple):
    """What an idempotency key stands for: the hash of the request body and the id allotted to it."""

    body_hash: bytes
    id: int


class IdempotencyStore(Protocol):
    """Idempotency keys, per user, for 24 hours."""

    async def claimed(self, user: UserId, key: str) -> Claim | None:
        """What a key stands for, None if nobody claimed it."""
        ...

    async def claim(self, user: UserId, key: str, wanted: Claim) -> Claim:
        """Claim a key, and get what it stands for: `wanted`, or what an earlier request claimed."""
        ...


class WorkerLease(NamedTuple):
    """The right to make ids as one worker, for wall times in (after_ms, until_ms)."""

    worker: int
    after_ms: int
    until_ms: int


class RangeOwner(NamedTuple):
    """Which shard owns a follower range; each change of owner has a higher epoch."""

    owner: str
    epoch: int


class CoordinationStore(Protocol):
    """The few facts on which processes must agree; every change is a compare-and-set."""

    async def lease_worker(self, holder: str, now_ms: int, ttl_ms: int) -> WorkerLease:
        """Take a worker number that nobody holds. Raises `Overloaded` if all are held."""
        ...

    async def renew_worker(self, holder: str, lease: WorkerLease, now_ms: int, ttl_ms: int) -> WorkerLease | None:
        """Prolong a lease; None if it was lost."""
        ...

    async def range_owners(self) -> dict[int, RangeOwner]:
        """The owner of each range that has one."""
        ...

    async def set_range_owner(self, range_: int, before: RangeOwner | None, owner: str) -> bool:
        """Give a range to a shard with the next epoch, if its owner is still `before`."""
        ...

    async def checkpoint(self, name: str) -> int | None:
        """A checkpoint, or None."""
        ...

    async def set_checkpoint(self, name: str, value: int) -> None:
        """Move a checkpoint."""
        ...

    async def pulled(self) -> dict[UserId, int]:
        """Pulled authors, with since when (wall ms)."""
        ...

    async def set_pulled(self, author: UserId, since_ms: int | None) -> None:
        """Put an author into the pulled set, or (None) take one out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event that a reader could not handle; `day` is days since the epoch of when it was given up."""

    day: int
    event_id: EventId
    reader: str
    partition: int
    body: bytes
    error: str
    attempts: int


class DeadLetterStore(Protocol):
    """Events given up, kept 30 days."""

    async def add(self, letter: DeadLetter) -> None:
        """Keep a dead letter; one of the same day, event and reader replaces it."""
        ...

    async def letters(self, *, limit: int) -> list[DeadLetter]:
        """The latest days' letters, newest day first."""
        ...

    async def remove(self, letter: DeadLetter) -> None:
        """Forget a letter."""
        ...


class PaneStore(Protocol):
    """What each tag had in each minute, everywhere; kept 30 days after the last write."""

    async def put(self, counts: Sequence[PaneCount], stamp_us: int) -> None:
        """Write what panes hold, in absolute numbers; where a writer with a later stamp wrote before, that stays.

        Each pane is written whole or not at all; of several panes some may have been written if this raises.
        """
        ...

    async def panes(self, folded: str, first: int, last: int) -> list[PaneCount]:
        """A tag's panes `first` to `last`, both included, oldest first; those that hold nothing are left out."""
        ...


class OutputStore(Protocol):
    """Rows that dataflows of data teams found out, as JSON; here or in Redis."""

    async def put(self, flow: str, rows: Mapping[str, bytes]) -> None:
        """Write rows by key; the last one written stays. Some may have been written if this raises."""
        ...

    async def get(self, flow: str, keys: Sequence[str]) -> dict[str, bytes]:
        """The rows of some keys; the absent are left out."""
        ...


# ------------------------------------------------------------------------------ the tail and the caches (Redis)


class LogRecord(NamedTuple):
    """One event as a reader meets it: where it stands and its bytes."""

    partition: int
    offset: str
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRead:
    """What one look at the log found.

    `first` holds the oldest offset of each partition that is not empty. An offset is `<ms>-<n>`, the ms being
    the wall time at which the event was appended; offsets of one partition grow.
    """

    incarnation: str
    records: tuple[LogRecord, ...]
    first: Mapping[int, str] = field(default_factory=dict)


class LogEnd(NamedTuple):
    """The end of one partition: the offset of its last event, and how many are kept."""

    last: str
    entries: int


DATA_CREATED_AT = "data_created_at"
"""The checkpoint: when the data began (wall ms); absent if that is not known."""
DOUBTED = "doubted"
"""The checkpoint: what was made up to this wall time (ms) may be in the store and not in Redis."""
SETTLED = "settled"
"""The checkpoint: what was made before this wall time (ms) is in Redis, in every list and cached value there is."""
BEGINNING = "0-0"
"""The offset before every other."""


class EventLog(Protocol):
    """The tail of the event log: one stream per partition, the newest `log_entries_max` of each."""

    async def append(self, events: Sequence[Event]) -> None:
        """Append events to their partitions, each tweet first to its author's recent tweets (if that list exists)."""
        ...

    async def read(self, offsets: Mapping[int, str], *, limit: int, wait_ms: int) -> LogRead:
        """The events after some offsets, at most `limit` a partition; waits up to `wait_ms` if there are none."""
        ...

    async def ends(self) -> dict[int, LogEnd]:
        """The end of every partition; `BEGINNING` and 0 for one that is empty."""
        ...

    async def incarnation(self) -> str:
        """The token of this life of the store. Another token means that everything in it was lost."""
        ...


class OffsetStore(Protocol):
    """How far each reader has come; the writes of an earlier epoch are refused."""

    async def claim(self, name: str, epoch: int) -> dict[int, str]:
        """Fence off earlier epochs of a reader and get its offsets. Raises `Fenced` if a later epoch claimed."""
        ...

    async def save(self, names: Mapping[str, int], offsets: Mapping[int, str]) -> None:
        """Save the same offsets for several readers (name → epoch). Raises `Fenced` if any is no longer ours."""
        ...

    async def offsets(self, name: str) -> dict[int, str]:
        """A reader's offsets, without claiming it (for whoever shows the lag)."""
        ...


class ListKind(StrEnum):
    """The two kinds of entry list."""

    HOME = "tl"
    AUTHOR = "ut"


class ListKey(NamedTuple):
    """A user's home timeline, or the recent tweets of an author."""

    kind: ListKind
    user: UserId


@dataclass(frozen=True, slots=True, eq=False)
class Pushed:
    """What became of a batch of deliveries."""

    delivered: int
    """Entries added to lists that exist."""
    absent: int
    """Entries for lists that do not exist; they rebuild when they are read."""
    overfull: Ids
    """Owners of lists that have outgrown their slack."""


class CacheStore(Protocol):
    """Entry lists and values, all rebuildable, all with a time to live.

    Filling is guarded by leases (Nishtala et al., Scaling Memcache at Facebook, 2013, 3.2.1): who finds something
    absent takes a lease, reads the truth and fills; a drop in between ends the lease, so the fill is not stored and
    nothing stale is resurrected. A lease that is not used ends by itself after `lease_ttl_s`.
    """

    async def fetch(
        self, lists: Sequence[ListKey], keys: Sequence[str]
    ) -> tuple[list[EntryList | None], list[bytes | None]]:
        """Whole lists and values in one round trip; None for what is absent. A value being filled counts as absent."""
        ...

    async def begin_list(self, key: ListKey, token: str) -> bool:
        """Create an absent list as being built; from now on it takes pushes. False if it exists."""
        ...

    async def finish_list(self, key: ListKey, token: str, built: EntryList) -> bool:
        """Add what was built and set the floor, if `token` still builds the list. Pushes since then stay."""
        ...

    async def push(self, kind: ListKind, users: Ids, entries: Entries) -> Pushed:
        """Add `entries[i]` to the list of `users[i]` if it exists; nothing happens to an absent one."""
        ...

    async def trim(self, keys: Sequence[ListKey]) -> int:
        """Cut lists that have outgrown slack to their newest entries, raising the floor. Returns how many were."""
        ...

    async def unlink(self, keys: Sequence[ListKey]) -> None:
        """Forget lists; each rebuilds when it is next read."""
        ...

    async def touch(self, keys: Sequence[ListKey]) -> None:
        """Prolong the life of lists that somebody reads."""
        ...

    async def lease(self, keys: Sequence[str], token: str) -> list[bool]:
        """Take the leases of absent values; True for each that was taken."""
        ...

    async def fill(self, values: Mapping[str, bytes], token: str, *, ttl_s: int) -> None:
        """Store values whose lease is still `token`."""
        ...

    async def put(self, values: Mapping[str, bytes], *, ttl_s: int) -> None:
        """Store values, whatever was there."""
        ...

    async def update(self, values: Mapping[str, bytes]) -> None:
        """Store values where there are any, which then live as long as those would have."""
        ...

    async def drop(self, keys: Sequence[str]) -> None:
        """Forget values, and end the leases on them."""
        ...

    async def now_us(self) -> int:
        """The store's own clock, microseconds since the Unix epoch: everybody has the same one."""
        ...

    async def note(self, key: str, acts: Sequence[bytes]) -> None:
        """Put acts (`own_acts.acts_of`) before those that a value holds, stamped by the store's clock.

        An act that is there already is not noted again. The newest `own_acts_max` stay, for `cache_ttl_s` from now.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """One token bucket: holds `capacity` tokens, refilled evenly over `period_s` seconds."""

    key: str
    capacity: int
    tokens: int
    """Tokens refilled per `period_s`."""
    period_s: int


class Allowance(NamedTuple):
    """The answer of the bucket that allows least."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Seconds until the bucket is full again."""
    retry_after_s: int
    """Seconds until a refused request would be granted; 0 if it was."""
    bucket: str
    """The key of that bucket."""


class RateLimiter(Protocol):
    """Token buckets shared by all replicas."""

    async def take(self, buckets: Sequence[Bucket]) -> Allowance:
        """Take one token of each bucket, or of none if any is empty. At least one bucket is given.

        Buckets whose keys share a hash tag (`{...}`) are taken from at once. Where others refuse, their tokens are back
        a moment later.
        """
        ...

    async def give_back(self, buckets: Sequence[Bucket]) -> None:
        """Put one token back into each bucket that has room for it."""
        ...


class TrendStore(Protocol):
    """The top of every place in every window, as it was computed last; gone an hour after the last of it came."""

    async def publish(
        self, window: str, as_of_ms: int, tops: Mapping[str, bytes], gone: Collection[str] | None = None
    ) -> bool:
        """Set the tops of some places, take out those that are `gone`, and date the whole window, all at once.

        Places that are not named stay as they were; with `gone=None` none of them stays. Returns whether it was done:
        it is not if a later state is there already, nor if places shall stay in a window that is lost.
        """
        ...

    async def top(self, window: str, place: str) -> tuple[int, bytes | None] | None:
        """The wall time up to which a window is complete and the top of a place in it, None if it has none.

        None instead of both if nothing was published for the window.
        """
        ...
