"""Hydrates tweets for one request: records, authors, counts, the reader's marks and lens, in as few trips as can be."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from domain.counts import TweetCounts
from domain.errors import NotFound
from domain.ids import TweetId, UserId
from domain.relations import MARKED
from domain.tweets import Visibility
from domain.visibility import LINK, Lens, Reason, Surface, is_visible, why_hidden
from serve.reading.counts import Counts
from serve.reading.people import People
from serve.reading.request_cache import RequestCache
from serve.reading.viewer import ViewerRelations
from serve.reading.views import RequestLens, Views
from storage import keys
from storage.cache_codec import CachedTweet, Person, engaged_from, tweet_from
from storage.own_acts import acts_from
from storage.read_through import ReadThrough, multi_get


class TweetReader:
    """Reads tweets for one request, with their counts and the viewer's relations and view in the same trip."""

    def __init__(
        self,
        viewer: UserId | None,
        cache: RequestCache,
        people: People,
        tweets: ReadThrough,
        counts: Counts[TweetCounts],
        relations: ViewerRelations,
        views: Views,
    ) -> None:
        self.viewer = viewer
        self.cache = cache
        self.is_repeatable = True
        """False if anything may come out differently the next time, though what the cache has is the same."""
        self.tweets: dict[int, CachedTweet] = {}
        """The tweets and retweets found so far, with every original that a retweet among them shows."""
        self.authors: dict[int, Person] = {}
        """The author of each of them."""
        self._people = people
        self._values = tweets
        self._all_counts = counts
        self._relations = relations
        self._views = views
        self._lens = RequestLens(viewer, views, self._fetch)
        self._viewers = () if viewer is None else (viewer,)
        self._counts: dict[int, bytes | None] = {}
        self._noted: dict[int, bytes | None] = {}
        self._engaged: dict[int, bytes | None] = {}

    @property
    def lens(self) -> Lens:
        """The lens of the reader, for the authors of what was read."""
        return self._lens.lens

    @property
    def end_ms(self) -> int:
        """The wall time from which on the lens shows more, though nothing has changed."""
        return self._lens.end_ms

    async def read(self, ids: Iterable[int]) -> Mapping[int, CachedTweet]:
        """Look up those of some tweets that were not yet; all found so far."""
        wanted = {id_ for id_ in ids if id_ not in self._counts}
        while wanted:
            found = await self._found(wanted)
            await self._join_authors(found)
            wanted = {tweet.retweet_of for tweet in found if tweet.retweet_of} - self._counts.keys()
        return self.tweets

    async def original_of(self, tweet_id: TweetId) -> TweetId:
        """A tweet itself, or what a retweet shows. Raises `NotFound` for what the reader may not know."""
        await self.read((tweet_id,))
        if not self.seen_on(LINK)(tweet_id):
            raise NotFound("This tweet does not exist.", "not_found")
        return TweetId(self.tweets[tweet_id].original)

    async def is_of_blocked(self, tweet_id: TweetId) -> bool:
        """True if a tweet is by somebody whom the reader blocks, who may know that it is there."""
        tweet = (await self.read((tweet_id,))).get(tweet_id)
        if tweet is None or tweet.author not in self.lens.blocked or tweet.author in self.lens.blocked_by:
            return False
        return self.why_hidden(tweet_id, LINK) is Reason.BLOCKED

    def seen_on(self, surface: Surface) -> Callable[[int], bool]:
        """The rule that the reader sees a tweet or retweet on a surface, for those that were read."""
        tweets, lens = self.tweets, self.lens

        def seen(id_: int) -> bool:
            tweet = tweets.get(id_)
            return is_visible(tweet, tweet and tweets.get(tweet.retweet_of or id_), lens, surface)

        return seen

    def why_hidden(self, id_: int, surface: Surface) -> Reason | None:
        """The reason for which the reader does not see a tweet that was read, None if they do."""
        return why_hidden(self.tweets.get(id_), self.lens, surface)

    async def counts(self, originals: Iterable[int]) -> dict[int, TweetCounts]:
        """The counts of some tweets that were read."""
        cached, noted = {id_: self._counts[id_] for id_ in originals}, self._noted.get(self.viewer or 0)
        if None in cached.values() or (noted and acts_from(noted, cached)):
            self.is_repeatable = False  # counts of what the reader did may be corrected, from the truth
        return await self._all_counts.of(cached, noted, self.viewer)

    async def marks(self, originals: Sequence[int]) -> Sequence[Collection[int]]:
        """Those of some tweets that the reader engaged with, for each of `MARKED`."""
        if self.viewer is None or not originals:
            return ((),) * len(MARKED)
        engaged = engaged_from((await self._relations.engaged.fill_missing(self._engaged))[self.viewer])
        if min(originals) <= max(kind.floor for kind in engaged):
            self.is_repeatable = False  # those below a floor are asked of the store
        return await self._relations.marks(self.viewer, engaged, originals)

    async def _found(self, ids: Collection[int]) -> list[CachedTweet]:
        viewers = () if self._engaged else self._viewers
        tweets, counts, engaged, noted, view = await multi_get(
            self._fetch,
            (self._values.key, ids),
            (self._all_counts.shared.key, ids),
            (self._relations.engaged.key, viewers),
            (keys.own_acts, viewers),
            (self._views.values.key, viewers),
        )
        self._counts |= counts
        self._noted |= noted
        self._engaged |= engaged
        if None in (*tweets.values(), *engaged.values(), *view.values()):
            self.is_repeatable = False
        if view:
            await self._lens.open(view)
        values = await self._values.fill_missing(tweets)
        return [tweet_from(id_, value) for id_, value in values.items() if value]

    async def _fetch(self, cached: Sequence[str]) -> Sequence[bytes | None]:
        _, values = await self.cache.fetch((), cached)
        return values

    async def _join_authors(self, found: Sequence[CachedTweet]) -> None:
        """Add tweets with their authors; one whose author does not exist does not either."""
        known: Mapping[int, Person] = {}
        if unknown := {tweet.author for tweet in found} - self.authors.keys():
            known = await self._people.known(unknown, believed=self.cache.has_news)
            self.authors |= known
            if not unknown <= self.authors.keys():
                self.is_repeatable = False  # somebody may sign up under that id
        for_followers = [tweet.author for tweet in found if tweet.visibility == Visibility.FOLLOWERS]
        if known or for_followers:
            await self._lens.add(known, for_followers)
            self.is_repeatable = self.is_repeatable and self._lens.is_whole
        self.tweets |= {tweet.id: tweet for tweet in found if tweet.author in self.authors}
