"""Comparison of everything that can be read with the oracle, after healing."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from cluster.client.api import ApiFailure
from tests.chaos.expected import Expected
from tests.chaos.history import History
from tests.chaos.load import TAGS, Client
from tests.chaos.unexplained import unexplained
from tests.support.api_user import HOME, trends
from tests.support.oracle.answers import DELETED, Attempt, Fact, Outcome
from tests.support.oracle.comparison import matches_home, matches_list
from tests.support.oracle.oracle import FLAGS, Relation

Check = Callable[[], Awaitable[str | None]]
"""What is wrong with one thing, None if nothing is."""

SETTLED_S = 60.0
"""How long what is not right at once is looked at again: what is counted or delivered may still be on its way."""
_FLAG_OF = {str(relation): flag for flag, relation in FLAGS.items()}
_PATIENCE_VIOLATIONS_MAX = 10
"""With more nobody needs to wait for the rest."""
_REPEAT_S = 0.5
_AT_ONCE = 8


@dataclass(slots=True)
class Verdict:
    """What was compared and what was wrong."""

    compared: int
    violations: list[str]
    settled_s: float
    """When, after the load had ended, the last thing that was right only later was right."""


async def patiently(
    check: Check, bring_up_to_date: Callable[[], Awaitable[None]], *, within_s: float, every_s: float = _REPEAT_S
) -> tuple[str | None, bool]:
    """What is wrong in the end, and whether it was right at once.

    What differs may still be on its way, and who does not answer may still be recovering: both are looked at again
    for a while.
    """
    clock = asyncio.get_running_loop().time
    deadline_s = clock() + within_s
    at_once = True
    while True:
        try:
            if not at_once:
                await bring_up_to_date()
            wrong = await check()
        except ApiFailure as failure:
            wrong = str(failure)
        if wrong is None or clock() >= deadline_s:
            return wrong, at_once
        at_once = False
        await asyncio.sleep(every_s)


class Checker:
    """Reads all there is, and says what does not agree with the history."""

    def __init__(self, clients: Sequence[Client], history: History) -> None:
        self._clients = clients
        self._history = history
        self._clock = asyncio.get_running_loop().time

    async def check(self, since: int = 0) -> Verdict:
        """Compare everything that is, and what was read from a place in the history on."""
        begun_s = self._clock()
        expected = Expected(self._history)
        gate, settled_s, violations = asyncio.Semaphore(_AT_ONCE), 0.0, list(unexplained(self._history, since))
        close = partial(self._close_what_is_open, expected)

        async def settled(check: Check) -> None:
            nonlocal settled_s
            async with gate:
                patience_s = SETTLED_S if len(violations) < _PATIENCE_VIOLATIONS_MAX else 0.0
                wrong, at_once = await patiently(check, close, within_s=patience_s)
            if wrong is not None:
                violations.append(wrong)
            if not at_once:
                settled_s = max(settled_s, self._clock() - begun_s)

        await settled(close)
        checks = list(self._checks(expected))
        await asyncio.gather(*map(settled, checks))
        return Verdict(len(checks) + len(self._history.of("home")), violations, settled_s)

    def _checks(self, expected: Expected) -> Iterator[Check]:
        for client in self._clients:
            yield partial(self._home, client, expected)
            yield partial(self._written, client, expected)
            yield partial(self._profile, client, expected)
        for post in expected.posts():
            if post.id is not None:
                yield partial(self._tweet, post, expected)
        yield partial(self._trends, expected)

    async def _close_what_is_open(self, expected: Expected) -> None:
        """Read what nobody was told: the timelines of authors, whom each follows and mutes, what each likes."""
        by_id = {client.id: client for client in self._clients}
        facts: dict[Fact, bool] = {}
        for fact in expected.open():
            kind, user, target = fact
            if kind == Relation.FOLLOW:
                facts[fact] = (await by_id[user].profile(target)).following
            elif kind == Relation.MUTE:
                facts[fact] = target in await by_id[user].users("mutes", "/users/me/mutes")
            else:
                tweet = await by_id[user].tweet(target)
                facts[fact] = tweet is None if kind == DELETED else tweet is not None and tweet.flags[_FLAG_OF[kind]]
        ids: dict[str, int] = {}
        for author in {post.author for post in expected.open_posts()}:
            shown = await by_id[author].tweets("user timeline", f"/timeline/user/{author}")
            ids |= {tweet.text: tweet.original for tweet in shown}
        expected.close(facts, ids)

    async def _home(self, client: Client, expected: Expected) -> str | None:
        entries = expected.oracle.home(client.id)
        shown = await client.tweets("home", HOME)
        return _of(f"home of {client.username}", matches_home([tweet.line for tweet in shown], entries))

    async def _written(self, client: Client, expected: Expected) -> str | None:
        entries = expected.oracle.user_timeline(client.id, client.id)
        shown = await client.tweets("user timeline", f"/timeline/user/{client.id}")
        return _of(f"timeline of {client.username}", matches_list([tweet.line for tweet in shown], entries))

    async def _profile(self, client: Client, expected: Expected) -> str | None:
        found, counts = (await client.profile(client.id)).counts, expected.oracle.user_counts(client.id)
        return None if found == counts else f"{client.username} has {found}, not {counts}"

    async def _tweet(self, post: Attempt, expected: Expected) -> str | None:
        assert post.id is not None, "only those with an id are looked for"
        tweet = await self._clients[0].tweet(post.id)
        if post.id in expected.oracle.deleted:
            return None if tweet is None else f"tweet {post.id} is there after its delete"
        if tweet is None:
            return f"tweet {post.id}, {post.text!r}, is lost"
        found = (tweet.author, tweet.text, tweet.counts)
        wanted = (post.author, post.text, expected.oracle.counts(post.id))
        return None if found == wanted else f"tweet {post.id} is {found} instead of {wanted}"

    async def _trends(self, expected: Expected) -> str | None:
        """Counts and authors of each tag in the hour; the history is younger than that."""
        answer = await trends(self._clients[0].api, "60m")
        found = {trend["tag"].lower(): (trend["count"], trend["unique_authors"]) for trend in answer["trends"]}
        live = [(post.author, post.text.rpartition("#")[2]) for post in expected.oracle.tweets.values()]
        by_tag = {tag: [author for author, its in live if its == tag] for tag in TAGS}
        wanted = {tag: (len(authors), len(set(authors))) for tag, authors in by_tag.items() if authors}
        return None if found == wanted else f"trends are {found} instead of {wanted}"


def _of(what: str, difference: str | None) -> str | None:
    return None if difference is None else f"{what}: {difference}"


def outcomes(history: History, since: int = 0) -> Counter[Outcome]:
    """How many calls had which outcome, from a place in the history on."""
    return Counter(call.outcome for call in history.calls[since:])
