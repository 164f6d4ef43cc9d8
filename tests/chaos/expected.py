"""What must be, from the history alone; what its answers leave open is closed by one reading of the service."""

from collections.abc import Mapping
from dataclasses import replace

from tests.chaos.history import History
from tests.support.oracle.answers import DELETED, Answers, Attempt, Fact, Outcome
from tests.support.oracle.oracle import Oracle, Relation, Tweet

_ON = {"follow": "follow", "like": "like", "mute": "mute", "delete": DELETED}
_OFF = {"unfollow": "follow", "unlike": "like", "unmute": "mute"}


class Expected:
    """The oracle of a history. Calls about one fact come from one session, one after another."""

    def __init__(self, history: History) -> None:
        self._answers = Answers()
        for call in history.calls:
            if call.kind == "post":
                text = str(call.subject)
                self._answers.posts[text] = Attempt(
                    author=call.user, text=text, outcome=call.outcome, id=call.id or None
                )
            elif kind := (_ON | _OFF).get(call.kind):
                fact = kind, call.user, int(call.subject)
                self._answers.begin(fact)
                self._answers.end(fact, call.outcome, call.kind in _ON)
        self.oracle = Oracle()
        self.close({}, {})

    def posts(self) -> list[Attempt]:
        return list(self._answers.posts.values())

    def open_posts(self) -> list[Attempt]:
        """Those that may exist."""
        return [post for post in self.posts() if post.outcome is Outcome.UNKNOWN]

    def open(self) -> set[Fact]:
        """Facts of which answers do not tell how they stand."""
        return {fact for fact in self._answers.touched() if self._answers.known(fact) is None}

    def close(self, facts: Mapping[Fact, bool], ids: Mapping[str, int]) -> None:
        """Take what is open as it was read: how facts stand, and the ids of texts that exist."""
        for post in self.open_posts():
            self._answers.posts[post.text] = replace(post, id=ids.get(post.text))
        oracle = Oracle()
        for post in self.posts():
            if post.id is not None:
                oracle.post(Tweet(id=post.id, author=post.author, text=post.text))
        for fact in self._answers.touched():
            known = self._answers.known(fact)
            kind, user, target = fact
            if not (facts.get(fact, False) if known is None else known):
                continue
            if kind == DELETED:
                oracle.delete(target)
            else:
                oracle.relate(Relation(kind), user, target)
        self.oracle = oracle
