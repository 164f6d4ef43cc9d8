"""What is cached of a tweet is what rules and pages need of it, and comes back as it was."""

import pytest

from domain.ids import TweetId, UserId
from domain.tweets import Tweet, Visibility
from storage.cache_codec import tweet_from, tweet_value


@pytest.mark.parametrize(
    ("visibility", "mention_ids"),
    [
        (Visibility.PUBLIC, ()),
        (Visibility.FOLLOWERS, ()),
        (Visibility.MENTIONED, ()),
        (Visibility.MENTIONED, (UserId(7), UserId(2**63 - 1))),
    ],
)
def test_a_tweet_comes_back_with_its_readers(visibility: Visibility, mention_ids: tuple[UserId, ...]) -> None:
    tweet = Tweet(
        id=TweetId(5),
        author=UserId(3),
        text='a "quoted" \u65e5',
        quote_of=TweetId(4),
        visibility=visibility,
        mention_ids=mention_ids,
    )
    found = tweet_from(5, tweet_value(tweet, None, UserId(9)))
    assert (found.visibility, found.mention_ids) == (visibility, mention_ids)
    assert (found.id, found.author, found.quote_of, found.quote_author, found.original) == (5, 3, 4, 9, 5)
    assert found.text == tweet.text
    assert found.fields.startswith(b'"text":')
