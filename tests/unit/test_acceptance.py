"""The parts of the acceptance run that decide something: claims, the plan, the follow graph, the texts."""

from collections import Counter
from pathlib import Path

import pytest

from cluster.client.people import follow_graph
from cluster.client.texts import read_texts
from cluster.errors import ClusterError
from tests.acceptance.report import SYNTHETIC
from tests.acceptance.scenario import PER_POST, plan
from tests.acceptance.world import Claims
from tests.support.oracle.oracle import Counts
from tests.support.shapes import Shown


def test_what_is_being_deleted_is_not_used() -> None:
    claims = Claims()
    with claims.share("tweet"):
        assert claims.can_share("tweet")
        assert not claims.can_own("tweet")
    with claims.own("tweet"):
        assert not claims.can_share("tweet")
    assert claims.can_own("tweet")


def test_a_retweet_is_read_as_its_own_entry_with_the_tweet_it_shows() -> None:
    author = {"id": "7", "username": "bob", "name": "Bob"}
    common: dict[str, object] = {
        "reply_to_id": None,
        "quote_of_id": None,
        "hashtags": [],
        "liked": True,
        "retweeted": False,
        "bookmarked": False,
    }
    counts = {"likes_count": 4, "retweets_count": 3, "replies_count": 2, "quotes_count": 1}
    original = {"id": "10", "author": author, "text": "hello", "retweet_of": None, **common, **counts}
    retweet = {**original, "id": "11", "author": {**author, "id": "8"}, "text": "", "retweet_of": original}
    shown = Shown.of(retweet)
    assert (shown.entry, shown.author, shown.original, shown.original_author, shown.text) == (11, 8, 10, 7, "hello")
    assert shown.counts == Counts(4, 3, 2, 1)


def test_the_graph_is_the_seeds_and_heavy_tailed() -> None:
    edges = follow_graph(500, 1)
    assert edges == follow_graph(500, 1) != follow_graph(500, 2)
    assert len(set(edges)) == len(edges)
    assert all(follower != followee for follower, followee in edges)
    followers = sorted(Counter(followee for _, followee in edges).values())
    assert 12 * 500 < len(edges) < 18 * 500
    assert followers[-1] > 200
    assert followers[250] < 12
    assert max(Counter(follower for follower, _ in edges).values()) <= 60


@pytest.mark.parametrize("users", [0, 1, 2, 3])
def test_a_graph_of_few(users: int) -> None:
    assert len({follower for follower, _ in follow_graph(users, 1)}) == (users if users > 1 else 0)


def test_a_plan_posts_every_text_in_order_and_takes_every_edge() -> None:
    texts = [str(number) for number in range(200)]
    steps = plan(texts, [(0, 1), (1, 2)], seed=1)
    assert steps == plan(texts, [(0, 1), (1, 2)], seed=1)
    assert [step.text for step in steps if step.text] == texts
    assert {step.edge for step in steps if step.kind == "follow"} == {(0, 1), (1, 2)}
    assert {step.kind for step in steps} == {*PER_POST, "post", "reply", "quote", "follow"}


def test_texts_are_lines_or_ndjson_and_what_breaks_the_rules_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "texts"
    lines = ["plain", '{"text": "from\\njson", "id": 1}', "", "x" * 281, "{brace", '{"id": 1}', '{"text": ""}', " 界 "]
    file.write_text("\n".join(lines), encoding="utf-8")
    texts = read_texts(file)
    assert texts.kept == ("plain", "from\njson", "{brace", '{"id": 1}', "界")
    assert texts.skipped == 2


def test_a_file_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("absent", "empty", "binary"):
        with pytest.raises(ClusterError, match=name):
            read_texts(tmp_path / name)


def test_the_synthetic_file_is_varied() -> None:
    texts = read_texts(SYNTHETIC)
    assert texts.skipped == 0
    assert len(set(texts.kept)) == 400
    for sign in ("#", "@", "https://", "雨", "☕"):
        assert any(sign in text for text in texts.kept)
