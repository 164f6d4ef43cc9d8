"""The demonstration's model, its comparisons (which must fail when they should), its graph and its texts."""

from collections import Counter
from pathlib import Path

import pytest

from cluster.demo.comparison import matches_home, matches_latest_first, matches_list, matches_page_order
from cluster.demo.graph import follow_graph
from cluster.demo.model import Entry, Model, Span, Tweet
from cluster.demo.scenario import PER_POST, plan
from cluster.demo.shapes import Counts, Shown, UserCounts
from cluster.demo.texts import SYNTHETIC, read_texts
from cluster.demo.world import Claims
from cluster.errors import ClusterError

ALICE, BOB, CARA = 1, 2, 3


def tweet(id_: int, author: int = ALICE, text: str = "hello", **refers: int) -> Tweet:
    return Tweet(id=id_, author=author, text=text, reply_to=refers.get("reply_to"), quote_of=refers.get("quote_of"))


def own(*ids: int) -> list[Entry]:
    return [Entry(id_, id_) for id_ in ids]


@pytest.fixture
def model() -> Model:
    """Alice follows Bob."""
    model = Model()
    model.users = [ALICE, BOB, CARA]
    model.follow(ALICE, BOB, model.since(model.tick()))
    return model


def test_a_home_holds_own_and_followed_tweets_newest_first(model: Model) -> None:
    for id_, author in ((10, BOB), (11, ALICE), (12, CARA), (13, BOB)):
        model.post(tweet(id_, author))
    assert model.home(ALICE) == own(13, 11, 10)


def test_a_home_follows_the_graph(model: Model) -> None:
    model.post(tweet(10, BOB))
    model.unfollow(ALICE, BOB)
    assert model.home(ALICE) == []
    assert model.user_counts(BOB) == UserCounts(0, 0, 1)


def test_a_retweet_is_an_entry_until_it_is_undone(model: Model) -> None:
    model.post(tweet(10, CARA))
    model.retweet(BOB, 10, 11, Span(1, 2))
    assert model.home(ALICE) == [Entry(11, 10)]
    assert model.counts(10).retweets == 1
    assert model.user_counts(BOB).tweets == 0
    model.undo_retweet(BOB, 10)
    assert model.home(ALICE) == []
    assert model.counts(10).retweets == 0


def test_a_delete_takes_retweets_and_counts_along(model: Model) -> None:
    model.post(tweet(10, CARA))
    model.post(tweet(11, BOB, reply_to=10))
    model.post(tweet(12, BOB, quote_of=10))
    model.retweet(BOB, 11, 13, Span(1, 2))
    assert model.counts(10) == Counts(replies=1, quotes=1)
    assert model.replies(10) == own(11)
    model.delete(11)
    assert model.counts(10) == Counts(quotes=1)
    assert model.home(ALICE) == own(12)
    assert model.public() == own(12, 10)
    assert model.user_counts(BOB).tweets == 1


def test_hashtags_are_found_without_case(model: Model) -> None:
    model.post(tweet(10, text="one #Tag"))
    model.post(tweet(11, text="two #tag and #TAG"))
    assert model.by_hashtag()["tag"] == own(11, 10)


# 5 retweets 1, 4 is on its own, 3 retweets 1, 2 retweets 0, 1 is the original, 0 too
ENTRIES = [Entry(5, 1), Entry(4, 4), Entry(3, 1), Entry(2, 0), Entry(1, 1), Entry(0, 0)]


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param([5, 4, 3, 2, 1, 0], id="the floor is above all: nothing is hidden"),
        pytest.param([5, 4, 2, 1, 0], id="the floor is between 3 and 1"),
        pytest.param([5, 4, 2, 0], id="the floor is between 1 and 0"),
        pytest.param([5, 4, 2], id="the floor is below all"),
    ],
)
def test_a_home_is_right_whatever_the_floor(shown: list[int]) -> None:
    assert matches_home([entry for entry in ENTRIES if entry.id in shown], ENTRIES) is None


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        pytest.param([5, 3, 2, 1, 0], "lacks 4", id="one that has no rival is missing"),
        pytest.param([4, 2], "lacks 5", id="the newest rival is missing"),
        pytest.param([5, 4, 3, 2, 0], "shows 3 (a retweet of 1) at place 2", id="hidden below one that is shown"),
        pytest.param([4, 3, 2], "lacks 5", id="an older rival is shown for a newer one"),
        pytest.param([5, 4, 3, 2, 1], "shows 3 (a retweet of 1) at place 2", id="the end is missing"),
        pytest.param([], "lacks 5, 4, 2", id="all is missing"),
        pytest.param([4, 5, 3, 2, 1, 0], "shows 4 at place 0", id="the order is wrong"),
        pytest.param([5, 5, 4, 3, 2, 1, 0], "shows 5 more than once", id="one is repeated"),
        pytest.param([5, 4, 4, 2, 1, 0], "shows 4 more than once", id="one is repeated in another's place"),
    ],
)
def test_a_wrong_home_is_told_in_words(shown: list[int], words: str) -> None:
    entries = {entry.id: entry for entry in ENTRIES}
    difference = matches_home([entries[id_] for id_ in shown], ENTRIES)
    assert difference is not None
    assert words in difference


def test_a_stranger_in_a_home_is_told() -> None:
    assert matches_home([Entry(9, 9), *ENTRIES], ENTRIES) == "shows 9, which does not belong there"
    assert matches_home([Entry(5, 4), *ENTRIES[1:]], ENTRIES) == "shows 5, which does not belong there; lacks 5"


def test_a_list_must_be_the_same() -> None:
    assert matches_list(own(3, 2, 1), own(3, 2, 1)) is None
    assert matches_list(own(3, 1), own(3, 2, 1)) == "lacks 2"
    assert matches_list(own(3, 2, 1), own(3, 1)) == "shows 2, which does not belong there"
    assert matches_list(own(2, 3), own(3, 2)) == "shows 2 at place 0 of 2, where 3 belongs"


def test_people_stand_latest_first_unless_their_calls_overlapped() -> None:
    switches = {ALICE: Span(1, 4), BOB: Span(3, 6), CARA: Span(7, 8)}
    assert matches_latest_first([CARA, BOB, ALICE], switches) is None
    assert matches_latest_first([CARA, ALICE, BOB], switches) is None
    assert matches_latest_first([BOB, CARA, ALICE], switches) is not None
    assert matches_latest_first([ALICE, BOB, CARA], switches) is not None
    assert matches_latest_first([CARA, BOB], switches) == f"lacks {ALICE}"
    assert matches_latest_first([CARA, BOB, ALICE, 9], switches) == "shows 9, who does not belong there"
    assert matches_latest_first([CARA, CARA, BOB, ALICE], switches) == "shows somebody more than once"


def test_a_walk_goes_down() -> None:
    assert matches_page_order(own(3, 2, 1)) is None
    assert matches_page_order(own(3, 2, 2)) == "2 follows 2"


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
    assert texts.cycled(6) == [*texts.kept, "plain"]


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
