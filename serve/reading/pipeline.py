"""The read pipeline: every list is a skeleton of candidates, which are hydrated, sifted by rules, and rendered."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from domain.limits import Limits
from domain.timeline import START, Walk, cursor_of
from telemetry import metrics

T = TypeVar("T")


class Candidate(NamedTuple):
    """An id that a list may show, and its place there, which falls from one to the next."""

    id: int
    place: int


Skeleton = Callable[[int, int], Awaitable[Sequence[Candidate]]]
"""Reads the next candidates: (before which place, how many); fewer only where the list ends."""
Rules = Callable[[Mapping[int, T]], Callable[[int], bool]]
"""From what is hydrated to whether the reader may see a candidate."""


def by_place(read: Callable[..., Awaitable[Sequence[tuple[int, int]]]]) -> Skeleton:
    """The skeleton of a list that a store reads as pairs of id and place."""

    async def candidates(before: int, limit: int) -> list[Candidate]:
        return [Candidate(*each) for each in await read(before=before, limit=limit)]

    return candidates


def by_id(read: Callable[..., Awaitable[Sequence[tuple[int, Any]]]]) -> Skeleton:
    """The skeleton of a list that a store reads as pairs, of which the first is both id and place."""

    async def candidates(before: int, limit: int) -> list[Candidate]:
        return [Candidate(id_, id_) for id_, _ in await read(before=before, limit=limit)]

    return candidates


def _no_others(_: Sequence[int]) -> Iterable[int]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[T]):
    """One kind of list."""

    skeleton: Skeleton
    rules: Rules[T]
    others: Callable[[Sequence[int]], Iterable[int]] = _no_others
    """Facts that the rules must know besides some candidates."""


class Filled(NamedTuple):
    """The ids that a page shows, in order, and where the walk goes on (None at the end)."""

    shown: list[int]
    next: Walk | None


async def fill(
    page: Page[T],
    hydrate: Callable[[Iterable[int]], Awaitable[Mapping[int, T]]],
    walk: Walk,
    limit: int,
    limits: Limits,
) -> Filled:
    """Fill a page from a walk on with `limit` ids, however many that are not shown lie between them.

    It ends short, with a cursor, where `page_candidates_max` did not suffice.
    """
    shown: list[Candidate] = []
    before, rounds, read, ended = walk.last, 0, 0, False
    while len(shown) <= limit and not ended and read < limits.page_candidates_max:
        need = limit + 1 - len(shown)
        want = min(need << rounds, max(need, limits.continuation_entries_max))
        candidates = await page.skeleton(before, want)
        ids = [candidate.id for candidate in candidates]
        visible = page.rules(await hydrate((*ids, *page.others(ids))))
        shown += [candidate for candidate in candidates if visible(candidate.id)][:need]
        ended = len(candidates) < want
        before = candidates[-1].place if candidates else before
        rounds, read = rounds + 1, read + len(candidates)
    if len(shown) > limit:
        before = shown[limit - 1].place
    elif ended:
        return Filled([candidate.id for candidate in shown], None)
    else:
        metrics.SAFEGUARDS.record(safeguard="short_page")
    top = walk.top if walk != START else shown[0].place if shown else before
    return Filled([candidate.id for candidate in shown[:limit]], Walk(top, before))


def page_json(name: str, items: Sequence[bytes], rest: Walk | None) -> bytes:
    """A page of tweets or users as finished JSON, with the cursor of the next."""
    cursor = b"null" if rest is None else b'"%b"' % cursor_of(rest).encode()
    return b'{"%b":[%b],"next_cursor":%b}' % (name.encode(), b",".join(items), cursor)
