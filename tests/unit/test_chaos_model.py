"""Does the checker of the chaos tests see what it is there for?"""

import pytest

from tests.chaos.history import Call, History, Outcome
from tests.chaos.model import Model, unexplained

ANN, BOB = 1, 2
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
        ((post(ANN, 10), delete(ANN, 10), home(ANN, 10, author=ANN)), "which they deleted before"),
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
        (post(BOB, 10), home(ANN, 10), follow(ANN, BOB, "unfollow"), home(ANN)),
        (post(ANN, 10), post(BOB, 11), home(ANN, 11, complete=False)),
        (post(ANN, 10, UNKNOWN), home(ANN)),
    ],
)
def test_what_can_be_is_not(calls: tuple[Call, ...]) -> None:
    assert list(unexplained(history_of(*calls))) == []


def test_reads_of_before_are_not_judged_again() -> None:
    history = history_of(home(ANN, 10), home(ANN))
    assert list(unexplained(history, since=1)) == ["a home of 1 at 1.0 s lacks 10, which they saw before"]


def test_the_last_answer_about_a_switch_counts_and_silence_leaves_it_open() -> None:
    model = Model.of(
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
    assert model.open == {("delete", BOB, 11)}
    model.switches["delete", BOB, 11] = False
    assert (model.home(ANN), model.home(BOB)) == ([10], [11, 10])
    model.switches["delete", BOB, 11] = True
    assert (model.home(BOB), model.followers(ANN)) == ([10], {BOB})
