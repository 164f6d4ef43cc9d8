"""Words that users do not want to read."""

from typing import Protocol

from domain.ids import UserId
from domain.muted_words import MutedWord


class MutedWordStore(Protocol):
    """Muted words of users."""

    async def words(self, user: UserId) -> list[MutedWord]:
        """All words of a user, latest first, those whose end has come too."""
