"""Dead letters: kept until they are removed, and listed by the day they were given up."""

from domain.ids import EventId
from storage.ports import Ports
from storage.ports.dead_letters import DeadLetter
from tests.contract.people import new_era_ms, new_id


async def test_dead_letters_are_listed_newest_day_first(ports: Ports) -> None:
    store, day = ports.dead_letters, new_era_ms() // 1_000_000_000

    def letter(day: int, attempts: int, event_id: int) -> DeadLetter:
        return DeadLetter(
            day=day,
            event_id=EventId(event_id),
            consumer="shard",
            partition=3,
            body=b"\x00bytes",
            error="it broke",
            attempts=attempts,
        )

    old, first, second = letter(day - 1, 5, new_id()), letter(day, 5, new_id()), letter(day, 5, new_id())
    for each in (old, first, second, first):
        await store.add(each)
    assert await store.letters(limit=3) == [second, first, old]
    again = letter(day, 9, first.event_id)
    await store.add(again)
    await store.remove(second)
    assert await store.letters(limit=2) == [again, old]
    assert await store.letters(limit=1) == [again]
