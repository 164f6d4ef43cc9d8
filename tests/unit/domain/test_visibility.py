"""The lens decides as the matrix says: who the author is, what the tweet is, where it is shown, how it came there."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import pytest

from domain.ids import UserId
from domain.muted_words import MutedWord, WordMatcher, WordSurface
from domain.tweets import Visibility
from domain.users import PRIVATE, SUSPENDED
from domain.visibility import (
    HASHTAG,
    HOME,
    LINK,
    PROFILE,
    PUBLIC,
    SAMPLE,
    Header,
    Lens,
    Reason,
    Surface,
    is_listed,
    is_visible,
    why_closed,
    why_hidden,
)

READER, AUTHOR, THIRD = UserId(1), UserId(2), UserId(3)
NOW_MS = 1_000


@dataclass(frozen=True, kw_only=True)
class Tweet:
    author: int = AUTHOR
    visibility: int = Visibility.PUBLIC
    mention_ids: Collection[int] = ()
    text: str = "tea and cake"


def words(*surfaces: WordSurface, until_ms: int = 0) -> WordMatcher:
    return WordMatcher([MutedWord(id=1, phrase="Tea", folded="tea", surfaces=surfaces, until_ms=until_ms)])


IS_PRIVATE: dict[int, int] = {AUTHOR: PRIVATE}
IS_SUSPENDED: dict[int, int] = {AUTHOR: SUSPENDED}
TO_FOLLOWERS = Tweet(visibility=Visibility.FOLLOWERS)
TO_READER = Tweet(visibility=Visibility.MENTIONED, mention_ids=(READER,))
TO_THIRD = Tweet(visibility=Visibility.MENTIONED, mention_ids=(THIRD,))
EVERYWHERE = tuple(WordSurface)

SURFACES: Final[dict[str, Surface]] = {
    "home": HOME,
    "public": PUBLIC,
    "hashtag": HASHTAG,
    "profile": PROFILE,
    "link": LINK,
    "sample": SAMPLE,
}
SHOWN = "+"
REASONS = {each[0]: Reason(each) for each in ("blocked", "suspended", "private", "muted", "deleted")}
"""Of one letter each in the matrix."""

MATRIX: Final[list[tuple[str, Tweet | None, Lens, str]]] = [
    # Author and tweet; in the order of SURFACES: shown, or why it is not.
    ("a stranger", Tweet(), Lens(viewer=READER), "+ + + + + +"),
    ("a followee", Tweet(), Lens(viewer=READER, following={AUTHOR}), "+ + + + + +"),
    ("anybody, without a token", Tweet(), Lens(), "+ + + + + +"),
    ("deleted", None, Lens(viewer=READER), "d d d d d d"),
    ("deleted, without a token", None, Lens(), "d d d d d d"),
    ("suspended", Tweet(), Lens(viewer=READER, states=IS_SUSPENDED), "s s s s s s"),
    ("suspended and followed", Tweet(), Lens(viewer=READER, states=IS_SUSPENDED, following={AUTHOR}), "s s s s s s"),
    ("suspended, without a token", Tweet(), Lens(states=IS_SUSPENDED), "s s s s s s"),
    ("suspended and blocked", Tweet(), Lens(viewer=READER, states=IS_SUSPENDED, blocked={AUTHOR}), "s s s s s s"),
    ("private", Tweet(), Lens(viewer=READER, states=IS_PRIVATE), "p p p p p p"),
    ("private, without a token", Tweet(), Lens(states=IS_PRIVATE), "p p p p p p"),
    ("private and followed", Tweet(), Lens(viewer=READER, states=IS_PRIVATE, following={AUTHOR}), "+ p + + + p"),
    ("private, a third is followed", Tweet(), Lens(viewer=READER, states=IS_PRIVATE, following={THIRD}), "p p p p p p"),
    ("private and blocked", Tweet(), Lens(viewer=READER, states=IS_PRIVATE, blocked={AUTHOR}), "b b b b b b"),
    ("blocked", Tweet(), Lens(viewer=READER, blocked={AUTHOR}), "b b b b b b"),
    ("blocked, still followed", Tweet(), Lens(viewer=READER, blocked={AUTHOR}, following={AUTHOR}), "b b b b b b"),
    ("a blocker", Tweet(), Lens(viewer=READER, blocked_by={AUTHOR}), "b b b b b b"),
    ("a blocker, still followed", Tweet(), Lens(viewer=READER, blocked_by={AUTHOR}, following={AUTHOR}), "b b b b b b"),
    ("a third is blocked", Tweet(), Lens(viewer=READER, blocked={THIRD}), "+ + + + + +"),
    ("muted", Tweet(), Lens(viewer=READER, muted={AUTHOR: NOW_MS + 1}, now_ms=NOW_MS), "m m m + + m"),
    ("muted until now", Tweet(), Lens(viewer=READER, muted={AUTHOR: NOW_MS}, now_ms=NOW_MS), "+ + + + + +"),
    ("muted and blocked", Tweet(), Lens(viewer=READER, muted={AUTHOR: 9}, blocked={AUTHOR}), "b b b b b b"),
    ("muted and private", Tweet(), Lens(viewer=READER, muted={AUTHOR: 9}, states=IS_PRIVATE), "p p p p p p"),
    (
        "muted, private and followed",
        Tweet(),
        Lens(viewer=READER, muted={AUTHOR: 9}, states=IS_PRIVATE, following={AUTHOR}),
        "m p m + + p",
    ),
    ("their retweets are hidden", Tweet(), Lens(viewer=READER, retweets_hidden={AUTHOR}), "+ + + + + +"),
    ("a muted word", Tweet(), Lens(viewer=READER, words=words(*EVERYWHERE)), "m m m + + m"),
    (
        "a muted word of a followee",
        Tweet(),
        Lens(viewer=READER, following={AUTHOR}, words=words(*EVERYWHERE)),
        "m m m + + m",
    ),
    ("a word muted at home", Tweet(), Lens(viewer=READER, words=words(WordSurface.HOME)), "m + + + + +"),
    ("a word muted in public", Tweet(), Lens(viewer=READER, words=words(WordSurface.PUBLIC)), "+ m m + + m"),
    ("a word muted in search", Tweet(), Lens(viewer=READER, words=words(WordSurface.SEARCH)), "+ + + + + +"),
    (
        "a word muted until now",
        Tweet(),
        Lens(viewer=READER, words=words(*EVERYWHERE, until_ms=NOW_MS), now_ms=NOW_MS),
        "+ + + + + +",
    ),
    ("no muted word", Tweet(text="teapot"), Lens(viewer=READER, words=words(*EVERYWHERE)), "+ + + + + +"),
    ("for followers, of a stranger", TO_FOLLOWERS, Lens(viewer=READER), "p p p p p p"),
    ("for followers, without a token", TO_FOLLOWERS, Lens(), "p p p p p p"),
    ("for followers, of a followee", TO_FOLLOWERS, Lens(viewer=READER, following={AUTHOR}), "+ p p + + p"),
    (
        "for followers, of a private followee",
        TO_FOLLOWERS,
        Lens(viewer=READER, states=IS_PRIVATE, following={AUTHOR}),
        "+ p p + + p",
    ),
    ("for the reader", TO_READER, Lens(viewer=READER), "p p p + + p"),
    ("for the reader, of a followee", TO_READER, Lens(viewer=READER, following={AUTHOR}), "p p p + + p"),
    ("for the reader, of a private stranger", TO_READER, Lens(viewer=READER, states=IS_PRIVATE), "p p p p p p"),
    ("for the reader, of a blocker", TO_READER, Lens(viewer=READER, blocked_by={AUTHOR}), "b b b b b b"),
    ("for a third", TO_THIRD, Lens(viewer=READER), "p p p p p p"),
    ("for a third, of a followee", TO_THIRD, Lens(viewer=READER, following={AUTHOR}), "p p p p p p"),
    ("for a third, without a token", TO_THIRD, Lens(), "p p p p p p"),
    ("one's own", Tweet(), Lens(viewer=AUTHOR), "+ + + + + +"),
    ("one's own, private", Tweet(), Lens(viewer=AUTHOR, states=IS_PRIVATE), "+ + + + + +"),
    ("one's own, for followers", TO_FOLLOWERS, Lens(viewer=AUTHOR), "+ + + + + +"),
    ("one's own, for a third", TO_THIRD, Lens(viewer=AUTHOR), "+ + + + + +"),
    ("one's own, with a muted word", Tweet(), Lens(viewer=AUTHOR, words=words(*EVERYWHERE)), "+ + + + + +"),
]
CELLS = [
    pytest.param(tweet, lens, surface, None if cell == SHOWN else REASONS[cell], id=f"{who}, {name}")
    for who, tweet, lens, row in MATRIX
    for (name, surface), cell in zip(SURFACES.items(), row.split(), strict=True)
]


@pytest.mark.parametrize(("tweet", "lens", "surface", "reason"), CELLS)
class TestMatrix:
    def test_itself(self, tweet: Header | None, lens: Lens, surface: Surface, reason: Reason | None) -> None:
        assert is_visible(tweet, tweet, lens, surface) is (reason is None)

    def test_retweeted_by_a_third(
        self, tweet: Header | None, lens: Lens, surface: Surface, reason: Reason | None
    ) -> None:
        retweet = Tweet(author=THIRD, text="")
        third_is_hidden = THIRD in lens.blocked
        assert is_visible(retweet, tweet, lens, surface) is (reason is None and not third_is_hidden)

    def test_quoted_by_a_third(self, tweet: Header | None, lens: Lens, surface: Surface, reason: Reason | None) -> None:
        assert why_hidden(tweet, lens, surface) is reason

    def test_a_third_replied_to_it(
        self, tweet: Header | None, lens: Lens, surface: Surface, reason: Reason | None
    ) -> None:
        reply = Tweet(author=THIRD, text="so it is")
        assert is_visible(reply, reply, lens, surface) is (THIRD not in lens.blocked)


def test_the_matrix_covers_every_surface() -> None:
    assert {len(row.split()) for _, _, _, row in MATRIX} == {len(SURFACES)}


class TestRetweets:
    """Of what the author of the matrix retweets it is enough to look at the first column of each reason."""

    BY_THIRD = Tweet(author=THIRD)

    @pytest.mark.parametrize(
        "lens",
        [
            Lens(viewer=READER, states=IS_SUSPENDED),
            Lens(viewer=READER, states=IS_PRIVATE),
            Lens(viewer=READER, blocked={AUTHOR}),
            Lens(viewer=READER, blocked_by={AUTHOR}),
            Lens(viewer=READER, muted={AUTHOR: 1}),
            Lens(viewer=READER, retweets_hidden={AUTHOR}),
        ],
    )
    def test_one_by_somebody_who_is_hidden_is_hidden(self, lens: Lens) -> None:
        assert not is_visible(Tweet(text=""), self.BY_THIRD, lens, HOME)

    @pytest.mark.parametrize("surface", [PROFILE, LINK])
    def test_hidden_retweets_are_hidden_at_home_alone(self, surface: Surface) -> None:
        assert is_visible(Tweet(text=""), self.BY_THIRD, Lens(viewer=READER, retweets_hidden={AUTHOR}), surface)

    def test_ones_own_of_somebody_blocked_is_hidden(self) -> None:
        lens = Lens(viewer=READER, blocked={AUTHOR})
        assert not is_visible(Tweet(author=READER, text=""), Tweet(), lens, PROFILE)

    def test_one_of_the_readers_own_by_somebody_blocked_is_hidden(self) -> None:
        lens = Lens(viewer=READER, blocked={AUTHOR})
        assert not is_visible(Tweet(text=""), Tweet(author=READER), lens, LINK)


PEOPLE = [
    # Relation; whether the user stands in lists of users, and why their own lists are closed.
    ("a stranger", Lens(viewer=READER), True, None),
    ("without a token", Lens(), True, None),
    ("suspended", Lens(viewer=READER, states=IS_SUSPENDED), False, Reason.SUSPENDED),
    ("private", Lens(viewer=READER, states=IS_PRIVATE), True, Reason.PRIVATE),
    ("private, without a token", Lens(states=IS_PRIVATE), True, Reason.PRIVATE),
    ("private and followed", Lens(viewer=READER, states=IS_PRIVATE, following={AUTHOR}), True, None),
    ("blocked", Lens(viewer=READER, blocked={AUTHOR}), False, None),
    ("a blocker", Lens(viewer=READER, blocked_by={AUTHOR}), False, Reason.BLOCKED),
    ("muted", Lens(viewer=READER, muted={AUTHOR: 1}), True, None),
    ("oneself, private", Lens(viewer=AUTHOR, states=IS_PRIVATE), True, None),
]


@pytest.mark.parametrize(("lens", "listed", "closed"), [row[1:] for row in PEOPLE], ids=[row[0] for row in PEOPLE])
def test_people(lens: Lens, listed: bool, closed: Reason | None) -> None:
    assert is_listed(AUTHOR, lens) is listed
    assert why_closed(AUTHOR, lens) is closed
