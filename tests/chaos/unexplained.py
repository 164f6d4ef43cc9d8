"""Reads of a history that nothing in it explains: a session must see what it saw and what it did."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set

from tests.chaos.history import Call, History
from tests.support.oracle.answers import Outcome


def unexplained(history: History, since: int = 0) -> Iterator[str]:
    """What reads from a place in the history on showed, or lacked, and nothing explains."""
    judged = {id(call) for call in history.calls[since:]}
    by_text = {str(call.subject): call for call in history.of("post")}
    deletes = {int(call.subject): call for call in history.of("delete")}
    by_user: defaultdict[int, list[Call]] = defaultdict(list)
    for call in history.calls:
        by_user[call.user].append(call)
    for calls in by_user.values():
        seen: dict[int, int] = {}
        left, muted, lost = set[int](), set[int](), set[int]()
        for call in calls:
            match call.kind, call.outcome:
                case "unfollow", Outcome.ACKNOWLEDGED:
                    left.add(int(call.subject))
                case (
                    "unfollow" | "mute" | "unmute",
                    Outcome.UNKNOWN,
                ):  # for good: it may take effect after calls that were answered
                    lost.add(int(call.subject))
                case "follow", Outcome.ACKNOWLEDGED:
                    left.discard(int(call.subject))
                case "mute", Outcome.ACKNOWLEDGED:
                    muted.add(int(call.subject))
                case "unmute", Outcome.ACKNOWLEDGED:
                    muted.discard(int(call.subject))
            if call.kind != "home" or call.outcome is not Outcome.ACKNOWLEDGED:
                continue
            if id(call) in judged:
                stay = {id_ for id_, author in seen.items() if author not in left | muted | lost}
                problems = (
                    *_shown(call, by_text, deletes),
                    *_hidden(call, muted - lost),
                    *_lacking(call, _own(calls, call), stay, deletes),
                )
                for problem in problems:
                    yield f"a home of {call.user} at {call.begun_s:.1f} s {problem}"
            seen |= {id_: author for id_, author, _ in call.shown}


def _shown(read: Call, by_text: Mapping[str, Call], deletes: Mapping[int, Call]) -> Iterator[str]:
    """What is wrong with what a read showed: its order, repeats, what nobody published, what its reader deleted."""
    ids = [id_ for id_, _, _ in read.shown]
    if ids != sorted(set(ids), reverse=True):
        yield f"is not in order, each once: {ids}"
    for id_, author, text in read.shown:
        post, gone = by_text.get(text), deletes.get(id_)
        if post is None or post.user != author or post.outcome is Outcome.REFUSED or post.id not in (0, id_):
            yield f"shows {id_} by {author}, {text!r}, which nobody published"
        mine = gone is not None and gone.user == read.user and gone.outcome is Outcome.ACKNOWLEDGED
        if mine and gone is not None and gone.ended_s < read.begun_s:
            yield f"shows {id_}, which they deleted before"


def _hidden(read: Call, muted: Set[int]) -> Iterator[str]:
    """What was shown of those whom the reader had muted."""
    for id_, author, _ in read.shown:
        if author in muted:
            yield f"shows {id_} by {author}, whom they muted before"


def _lacking(read: Call, own: Set[int], seen: Set[int], deletes: Mapping[int, Call]) -> Iterator[str]:
    """What should have been shown by then, as far down as the page goes."""
    shown = {id_ for id_, _, _ in read.shown}
    floor = 0 if read.complete else min(shown, default=0)
    for id_ in sorted(own | seen):
        delete = deletes.get(id_)
        if id_ >= floor and id_ not in shown and (delete is None or delete.begun_s > read.ended_s):
            yield f"lacks {id_}, which they {'wrote' if id_ in own else 'saw'} before"


def _own(calls: Sequence[Call], read: Call) -> set[int]:
    """What a user had published before a read."""
    posts = (call for call in calls if call.kind == "post" and call.outcome is Outcome.ACKNOWLEDGED)
    return {post.id for post in posts if post.ended_s < read.begun_s}
