"""Users: what they do, what they are answered, and what they must see right afterwards."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import orjson

from domain import relations
from domain.errors import EngineError, LeaseExpired, Refused
from domain.ids import ID_MAX, TweetId, UserId
from domain.relations import BOOKMARK, LIKE, RETWEET
from serve.tweets.commands import Draft
from tests.simulation.stores import CIRCLE, SHY, USERS
from tests.simulation.world import Replica, World
from tests.support.oracle.answers import DELETED, PRIVATE, Answers, Attempt, Fact, Outcome
from tests.support.oracle.oracle import Entry, Relation

_STARS = USERS[:2]
"""Whom everybody wants to follow, so that they cross the pull threshold, up and down."""
_TRIES_MAX = 3
_PAGES_MAX = 200
_MADE_BEFORE_MS_MAX = 12_000
"""How long before it shows something may be made, by clocks of which one is behind."""
ACTIONS = (
    *("post",) * 20,
    *("reply", "quote") * 5,
    *("delete",) * 5,
    *(Relation.FOLLOW,) * 14,
    *("unfollow",) * 7,
    *(Relation.LIKE,) * 8,
    *("unlike",) * 4,
    *(Relation.RETWEET,) * 12,
    *("undo",) * 5,
    *(Relation.BOOKMARK,) * 6,
    *("remove_bookmark",) * 3,
    *("rename",) * 3,
    *("read",) * 14,
)
_HEALING = (Relation.FOLLOW, "unfollow", "request", "leave", "approve", "go_public", Relation.BLOCK)
"""What unlinks a timeline."""


class Person:
    """One user, doing one thing after another; now and then the same thing from two devices at once."""

    actions: Sequence[str] = ACTIONS

    def __init__(self, user: UserId, world: World, answers: Answers) -> None:
        self.user = user
        self._world = world
        self._answers = answers
        self._rng = world.rng
        self._posts = self._renamed = 0
        answers.named(user, f"User {user}", Outcome.ACKNOWLEDGED)
        self._seen: set[Entry] = set()
        """What their home timeline has shown."""
        self._authors: dict[int, int] = {}
        """Who wrote what they have seen, and who retweeted."""
        self._walk_began_ms = 0
        self._unsure = False
        """Whether something that they did got no answer: it may become visible at any time."""

    async def live(self, actions: int, *, calm: bool) -> None:
        """Do so many things; `calm` leaves timelines standing, so that what is wrong with one has time to show."""
        for _ in range(actions):
            await self._world.scheduler.sleep(self._rng.randint(0, 250))
            possible = [action for action in self.actions if not (calm and action in _HEALING)]
            await getattr(self, "_" + self._rng.choice(possible))()

    # ---------------------------------------------------------------------------------------------------- commands

    async def _post(self) -> None:
        await self._publish(None, None)

    async def _reply(self) -> None:
        if (found := self._some_tweet()) is not None:
            await self._publish(found, None)

    async def _quote(self) -> None:
        if (found := self._some_tweet()) is not None:
            await self._publish(None, found)

    async def _publish(self, reply_to: Entry | None, quote_of: Entry | None) -> None:
        self._posts += 1
        post = Attempt(
            author=self.user,
            text=f"{self.user} says {self._posts}",
            reply_to=reply_to and reply_to.original,
            quote_of=quote_of and quote_of.original,
        )
        self._answers.posts[post.text] = post
        draft = Draft(
            text=post.text,
            reply_to=reply_to and TweetId(reply_to.id),
            quote_of=quote_of and TweetId(quote_of.id),
        )
        key = post.text if self._rng.random() < 0.3 else None

        async def publish(replica: Replica) -> None:
            post.id = (await replica.commands.post(self.user, draft, key)).id

        lost, met = False, list[str]()
        for _ in range(_TRIES_MAX if key is not None else 1):
            outcome, met = await self._ask(f"posts {post.text!r}", publish)
            lost = lost or outcome is Outcome.UNKNOWN
            if outcome is Outcome.ACKNOWLEDGED:
                post.outcome = outcome
            else:
                post.outcome = Outcome.UNKNOWN if lost else Outcome.REFUSED
            if outcome is not Outcome.UNKNOWN:
                break
        if post.outcome is Outcome.ACKNOWLEDGED:
            self._note(f"posted {post.id}")
            post.clean = not lost and not met
            if post.clean:
                await self._must_see_own(post)
            await self._must_be_counted(met)

    async def _delete(self) -> None:
        mine = [entry for entry in self._world.rows_of_user(self.user) if entry[0] == entry[1]]
        if not mine:
            return
        tweet = self._rng.choice(mine)[0]
        clean = await self._change((DELETED, 0, tweet), True, lambda c: c.commands.delete(self.user, tweet))
        if clean:
            shown = await self._walk_down_to(tweet)
            if shown is not None and any(entry.original == tweet for entry in shown):
                self._problem(f"still sees {tweet}, which they deleted")

    async def _follow(self) -> None:
        target = self._rng.choice([user for user in (*_STARS * 4, *USERS) if user not in (self.user, *SHY)])
        fact: Fact = (Relation.FOLLOW, self.user, target)
        before = self._answers.known(fact)
        settled = [
            post.id
            for post in self._answers.posts.values()
            if post.author == target and post.id is not None and post.clean and not self._maybe_deleted(post.id)
        ]
        clean = await self._change(fact, True, lambda c: c.follows.follow(self.user, target))
        if clean and before is False and settled:
            newest = max(settled)
            shown = await self._walk_down_to(newest)
            seen = shown is None or self._is_shown(newest, shown)
            if not seen and not self._maybe_deleted(newest):
                self._problem(f"follows {target} and does not see {newest}")

    async def _unfollow(self) -> None:
        following = [to for to in USERS if self._answers.known((Relation.FOLLOW, self.user, to))]
        if not following:
            return
        target = self._rng.choice(following)
        fact: Fact = (Relation.FOLLOW, self.user, target)
        clean = await self._change(fact, False, lambda c: c.follows.unfollow(self.user, target))
        if clean and self._answers.known(fact) is False:
            theirs = {entry[0] for entry in self._world.rows_of_user(target)}
            shown = await self._walk_down_to(0)
            if shown is not None and (left := [entry.id for entry in shown if entry.id in theirs]):
                self._problem(f"no longer follows {target} and still sees {left}")

    async def _like(self) -> None:
        await self._begin(LIKE)

    async def _unlike(self) -> None:
        await self._end(LIKE)

    async def _retweet(self) -> None:
        await self._begin(RETWEET)

    async def _undo(self) -> None:
        await self._end(RETWEET)

    async def _bookmark(self) -> None:
        await self._begin(BOOKMARK)

    async def _remove_bookmark(self) -> None:
        await self._end(BOOKMARK)

    async def _begin(self, relation: relations.Relation) -> None:
        if (found := self._some_tweet()) is not None:
            tweet = TweetId(found.id)
            fact: Fact = (relation.name, self.user, found.original)
            await self._change(fact, True, lambda c: c.relations.turn_on(relation, self.user, tweet))

    async def _end(self, relation: relations.Relation) -> None:
        if (found := self._some_active(relation.name)) is not None:
            tweet = TweetId(found)
            fact: Fact = (relation.name, self.user, found)
            await self._change(fact, False, lambda c: c.relations.turn_off(relation, self.user, tweet))

    async def _rename(self) -> None:
        self._renamed += 1
        name = f"{self.user} by name {self._renamed}"
        outcome, met = await self._ask(f"is {name!r}", lambda c: c.people.edit(self.user, {"name": name}))
        self._answers.named(self.user, name, outcome)
        if outcome is Outcome.ACKNOWLEDGED and not met:
            await self._must_be_named()

    async def _read(self) -> None:
        await self._walk_down_to(0)

    # ------------------------------------------------------------------------------------------------------ answers

    async def _change(self, fact: Fact, on: bool, do: Callable[[Replica], Awaitable[object]]) -> bool:
        """Turn something on or off, sometimes twice at once. Whether it was done once and met no fault."""
        times = 2 if self._rng.random() < 0.15 else 1
        verb = fact[0] if on else f"no {fact[0]}"
        found = await asyncio.gather(*(self._turn(fact, on, f"{verb} {fact[2]}", do) for _ in range(times)))
        return times == 1 and found[0]

    async def _turn(self, fact: Fact, on: bool, what: str, do: Callable[[Replica], Awaitable[object]]) -> bool:
        self._answers.begin(fact)
        outcome, met = await self._ask(what, do)
        self._answers.end(fact, outcome, on)
        if outcome is Outcome.ACKNOWLEDGED and not self._answers.is_crowded(fact):
            await self._must_be_counted(met)
        return outcome is Outcome.ACKNOWLEDGED and not met

    async def _ask(self, what: str, do: Callable[[Replica], Awaitable[object]]) -> tuple[Outcome, list[str]]:
        async def ask(replica: Replica) -> None:
            await do(replica)

        try:
            _, met = await self._world.request(str(self.user), ask)
        except (Refused, LeaseExpired) as error:
            self._note(f"{what}: refused, {error}")
            return Outcome.REFUSED, []
        except EngineError as error:
            self._note(f"{what}: no answer, {error}")
            self._unsure = True
            return Outcome.UNKNOWN, []
        self._note(f"{what}: done" + (f" (met: {', '.join(met)})" if met else ""))
        return Outcome.ACKNOWLEDGED, met

    # -------------------------------------------------------------------------------------------------------- reads

    async def _must_see_own(self, post: Attempt) -> None:
        assert post.id is not None
        shown = await self._walk_down_to(post.id)
        if shown is not None and not self._is_shown(post.id, shown):
            self._problem(f"does not see {post.id}, their own")

    async def _must_be_named(self) -> None:
        """Whoever reads them next is shown their new name."""

        async def ask(replica: Replica) -> bytes:
            return await replica.users.user(None, self.user)

        with suppress(EngineError):
            page, _ = await self._world.request(str(self.user), ask)
            name, possible = orjson.loads(page)["name"], self._answers.names[self.user]
            if name not in possible:
                self._problem(f"is shown as {name!r} instead of {possible}")

    async def _must_be_counted(self, met: list[str]) -> None:
        """Their profile counts for them what only they change, though Redis failed them: followees and tweets.

        A loss of all that is in Redis takes what was noted too: then large sets are as old as the counters are behind.
        """
        if self._unsure or not all(fault.startswith("redis") for fault in met) or self._world.counts_are_behind():
            return

        async def ask(replica: Replica) -> bytes:
            return await replica.users.user(self.user, self.user)

        following, tweets = self._world.sizes_of_user(self.user)
        try:
            page, _ = await self._world.request(str(self.user), ask)
        except EngineError:
            return
        if self._world.counts_are_behind():
            return
        profile = orjson.loads(page)
        if self.user not in CIRCLE and profile["following_count"] != following:
            self._problem(f"follows {following} and is told {profile['following_count']}")
        if profile["tweets_count"] != tweets:
            self._problem(f"wrote {tweets} and is told {profile['tweets_count']}")

    def _is_shown(self, tweet: int, shown: list[Entry]) -> bool:
        """Whether a walk showed a tweet, or may have passed it by for another entry of it."""
        return any(entry.original == tweet for entry in shown) or self._may_be_replaced(Entry(tweet, tweet))

    async def _walk_down_to(self, id_: int) -> list[Entry] | None:
        """The entries of the home timeline down to some id; None if a fault was met on the way."""
        self._walk_began_ms = self._world.clock.now_ms()
        shown: list[Entry] = []
        seen = set(self._seen)
        cursor: str | None = None
        for _ in range(_PAGES_MAX):

            async def ask(replica: Replica, cursor: str | None = cursor) -> bytes:
                return await replica.timelines.home(self.user, cursor, self._world.limits.page_max)

            hidden = self._hidden()
            try:
                page, met = await self._world.request(str(self.user), ask)
            except EngineError:
                return None
            self._authors |= authors_of_page(page)
            found, cursor = entries_of_page(page)
            self._must_not_see(found, hidden)
            if (shown and found and found[0].id >= shown[-1].id) or found != sorted(set(found), reverse=True):
                self._problem(f"walks from {shown[-1:]} on to {found}")
            shown += found
            self._seen |= set(found)
            reached = 0 if cursor is None else shown[-1].id if shown else ID_MAX
            self._must_see_again(seen, shown, reached)
            if met:
                return None
            if reached <= id_:
                return shown
        raise AssertionError("a walk has no end")

    def _must_see_again(self, seen: set[Entry], shown: list[Entry], floor: int) -> None:
        """What was seen before and is still there is seen again, unless a newer entry takes its place in this walk."""
        authors = [
            user for user in USERS if user == self.user or self._answers.known((Relation.FOLLOW, self.user, user))
        ]
        there = {Entry(*row) for author in authors for row in self._world.rows_of_user(author)}
        originals = {entry.original for entry in shown}
        for entry in sorted(seen & there):
            gone = self._maybe_deleted(entry.original) or entry.id in self._world.late
            if entry.id < floor or entry.original in originals or gone or self._may_be_replaced(entry):
                continue
            if self._hiding(self._authors[entry.original]):
                continue
            self._problem(f"sees {entry} no longer")

    def _hiding(self, author: int) -> Sequence[Fact]:
        """What can hide an author from them, beside whom they follow."""
        if author == self.user:
            return ()
        if self.user in CIRCLE and author in CIRCLE:
            pairs = ((Relation.BLOCK, self.user, author), (Relation.BLOCK, author, self.user))
            return (*pairs, (Relation.MUTE, self.user, author))
        return ((PRIVATE, author, author),) if author in SHY else ()

    def _hidden(self) -> Mapping[int, Sequence[tuple[Fact, int]]]:
        """Who is hidden from them for certain, and by what, with how often that was touched."""
        known, changes = self._answers.known, self._answers.changes
        hiding = {author: [fact for fact in self._hiding(author) if known(fact)] for author in USERS}
        return {author: [(fact, changes[fact]) for fact in facts] for author, facts in hiding.items() if facts}

    def _must_not_see(self, found: Sequence[Entry], hidden: Mapping[int, Sequence[tuple[Fact, int]]]) -> None:
        """What was hidden when they asked, by something that nobody has touched since, is not shown."""
        for entry in found:
            for author in {self._authors[id_] for id_ in entry}:
                if by := [fact for fact, changes in hidden.get(author, ()) if self._answers.changes[fact] == changes]:
                    self._problem(f"sees {entry} by {author} in spite of {by}")

    def _may_be_replaced(self, entry: Entry) -> bool:
        """Whether a newer retweet may stand in its place: one that is there, or came and went during the last walk."""
        known = self._answers.known
        authors = [u for u in USERS if u == self.user or known((Relation.FOLLOW, self.user, u)) is not False]
        there = [row for author in authors for row in self._world.rows_of_user(author)]
        made = self._world.retweets_by(authors, since_ms=self._walk_began_ms - _MADE_BEFORE_MS_MAX)
        return any(other > entry.id and original == entry.original for other, original in (*there, *made))

    def _some_tweet(self) -> Entry | None:
        """A tweet or retweet that can be found now, probably a recent one."""
        rows = self._world.rows_of_user(self._rng.choice(USERS))[:4]
        return Entry(*self._rng.choice(rows)) if rows else None

    def _some_active(self, relation: str) -> int | None:
        """Something to which they have a relation; it may be deleted by now."""
        found = sorted(
            s[2] for s in self._answers.touched() if s[:2] == (relation, self.user) and self._answers.known(s)
        )
        return self._rng.choice(found) if found else None

    def _maybe_deleted(self, tweet: int) -> bool:
        return self._answers.known((DELETED, 0, tweet)) is not False

    def _note(self, what: str) -> None:
        self._world.scheduler.note(f"{self.user} {what}")

    def _problem(self, what: str) -> None:
        self._note(f"PROBLEM: {what}")
        self._world.problems.append(f"{self.user} {what}")


def entries_of_page(page: bytes) -> tuple[list[Entry], str | None]:
    """The entries of a page of tweets, and the cursor to the next."""
    read = orjson.loads(page)
    return [Entry(int(t["id"]), int((t["retweet_of"] or t)["id"])) for t in read["tweets"]], read["next_cursor"]


def authors_of_page(page: bytes) -> dict[int, int]:
    """Who wrote each tweet of a page, and who retweeted."""
    tweets = [shown for tweet in orjson.loads(page)["tweets"] for shown in (tweet, tweet["retweet_of"]) if shown]
    return {int(shown["id"]): int(shown["author"]["id"]) for shown in tweets}
