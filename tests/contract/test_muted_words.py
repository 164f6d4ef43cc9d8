"""Muted words: each with its end and its surfaces, as the events have them, whatever order they came in."""

from typing import Any

from domain.events import WordMuted, WordUnmuted
from domain.ids import EventId, UserId, stamp_us
from domain.muted_words import MutedWord, WordSurface
from tests.contract.people import People, new_id


def muted(user: UserId, phrase: str, **more: Any) -> WordMuted:
    id_ = new_id()
    fields: dict[str, Any] = {"phrase": phrase, "folded": phrase.lower(), "surfaces": ("home", "search"), **more}
    return WordMuted(event_id=EventId(id_), stamp_us=stamp_us(id_), user=user, **fields)


def unmuted(event: WordMuted) -> WordUnmuted:
    id_ = new_id()
    return WordUnmuted(event_id=EventId(id_), stamp_us=stamp_us(id_), user=event.user, since=event.event_id)


async def test_words_are_read_as_they_were_muted_latest_first(people: People) -> None:
    alice, bob = people.somebody(), people.somebody()
    tea = muted(alice, "Tea", until_ms=1_800_000_000_000)
    cake = muted(alice, "日本 cake", whole_word=False, surfaces=("public",))
    for event in (cake, tea, cake, muted(bob, "coffee")):
        await people.ports.events.commit(event)
    assert await people.ports.muted_words.words(alice) == [
        MutedWord(
            id=cake.event_id,
            phrase="日本 cake",
            folded="日本 cake",
            whole_word=False,
            surfaces=(WordSurface.PUBLIC,),
        ),
        MutedWord(
            id=tea.event_id,
            phrase="Tea",
            folded="tea",
            until_ms=1_800_000_000_000,
            surfaces=(WordSurface.HOME, WordSurface.SEARCH),
        ),
    ]
    assert await people.ports.muted_words.words(people.somebody()) == []


async def test_a_word_that_is_no_longer_muted_is_gone_though_its_event_comes_again(people: People) -> None:
    alice = people.somebody()
    tea = muted(alice, "tea")
    again = muted(alice, "tea")
    for event in (tea, unmuted(tea), tea, again):
        await people.ports.events.commit(event)
    assert [word.id for word in await people.ports.muted_words.words(alice)] == [again.event_id]
