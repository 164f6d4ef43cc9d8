"""What happens in a run: a list of steps drawn from a seed, done by many people at once.

The steps and who is eager to take them follow from the seed; which tweet a step meets depends on what was
acknowledged until then, so two runs with one seed are alike, not identical.
"""

import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from rich.progress import Progress

from cluster.demo.actions import Actions
from cluster.demo.client import Member, UnexpectedAnswer
from cluster.demo.model import Tweet
from cluster.demo.pool import each
from cluster.demo.world import Edge, World

Kind = Literal[
    "post", "reply", "quote", "delete", "like", "unlike", "retweet", "undo_retweet", "follow", "unfollow", "read"
]

PER_POST: Final[dict[Kind, float]] = {
    "delete": 0.04,
    "like": 0.5,
    "unlike": 0.06,
    "retweet": 0.3,
    "undo_retweet": 0.04,
    "unfollow": 0.05,
    "read": 0.3,
}
"""How often other things are done, for each text that is posted."""
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

    def __init__(self, world: World, actions: Actions, authors: Sequence[Member]) -> None:
        """`authors` write; one who stands there often writes often."""
        self._world = world
        self._model = world.model
        self._random = world.random
        self._actions = actions
        self._authors = authors
        self._recent: list[Tweet] = []
        self._do: dict[Kind, Callable[[Step], Awaitable[None]]] = {
            "post": self._post,
            "reply": self._post,
            "quote": self._post,
            "delete": self._delete,
            "like": self._like,
            "unlike": self._unlike,
            "retweet": self._retweet,
            "undo_retweet": self._undo_retweet,
            "follow": self._follow,
            "unfollow": self._unfollow,
            "read": self._read,
        }

    async def run(self, steps: Sequence[Step], bars: Progress, title: str) -> None:
        """Do the steps, as many at once as the API allows. Raises `NoAnswer` when the server is gone."""
        bar = bars.add_task(title, total=len(steps))

        async def do(step: Step) -> None:
            try:
                await self._do[step.kind](step)
            except UnexpectedAnswer as failure:
                self._world.problems.append(str(failure))
                if len(self._world.problems) > _PROBLEMS_MAX:
                    raise
            bars.advance(bar)

        await each(do, steps, at_once=self._world.api.at_once)

    async def _post(self, step: Step) -> None:
        author = self._random.choice(self._authors)
        other = self._some_tweet() if step.kind != "post" else None
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

    async def _like(self, _step: Step) -> None:
        user = self._someone()
        tweet = self._some_tweet()
        if tweet is not None and user.id not in self._model.likes[tweet.id] and self._free("like", user, tweet):
            await self._actions.like(user, tweet.id, on=True)

    async def _unlike(self, _step: Step) -> None:
        if (found := self._engaged("like")) is not None:
            await self._actions.like(found[0], found[1].id, on=False)

    async def _retweet(self, _step: Step) -> None:
        user = self._someone()
        tweet = self._some_tweet()
        if tweet is not None and user.id not in self._model.retweets[tweet.id] and self._free("retweet", user, tweet):
            await self._actions.retweet(user, tweet.id)

    async def _undo_retweet(self, _step: Step) -> None:
        if (found := self._engaged("retweet")) is not None:
            await self._actions.undo_retweet(found[0], found[1].id)

    async def _follow(self, step: Step) -> None:
        user, target = (self._world.members[number] for number in step.edge)
        if self._world.claims.can_own(("follow", user.id, target.id)):
            await self._actions.follow(user, target, readers=3 if self._looks() else 0)

    async def _unfollow(self, _step: Step) -> None:
        user = self._someone()
        following = list(self._model.following[user.id])
        if len(following) < 2:
            return
        target = self._world.by_id[self._random.choice(following)]
        if self._world.claims.can_own(("follow", user.id, target.id)):
            await self._actions.unfollow(user, target, look=self._looks())

    async def _read(self, _step: Step) -> None:
        await self._actions.read_home(self._someone(), self._random.randint(1, 4))

    def _someone(self) -> Member:
        return self._random.choice(self._world.members)

    def _looks(self) -> bool:
        return self._random.random() < _LOOK

    def _some_tweet(self) -> Tweet | None:
        """A recent tweet that exists and that nobody is deleting; the older of them have had more attention."""
        for _ in range(min(_TRIES, len(self._recent))):
            tweet = self._recent[int(len(self._recent) * self._random.random() ** 2)]
            if tweet.id in self._model.tweets and self._world.claims.can_share(("tweet", tweet.id)):
                return tweet
        return None

    def _engaged(self, kind: Literal["like", "retweet"]) -> tuple[Member, Tweet] | None:
        """Somebody and a recent tweet that they like, or have retweeted."""
        switches = self._model.likes if kind == "like" else self._model.retweets
        for _ in range(_TRIES):
            tweet = self._some_tweet()
            if tweet is None or not switches[tweet.id]:
                continue
            user = self._world.by_id[self._random.choice(list(switches[tweet.id]))]
            if self._free(kind, user, tweet):
                return user, tweet
        return None

    def _free(self, kind: Literal["like", "retweet"], user: Member, tweet: Tweet) -> bool:
        return self._world.claims.can_own((kind, user.id, tweet.id))
