"""The world of the leak suite, made through the API: an author for each case, a reader, and a third who passes on."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from typing_extensions import override

from tests.support.api_user import HOME, ApiUser
from tests.support.leaks.matrix import SHOWN, Audience, Standing, Stands, Surface
from tests.support.oracle.oracle import Relation

RETWEETED = "retweeted"
THIRDS = "the third's"
"""Liked and retweeted by the author."""


class Phase(Enum):
    """What has happened so far."""

    SHUT = auto()
    """Each author is private or suspended, and the reader related to them, as their case says."""
    OPEN = auto()
    """All of that was undone."""
    PRIVATE_AGAIN = auto()
    """Those who were private are so again."""


@dataclass(frozen=True, slots=True)
class Case:
    """An author, as they stand to the reader in each phase."""

    number: int
    stands: Stands
    private: bool

    def standing(self, phase: Phase) -> Standing:
        """The reader's."""
        if phase is Phase.SHUT:
            return Standing(self.stands, self.private)
        ended = self.stands in (Stands.STRANGER, Stands.BLOCKED, Stands.BLOCKS, Stands.MUTES_STRANGER)
        stands = Stands.STRANGER if ended else Stands.FOLLOWER
        return Standing(stands, self.private and phase is Phase.PRIVATE_AGAIN)

    def anonymous(self, phase: Phase) -> Standing:
        """That of somebody without a token."""
        reader = self.standing(phase)
        suspended = reader.stands is Stands.SUSPENDED
        return Standing(Stands.SUSPENDED if suspended else Stands.STRANGER, reader.private, mentioned=False)

    @override
    def __str__(self) -> str:
        return f"{self.stands}, {'private' if self.private else 'public'} account"


