"""Does the oracle know what must be seen, and do its comparisons fail when they should?"""

import pytest

from domain.relations import MARKED, RELATIONS
from tests.support.api_user import path_of
from tests.support.oracle.answers import Answers, Outcome
from tests.support.oracle.comparison import matches_home, matches_latest_first, matches_list, matches_page_order
from tests.support.oracle.oracle import FLAGS, Counts, Entry, Oracle, Relation, Span, Tweet, UserCounts

ALICE, BOB, CARA = 1, 2, 3


def tweet(id_: int, author: int = ALICE, text: str = "hello", **refers: int) -> Tweet:
    return Tweet(id=id_, author=author, text=text, reply_to=refers.get("reply_to"), quote_of=refers.get("quote_of"))


def own(*ids: int) -> list[Entry]:
    return [Entry(id_, id_) for id_ in ids]


@pytest.fixture
def oracle() -> Oracle:
    """Alice follows Bob."""
    oracle = Oracle()
    oracle.relate(Relation.FOLLOW, ALICE, BOB)
    return oracle


def test_a_home_holds_own_and_followed_tweets_newest_first(oracle: Oracle) -> None:
    for id_, author in ((10, BOB), (11, ALICE), (12, CARA), (13, BOB)):
        oracle.post(tweet(id_, author))
    assert oracle.home(ALICE) == own(13, 11, 10)


def test_a_home_follows_the_graph(oracle: Oracle) -> None:
    oracle.post(tweet(10, BOB))
    oracle.part(Relation.FOLLOW, ALICE, BOB)
    assert oracle.home(ALICE) == []
    assert oracle.user_counts(BOB) == UserCounts(0, 0, 1)


def test_a_retweet_is_an_entry_until_it_is_undone(oracle: Oracle) -> None:
    oracle.post(tweet(10, CARA))
    oracle.relate(Relation.RETWEET, BOB, 10, entry=11)
    assert oracle.home(ALICE) == [Entry(11, 10)]
    assert oracle.counts(10).retweets == 1
    assert oracle.user_counts(BOB).tweets == 0
    oracle.part(Relation.RETWEET, BOB, 10)
    assert oracle.home(ALICE) == []
    assert oracle.counts(10).retweets == 0


def test_a_delete_takes_retweets_and_counts_along(oracle: Oracle) -> None:
    oracle.post(tweet(10, CARA))
    oracle.post(tweet(11, BOB, reply_to=10))
    oracle.post(tweet(12, BOB, quote_of=10))
    oracle.relate(Relation.RETWEET, BOB, 11, entry=13)
    assert oracle.counts(10) == Counts(replies=1, quotes=1)
    assert oracle.replies(10) == own(11)
    oracle.delete(11)
    assert oracle.counts(10) == Counts(quotes=1)
    assert oracle.home(ALICE) == own(12)
    assert oracle.public() == own(12, 10)
    assert oracle.user_counts(BOB).tweets == 1


def test_a_block_hides_each_from_the_other_and_a_third_sees_both(oracle: Oracle) -> None:
    oracle.post(tweet(10, BOB))
    oracle.post(tweet(11, ALICE))
    oracle.relate(Relation.RETWEET, CARA, 10, entry=12)
    oracle.relate(Relation.BLOCK, ALICE, BOB)
    assert (oracle.public(ALICE), oracle.public(BOB), oracle.public(CARA)) == (own(11), own(10), own(11, 10))
    assert oracle.user_timeline(CARA, ALICE) == []
    assert oracle.user_timeline(CARA, BOB) == [Entry(12, 10)]
    assert (oracle.opens(ALICE, BOB), oracle.opens(BOB, ALICE)) == (True, False)
    followers = {user: Span(0, 0) for user in (ALICE, BOB, CARA)}
    assert oracle.listed(ALICE, followers).keys() == {ALICE, CARA}
    assert oracle.listed(None, followers).keys() == followers.keys()


def test_a_private_account_is_seen_by_followers_and_never_among_everybodys(oracle: Oracle) -> None:
    oracle.post(tweet(10, BOB, "hello #tag"))
    oracle.private.add(BOB)
    assert (oracle.home(ALICE), oracle.user_timeline(BOB, ALICE)) == (own(10), own(10))
    assert (oracle.user_timeline(BOB, CARA), oracle.user_timeline(BOB, BOB)) == ([], own(10))
    assert (oracle.public(ALICE), oracle.public(BOB)) == ([], own(10))
    assert oracle.by_hashtag(ALICE)["tag"] == own(10)
    assert not oracle.by_hashtag(CARA)
    assert not oracle.live()
    assert (oracle.may_use(ALICE, 10), oracle.may_use(CARA, 10)) == (True, False)
    assert not any(oracle.may_use(user, 10, share=True) for user in (ALICE, BOB))


