"""Does the checker of the chaos tests see what it is there for?"""

import pytest

from cluster.client.api import NoAnswer
from tests.chaos.checker import patiently
from tests.chaos.expected import Expected
from tests.chaos.history import Call, History
from tests.chaos.unexplained import unexplained
from tests.support.oracle.answers import DELETED, Outcome
from tests.support.oracle.comparison import matches_home
from tests.support.oracle.oracle import Entry, Relation

ANN, BOB, EVE = 1, 2, 3
OK, UNKNOWN, REFUSED = Outcome.ACKNOWLEDGED, Outcome.UNKNOWN, Outcome.REFUSED


def history_of(*calls: Call) -> History:
    history = History()
    for at_s, call in enumerate(calls):
        call.begun_s, call.ended_s = float(at_s), at_s + 0.5
        history.calls.append(call)
    return history


def post(user: int, id_: int, outcome: Outcome = OK) -> Call:
    known = id_ if outcome is OK else 0
    return Call(kind="post", user=user, subject=f"text {id_}", begun_s=0, outcome=outcome, id=known)


def delete(user: int, id_: int, outcome: Outcome = OK) -> Call:
    return Call(kind="delete", user=user, subject=id_, begun_s=0, outcome=outcome)


def follow(user: int, whom: int, kind: str = "follow", outcome: Outcome = OK) -> Call:
    return Call(kind=kind, user=user, subject=whom, begun_s=0, outcome=outcome)


def unfollow(user: int, whom: int, outcome: Outcome = OK) -> Call:
    return follow(user, whom, "unfollow", outcome)


def home(user: int, *shown: int, author: int = BOB, complete: bool = True) -> Call:
    entries = [(id_, author, f"text {id_}") for id_ in shown]
    return Call(kind="home", user=user, subject=user, begun_s=0, outcome=OK, shown=entries, complete=complete)


@pytest.mark.parametrize(
    ("calls", "why"),
    [
        ((post(BOB, 10), post(BOB, 11), home(ANN, 10, 11)), "is not in order"),
        ((post(BOB, 10), home(ANN, 10, 10)), "each once"),
        ((home(ANN, 10),), "which nobody published"),
        ((post(BOB, 10, REFUSED), home(ANN, 10)), "which nobody published"),
        ((post(ANN, 10), home(ANN)), "which they wrote before"),
        ((post(BOB, 10), home(ANN, 10), home(ANN)), "which they saw before"),
        ((post(BOB, 10), home(ANN, 10), unfollow(ANN, BOB), follow(ANN, BOB), home(ANN)), "which they saw before"),
        ((unfollow(ANN, BOB), follow(ANN, BOB), post(BOB, 10), home(ANN, 10), home(ANN)), "which they saw before"),
        ((unfollow(ANN, EVE), post(BOB, 10), home(ANN, 10), home(ANN)), "which they saw before"),
        ((post(ANN, 10), delete(ANN, 10), home(ANN, 10, author=ANN)), "which they deleted before"),
        ((post(BOB, 10), follow(ANN, BOB, "mute"), home(ANN, 10)), "whom they muted before"),
        (
            (post(BOB, 10), home(ANN, 10), follow(ANN, BOB, "mute"), follow(ANN, BOB, "unmute"), home(ANN)),
            "which they saw before",
        ),
    ],
)
def test_what_nothing_explains_is_said(calls: tuple[Call, ...], why: str) -> None:
    problems = list(unexplained(history_of(*calls)))
    assert len(problems) == 1
    assert why in problems[0]


