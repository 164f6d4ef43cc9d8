"""Events that a consumer gave up."""

from domain.ids import EventId
from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import read, write
from storage.ports.dead_letters import DeadLetter

_ADD = write(
    "INSERT INTO dead_letters (day, event_id, consumer, log_partition, body, error, attempts) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_DAYS = read("SELECT DISTINCT day FROM dead_letters")
_OF_DAY = read(
    "SELECT event_id, consumer, log_partition, body, error, attempts FROM dead_letters WHERE day = ? LIMIT ?"
)
_REMOVE = write("DELETE FROM dead_letters WHERE day = ? AND event_id = ? AND consumer = ?")


class CassandraDeadLetterStore(CassandraAdapter):
    """Letters by the day they were given up; the table's time to live ends them."""

    async def add(self, letter: DeadLetter) -> None:
        values = (letter.partition, letter.body, letter.error, letter.attempts)
        await self._session.execute(_ADD, (letter.day, letter.event_id, letter.consumer, *values))

    async def letters(self, *, limit: int) -> list[DeadLetter]:
        days = sorted((day for (day,) in await self._session.execute(_DAYS)), reverse=True)
        found: list[DeadLetter] = []
        for day in days:
            if len(found) == limit:
                break
            for event_id, consumer, partition, body, error, attempts in await self._session.execute(
                _OF_DAY, (day, limit - len(found))
            ):
                found.append(
                    DeadLetter(
                        day=day,
                        event_id=EventId(event_id),
                        consumer=consumer,
                        partition=partition,
                        body=body,
                        error=error,
                        attempts=attempts,
                    )
                )
        return found

    async def remove(self, letter: DeadLetter) -> None:
        await self._session.execute(_REMOVE, (letter.day, letter.event_id, letter.consumer))
