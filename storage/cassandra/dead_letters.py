"""Events that a consumer gave up."""

from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import read, write
from storage.ports.dead_letters import DeadLetter

_COLUMNS = "day, event_id, consumer, log_partition, body, error, attempts"
"""As in `DeadLetter`."""
_ADD = write(f"INSERT INTO dead_letters ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)")
_DAYS = read("SELECT DISTINCT day FROM dead_letters")
_OF_DAY = read(f"SELECT {_COLUMNS} FROM dead_letters WHERE day = ? LIMIT ?")
_REMOVE = write("DELETE FROM dead_letters WHERE day = ? AND event_id = ? AND consumer = ?")


class CassandraDeadLetterStore(CassandraAdapter):
    """Letters by the day they were given up; the table's time to live ends them."""

    async def add(self, letter: DeadLetter) -> None:
        await self._session.execute(_ADD, letter)

    async def letters(self, *, limit: int) -> list[DeadLetter]:
        days = sorted((day for (day,) in await self._session.execute(_DAYS)), reverse=True)
        found: list[DeadLetter] = []
        for day in days:
            if len(found) == limit:
                break
            found += map(DeadLetter._make, await self._session.execute(_OF_DAY, (day, limit - len(found))))
        return found

    async def remove(self, letter: DeadLetter) -> None:
        await self._session.execute(_REMOVE, (letter.day, letter.event_id, letter.consumer))
