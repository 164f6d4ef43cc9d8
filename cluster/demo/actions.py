"""What people do, each thing noted in the model as acknowledged and, now and then, looked at right away."""

import asyncio
from collections.abc import Sequence

from cluster.demo.client import Member
from cluster.demo.comparison import matches_page_order
from cluster.demo.model import Entry, Tweet
from cluster.demo.shapes import Shown
from cluster.demo.world import World

HOME = "/timeline/home"
LOCATIONS = (None, None, "Paris", "San Francisco, CA", "London, UK", "somewhere else")
"""Where people say they are; the last is no place that is known."""
_PAGES_MAX = 6
"""Pages of the retweeter's own timeline in which a fresh retweet is looked for."""


class Actions:
    """The actions of a world's people. Callers choose what nobody else is changing (see `Claims`)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._api = world.api
        self._model = world.model
        self._claims = world.claims
        self.unsettled: set[int] = set()
        """Tweets of which only their author is promised to see them at once, as the log was away when they came."""

    async def post(
        self, author: Member, text: str, *, reply_to: int | None = None, quote_of: int | None = None, look: bool = False
    ) -> Tweet:
        """Publish a tweet; with `look` its author must then see it in their home timeline."""
        with self._claims.share(*(("tweet", id_) for id_ in (reply_to, quote_of) if id_ is not None)):
            location = self._world.random.choice(LOCATIONS)
            shown = await self._api.post(author, text, reply_to=reply_to, quote_of=quote_of, location=location)
            tweet = Tweet(
                id=shown.entry, author=author.id, text=text, reply_to=reply_to, quote_of=quote_of, location=location
            )
            self._model.post(tweet)
        answered = (shown.author, shown.text, shown.reply_to, shown.quote_of)
        if answered != (author.id, text, reply_to, quote_of):
            self._world.check(f"tweet {tweet.id} was answered as {answered}")
        if look:
            await self._look_for_own(author, tweet.id)
        return tweet

    async def delete(self, tweet: Tweet, *, look: bool) -> None:
        """Take a tweet away; nobody must then find it."""
        author = self._world.by_id[tweet.author]
        with self._claims.own(("tweet", tweet.id)):
            await self._api.delete(author, tweet.id)
            self._model.delete(tweet.id)
        if look:
            found = await self._api.tweet(author, tweet.id)
            self._world.check(None if found is None else f"tweet {tweet.id} is there right after its delete")
            page, _ = await self._api.page("home", HOME, author)
            seen = any(shown.original == tweet.id for shown in page)
            self._world.check(f"tweet {tweet.id} is in its author's home right after its delete" if seen else None)

    async def like(self, user: Member, tweet: int, *, on: bool) -> None:
        """Like or unlike."""
        with self._claims.share(("tweet", tweet)), self._claims.own(("like", user.id, tweet)):
            begun = self._model.tick()
            shown = await self._api.engage("like", user, tweet, on=on)
            if on:
                self._model.like(user.id, tweet, self._model.since(begun))
            else:
                self._model.unlike(user.id, tweet)
            self._check_flag("liked", user, shown.original == tweet and shown.liked == on, tweet, on)
            self._check_own(user, shown, shown.counts.likes, on)

    async def retweet(self, user: Member, tweet: int) -> None:
        """Retweet, and find the retweet in one's own timeline."""
        with self._claims.share(("tweet", tweet)), self._claims.own(("retweet", user.id, tweet)):
            begun = self._model.tick()
            shown = await self._api.engage("retweet", user, tweet, on=True)
            span = self._model.since(begun)
            self._check_flag("retweeted", user, shown.original == tweet and shown.retweeted, tweet, True)
            self._check_own(user, shown, shown.counts.retweets, True)
            entry = await self._find_retweet(user, tweet)
            if entry is not None:
                self._model.retweet(user.id, tweet, entry, span)
            self._world.check(
                None if entry is not None else f"{user.username} does not see the retweet of {tweet} just made"
            )

    async def undo_retweet(self, user: Member, tweet: int) -> None:
        """Take a retweet back."""
        with self._claims.share(("tweet", tweet)), self._claims.own(("retweet", user.id, tweet)):
            shown = await self._api.engage("retweet", user, tweet, on=False)
            self._model.undo_retweet(user.id, tweet)
            self._check_flag("retweeted", user, not shown.retweeted, tweet, False)

    async def follow(self, user: Member, target: Member, *, readers: int) -> None:
        """Follow somebody; so many reads of one's home at once must then show their tweets."""
        with self._claims.own(("follow", user.id, target.id)):
            await self._world.follow(user, target)
            if not readers:
                return
            before = self._model.user_timeline(target.id)
            pages = await asyncio.gather(*(self._api.page("home", HOME, user) for _ in range(readers)))
            there = set(self._model.user_timeline(target.id))
            settled = [entry for entry in before if entry in there and self._is_settled(target, entry)]
        for page, more in pages:
            self._world.check(_lacks_followed(user, target, page, more, settled))

    async def unfollow(self, user: Member, target: Member, *, look: bool) -> None:
        """Follow somebody no longer; one's home must then show nothing by them."""
        with self._claims.own(("follow", user.id, target.id)):
            follows = await self._api.follow(user, target.id, on=False)
            self._model.unfollow(user.id, target.id)
            self._world.check(f"{user.username} follows {target.username} after unfollowing" if follows else None)
            if look:
                page, _ = await self._api.page("home", HOME, user)
                seen = any(shown.author == target.id for shown in page)
                self._world.check(f"{user.username} sees {target.username} right after unfollowing" if seen else None)

    async def read_home(self, user: Member, pages: int) -> None:
        """Walk down some pages of one's home; whatever happens meanwhile, they go down and repeat nothing."""
        cursor: str | None = None
        walked: list[Entry] = []
        for _ in range(pages):
            page, cursor = await self._api.page("home", HOME, user, cursor)
            walked += [Entry(shown.entry, shown.original) for shown in page]
            if cursor is None:
                break
        difference = matches_page_order(walked)
        self._world.check(None if difference is None else f"home of {user.username} during the run: {difference}")

    async def _look_for_own(self, author: Member, tweet: int) -> None:
        page, more = await self._api.page("home", HOME, author)
        below = more is not None and bool(page) and page[-1].entry > tweet  # as many newer ones came in
        seen = below or any(shown.original == tweet for shown in page)
        self._world.check(None if seen else f"{author.username} does not see tweet {tweet} just posted")

    async def _find_retweet(self, user: Member, tweet: int) -> int | None:
        cursor: str | None = None
        for _ in range(_PAGES_MAX):
            page, cursor = await self._api.page("user timeline", f"/timeline/user/{user.id}", user, cursor)
            for shown in page:
                if shown.original == tweet and shown.entry != tweet:
                    return shown.entry
            if cursor is None:
                return None
        return None

    def _is_settled(self, author: Member, entry: Entry) -> bool:
        """Whether nobody is taking the entry away right now."""
        keys = (("tweet", entry.original), ("retweet", author.id, entry.original))
        return entry.id not in self.unsettled and all(self._claims.can_share(key) for key in keys)

    def _check_flag(self, flag: str, user: Member, right: bool, tweet: int, on: bool) -> None:
        said = "not " if on else "still "
        self._world.check(None if right else f"tweet {tweet} is {said}{flag} in the answer to {user.username}")

    def _check_own(self, user: Member, shown: Shown, count: int, on: bool) -> None:
        """What one did is counted in the answer; what others do meanwhile, nobody can tell."""
        self._world.check(
            f"the counts of {shown.original} lack what {user.username} just did: {shown.counts}"
            if on and count < 1
            else None
        )


def _lacks_followed(
    user: Member, target: Member, page: Sequence[Shown], more: str | None, settled: Sequence[Entry]
) -> str | None:
    """The first page of a home must show every entry of somebody just followed that is not below the page."""
    last = page[-1].entry if more is not None and page else 0
    originals = {shown.original for shown in page}
    unmet = [entry.id for entry in settled if entry.id > last and entry.original not in originals]
    if not unmet:
        return None
    return f"{user.username} does not see {unmet[0]} by {target.username} right after following"
