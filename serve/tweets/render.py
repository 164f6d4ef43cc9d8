"""Tweets as Murmur's JSON: cached fields joined with authors, counts and the reader's marks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from domain.counts import TweetCounts
from domain.limits import Limits
from domain.relations import MARKED
from domain.timeline import Walk
from domain.visibility import LINK, Lens, Surface, is_visible
from serve.reading.pipeline import Page, Skeleton, fill, page_json
from serve.reading.tweet_reader import TweetReader
from storage.cache_codec import CachedTweet, Person

_COUNTS = b'"likes_count":%d,"retweets_count":%d,"replies_count":%d,"quotes_count":%d'
_TAIL = b",%b%b}" % (_COUNTS, b"".join(b',"%b":%%b' % relation.flag.encode() for relation in MARKED))
_BOOL = (b"false", b"true")
_NEW_TAIL = _TAIL % (*TweetCounts(), *(_BOOL[False] for _ in MARKED))


def anybodys(skeleton: Skeleton) -> Page[CachedTweet]:
    """A list of tweets by anybody."""
    return Page(skeleton=skeleton, rules=partial(seen_through, Lens(), LINK))


def seen_through(lens: Lens, surface: Surface, tweets: Mapping[int, CachedTweet]) -> Callable[[int], bool]:
    """The rule that a reader sees what is visible through a lens, among tweets with the originals of retweets."""

    def visible(id_: int) -> bool:
        tweet = tweets.get(id_)
        return is_visible(tweet, tweet and tweets.get(tweet.original), lens, surface)

    return visible


async def tweets_page(page: Page[CachedTweet], reader: TweetReader, walk: Walk, limit: int, limits: Limits) -> bytes:
    filled = await fill(page, reader.read, walk, limit, limits)
    return page_json("tweets", await tweets_json(reader, filled.shown), filled.next)


async def tweets_json(reader: TweetReader, shown: Sequence[int]) -> list[bytes]:
    """The JSON of some tweets that were read, in order; a retweet carries its original, and the counts of that."""
    originals = list(dict.fromkeys(reader.tweets[id_].original for id_ in shown))
    counts = await reader.counts(originals)  # one after the other: nearly always both are at hand
    marks = await reader.marks(originals)
    flags = zip(*([_BOOL[id_ in marked] for id_ in originals] for marked in marks), strict=True)
    tails = {id_: _TAIL % (*counts[id_], *each) for id_, each in zip(originals, flags, strict=True)}
    return [_tweet_json(reader.tweets, reader.authors, id_, tails) for id_ in shown]


def new_tweet_json(tweet: CachedTweet, author: Person) -> bytes:
    """The JSON of a tweet, no retweet, that nobody has answered yet."""
    return _tweet_json({tweet.id: tweet}, {tweet.author: author}, tweet.id, {tweet.id: _NEW_TAIL})


def counts_json(counts: TweetCounts) -> bytes:
    """The counts of a tweet alone."""
    return b"{%b}" % _COUNTS % counts


def _tweet_json(
    tweets: Mapping[int, CachedTweet], authors: Mapping[int, Person], id_: int, tails: Mapping[int, bytes]
) -> bytes:
    tweet = tweets[id_]
    retweet_of = tweet.retweet_of
    inner = _tweet_json(tweets, authors, retweet_of, tails) if retweet_of else b"null"
    author, tail = authors[tweet.author].author, tails[retweet_of or id_]
    return b"".join((b'{"id":"%d","author":' % id_, author, b",", tweet.fields, b',"retweet_of":', inner, tail))
