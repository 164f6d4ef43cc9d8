"""Growth: posting and the first page with ten times as many users, tweets and followees.

Each scale is measured beside its own yardstick, so what is compared are ratios: the machine's mood is left out.
"""

from benchmarks import home, post
from benchmarks.bench import Bench
from benchmarks.results import Row, rounded

_TIMES = 10


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

    def row(key: str, what: str, small: list[float], big: list[float]) -> Row:
        return Row(
            key=key,
            what=f"growth: {what} at {_TIMES}x users, tweets and followees",
            against="the same at 1x, each relative to its yardstick",
            unit="x",
            values=[b / s for b, s in zip(big, small, strict=True)],
            target=0.9,
            figures={"relative at 1x": rounded(small, 3), f"at {_TIMES}x": rounded(big, 3), **sizes},
        )

    return [
        row("growth_home", "first page", small_home.ratios, large_home.ratios),
        row("growth_post", "posting", small_post.ratios, large_post.ratios),
    ]
