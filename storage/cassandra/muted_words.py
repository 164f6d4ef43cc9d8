"""Muted words of users: a partition for each user."""

from domain.ids import UserId
from domain.muted_words import MutedWord, WordSurface
from storage.cassandra.driver.session import CassandraAdapter
from storage.cassandra.driver.statements import read

_WORDS = read("SELECT event_id, phrase, folded, whole_word, until_ms, surfaces FROM muted_words WHERE user_id = ?")


class CassandraMutedWordStore(CassandraAdapter):
    """`MutedWordStore` on one table."""

    async def words(self, user: UserId) -> list[MutedWord]:
        return [
            MutedWord(
                id=id_,
                phrase=phrase,
                folded=folded,
                whole_word=whole_word,
                until_ms=until_ms,
                surfaces=tuple(map(WordSurface, surfaces or ())),
            )
            for id_, phrase, folded, whole_word, until_ms, surfaces in await self._session.execute(_WORDS, (user,))
        ]