@pytest.mark.parametrize(
    "calls",
    [
        (post(BOB, 10), post(BOB, 11), home(ANN, 11, 10), home(ANN, 11, 10)),
        (post(BOB, 10, UNKNOWN), home(ANN, 10), home(ANN, 10)),
        (post(BOB, 10), home(ANN, 10), delete(BOB, 10, UNKNOWN), home(ANN)),
        (post(BOB, 10), home(ANN, 10), unfollow(ANN, BOB), home(ANN)),
        (post(BOB, 10), home(ANN, 10), follow(ANN, BOB, "mute"), home(ANN)),
        (post(BOB, 10), home(ANN, 10), follow(ANN, BOB, "mute", UNKNOWN), home(ANN)),
        (post(BOB, 10), follow(ANN, BOB, "mute"), follow(ANN, BOB, "unmute", UNKNOWN), home(ANN, 10)),
        (post(BOB, 10), home(ANN, 10), unfollow(ANN, BOB), follow(ANN, BOB, outcome=UNKNOWN), home(ANN)),
        (post(BOB, 10), home(ANN, 10), unfollow(ANN, BOB, UNKNOWN), follow(ANN, BOB), home(ANN)),
        (post(BOB, 10), home(ANN, 10), unfollow(ANN, BOB), follow(ANN, BOB), home(ANN, 10)),
        (post(ANN, 10), post(BOB, 11), home(ANN, 11, complete=False)),
        (post(ANN, 10, UNKNOWN), home(ANN)),
    ],
)
def test_what_can_be_is_not(calls: tuple[Call, ...]) -> None:
    assert list(unexplained(history_of(*calls))) == []


def test_reads_of_before_are_not_judged_again() -> None:
    history = history_of(home(ANN, 10), home(ANN))
    assert list(unexplained(history, since=1)) == ["a home of 1 at 1.0 s lacks 10, which they saw before"]


def lines(*ids: int) -> list[Entry]:
    return [Entry(id_, id_) for id_ in ids]


def test_the_last_answer_about_a_fact_counts_and_silence_leaves_it_open() -> None:
    expected = Expected(
        history_of(
            follow(ANN, BOB),
            follow(ANN, BOB, "unfollow"),
            follow(BOB, ANN),
            follow(BOB, ANN, "unfollow", REFUSED),
            post(ANN, 10),
            post(BOB, 11),
            delete(BOB, 11, UNKNOWN),
        )
    )
    its = (DELETED, BOB, 11)
    assert expected.open() == {its}
    expected.close({its: False}, {})
    assert (expected.oracle.home(ANN), expected.oracle.home(BOB)) == (lines(10), lines(11, 10))
    expected.close({its: True}, {})
    assert (expected.oracle.home(BOB), set(expected.oracle.sources(Relation.FOLLOW, ANN))) == (lines(10), {BOB})


def test_a_post_without_an_answer_exists_if_it_is_found() -> None:
    expected = Expected(history_of(post(ANN, 10, UNKNOWN), post(ANN, 11, REFUSED)))
    assert [attempt.text for attempt in expected.open_posts()] == ["text 10"]
    assert expected.oracle.home(ANN) == []
    expected.close({}, {"text 10": 10})
    assert expected.oracle.home(ANN) == lines(10)
    expected.close({}, {})
    assert expected.oracle.home(ANN) == []


def test_a_shard_that_loses_one_push_in_fifty_is_noticed() -> None:
    posts = [post(BOB, id_) for id_ in range(1, 101)]
    home = Expected(history_of(follow(ANN, BOB), *posts)).oracle.home(ANN)
    everything = lines(*range(100, 0, -1))
    assert matches_home(everything, home) is None
    assert matches_home([entry for entry in everything if entry.id % 50], home) == "lacks 100, 50"


class Service:
    """Answers as it was told to, one answer after the other."""

    def __init__(self, *answers: str | NoAnswer | None) -> None:
        self._answers = list(answers)
        self.brought_up_to_date = 0

    async def check(self) -> str | None:
        answer = self._answers.pop(0)
        if isinstance(answer, NoAnswer):
            raise answer
        return answer

    async def bring_up_to_date(self) -> None:
        self.brought_up_to_date += 1

    async def verdict(self, within_s: float) -> tuple[str | None, bool]:
        return await patiently(self.check, self.bring_up_to_date, within_s=within_s, every_s=0)


async def test_what_is_right_later_is_right_and_was_brought_up_to_date() -> None:
    service = Service("lacks 1", NoAnswer("GET /: 503"), None)
    assert await service.verdict(within_s=3_600) == (None, False)
    assert service.brought_up_to_date == 2


async def test_a_service_that_goes_on_failing_is_a_violation_and_no_end_of_the_run() -> None:
    assert await Service(NoAnswer("GET /: 503")).verdict(within_s=0) == ("GET /: 503", True)
