"""Actions of people, each told to the oracle when it was acknowledged and, now and then, looked at right away."""

import asyncio
from collections.abc import Sequence

from tests.acceptance.world import World
from tests.support.api_user import HOME, ApiUser
from tests.support.oracle.comparison import matches_page_order
from tests.support.oracle.oracle import FLAGS, About, Entry, Place, Relation, Tweet
from tests.support.shapes import Shown

LOCATIONS = (None, None, "Paris", "San Francisco, CA", "London, UK", "somewhere else")
"""Where people say they are; the last is no place that is known."""
_PAGES_MAX = 6
"""Pages of the retweeter's own timeline in which a fresh retweet is looked for."""


class Actions:
    """The actions of a world's people. Callers choose what nobody else is changing (see `Claims`)."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._oracle = world.oracle
        self._claims = world.claims
        self.unsettled: set[int] = set()
        """Tweets of which only their author is promised to see them at once, as the log was away when they came."""

    async def post(
        self,
        author: ApiUser,
        text: str,
        *,
        reply_to: int | None = None,
        quote_of: int | None = None,
        look: bool = False,
    ) -> Tweet:
        """Publish a tweet; with `look` its author must then see it in their home timeline."""
        with self._claims.share(*(("tweet", id_) for id_ in (reply_to, quote_of) if id_ is not None)):
            location = self._world.random.choice(LOCATIONS)
            shown = await author.publish(text, reply_to=reply_to, quote_of=quote_of, location=location)
            tweet = Tweet(
                id=shown.entry, author=author.id, text=text, reply_to=reply_to, quote_of=quote_of, location=location
            )
            self._oracle.post(tweet)
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
            await author.delete(tweet.id)
            self._oracle.delete(tweet.id)
        if look:
            found = await author.tweet(tweet.id)
            self._world.check(None if found is None else f"tweet {tweet.id} is there right after its delete")
            page, _ = await author.page("home", HOME)
            seen = any(shown.original == tweet.id for shown in page)
            self._world.check(f"tweet {tweet.id} is in its author's home right after its delete" if seen else None)

    async def begin(self, relation: Relation, user: ApiUser, tweet: int) -> None:
        """Like or retweet; a retweet is then found in one's own timeline."""
        with self._claims.share(("tweet", tweet)), self._claims.own((relation, user.id, tweet)):
            begun = self._world.tick()
            shown = Shown.of(await user.relate(relation, tweet, on=True))
            span = self._world.since(begun)
            self._check_flag(relation, user, shown, tweet, on=True)
            counted = {Relation.LIKE: shown.counts.likes, Relation.RETWEET: shown.counts.retweets}[relation]
            self._world.check(
                None if counted else f"the counts of {tweet} lack what {user.username} just did: {shown.counts}"
            )
            if relation is not Relation.RETWEET:
                return self._oracle.relate(relation, user.id, tweet, span)
            entry = await self._find_retweet(user, tweet)
            if entry is not None:
                self._oracle.relate(relation, user.id, tweet, span, entry=entry)
            self._world.check(
                None if entry is not None else f"{user.username} does not see the retweet of {tweet} just made"
            )

    async def end(self, relation: Relation, user: ApiUser, tweet: int) -> None:
        """Like no longer, or take a retweet back."""
        with self._claims.share(("tweet", tweet)), self._claims.own((relation, user.id, tweet)):
            shown = Shown.of(await user.relate(relation, tweet, on=False))
            self._oracle.part(relation, user.id, tweet)
            self._check_flag(relation, user, shown, tweet, on=False)

    async def follow(self, user: ApiUser, target: ApiUser, *, readers: int) -> None:
        """Follow somebody; so many reads of one's home at once must then show their tweets."""
        with self._claims.own((Relation.FOLLOW, user.id, target.id)):
            await self._world.follow(user, target)
            if not readers:
                return
            before = self._oracle.user_timeline(target.id, user.id)
            pages = await asyncio.gather(*(user.page("home", HOME) for _ in range(readers)))
            there = set(self._oracle.user_timeline(target.id, user.id))
            at_home = [entry for entry in before if self._oracle.sees(user.id, entry, Place.HOME)]
            settled = [entry for entry in at_home if entry in there and self._is_settled(target, entry)]
        for page, more in pages:
            self._world.check(_lacks_followed(user, target, page, more, settled))

    async def unfollow(self, user: ApiUser, target: ApiUser, *, look: bool) -> None:
        """Follow somebody no longer; one's home must then show nothing by them."""
        with self._claims.own((Relation.FOLLOW, user.id, target.id)):
            follows = bool((await user.relate(Relation.FOLLOW, target.id, on=False))["following"])
            self._oracle.part(Relation.FOLLOW, user.id, target.id)
            self._world.check(f"{user.username} follows {target.username} after unfollowing" if follows else None)
            if look:
                page, _ = await user.page("home", HOME)
                seen = any(shown.author == target.id for shown in page)
                self._world.check(f"{user.username} sees {target.username} right after unfollowing" if seen else None)

    async def edit(self, user: ApiUser, about: About, *, look: bool) -> None:
        """Give oneself a name and a biography, which everybody must then be shown."""
        with self._claims.own(("profile", user.id)):
            await user.edit(name=about.name, bio=about.bio)
            self._oracle.about[user.id] = about
            if look:
                members = self._world.members
                reader = self._world.random.choice([each for each in members if self._oracle.lists(each.id, user.id)])
                found = (await reader.profile(user.id)).about
                self._world.check(None if found == about else f"{user.username} is {found} right after being {about}")

    async def read_home(self, user: ApiUser, pages: int) -> None:
        """Walk down some pages of one's home; whatever happens meanwhile, they go down and repeat nothing."""
        cursor: str | None = None
        walked: list[Entry] = []
        for _ in range(pages):
            page, cursor = await user.page("home", HOME, cursor)
            walked += [shown.line for shown in page]
            if cursor is None:
                break
        difference = matches_page_order(walked)
        self._world.check(None if difference is None else f"home of {user.username} during the run: {difference}")

    async def _look_for_own(self, author: ApiUser, tweet: int) -> None:
        page, more = await author.page("home", HOME)
        below = more is not None and bool(page) and page[-1].entry > tweet  # as many newer ones came in
        seen = below or any(shown.original == tweet for shown in page)
        self._world.check(None if seen else f"{author.username} does not see tweet {tweet} just posted")

    async def _find_retweet(self, user: ApiUser, tweet: int) -> int | None:
        cursor: str | None = None
        for _ in range(_PAGES_MAX):
            page, cursor = await user.page("user timeline", f"/timeline/user/{user.id}", cursor)
            for shown in page:
                if shown.original == tweet and shown.entry != tweet:
                    return shown.entry
            if cursor is None:
                return None
        return None

    def _is_settled(self, author: ApiUser, entry: Entry) -> bool:
        """Whether nobody is taking the entry away right now."""
        keys = (("tweet", entry.original), (Relation.RETWEET, author.id, entry.original))
        return entry.id not in self.unsettled and all(self._claims.can_share(key) for key in keys)

    def _check_flag(self, relation: Relation, user: ApiUser, shown: Shown, tweet: int, *, on: bool) -> None:
        """Whoever did something sees it in the answer."""
        flag = next(name for name, shown_as in FLAGS.items() if shown_as is relation)
        right = shown.original == tweet and shown.flags[flag] == on
        said = "not " if on else "still "
        self._world.check(None if right else f"tweet {tweet} is {said}{flag} in the answer to {user.username}")


def _lacks_followed(
    user: ApiUser, target: ApiUser, page: Sequence[Shown], more: str | None, settled: Sequence[Entry]
) -> str | None:
    """The first page of a home must show every entry of somebody just followed that is not below the page."""
    last = page[-1].entry if more is not None and page else 0
    originals = {shown.original for shown in page}
    unmet = [entry.id for entry in settled if entry.id > last and entry.original not in originals]
    if not unmet:
        return None
    return f"{user.username} does not see {unmet[0]} by {target.username} right after following"
