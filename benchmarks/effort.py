"""How much is measured: a quick look, or figures to publish."""

from dataclasses import dataclass

ROUNDS = 3
"""Subject and yardstick take turns this often in one run."""
CONNECTIONS = 64
"""HTTP requests, or batches, under way at once."""
PAGE_TWEETS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Sizes and durations."""

    name: str
    load_s: float
    """Seconds of each load over HTTP, after `warm_up_s`."""
    warm_up_s: float
    yardstick_pushes: int
    """LPUSH commands of one run of the yardstick of the fan-out."""
    deliveries: int
    """Tweets in each round whose way to 10,000 followers is timed."""
    rebuilds: int
    """Timelines in each round that are built anew."""
    users: int
    """Users at 1x; ten times as many at 10x."""
    followees: int
    """Followees of each reader at 1x; ten times as many at 10x."""
    tweets_each: int
    """Tweets of each user, at 1x and at 10x."""
    curve_followees: tuple[int, ...]
    """Followees of readers whose first pages are compared."""
    curve_tweets: tuple[int, ...]
    """Tweets in the worlds whose first pages are compared."""
    large_followers: int
    """Followers of the author beside whose post others are timed."""
    request_rounds: int
    """Turns of the servers whose requests are compared."""
    star_posts: int
    """Posts in each of these turns that are followed to the last reader."""
    set_sizes: tuple[int, ...]
    """Members of the sets whose growth acts are judged by."""
    act_rounds: int
    trend_events: int
    """Tweets that trends and the yardstick both count."""
    trend_events_many: int
    """Tweets by which the rate of trends alone is judged."""


QUICK = Effort(
    name="quick",
    load_s=1.5,
    warm_up_s=0.5,
    yardstick_pushes=500_000,
    deliveries=20,
    rebuilds=40,
    users=400,
    followees=30,
    tweets_each=10,
    curve_followees=(10, 300),
    curve_tweets=(1_000, 10_000),
    large_followers=100_000,
    request_rounds=1,
    star_posts=3,
    set_sizes=(0, 100_000),
    act_rounds=1,
    trend_events=5_000,
    trend_events_many=50_000,
)
FULL = Effort(
    name="full",
    load_s=10.0,
    warm_up_s=3.0,
    yardstick_pushes=2_000_000,
    deliveries=100,
    rebuilds=150,
    users=1_000,
    followees=50,
    tweets_each=20,
    curve_followees=(10, 100, 1_000, 5_000),
    curve_tweets=(1_000, 10_000, 100_000, 1_000_000),
    large_followers=1_000_000,
    request_rounds=ROUNDS,
    star_posts=10,
    set_sizes=(0, 10_000, 1_000_000),
    act_rounds=ROUNDS,
    trend_events=300_000,
    trend_events_many=1_000_000,
)
