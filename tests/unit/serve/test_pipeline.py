"""A page is full however much lies between what it shows, and ends short with a cursor where too much does."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import pytest

from domain.limits import SMALL
from domain.timeline import START, Walk
from serve.reading.pipeline import Candidate, Filled, Page, fill
from telemetry import metrics


class Numbers:
    """A list of the numbers below some size, of which those that are divisible are shown; what is read is counted."""

    def __init__(self, size: int, divisor: int = 1) -> None:
        self.size = size
        self.divisor = divisor
        self.hydrated: set[int] = set()
        self.wants: list[int] = []

    async def candidates(self, before: int, want: int) -> Sequence[Candidate]:
        self.wants.append(want)
        top = min(before, self.size)
        return [Candidate(number + 1_000, number) for number in range(top - 1, max(-1, top - 1 - want), -1)]

    async def hydrate(self, ids: Iterable[int]) -> Mapping[int, int]:
        self.hydrated |= set(ids)
        return {id_: id_ - 1_000 for id_ in self.hydrated}

    def rules(self, hydrated: Mapping[int, int]) -> Callable[[int], bool]:
        return lambda id_: hydrated[id_] % self.divisor == 0

    async def page(self, walk: Walk = START, limit: int = 3, candidates_max: int = 2_000) -> Filled:
        limits = replace(SMALL, page_candidates_max=candidates_max, continuation_entries_max=16)
        return await fill(Page(skeleton=self.candidates, rules=self.rules), self.hydrate, walk, limit, limits)

    async def walk(self, limit: int, candidates_max: int = 2_000) -> list[int]:
        shown: list[int] = []
        walk: Walk | None = START
        while walk is not None:
            page = await self.page(walk, limit, candidates_max)
            shown += page.shown
            walk = page.next
        return shown


async def test_a_page_takes_one_reading_where_everything_is_shown() -> None:
    numbers = Numbers(10)
    page = await numbers.page()
    assert page == Filled([1_009, 1_008, 1_007], Walk(9, 7))
    assert numbers.wants == [4]


async def test_a_page_is_full_however_many_lie_between_and_reads_more_at_a_time() -> None:
    numbers = Numbers(200, divisor=20)
    assert (await numbers.page()).shown == [1_180, 1_160, 1_140]
    assert numbers.wants == [4, 8, 16, *[16] * (len(numbers.wants) - 3)]


@pytest.mark.parametrize("limit", [1, 3, 10, 50])
@pytest.mark.parametrize("candidates_max", [5, 2_000])
async def test_a_walk_shows_everything_once_whatever_the_bounds(limit: int, candidates_max: int) -> None:
    expected = [1_000 + number for number in range(99, -1, -1) if number % 7 == 0]
    assert await Numbers(100, divisor=7).walk(limit, candidates_max) == expected


async def test_a_page_ends_short_with_a_cursor_where_too_much_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = metrics.LocalBackend()
    monkeypatch.setattr(metrics, "_backend", backend)
    numbers = Numbers(10_000, divisor=9_000)
    page = await numbers.page(candidates_max=100)
    assert page.shown == []
    assert page.next is not None
    assert len(numbers.hydrated) < 2 * 100
    assert backend.total(metrics.SAFEGUARDS, safeguard="short_page") == 1
