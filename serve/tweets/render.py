"""Tweets as Murmur's JSON: cached fields joined with authors, counts and the reader's marks."""

from collections.abc import Sequence

from domain.counts import TweetCounts
from domain.limits import Limits
from domain.relations import MARKED
from domain.timeline import Walk
from domain.visibility import Reason, Surface
from serve.reading.pipeline import Page, Skeleton, fill, page_json
from serve.reading.tweet_reader import TweetReader
from storage.cache_codec import CachedTweet, Person

_COUNTS = b'"likes_count":%d,"retweets_count":%d,"replies_count":%d,"quotes_count":%d'
_TAIL = b",%b%b}" % (_COUNTS, b"".join(b',"%b":%%b' % relation.flag.encode() for relation in MARKED))
_BOOL = (b"false", b"true")
_NULL = b"null"
_NEW_TAIL = _TAIL % (*TweetCounts(), *(_BOOL[False] for _ in MARKED))


async def tweets_page(
    skeleton: Skeleton, surface: Surface, reader: TweetReader, walk: Walk, limit: int, limits: Limits
) -> bytes:
    """A page of those tweets of a list that its reader sees on a surface."""
    page: Page[CachedTweet] = Page(skeleton=skeleton, rules=lambda _: reader.seen_on(surface))
    return await sifted_page(page, surface, reader, walk, limit, limits)


async def sifted_page(
    page: Page[CachedTweet], surface: Surface, reader: TweetReader, walk: Walk, limit: int, limits: Limits
) -> bytes:
    """A page of a list that has rules of its own."""
    filled = await fill(page, reader.read, walk, limit, limits)
    return page_json("tweets", await tweets_json(reader, filled.shown, surface), filled.next)


async def tweets_json(reader: TweetReader, shown: Sequence[int], surface: Surface) -> list[bytes]:
    """The JSON of some tweets that were read, in order, as they are shown on a surface.

    A retweet carries its original, and the counts of that; a tweet carries the one that it quotes, or a tombstone.
    """
    tweets = reader.tweets
    originals = dict.fromkeys(tweets[id_].original for id_ in shown)
    quotes = dict.fromkeys(quote for id_ in originals if (quote := tweets[id_].quote_of))
    await reader.read(quotes)
    hidden = {id_: reason for id_ in quotes if (reason := reader.why_hidden(id_, surface)) is not None}
    carried = list(dict.fromkeys((*originals, *(id_ for id_ in quotes if id_ not in hidden))))
    counts = await reader.counts(carried)  # one after the other: nearly always both are at hand
    marks = await reader.marks(carried)
    flags = zip(*([_BOOL[id_ in marked] for id_ in carried] for marked in marks), strict=True)
    tails = {id_: _TAIL % (*counts[id_], *each) for id_, each in zip(carried, flags, strict=True)}

    def written(id_: int, *, embedded: bool = False) -> bytes:
        tweet = tweets[id_]
        retweet_of, quote_of = tweet.retweet_of, 0 if embedded else tweet.quote_of
        original = written(retweet_of) if retweet_of else _NULL
        quote = _NULL
        if quote_of:
            quote = tombstone(quote_of, hidden[quote_of]) if quote_of in hidden else written(quote_of, embedded=True)
        return _tweet_json(tweet, reader.authors[tweet.author], original, quote, tails[retweet_of or id_])

    return [written(id_) for id_ in shown]


def new_tweet_json(tweet: CachedTweet, author: Person) -> bytes:
    """The JSON of a tweet, no retweet and no quote, that nobody has answered yet."""
    return _tweet_json(tweet, author, _NULL, _NULL, _NEW_TAIL)


def tombstone(tweet: int, reason: Reason) -> bytes:
    """Stands for a tweet that is not shown, where a page would have a hole."""
    return b'{"id":"%d","unavailable":"%b"}' % (tweet, reason.encode())


def counts_json(counts: TweetCounts) -> bytes:
    """The counts of a tweet alone."""
    return b"{%b}" % _COUNTS % counts


def _tweet_json(tweet: CachedTweet, author: Person, original: bytes, quote: bytes, tail: bytes) -> bytes:
    head = b'{"id":"%d","author":' % tweet.id
    return b"".join((head, author.author, b",", tweet.fields, b',"retweet_of":', original, b',"quote":', quote, tail))
