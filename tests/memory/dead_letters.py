"""Dead letters in memory."""

from domain.ids import EventId
from storage.ports.dead_letters import DeadLetter
from tests.memory.tables import Turn, no_faults


class MemoryDeadLetterStore:
    """Letters by day, event and consumer."""

    def __init__(self, turn: Turn = no_faults) -> None:
        self._turn = turn
        self._letters: dict[tuple[int, EventId, str], DeadLetter] = {}

    async def add(self, letter: DeadLetter) -> None:
        await self._turn()
        self._letters[letter.day, letter.event_id, letter.consumer] = letter

    async def letters(self, *, limit: int) -> list[DeadLetter]:
        await self._turn()
        return sorted(self._letters.values(), key=lambda each: (-each.day, -each.event_id, each.consumer))[:limit]

    async def remove(self, letter: DeadLetter) -> None:
        await self._turn()
        self._letters.pop((letter.day, letter.event_id, letter.consumer), None)
