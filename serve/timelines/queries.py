"""Lists of tweets that people read: home, public, of a user, of a hashtag."""

from functools import partial

from domain.errors import NotFound
from domain.hashtags import tag_of
from domain.ids import UserId
from domain.limits import Limits
from domain.timeline import walk_of
from serve.reading.pipeline import Candidate, Skeleton, by_id
from serve.reading.readers import Readers
from serve.timelines.filters import EVERYTHING, EntryFilter, filtered
from serve.timelines.home import Home
from serve.timelines.home_lists import HomeLists
from serve.timelines.home_pages import HomePages
from serve.tweets.render import anybodys, tweets_page
from storage.ports.tweets import TweetStore
from storage.rows import PUBLIC_FEED, hashtag_feed


class TimelineQueries:
    """Pages of tweets, as finished JSON; `viewer` is None without a token."""

    def __init__(self, lists: HomeLists, readers: Readers, tweets: TweetStore, limits: Limits) -> None:
        self._lists = lists
        self._pages = HomePages(lists, limits)
        self._readers = readers
        self._tweets = tweets
        self._limits = limits

    async def home(self, viewer: UserId, cursor: str | None, limit: int, wanted: EntryFilter = EVERYTHING) -> bytes:
        walk, is_remembered = walk_of(cursor), cursor is None and wanted == EVERYTHING
        reader = await self._readers.tweets(viewer)
        if is_remembered and (page := await self._pages.again(viewer, limit, reader.cache)) is not None:
            return page
        found = await self._lists.read(viewer, walk.top, reader.cache)
        home = Home(viewer, found, self._tweets, wanted)
        page = await tweets_page(home.page, reader, walk, limit, self._limits)
        if is_remembered and reader.is_repeatable and not home.went_below:
            self._pages.keep(viewer, limit, reader.cache, found, page)
        return page

    async def user_timeline(
        self, viewer: UserId | None, author: UserId, cursor: str | None, limit: int, wanted: EntryFilter = EVERYTHING
    ) -> bytes:
        """A page of what one user wrote and retweeted. Raises `NotFound`."""
        await self._readers.people.check(author)
        return await self._page(viewer, by_author(self._tweets, author), cursor, limit, wanted)

    async def public(self, viewer: UserId | None, cursor: str | None, limit: int) -> bytes:
        """A page of everybody's tweets, replies and quotes."""
        return await self._page(viewer, by_id(partial(self._tweets.feed, PUBLIC_FEED)), cursor, limit)

    async def hashtag(self, viewer: UserId | None, tag: str, cursor: str | None, limit: int) -> bytes:
        """A page of the tweets that carry a hashtag, without case. Raises `NotFound` for what none can carry."""
        folded = tag_of(tag)
        if folded is None:
            raise NotFound("No tweet can carry this hashtag.", "not_found")
        return await self._page(viewer, by_id(partial(self._tweets.feed, hashtag_feed(folded))), cursor, limit)

    async def _page(
        self,
        viewer: UserId | None,
        skeleton: Skeleton,
        cursor: str | None,
        limit: int,
        wanted: EntryFilter = EVERYTHING,
    ) -> bytes:
        walk = walk_of(cursor)
        reader = await self._readers.tweets(viewer)
        return await tweets_page(filtered(anybodys(skeleton), wanted), reader, walk, limit, self._limits)


def by_author(tweets: TweetStore, author: UserId) -> Skeleton:
    """The tweets and retweets of one user."""

    async def candidates(before: int, limit: int) -> list[Candidate]:
        entries = await tweets.entries_by_author(author, before=before, limit=limit)
        return [Candidate(entry, entry) for entry in entries[:, 0].tolist()]

    return candidates
