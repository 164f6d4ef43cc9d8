"""Every bound of the engine in one place, in two profiles: what production uses, and a small one for tests."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds; units are in the names."""

    timeline_entries_max: int = 800
    """Entries a home timeline keeps after a trim."""
    timeline_slack: int = 200
    """Entries by which a timeline may exceed that before it is trimmed."""
    author_entries_max: int = 400
    """Entries kept of an author's most recent tweets."""
    author_slack: int = 100
    slice_followers_max: int = 800
    """Followers of one tweet that are pushed before another tweet has its turn."""
    push_batch_max: int = 131_072
    """Deliveries in one write to Redis."""
    jobs_max: int = 4_096
    """Tweets a shard fans out side by side; beyond it stops reading the log."""
    log_read_max: int = 1_000
    """Events read of one partition at a time."""
    log_entries_max: int = 100_000
    """Events kept in the tail of one log partition."""
    pull_threshold: int = 10_000
    """Followers from which on an author is pulled at read time."""
    pulled_refresh_ms: int = 1_000
    """Interval of reading the set of pulled authors again."""
    pulled_grace_ms: int = 10_000
    """Time for which an author is both pushed and pulled after crossing the threshold."""
    pulled_leave_ms: int = 30 * 86_400_000
    """Time for which an author must stay below the threshold before being pushed again."""
    follower_edges_max: int = 20_000_000
    """Follower edges a shard keeps in memory."""
    page_default: int = 20
    page_max: int = 100
    continuation_entries_max: int = 200
    """Candidates that a page reads at a time where many of them are not shown."""
    page_candidates_max: int = 2_000
    """Candidates that one request reads for a page; then it ends short, with a cursor."""
    thread_tweets_max: int = 100
    """Replies on a page of a conversation."""
    thread_ancestors_max: int = 200
    """Tweets above that come with it."""
    thread_reads_max: int = 2_000
    """Lists of replies that are read for one page."""
    marked_recent_max: int = 1_000
    """Relations of each kind to the newest tweets that are kept for a reader, beside the timeline."""
    own_acts_max: int = 64
    """A user's newest changes of counts that are noted, so that they see them at once; not smaller in any profile."""
    segment_max: int = 160
    """Members of a leaf, and leaves of a branch, of a counted set; one of up to two leaves is counted as it is."""
    following_max: int = 5_000
    """Accounts one user may follow."""
    approvals_max: int = 200
    """Follow requests to one account that are approved in a turn, once it is private no longer."""
    requests_max: int = 1_000
    """Accounts one user may ask to follow at a time."""
    blocks_max: int = 10_000
    """Accounts one user may block."""
    mutes_max: int = 10_000
    """Accounts one user may mute, and whose retweets they may hide."""
    muted_words_max: int = 200
    """Phrases one user may mute."""
    view_ids_max: int = 2_000
    """Users on each side of a reader's view that are kept with it; of more the authors at hand are looked up."""
    views_bytes_max: int = 16 * 1024 * 1024
    """Memory of a replica for the views of readers."""
    cache_ttl_s: int = 3_600
    timeline_ttl_s: int = 30 * 86_400
    lease_ttl_s: int = 30
    """Time that a fill or a rebuild may take before another may start."""
    attempts_max: int = 5
    """Tries of an event before it becomes a dead letter."""
    request_bytes_max: int = 64 * 1024
    handled_max: int = 500
    """Events that a consumer hands to its handlers together."""
    staleness_last_ms: int = 6_000
    """For how long a failure of Redis makes it suspect, unless it fails again."""
    staleness_refresh_ms: int = 250
    """Interval at which a replica asks whether Redis failed another."""
    staleness_known_ms: int = 500
    """Time for which a replica may go on without asking."""
    staleness_trusted_ms: int = 60_000
    """Time for which it may go on if the store does not answer as soon as that."""
    recent_events_every_ms: int = 200
    """Shortest time from one reading of the recent events to the next in a replica."""
    recent_events_max: int = 20_000
    """Recent events that a replica merges into what Redis holds."""
    reconcile_tail_ms: int = 20_000
    """Time before the start of the last pass from which the next compares events with the log: they may show late."""
    reconcile_trail_minutes: int = 10
    """Minutes compared with the log now and then, for batches that arrive late."""
    reconcile_hours: int = 2
    """Hours of which one minute is compared after another, for batches that arrive very late."""
    turn_ms: int = 2_000
    """Length of an actor's turn, however much there is to do; what was begun is finished."""
    changes_max: int = 4_096
    """Newest entries of the change feed."""
    home_pages_bytes_max: int = 32 * 1024 * 1024
    """Memory of a replica for first pages of home timelines and what they were made of."""
    local_entries_max: int = 50_000
    """Entries of each in-process cache."""

    def __post_init__(self) -> None:
        """Assert how the limits relate, before anything runs."""
        assert 1 <= self.page_default <= self.page_max <= self.timeline_entries_max
        assert 0 < self.timeline_slack <= self.timeline_entries_max
        assert 0 < self.author_slack <= self.author_entries_max
        assert self.slice_followers_max <= self.push_batch_max
        assert self.pulled_refresh_ms * 2 < self.pulled_grace_ms
        assert 0 < self.staleness_refresh_ms < self.staleness_known_ms <= self.staleness_trusted_ms
        assert 8 * self.staleness_known_ms <= self.staleness_last_ms


DEFAULT = Limits()
SMALL = Limits(
    timeline_entries_max=40,
    timeline_slack=4,
    author_entries_max=20,
    author_slack=4,
    slice_followers_max=16,
    push_batch_max=64,
    jobs_max=64,
    log_read_max=50,
    log_entries_max=500,
    pull_threshold=50,
    pulled_refresh_ms=200,
    pulled_grace_ms=2_000,
    page_default=7,
    page_max=7,
    continuation_entries_max=24,
    thread_tweets_max=20,
    thread_ancestors_max=30,
    thread_reads_max=200,
    marked_recent_max=20,
    segment_max=4,
    approvals_max=4,
    muted_words_max=5,
    view_ids_max=4,
    recent_events_max=5_000,
    local_entries_max=500,
)


def profile(name: Literal["default", "small"]) -> Limits:
    return {"default": DEFAULT, "small": SMALL}[name]
