"""Growth: posting and the first page with ten times as many users, tweets and followees.

Each scale is measured beside its own yardstick, so what is compared are ratios: the machine's mood is left out.
"""

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from benchmarks import home, post
from benchmarks.bench import Bench
from benchmarks.effort import ROUNDS
from benchmarks.home import HomeLoads
from benchmarks.post import PostLoads
from benchmarks.results import Curve, Row, rounded
from benchmarks.world import World
from domain.limits import DEFAULT

_TIMES = 10
_READERS = 16
_USERS = 100
_FOLLOWEES = 90
"""Of each reader while the store grows: even with the fewest tweets they fill a list."""
_LOAD_S, _WARM_UP_S = 6.0, 1.0
"""Of each load of a curve."""


async def measure(bench: Bench) -> list[Row]:
    """The rows of growth. Whatever else is measured on the small world must come before."""
    small_home, small_post = await home.rounds(bench, await bench.world(1)), await post.rounds(bench)
    large = await bench.world(_TIMES)
    large_home, large_post = await home.rounds(bench, large), await post.rounds(bench)
    effort = bench.effort
    sizes = {
        "users": [effort.users, effort.users * _TIMES],
        "tweets": [effort.users * effort.tweets_each, effort.users * effort.tweets_each * _TIMES],
        "followees": [effort.followees, effort.followees * _TIMES],
    }

    def row(key: str, what: str, small: HomeLoads | PostLoads, big: HomeLoads | PostLoads) -> Row:
        return Row(
            key=key,
            what=f"growth: {what} at {_TIMES}x users, tweets and followees",
            against="the same at 1x, each relative to its yardstick",
            unit="x",
            values=[b / s for b, s in zip(big.ratios, small.ratios, strict=True)],
            target=0.9,
            figures={
                "relative at 1x": rounded(small.ratios, 3),
                f"at {_TIMES}x": rounded(big.ratios, 3),
                "requests/s at 1x": rounded(small.rates),
                f"requests/s at {_TIMES}x": rounded(big.rates),
                **sizes,
            },
        )

    full = DEFAULT.timeline_entries_max  # as long are all lists: the length has a price of its own
    followees = [(n, await bench.seeder.of(n + _READERS, _READERS, n, -(-full // n))) for n in effort.curve_followees]
    tweets = [(n, await bench.seeder.of(_USERS, _READERS, _FOLLOWEES, n // _USERS)) for n in effort.curve_tweets]
    return [
        await _curve(bench, "followees", "followees of the reader", followees),
        await _curve(bench, "store", "tweets added to the store", tweets),
        row("growth_home", "first page", small_home, large_home),
        row("growth_post", "posting", small_post, large_post),
    ]


async def _curve(bench: Bench, key: str, x: str, worlds: Sequence[tuple[int, World]]) -> Row:
    """The first page in worlds of different size, which take turns, each beside the constant answer."""
    effort = replace(bench.effort, load_s=_LOAD_S, warm_up_s=_WARM_UP_S)
    short = replace(bench, effort=effort)
    sizes = [float(size) for size, _ in worlds]
    ratios = [[(await home.rounds(short, world, 1)).ratios[0] for _, world in worlds] for _ in range(ROUNDS)]
    by_size = list(zip(*ratios, strict=True))
    points = list(zip(sizes, map(median, by_size), strict=True))
    return Row(
        key=f"growth_home_{key}",
        what=f"growth: first page, {sizes[-1]:,.0f} {x}",
        against=f"{sizes[0]:,.0f}, each relative to the constant answer",
        unit="x",
        values=[each[-1] / each[0] for each in ratios],
        target=0.9,
        figures={f"relative at {size:,.0f}": rounded(of, 3) for size, of in zip(sizes, by_size, strict=True)},
        curves=[Curve("First page", x, "requests/s, of the constant answer's", points)],
    )
