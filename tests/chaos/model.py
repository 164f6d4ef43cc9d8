"""What must be, from the history alone; what its answers leave open is settled by one reading of the truth."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from tests.chaos.history import Call, History, Outcome

Switch = tuple[str, int, int]
"""(`follow`, user, followee), (`like`, user, tweet) or (`delete`, author, tweet)."""
_OFF = {"unfollow": "follow", "unlike": "like"}


@dataclass(slots=True, kw_only=True)
class Post:
    """An attempt to publish; `id` is 0 until it is known."""

    author: int
    text: str
    outcome: Outcome
    id: int


@dataclass(slots=True)
class Model:
    """Texts that were posted, and how every switch stands."""

    posts: dict[str, Post] = field(default_factory=dict)
    switches: dict[Switch, bool] = field(default_factory=dict)
    open: set[Switch] = field(default_factory=set)
    """Those of which answers do not tell how they stand."""

    @classmethod
    def of(cls, history: History) -> "Model":
        """What the answers say. Calls about one switch come from one session, one after another."""
        model = cls()
        for call in history.calls:
            if call.kind == "post":
                text = str(call.subject)
                model.posts[text] = Post(author=call.user, text=text, outcome=call.outcome, id=call.id)
            elif call.kind != "home" and call.outcome is not Outcome.REFUSED:
                switch = _OFF.get(call.kind, call.kind), call.user, int(call.subject)
                model.switches[switch] = call.kind not in _OFF
                if call.outcome is Outcome.UNKNOWN:  # for good: it may take effect after calls that were answered
                    model.open.add(switch)
        return model

    def open_posts(self) -> list[Post]:
        """Those that may exist."""
        return [post for post in self.posts.values() if post.outcome is Outcome.UNKNOWN]

    def live(self) -> list[Post]:
        """The tweets that exist, newest first."""
        deleted = {tweet for (kind, _, tweet), on in self.switches.items() if kind == "delete" and on}
        found = [post for post in self.posts.values() if post.id and post.id not in deleted]
        return sorted(found, key=lambda post: post.id, reverse=True)

    def deleted(self) -> list[int]:
        return [tweet for (kind, _, tweet), on in self.switches.items() if kind == "delete" and on]

    def following(self, user: int) -> set[int]:
        return {to for (kind, who, to), on in self.switches.items() if kind == "follow" and who == user and on}

    def followers(self, user: int) -> set[int]:
        return {who for (kind, who, to), on in self.switches.items() if kind == "follow" and to == user and on}

    def likers(self, tweet: int) -> set[int]:
        return {who for (kind, who, to), on in self.switches.items() if kind == "like" and to == tweet and on}

    def home(self, user: int) -> list[int]:
        """The tweets by a user and whom they follow, newest first."""
        authors = {user, *self.following(user)}
        return [post.id for post in self.live() if post.author in authors]

    def written(self, author: int) -> list[int]:
        return [post.id for post in self.live() if post.author == author]


def difference(expected: Sequence[int], shown: Sequence[int]) -> str | None:
    """How a whole list differs from what it must be; None if it does not."""
    if shown == expected:
        return None
    lacking = [id_ for id_ in expected if id_ not in set(shown)]
    extra = [id_ for id_ in shown if id_ not in set(expected)]
    order = "" if lacking or extra else "in another order or not each once, "
    return f"{order}lacks {lacking[:5]}, shows {extra[:5]} too, of {len(expected)}"


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
        left, lost = set[int](), set[int]()
        for call in calls:
            match call.kind, call.outcome:
                case "unfollow", Outcome.ACKNOWLEDGED:
                    left.add(int(call.subject))
                case "unfollow", Outcome.UNKNOWN:  # for good: it may take effect after calls that were answered
                    lost.add(int(call.subject))
                case "follow", Outcome.ACKNOWLEDGED:
                    left.discard(int(call.subject))
            if call.kind != "home" or call.outcome is not Outcome.ACKNOWLEDGED:
                continue
            if id(call) in judged:
                stay = {id_ for id_, author in seen.items() if author not in left | lost}
                for problem in (*_shown(call, by_text, deletes), *_lacking(call, _own(calls, call), stay, deletes)):
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