def test_a_mute_hides_where_nobody_went_on_purpose(oracle: Oracle) -> None:
    oracle.post(tweet(10, BOB))
    oracle.relate(Relation.RETWEET, BOB, 10, entry=11)
    oracle.relate(Relation.MUTE, ALICE, BOB)
    assert (oracle.home(ALICE), oracle.public(ALICE)) == ([], [])
    assert oracle.user_timeline(BOB, ALICE) == [Entry(11, 10), Entry(10, 10)]
    oracle.part(Relation.MUTE, ALICE, BOB)
    oracle.relate(Relation.RETWEETS_HIDDEN, ALICE, BOB)
    assert oracle.home(ALICE) == own(10)


def test_hashtags_are_found_without_case(oracle: Oracle) -> None:
    oracle.post(tweet(10, text="one #Tag"))
    oracle.post(tweet(11, text="two #tag and #TAG"))
    assert oracle.by_hashtag()["tag"] == own(11, 10)


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
    spans = {ALICE: Span(1, 4), BOB: Span(3, 6), CARA: Span(7, 8)}
    assert matches_latest_first([CARA, BOB, ALICE], spans) is None
    assert matches_latest_first([CARA, ALICE, BOB], spans) is None
    assert matches_latest_first([BOB, CARA, ALICE], spans) is not None
    assert matches_latest_first([ALICE, BOB, CARA], spans) is not None
    assert matches_latest_first([CARA, BOB], spans) == f"lacks {ALICE}"
    assert matches_latest_first([CARA, BOB, ALICE, 9], spans) == "shows 9, which does not belong there"
    assert matches_latest_first([CARA, CARA, BOB, ALICE], spans) == "shows one more than once"


def test_a_walk_goes_down() -> None:
    assert matches_page_order(own(3, 2, 1)) is None
    assert matches_page_order(own(3, 2, 2)) == "2 follows 2"


def test_people_stand_in_the_order_of_exact_times() -> None:
    spans = {ALICE: Span(1, 1), BOB: Span(2, 2)}
    assert matches_latest_first([BOB, ALICE], spans) is None
    assert matches_latest_first([ALICE, BOB], spans) is not None


def test_a_like_shows_to_who_likes_and_is_counted(oracle: Oracle) -> None:
    oracle.post(tweet(10, BOB))
    oracle.relate(Relation.LIKE, ALICE, 10)
    assert oracle.flags(ALICE, 10) == {"liked": True, "retweeted": False, "bookmarked": False}
    assert not any(oracle.flags(BOB, 10).values())
    assert oracle.counts(10) == Counts(likes=1)
    oracle.part(Relation.LIKE, ALICE, 10)
    assert oracle.counts(10) == Counts()


def test_a_bookmark_shows_to_who_made_it_while_there_is_a_tweet_and_is_counted_nowhere(oracle: Oracle) -> None:
    for id_ in (10, 11):
        oracle.post(tweet(id_, BOB))
        oracle.relate(Relation.BOOKMARK, ALICE, id_, Span(id_, id_))
    assert oracle.flags(ALICE, 10) == {"liked": False, "retweeted": False, "bookmarked": True}
    assert not any(oracle.flags(BOB, 10).values())
    assert (oracle.counts(10), oracle.user_counts(ALICE)) == (Counts(), UserCounts(following=1))
    assert matches_latest_first([11, 10], oracle.bookmarks(ALICE)) is None
    assert matches_latest_first([10, 11], oracle.bookmarks(ALICE)) is not None
    assert oracle.bookmarks(BOB) == {}
    oracle.delete(11)
    assert matches_latest_first([10], oracle.bookmarks(ALICE)) is None
    oracle.part(Relation.BOOKMARK, ALICE, 10)
    assert (oracle.bookmarks(ALICE), oracle.flags(ALICE, 10)["bookmarked"]) == ({}, False)


def test_every_relation_of_the_product_has_its_place_here() -> None:
    assert set(Relation) == {relation.name for relation in RELATIONS}
    assert {relation.flag: Relation(relation.name) for relation in MARKED} == FLAGS
    with_follows = {Relation.FOLLOW, Relation.REQUEST, Relation.RETWEETS_HIDDEN}
    assert len({path_of(relation, 10) for relation in Relation}) == len(Relation) - len(with_follows) + 1


def test_a_list_in_another_order_or_that_shows_something_twice_differs() -> None:
    assert matches_list(own(1, 2), own(2, 1)) == "shows 1 at place 0 of 2, where 2 belongs"
    assert matches_list(own(2, 1, 1), own(2, 1)) == "shows 1 more than once"


def test_what_overlaps_or_gets_no_answer_is_open_until_a_call_alone_is_answered() -> None:
    answers, liked, followed = Answers(), ("like", ALICE, 10), ("follow", ALICE, BOB)
    answers.begin(liked)
    assert answers.known(liked) is None
    answers.begin(liked)
    for on in (True, False):
        answers.end(liked, Outcome.ACKNOWLEDGED, on)
    assert answers.is_crowded(liked)
    assert answers.known(liked) is None
    answers.begin(liked)
    answers.end(liked, Outcome.ACKNOWLEDGED, True)
    assert answers.known(liked) is True
    for outcome in (Outcome.UNKNOWN, Outcome.ACKNOWLEDGED):
        answers.begin(followed)
        answers.end(followed, outcome, True)
    assert answers.known(followed) is None, "the first call may take effect later"
    assert answers.touched() == {liked, followed}
