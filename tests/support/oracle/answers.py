"""Answers to commands, and what they leave open: a call without an answer may have had its effect, or have it later."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

Fact = tuple[str, int, int]
"""(a relation, user, target) or (`deleted`, whoever deletes or 0, tweet): what calls turn on and off."""
DELETED = "deleted"
PRIVATE = "private"
"""Of somebody's account: (`private`, they, they)."""


class Outcome(StrEnum):
    """What a caller knows afterwards."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    """Nothing was done."""
    UNKNOWN = "unknown"
    """No answer, or one that says that it may have happened."""


@dataclass(slots=True, kw_only=True)
class Attempt:
    """An attempt to publish; `id` is known if it was acknowledged. Every text is used once."""

    author: int
    text: str
    reply_to: int | None = None
    quote_of: int | None = None
    outcome: Outcome = Outcome.UNKNOWN
    id: int | None = None
    clean: bool = False
    """Acknowledged, and no fault was met on the way."""


@dataclass(slots=True)
class Answers:
    """Attempts to publish by their text, and how each fact stands as far as answers tell.

    Nobody can tell what a call without an answer did, or in which order two overlapping ones took place: such a fact
    stands as the service has it.
    """

    posts: dict[str, Attempt] = field(default_factory=dict)
    names: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The names that somebody may bear: the last that was acknowledged, and all that got no answer."""
    changes: Counter[Fact] = field(default_factory=Counter)
    """How often each fact was about to change."""
    _acknowledged: dict[int, str] = field(default_factory=dict)
    _on: dict[Fact, bool] = field(default_factory=dict)
    _under_way: defaultdict[Fact, int] = field(default_factory=lambda: defaultdict(int))
    _crowded: set[Fact] = field(default_factory=set)
    _overlapped: set[Fact] = field(default_factory=set)
    _lost: set[Fact] = field(default_factory=set)

    def named(self, user: int, name: str, outcome: Outcome) -> None:
        """Note what became of a new name; one that got no answer may take effect after later ones."""
        if outcome is Outcome.ACKNOWLEDGED:
            self.names[user].discard(self._acknowledged.get(user, ""))
            self._acknowledged[user] = name
        if outcome is not Outcome.REFUSED:
            self.names[user].add(name)

    def begin(self, fact: Fact) -> None:
        self.changes[fact] += 1
        if self._under_way[fact]:
            self._crowded.add(fact)
            self._overlapped.add(fact)
        else:
            self._crowded.discard(fact)
        self._under_way[fact] += 1

    def is_crowded(self, fact: Fact) -> bool:
        """Whether it is being changed by several at once, or was when it was changed last."""
        return fact in self._crowded

    def end(self, fact: Fact, outcome: Outcome, on: bool) -> None:
        self._under_way[fact] -= 1
        if outcome is Outcome.UNKNOWN:  # for good: it may take effect after calls that were answered
            self._lost.add(fact)
        elif outcome is Outcome.ACKNOWLEDGED:
            self._on[fact] = on
            if fact not in self._crowded:
                self._overlapped.discard(fact)

    def leave_open(self, fact: Fact) -> None:
        """Have a fact open for good: others may change it too."""
        self._lost.add(fact)

    def known(self, fact: Fact) -> bool | None:
        """How a fact must stand; None if that is open."""
        if fact in self._lost or fact in self._overlapped or self._under_way[fact]:
            return None
        return self._on.get(fact, False)

    def touched(self) -> set[Fact]:
        return self._on.keys() | self._lost
