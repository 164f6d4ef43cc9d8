"""The examples: what they find out, and that they stay short."""

import ast
import importlib
from pathlib import Path

import orjson
import pytest
from bytewax.testing import TestingSource, run_main

from dataflows import jobs
from dataflows.examples import bots, languages
from dataflows.sinks.rows import file_sink
from domain.errors import NotFound
from domain.tweets import Visibility
from tests.unit.dataflows.events import START_MS, Story

HOUR, MINUTE = START_MS // 3_600_000, START_MS // 60_000


def found(name: str, story: Story, folder: Path) -> dict[str, dict[str, object]]:
    """The last row of each key, from everything that happened, read twice."""
    out = folder / "out.jsonl"
    run_main(jobs.named(name)(TestingSource(story.chunks(), batch_size=1), file_sink(out)))
    rows = [orjson.loads(line) for line in out.read_bytes().splitlines()]
    return {row.pop("key"): row for row in rows}


def test_tweets_per_language_and_minute(tmp_path: Path) -> None:
    story = Story()
    story.posted(0, 1, "What a lovely day to walk along the river")
    story.posted(1_000, 2, "Everybody should have gone to the market this morning")
    story.posted(2_000, 3, "今日はとてもいい天気ですね")
    story.posted(3_000, 4, "Only my followers should be able to read this one", to=Visibility.FOLLOWERS)
    story.posted(4_000, 5, "Nobody but my followers sees what I write, as of today", protected=True)
    story.posted(60_000, 1, "This is another minute, and another tweet of mine")
    rows = found("languages", story, tmp_path)
    assert rows == {
        f"{MINUTE} en": {"minute": MINUTE, "language": "en", "tweets": 2},
        f"{MINUTE} ja": {"minute": MINUTE, "language": "ja", "tweets": 1},
        f"{MINUTE + 1} en": {"minute": MINUTE + 1, "language": "en", "tweets": 1},
    }


def test_a_late_tweet_counts_where_it_belongs_or_not_at_all() -> None:
    counts: dict[int, int] | None = None
    shown = []
    for minute in (MINUTE, MINUTE, MINUTE + 125, MINUTE, MINUTE + 180, MINUTE, MINUTE + 1, MINUTE + 180):
        counts, rows = languages.count(counts, ("en", minute))
        shown += [(row.columns["minute"] - MINUTE, row.columns["tweets"]) for row in rows]
    assert shown == [(0, 1), (0, 2), (125, 1), (0, 3), (180, 1), (1, 1), (180, 2)]


def test_an_authors_reach_per_hour(tmp_path: Path) -> None:
    story = Story()
    author, retweeter = 1, 2
    for at, (user, followee) in enumerate(((10, author), (11, author), (11, retweeter), (12, retweeter))):
        story.followed(at, user, followee)
    tweet = story.posted(1_000, author, "hello")
    story.retweeted(2_000, retweeter, tweet)
    story.unfollowed(3_000, 10, author)
    story.posted(3_600_000, author, "an hour later")
    story.followed(3_600_001, 13, retweeter)
    story.blocked(3_600_002, retweeter, 11)
    story.blocked(3_600_003, 12, retweeter)
    story.posted(3_600_004, retweeter, "to fewer")
    story.posted(3_600_005, 10, "to nobody else", to=Visibility.MENTIONED)
    assert found("reach", story, tmp_path) == {
        f"{HOUR} {author}": {"hour": HOUR, "author": author, "reach": 3},
        f"{HOUR + 1} {author}": {"hour": HOUR + 1, "author": author, "reach": 1},
        f"{HOUR + 1} {retweeter}": {"hour": HOUR + 1, "author": retweeter, "reach": 1},
    }


def test_accounts_that_tweet_like_bots(tmp_path: Path) -> None:
    story = Story()
    often, again, human = 1, 2, 3
    for n in range(bots.OFTEN):
        story.posted(n * 1_000, often, f"number {n}")
        story.posted(n * bots.WINDOW_MS // (bots.OFTEN - 2), human, f"thought {n}")
    for n in range(bots.AGAIN):
        story.posted(n * 60_000, again, "Buy now" if n % 2 else "BUY NOW")
    rows = found("bots", story, tmp_path)
    assert {key: (row["tweets"], row["same"]) for key, row in rows.items()} == {
        str(often): (bots.OFTEN, 1),
        str(again): (bots.AGAIN, bots.AGAIN),
    }


@pytest.mark.parametrize("name", jobs.known())
def test_an_example_has_at_most_25_lines_of_its_own(name: str) -> None:
    module = importlib.import_module(f"dataflows.examples.{name}")
    assert module.__file__ is not None
    tree = ast.parse(Path(module.__file__).read_text())
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, ast.Import | ast.ImportFrom) and not _is_text(node):
            lines |= {node.lineno, getattr(node, "end_lineno", None) or node.lineno}
    assert 0 < len(lines) <= 25, f"{len(lines)} lines"


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_a_dataflow_that_does_not_exist_is_named() -> None:
    for name, why in (("nothing", "no dataflow 'nothing'"), ("domain.clock", "no function `build`")):
        with pytest.raises(NotFound, match=why):
            jobs.named(name)
