"""The history of a run: what was asked and what was answered, with which everything shown must agree."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.support.api_user import ApiUser
from tests.support.oracle.answers import Outcome

REFUSED = "overloaded"
"""The code of an answer that promises that nothing was done."""


@dataclass(slots=True, kw_only=True)
class Call:
    """One call of one user; times are of the event loop, in seconds."""

    kind: str
    user: int
    subject: int | str
    """Whom or what it was about: a user, a tweet, or the text of a post."""
    begun_s: float
    ended_s: float = 0.0
    outcome: Outcome = Outcome.UNKNOWN
    status: int | None = None
    problem: str = ""
    shown: list[tuple[int, int, str]] = field(default_factory=list)
    """Of a read: (id, author, text), as they stood there."""
    complete: bool = False
    """Of a read: whether there was no further page."""
    id: int = 0
    """Of a post: the tweet's."""


class History:
    """Every call, in the order in which they began. The calls of one user do not overlap: that is a session."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    async def call(
        self,
        user: ApiUser,
        kind: str,
        subject: int | str,
        request: tuple[str, str],
        *,
        json: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Call:
        """Make a call, once, and note what came of it."""
        clock = asyncio.get_running_loop().time
        call = Call(kind=kind, user=user.id, subject=subject, begun_s=clock())
        self.calls.append(call)
        try:
            answer = await user.send(*request, json=json, params=params)
        except httpx.TransportError as failure:
            call.problem = type(failure).__name__
        else:
            call.status = answer.status_code
            call.outcome = outcome_of(answer)
            if call.outcome is Outcome.ACKNOWLEDGED:
                _read(call, answer)
            else:
                call.problem = answer.text
        call.ended_s = clock()
        return call

    def of(self, *kinds: str) -> Sequence[Call]:
        """The calls of some kinds."""
        return [call for call in self.calls if call.kind in kinds]


def outcome_of(answer: httpx.Response) -> Outcome:
    """What an answer lets its caller know."""
    if answer.is_success:
        return Outcome.ACKNOWLEDGED
    if answer.status_code < 500 or REFUSED in answer.text:
        return Outcome.REFUSED
    return Outcome.UNKNOWN


def _read(call: Call, answer: httpx.Response) -> None:
    if not answer.content:
        return
    body = answer.json()
    if call.kind == "post":
        call.id = int(body["id"])
    elif "tweets" in body:
        call.shown = [(int(tweet["id"]), int(tweet["author"]["id"]), tweet["text"]) for tweet in body["tweets"]]
        call.complete = body["next_cursor"] is None
