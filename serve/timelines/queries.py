"""Lists of tweets that people read: home, public, of a user, of a hashtag."""

from collections.abc import Callable, Mapping
from functools import partial

from domain.clock import Clock
from domain.errors import NotFound
from domain.hashtags import tag_of
from domain.ids import UserId
from domain.limits import Limits
from domain.timeline import walk_of
from domain.visibility import HASHTAG, HOME, PROFILE, PUBLIC, Surface
from serve.reading.pipeline import Candidate, Page, Skeleton, by_id
from serve.reading.readers import Readers
from serve.timelines.filters import EVERYTHING, EntryFilter
from serve.timelines.home import Home
from serve.timelines.home_lists import HomeLists
from serve.timelines.home_pages import HomePages
from serve.tweets.render import sifted_page, tweets_page
from storage.cache_codec import CachedTweet
from storage.ports.tweets import TweetStore
from storage.rows import PUBLIC_FEED, hashtag_feed


class TimelineQueries:
    """Pages of tweets, as finished JSON; `viewer` is None without a token."""

    def __init__(self, lists: HomeLists, readers: Readers, tweets: TweetStore, clock: Clock, limits: Limits) -> None:
        self._lists = lists
        self._pages = HomePages(lists, clock, limits)
        self._readers = readers
        self._tweets = tweets
        self._limits = limits

    async def home(self, viewer: UserId, cursor: str | None, limit: int, wanted: EntryFilter = EVERYTHING) -> bytes:
        walk, is_remembered = walk_of(cursor), cursor is None and wanted is EVERYTHING
        reader = await self._readers.tweets(viewer)
        if is_remembered and (page := await self._pages.again(viewer, limit, reader.cache)) is not None:
            return page
        found = await self._lists.read(viewer, walk.top, reader.cache)
        home = Home(reader, found, self._tweets, wanted)
        page = await sifted_page(home.page, HOME, reader, walk, limit, self._limits)
        if is_remembered and reader.is_repeatable and not home.went_below:
            self._pages.keep(reader, limit, found, page)
        return page

    async def user_timeline(
        self, viewer: UserId | None, author: UserId, cursor: str | None, limit: int, wanted: EntryFilter = EVERYTHING
    ) -> bytes:
        """A page of what one user wrote and retweeted. Raises `NotFound`, and `Forbidden` for a private account."""
        await (await self._readers.users(viewer)).check_open(author)
        walk, reader = walk_of(cursor), await self._readers.tweets(viewer)

        def rules(tweets: Mapping[int, CachedTweet]) -> Callable[[int], bool]:
            seen = reader.seen_on(PROFILE)
            return lambda id_: seen(id_) and wanted.takes(tweets[id_])

        page: Page[CachedTweet] = Page(skeleton=by_author(self._tweets, author), rules=rules)
        return await sifted_page(page, PROFILE, reader, walk, limit, self._limits)

    async def public(self, viewer: UserId | None, cursor: str | None, limit: int) -> bytes:
        """A page of everybody's tweets, replies and quotes."""
        return await self._page(viewer, by_id(partial(self._tweets.feed, PUBLIC_FEED)), PUBLIC, cursor, limit)

    async def hashtag(self, viewer: UserId | None, tag: str, cursor: str | None, limit: int) -> bytes:
        """A page of the tweets that carry a hashtag, without case. Raises `NotFound` for what none can carry."""
        folded = tag_of(tag)
        if folded is None:
            raise NotFound("No tweet can carry this hashtag.", "not_found")
        skeleton = by_id(partial(self._tweets.feed, hashtag_feed(folded)))
        return await self._page(viewer, skeleton, HASHTAG, cursor, limit)

    async def _page(
        self, viewer: UserId | None, skeleton: Skeleton, surface: Surface, cursor: str | None, limit: int
    ) -> bytes:
        walk = walk_of(cursor)
        return await tweets_page(skeleton, surface, await self._readers.tweets(viewer), walk, limit, self._limits)


def by_author(tweets: TweetStore, author: UserId) -> Skeleton:
    """The tweets and retweets of one user."""

    async def candidates(before: int, limit: int) -> list[Candidate]:
        entries = await tweets.entries_by_author(author, before=before, limit=limit)
        return [Candidate(entry, entry) for entry in entries[:, 0].tolist()]

    return candidates
