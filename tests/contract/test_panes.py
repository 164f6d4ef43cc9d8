"""What each tag had in each minute: absolute numbers, over any number of days, an older writer loses."""

import asyncio
from collections.abc import Iterable

import pytest

from domain.trends.tag_counts import PaneCount
from storage.cassandra.trends import DAY_PANES
from storage.ports import Ports
from storage.ports.trends import PaneStore
from tests.contract.people import new_id

MIDNIGHT = 20_000 * DAY_PANES
STAMP_US = 1_700_000_000_000_000


@pytest.fixture
def panes(ports: Ports) -> PaneStore:
    return ports.panes


def new_tag() -> str:
    """A tag that no other test has."""
    return f"雨_{new_id()}"


def counts(tag: str, numbers: Iterable[int], count: int = 5) -> list[PaneCount]:
    return [PaneCount(tag, number, count, count - 1) for number in numbers]


async def test_a_tag_that_nobody_used_has_no_panes(panes: PaneStore) -> None:
    assert await panes.panes(new_tag(), 0, MIDNIGHT) == []


async def test_panes_come_oldest_first_from_the_first_to_the_last_asked_for(panes: PaneStore) -> None:
    tag, other = new_tag(), new_tag()
    made = counts(tag, range(MIDNIGHT - 3, MIDNIGHT + 3))
    await panes.put([*reversed(made), *counts(other, [MIDNIGHT])], STAMP_US)
    assert await panes.panes(tag, MIDNIGHT - 10, MIDNIGHT + 10) == made
    assert await panes.panes(tag, MIDNIGHT - 2, MIDNIGHT + 1) == made[1:5]
    assert await panes.panes(tag, MIDNIGHT, MIDNIGHT) == made[3:4]
    assert await panes.panes(other, MIDNIGHT - 10, MIDNIGHT + 10) == counts(other, [MIDNIGHT])


async def test_numbers_replace_what_was_there_and_a_repeat_changes_nothing(panes: PaneStore) -> None:
    tag = new_tag()
    for _ in range(2):
        await panes.put(counts(tag, [MIDNIGHT], 9), STAMP_US)
    assert await panes.panes(tag, MIDNIGHT, MIDNIGHT) == counts(tag, [MIDNIGHT], 9)
    await panes.put(counts(tag, [MIDNIGHT], 2), STAMP_US + 1)
    assert await panes.panes(tag, MIDNIGHT, MIDNIGHT) == counts(tag, [MIDNIGHT], 2)


async def test_an_older_writer_loses_whenever_it_comes(panes: PaneStore) -> None:
    tag = new_tag()
    await panes.put(counts(tag, [MIDNIGHT], 3), STAMP_US)
    await panes.put(counts(tag, [MIDNIGHT, MIDNIGHT + 1], 8), STAMP_US - 1)
    assert await panes.panes(tag, MIDNIGHT, MIDNIGHT + 1) == [
        *counts(tag, [MIDNIGHT], 3),
        *counts(tag, [MIDNIGHT + 1], 8),
    ]


async def test_a_pane_whose_tweets_were_all_deleted_is_left_out(panes: PaneStore) -> None:
    tag = new_tag()
    await panes.put(counts(tag, [MIDNIGHT, MIDNIGHT + 1]), STAMP_US)
    await panes.put([PaneCount(tag, MIDNIGHT, 0, 0)], STAMP_US + 1)
    assert await panes.panes(tag, MIDNIGHT, MIDNIGHT + 1) == counts(tag, [MIDNIGHT + 1])


async def test_two_days_of_a_tag_and_many_tags_are_written_in_one_call(panes: PaneStore) -> None:
    busy, tags = new_tag(), [new_tag() for _ in range(100)]
    made = counts(busy, range(MIDNIGHT - DAY_PANES, MIDNIGHT + DAY_PANES))
    await panes.put([*made, *(count for tag in tags for count in counts(tag, [MIDNIGHT]))], STAMP_US)
    assert await panes.panes(busy, MIDNIGHT - DAY_PANES, MIDNIGHT + DAY_PANES - 1) == made
    found = await asyncio.gather(*(panes.panes(tag, MIDNIGHT, MIDNIGHT) for tag in tags))
    assert found == [counts(tag, [MIDNIGHT]) for tag in tags]


async def test_to_write_nothing_is_no_mistake(panes: PaneStore) -> None:
    await panes.put([], STAMP_US)
