"""Steps of a run, drawn from a seed and done by many people at once.

The steps and who is eager to take them follow from the seed; which tweet a step meets depends on what was
acknowledged until then, so two runs with one seed are alike, not identical.
"""

import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.progress import Progress

from cluster.client.api import UnexpectedAnswer
from cluster.client.people import Edge
from cluster.client.pool import each_with_bar
from tests.acceptance.actions import Actions
from tests.acceptance.world import World
from tests.support.api_user import ApiUser
from tests.support.oracle.oracle import About, Relation, Tweet

Kind = Literal[
    "post",
    "reply",
    "quote",
    "delete",
    "like",
    "unlike",
    "retweet",
    "undo_retweet",
    "follow",
    "unfollow",
    "edit",
    "read",
]

PER_POST: Final[dict[Kind, float]] = {
    "delete": 0.04,
    "like": 0.5,
    "unlike": 0.06,
    "retweet": 0.3,
    "undo_retweet": 0.04,
    "unfollow": 0.05,
    "edit": 0.02,
    "read": 0.3,
}
"""How often other things are done, for each text that is posted."""
_RELATIONS: Final[Mapping[Kind, Relation]] = {
    "like": Relation.LIKE,
    "unlike": Relation.LIKE,
    "retweet": Relation.RETWEET,
    "undo_retweet": Relation.RETWEET,
}
_REPLIES, _QUOTES = 0.15, 0.05
_LOOK = 0.15
"""How often somebody looks at once at the effect of what they did."""
_RECENT = 150
"""People engage with the most recent tweets."""
_TRIES = 20
_PROBLEMS_MAX = 50


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do; a text for what posts, an edge for a follow."""

    kind: Kind
    text: str = ""
    edge: Edge = (0, 0)


def plan(texts: Sequence[str], edges: Sequence[Edge], seed: int) -> list[Step]:
    """Every text posted in order, every edge followed, and the rest strewn among them."""
    rng = random.Random(seed)
    others = [Step(kind) for kind, often in PER_POST.items() for _ in range(round(often * len(texts)))]
    others += [Step("follow", edge=edge) for edge in edges]
    steps: list[tuple[float, Step]] = [(rng.random(), step) for step in others]
    for at, text in enumerate(texts):
        kinds: tuple[Kind, ...] = ("reply", "quote", "post")
        (kind,) = rng.choices(kinds, (_REPLIES, _QUOTES, 1 - _REPLIES - _QUOTES))
        steps.append(((at + rng.random()) / len(texts), Step(kind, text)))
    return [step for _, step in sorted(steps, key=lambda placed: placed[0])]


class Scenario:
    """Runs steps in a world. What does not apply (nothing to reply to yet, say) is a plain post, or nothing."""

    def __init__(self, world: World, actions: Actions, authors: Sequence[ApiUser]) -> None:
        """`authors` write; one who stands there often writes often."""
        self._world = world
        self._oracle = world.oracle
        self._random = world.random
        self._actions = actions
        self._authors = authors
        self._recent: list[Tweet] = []
        self._do: dict[Kind, Callable[[Step], Awaitable[None]]] = {
            "post": self._post,
            "reply": self._post,
            "quote": self._post,
            "delete": self._delete,
            "like": self._begin,
            "unlike": self._end,
            "retweet": self._begin,
            "undo_retweet": self._end,
            "follow": self._follow,
            "unfollow": self._unfollow,
            "edit": self._edit,
            "read": self._read,
        }

    async def run(self, steps: Sequence[Step], bars: Progress, title: str) -> None:
        """Do the steps, as many at once as the API allows. Raises `NoAnswer` when the server is gone."""

        async def do(step: Step) -> None:
            try:
                await self._do[step.kind](step)
            except UnexpectedAnswer as failure:
                self._world.problems.append(str(failure))
                if len(self._world.problems) > _PROBLEMS_MAX:
                    raise

        await each_with_bar(bars, title, do, steps, at_once=self._world.api.at_once)

    async def _post(self, step: Step) -> None:
        author = self._random.choice(self._authors)
        other = self._some_tweet() if step.kind != "post" else None
        if other is not None and not self._oracle.may_use(author.id, other.id, share=step.kind == "quote"):
            other = None
        tweet = await self._actions.post(
            author,
            step.text,
            reply_to=other.id if other is not None and step.kind == "reply" else None,
            quote_of=other.id if other is not None and step.kind == "quote" else None,
            look=self._looks(),
        )
        self._recent = [*self._recent[-_RECENT + 1 :], tweet]

    async def _delete(self, _step: Step) -> None:
        claims = self._world.claims
        if (tweet := self._some_tweet()) is not None and claims.can_own(("tweet", tweet.id)):
            await self._actions.delete(tweet, look=self._looks())

    async def _begin(self, step: Step) -> None:
        relation, user, tweet = _RELATIONS[step.kind], self._someone(), self._some_tweet()
        if (
            tweet is not None
            and user.id not in self._oracle.sources(relation, tweet.id)
            and self._oracle.may_use(user.id, tweet.id, share=relation is Relation.RETWEET)
            and self._free(relation, user, tweet)
        ):
            await self._actions.begin(relation, user, tweet.id)

    async def _end(self, step: Step) -> None:
        relation = _RELATIONS[step.kind]
        if (found := self._related(relation)) is not None:
            await self._actions.end(relation, found[0], found[1].id)

    async def _follow(self, step: Step) -> None:
        user, target = (self._world.members[number] for number in step.edge)
        if target.id in self._oracle.private or not self._oracle.lists(user.id, target.id):
            return
        if self._world.claims.can_own((Relation.FOLLOW, user.id, target.id)):
            await self._actions.follow(user, target, readers=3 if self._looks() else 0)

    async def _unfollow(self, _step: Step) -> None:
        user = self._someone()
        following = list(self._oracle.targets(Relation.FOLLOW, user.id))
        if len(following) < 2:
            return
        target = self._world.by_id[self._random.choice(following)]
        if self._world.claims.can_own((Relation.FOLLOW, user.id, target.id)):
            await self._actions.unfollow(user, target, look=self._looks())

    async def _edit(self, _step: Step) -> None:
        user = self._someone()
        if self._world.claims.can_own(("profile", user.id)):
            number = self._world.tick()
            private = user.id in self._oracle.private
            about = About(name=f"{user.username} {number}", bio=f"Edited {number} times & more", private=private)
            await self._actions.edit(user, about, look=self._looks())

    async def _read(self, _step: Step) -> None:
        await self._actions.read_home(self._someone(), self._random.randint(1, 4))

    def _someone(self) -> ApiUser:
        return self._random.choice(self._world.members)

    def _looks(self) -> bool:
        return self._random.random() < _LOOK

    def _some_tweet(self) -> Tweet | None:
        """A recent tweet that exists and that nobody is deleting; the older of them have had more attention."""
        for _ in range(min(_TRIES, len(self._recent))):
            tweet = self._recent[int(len(self._recent) * self._random.random() ** 2)]
            if tweet.id in self._oracle.tweets and self._world.claims.can_share(("tweet", tweet.id)):
                return tweet
        return None

    def _related(self, relation: Relation) -> tuple[ApiUser, Tweet] | None:
        """Somebody and a recent tweet that they like, or have retweeted."""
        for _ in range(_TRIES):
            tweet = self._some_tweet()
            if tweet is None or not (sources := self._oracle.sources(relation, tweet.id)):
                continue
            user = self._world.by_id[self._random.choice(list(sources))]
            if self._free(relation, user, tweet) and self._oracle.may_use(user.id, tweet.id):
                return user, tweet
        return None

    def _free(self, relation: Relation, user: ApiUser, tweet: Tweet) -> bool:
        return self._world.claims.can_own((relation, user.id, tweet.id))