_KINDS = [(stands, private) for stands in Stands if stands is not Stands.SELF for private in (False, True)]
CASES = tuple(Case(n, *kind) for n, kind in enumerate(kind for kind in _KINDS if kind != (Stands.ASKS, False)))
"""A public account is not asked."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Item:
    """A tweet or retweet: by the author of a case, or by the third (None) about one."""

    id: str
    way: str
    about: Case
    by: Case | None
    audience: Audience = Audience.EVERYBODY
    parent: "Item | None" = None
    quoted: "Item | None" = None
    original: "Item | None" = None

    def why_hidden(self, standing: Callable[[Case | None], Standing], surface: Surface) -> str | None:
        """The reason for which a reader does not see it on a surface, None if they do."""
        seen = standing(self.by).sees(self.audience, surface, retweet=self.original is not None)
        if seen == SHOWN:
            return None if self.original is None else self.original.why_hidden(standing, surface)
        return seen


@dataclass(slots=True)
class Hooks:
    """What the API does not offer, or not at once."""

    delivered: Callable[["World"], Awaitable[None]]
    """Wait until all that was written is where followers find it."""
    approved: Callable[["World"], Awaitable[None]]
    """Wait until nobody asks an account any more that is private no longer."""
    suspend: Callable[[int, bool], Awaitable[None]] | None = None
    """Suspend a user, or reinstate them; without it nobody is suspended."""


@dataclass(slots=True)
class World:
    """All that was written, and who reads it."""

    reader: ApiUser
    third: ApiUser
    authors: dict[Case, ApiUser]
    hooks: Hooks
    phase: Phase = Phase.SHUT
    items: list[Item] = field(default_factory=list)
    tag: str = field(default_factory=lambda: f"leaks{secrets.token_hex(4)}")

    def word(self, case: Case) -> str:
        """A word that only this author writes."""
        return f"{self.tag}by{case.number}by"

    def among(self, cases: Collection[Case]) -> "World":
        """The same of some authors alone."""
        authors = {case: author for case, author in self.authors.items() if case in cases}
        return replace(self, authors=authors, items=[item for item in self.items if item.about in cases])

    async def begin(self) -> None:
        """Write everything while everybody may see it, then have each case come true."""
        authors = self.authors.values()
        await self.reader.follow(self.third)
        await each(self._meet(author) for author in authors)
        await self.reader.tweets("home", HOME)
        await each(self._write(case, author) for case, author in self.authors.items())
        await self._find_retweets()
        await each(self._keep(item) for item in self.items if item.audience is not Audience.OTHERS)
        await self.hooks.delivered(self)
        await self.reader.tweets("home", HOME)  # whatever is remembered is older than what follows
        await each(self._shut(case, author) for case, author in self.authors.items())

    async def open(self) -> None:
        """Undo what the cases did."""
        await each(self._open(case, author) for case, author in self.authors.items())
        await self.hooks.approved(self)
        self.phase = Phase.OPEN

    async def close_again(self) -> None:
        """Make those private again who were."""
        await each(set_private(author, True) for case, author in self.authors.items() if case.private)
        self.phase = Phase.PRIVATE_AGAIN

    # -------------------------------------------------------------------------------------------------------- writing

    async def _meet(self, author: ApiUser) -> None:
        await author.follow(self.third)
        await self.third.follow(author)
        await self.reader.follow(author)

    async def _write(self, case: Case, author: ApiUser) -> None:
        await self._write_for_everybody(case, author)
        await self._write_for_few(case, author)

    async def _write_for_everybody(self, case: Case, author: ApiUser) -> None:
        await self._own(case, author, "itself")
        retweeted = await self._own(case, author, RETWEETED)
        await self.third.relate(Relation.RETWEET, int(retweeted.id), on=True)
        quoted = await self._own(case, author, "quoted")
        await self._thirds(case, "the quote", quoted=quoted)
        answered = await self._own(case, author, "answered")
        await self._thirds(case, "the answer", parent=answered)
        other = await self._thirds(case, THIRDS)
        reply = await self._own(case, author, "a reply", parent=other)
        await self._thirds(case, "the answer to the reply", parent=reply)
        await author.relate(Relation.LIKE, int(other.id), on=True)
        await author.relate(Relation.RETWEET, int(other.id), on=True)

    async def _write_for_few(self, case: Case, author: ApiUser) -> None:
        await self._own(case, author, "for followers", Audience.FOLLOWERS)
        answered = await self._own(case, author, "for followers, answered", Audience.FOLLOWERS)
        await self._thirds(case, "the answer for followers", Audience.FOLLOWERS, parent=answered)
        other = await self._thirds(case, "another of the third")
        await self._own(case, author, "a reply for followers", Audience.FOLLOWERS, parent=other)
        await self._own(case, author, "mentions the reader", Audience.READER)
        await self._own(case, author, "a reply that mentions the reader", Audience.READER, parent=other)
        await self._own(case, author, "mentions another", Audience.OTHERS)

    async def _own(
        self,
        case: Case,
        author: ApiUser,
        way: str,
        audience: Audience = Audience.EVERYBODY,
        parent: Item | None = None,
    ) -> Item:
        mentioned = {Audience.READER: self.reader, Audience.OTHERS: self.third}.get(audience)
        text = f"{self.word(case)} writes {way}" + (f" for @{mentioned.username}" if mentioned else "")
        return await self._post(
            author, text, Item(id="", way=way, about=case, by=case, audience=audience, parent=parent)
        )

    async def _thirds(
        self,
        case: Case,
        way: str,
        audience: Audience = Audience.EVERYBODY,
        parent: Item | None = None,
        quoted: Item | None = None,
    ) -> Item:
        item = Item(id="", way=way, about=case, by=None, audience=audience, parent=parent, quoted=quoted)
        return await self._post(self.third, f"a third writes {way} {case.number}", item)

    async def _post(self, author: ApiUser, text: str, item: Item) -> Item:
        fields = {} if item.audience is Audience.EVERYBODY else {"visibility": item.audience.visibility}
        fields |= {} if item.parent is None else {"reply_to_id": item.parent.id}
        fields |= {} if item.quoted is None else {"quote_of_id": item.quoted.id}
        return self._add(item, await author.post(f"{text} #{self.tag}", **fields))

    def _add(self, item: Item, id_: str) -> Item:
        added = replace(item, id=id_)
        self.items.append(added)
        return added

    async def _find_retweets(self) -> None:
        """Add the retweets: their ids stand in the timelines of those who made them."""
        by_id = {item.id: item for item in self.items}
        retweeters: list[tuple[Case | None, ApiUser]] = [(None, self.third), *self.authors.items()]
        for by, user in retweeters:
            for shown in await user.tweets("user timeline", f"/timeline/user/{user.id}"):
                if shown.entry != shown.original:
                    original = by_id[str(shown.original)]
                    way = "the retweet" if by is None else "a retweet of the third's"
                    self._add(Item(id="", way=way, about=original.about, by=by, original=original), str(shown.entry))

    async def _keep(self, item: Item) -> None:
        if item.original is None:
            await self.reader.relate(Relation.BOOKMARK, int(item.id), on=True)

    # -------------------------------------------------------------------------------------------------------- phases

    async def _shut(self, case: Case, author: ApiUser) -> None:
        reader = self.reader
        if case.stands in (Stands.STRANGER, Stands.ASKS, Stands.MUTES_STRANGER):
            await reader.relate(Relation.FOLLOW, author.id, on=False)
        if case.private:
            await set_private(author, True)
        match case.stands:
            case Stands.ASKS:
                await reader.follow(author)
            case Stands.BLOCKED:
                await author.relate(Relation.BLOCK, reader.id, on=True)
            case Stands.BLOCKS:
                await reader.relate(Relation.BLOCK, author.id, on=True)
            case Stands.MUTES | Stands.MUTES_STRANGER:
                await reader.relate(Relation.MUTE, author.id, on=True)
            case Stands.MUTES_WORD:
                await reader.call("POST", "/users/me/muted-words", 201, json={"phrase": self.word(case).upper()})
            case Stands.HIDES_RETWEETS:
                await reader.call("POST", f"/users/{author.id}/follow", 200, json={"retweets_hidden": True})
            case Stands.SUSPENDED if self.hooks.suspend is not None:
                await self.hooks.suspend(author.id, True)

    async def _open(self, case: Case, author: ApiUser) -> None:
        reader = self.reader
        match case.stands:
            case Stands.BLOCKED:
                await author.relate(Relation.BLOCK, reader.id, on=False)
            case Stands.BLOCKS:
                await reader.relate(Relation.BLOCK, author.id, on=False)
            case Stands.MUTES | Stands.MUTES_STRANGER:
                await reader.relate(Relation.MUTE, author.id, on=False)
            case Stands.MUTES_WORD:
                for word in (await reader.call("GET", "/users/me/muted-words", 200))["muted_words"]:
                    if word["phrase"] == self.word(case).upper():
                        await reader.call("DELETE", f"/users/me/muted-words/{word['id']}", 204)
            case Stands.HIDES_RETWEETS:
                await reader.call("POST", f"/users/{author.id}/follow", 200, json={"retweets_hidden": False})
            case Stands.SUSPENDED if self.hooks.suspend is not None:
                await self.hooks.suspend(author.id, False)
        if case.private:
            await set_private(author, False)


async def set_private(user: ApiUser, private: bool) -> None:
    await user.change_settings(private=private)


async def each(acts: Iterable[Awaitable[object]]) -> None:
    """Do things side by side."""
    await asyncio.gather(*acts)
