"""An entry is seen if it and what it shows exist, and it is by one whom the list is made of."""

from dataclasses import dataclass

import pytest

from domain.ids import UserId
from domain.visibility import Lens, is_visible

READER, FOLLOWEE, STRANGER = UserId(1), UserId(2), UserId(3)


@dataclass(frozen=True)
class Tweet:
    author: int


@pytest.mark.parametrize(
    ("tweet", "original", "lens", "seen"),
    [
        (Tweet(STRANGER), Tweet(STRANGER), Lens(), True),
        (None, Tweet(STRANGER), Lens(), False),
        (Tweet(STRANGER), None, Lens(), False),
        (Tweet(FOLLOWEE), Tweet(STRANGER), Lens(READER, {FOLLOWEE}), True),
        (Tweet(STRANGER), Tweet(FOLLOWEE), Lens(READER, {FOLLOWEE}), False),
        (Tweet(READER), Tweet(READER), Lens(READER, set()), True),
        (Tweet(FOLLOWEE), None, Lens(READER, {FOLLOWEE}), False),
    ],
)
def test_visibility(tweet: Tweet | None, original: Tweet | None, lens: Lens, seen: bool) -> None:
    assert is_visible(tweet, original, lens) is seen
