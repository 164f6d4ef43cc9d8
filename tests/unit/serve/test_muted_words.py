"""People mute words and take that back; each word counts until its end, and is listed as long."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from domain.errors import Conflict, Invalid, NotFound
from domain.ids import UserId
from domain.limits import SMALL
from domain.muted_words import WordSurface
from serve.muted_words.commands import MutedWordCommands
from serve.muted_words.queries import MutedWordQueries
from serve.muted_words.schemas import MutedWordPage, NewMutedWord
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica


class Words:
    """Muted words at one of two replicas, read at the other."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.mute = Replica(self.engine).use_cases.get(MutedWordCommands).mute
        self.unmute = Replica(self.engine).use_cases.get(MutedWordCommands).unmute
        self._queries = Replica(self.engine).use_cases.get(MutedWordQueries)

    async def page(self, user: UserId = BOB, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
        page = await self._queries.words(user, cursor, limit)
        MutedWordPage.model_validate_json(page)
        return dict(orjson.loads(page))

    async def phrases(self, user: UserId = BOB) -> list[str]:
        return [word["phrase"] for word in (await self.page(user))["muted_words"]]

    def in_s(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(self.engine.clock.now_ms() / 1000 + seconds, UTC)


@pytest.fixture
def words() -> Words:
    return Words()


async def test_words_are_listed_latest_first_for_nobody_else_to_see(words: Words) -> None:
    tea = await words.mute(BOB, " Tea ")
    until = words.in_s(60)
    await words.mute(BOB, "#cake", whole_word=False, until=until, surfaces=[WordSurface.SEARCH, WordSurface.HOME])
    cake, first = (await words.page())["muted_words"]
    assert first == {
        "id": str(tea.id),
        "phrase": "Tea",
        "whole_word": True,
        "until": None,
        "in": ["home", "notifications", "public", "search"],
    }
    assert (cake["phrase"], cake["whole_word"], cake["in"]) == ("#cake", False, ["home", "search"])
    assert datetime.fromisoformat(cake["until"]) == until
    assert await words.phrases(ALICE) == []
    await words.unmute(BOB, tea.id)
    assert await words.phrases() == ["#cake"]


async def test_pages_go_on_where_they_ended(words: Words) -> None:
    for number in range(SMALL.muted_words_max):
        await words.mute(BOB, f"word {number}")
    found, cursor = list[str](), None
    while True:
        page = await words.page(cursor=cursor, limit=2)
        assert len(page["muted_words"]) <= 2
        found += [word["phrase"] for word in page["muted_words"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == await words.phrases() == [f"word {number}" for number in range(SMALL.muted_words_max)][::-1]


async def test_the_same_phrase_is_muted_once_at_a_time(words: Words) -> None:
    tea = await words.mute(BOB, "Grüner Tee", until=words.in_s(60))
    for same in ("GRÜNER  TEE", "gru\u0308ner tee", "#grüner \uff34\uff45\uff45"):
        with pytest.raises(Conflict) as refused:
            await words.mute(BOB, same)
        assert refused.value.code == "muted_already"
    await words.mute(ALICE, "Grüner Tee")
    words.engine.clock.advance(60_000)
    assert await words.phrases() == []
    again = await words.mute(BOB, "grüner tee")
    assert [word.id for word in await words.engine.ports.muted_words.words(BOB)] == [again.id], "what ended is swept"
    await words.unmute(BOB, again.id)
    for gone in (again.id, tea.id, 4_711):
        with pytest.raises(NotFound):
            await words.unmute(BOB, gone)
    await words.mute(BOB, "grüner tee")


async def test_nobody_mutes_what_is_over_or_too_many(words: Words) -> None:
    with pytest.raises(Invalid) as refused:
        await words.mute(BOB, "tea", until=words.in_s(0))
    assert refused.value.fields == (("until", "must lie ahead"),)
    for number in range(SMALL.muted_words_max):
        await words.mute(BOB, f"word {number}", until=words.in_s(60 + number))
    with pytest.raises(Invalid) as refused:
        await words.mute(BOB, "one more")
    assert refused.value.code == "too_many_muted_words"
    words.engine.clock.advance(60_000)
    await words.mute(BOB, "one more")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"phrase": 5},
        {"phrase": "tea", "whole_word": "yes"},
        {"phrase": "tea", "until": 1_900_000_000},
        {"phrase": "tea", "until": "tomorrow"},
        {"phrase": "tea", "until": "2030-01-01T00:00:00"},
        {"phrase": "tea", "in": []},
        {"phrase": "tea", "in": ["everywhere"]},
        {"phrase": "tea", "in": ["home"] * 5},
        {"phrase": "tea", "surfaces": ["home"]},
        {"phrase": "a" * 5_000},
        {"phrase": "tea", "more": 1},
    ],
)
def test_a_body_must_be_as_declared(body: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        NewMutedWord.model_validate(body)
    assert NewMutedWord.model_validate({"phrase": "tea", "in": ["home"]}).surfaces == [WordSurface.HOME]
    assert NewMutedWord.model_validate({"phrase": "tea"}).surfaces == [*WordSurface]
