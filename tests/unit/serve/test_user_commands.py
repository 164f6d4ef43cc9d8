"""People change what they show and how they are set, and it is so at the next read."""

from typing import Any

import orjson
import pytest

from domain.errors import Invalid, NotFound
from domain.events import UserReinstated, UserSuspended
from domain.ids import EventId, UserId
from domain.users import PRIVATE, SUSPENDED, User
from serve.tweets.commands import Draft
from storage.cache_codec import person_from, person_value, profile_from
from storage.projections import invalidate
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica

NOBODY = UserId(4_711)


async def profile(replica: Replica, viewer: UserId | None = BOB) -> dict[str, Any]:
    return dict(orjson.loads(await replica.users.user(viewer, ALICE)))


async def settings(replica: Replica, user: UserId = ALICE) -> dict[str, Any]:
    return dict(orjson.loads(await replica.users.settings(user)))


async def test_a_profile_shows_what_was_given_and_keeps_the_rest() -> None:
    here = Replica()
    there = Replica(here.engine)
    before = await profile(there)
    assert (before["bio"], before["location"], before["website"], before["private"]) == ("", "", "", False)
    await here.people.edit(ALICE, {"bio": 'I say "hello" & <b>bye</b>\n', "website": "https://example.com"})
    await there.people.edit(ALICE, {"name": "Alicia", "location": "Bern"})
    await here.people.edit(ALICE, {"website": ""})
    for replica in (here, there):
        shown = await profile(replica)
        assert shown == before | {"name": "Alicia", "bio": 'I say "hello" & <b>bye</b>', "location": "Bern"}


async def test_a_tweet_shows_of_its_author_a_name_and_whether_they_are_private() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"))
    await replica.people.edit(ALICE, {"bio": "hello"})
    await replica.people.change_settings(ALICE, True, {})
    author = orjson.loads(await replica.json(ALICE, tweet))["author"]
    assert author == {"id": str(ALICE), "username": f"u{ALICE}", "name": f"User {ALICE}", "private": True}


async def test_nothing_is_published_where_nothing_is_given_or_a_field_is_wrong() -> None:
    replica = Replica()
    await replica.people.edit(ALICE, {})
    await replica.people.change_settings(ALICE, None, {})
    with pytest.raises(Invalid):
        await replica.people.edit(ALICE, {"bio": "hello", "name": ""})
    with pytest.raises(Invalid):
        await replica.people.change_settings(ALICE, True, {"language": "-"})
    assert not [key for key in replica.engine.tables.contents() if key[0] == "events_by_minute"]


async def test_nobody_can_be_edited() -> None:
    replica = Replica()
    with pytest.raises(NotFound):
        await replica.people.edit(NOBODY, {"bio": "hello"})
    with pytest.raises(NotFound):
        await replica.users.settings(NOBODY)
    await suspended(replica.engine, NOBODY)
    with pytest.raises(NotFound):
        await replica.people.change_settings(NOBODY, True, {})
    with pytest.raises(NotFound):
        await replica.users.user(None, NOBODY)


async def test_settings_are_what_they_were_at_first_until_each_is_changed() -> None:
    replica = Replica()
    first = await settings(replica)
    assert (first["private"], first["who_can_message"], first["push"]["like"]) == (False, "everyone", True)
    await replica.people.change_settings(ALICE, None, {"push.like": False, "notifications.reply": "followees"})
    await replica.people.change_settings(ALICE, True, {"language": "de"})
    await replica.people.change_settings(ALICE, None, {"push.like": True})
    now = await settings(replica)
    assert now == first | {
        "private": True,
        "language": "de",
        "notifications": first["notifications"] | {"reply": "followees"},
    }
    assert await settings(replica, BOB) == first, "each has settings of their own"
    assert "language" not in await profile(replica)


async def test_who_was_private_and_is_not_any_more_stands_among_those_whose_requests_are_to_be_approved() -> None:
    replica = Replica()
    await replica.people.change_settings(ALICE, True, {})
    assert (await state_of(replica), opened(replica)) == (PRIVATE, [])
    await replica.people.change_settings(ALICE, False, {})
    assert (await state_of(replica), opened(replica)) == (0, [ALICE])


async def test_a_suspension_is_part_of_a_users_state_until_it_ends() -> None:
    replica = Replica()
    await replica.people.change_settings(ALICE, True, {})
    await suspended(replica.engine, ALICE)
    assert await state_of(replica) == PRIVATE | SUSPENDED
    await suspended(replica.engine, ALICE, until_now=True)
    assert await state_of(replica) == PRIVATE


async def test_a_replica_whose_clock_is_behind_has_the_last_word_when_it_is_asked_last() -> None:
    here = Replica()
    clock = here.engine.clock
    await here.people.edit(ALICE, {"name": "Before"})
    clock.jump(-60_000)
    there = Replica(here.engine)
    await there.people.edit(ALICE, {"name": "After"})
    assert (await profile(here))["name"] == (await profile(there))["name"] == "After"


def test_what_a_replica_keeps_of_a_person_has_no_biography() -> None:
    user = User(id=ALICE, username="alice", name="Älice", bio="b" * 1_000, private=True, suspended=True)
    value = person_value(user)
    person, shown = person_from(value), profile_from(value)
    assert person == shown[:2] == (PRIVATE | SUSPENDED, person.author)
    assert orjson.loads(person.author) == {"id": str(ALICE), "username": "alice", "name": "Älice", "private": True}
    assert orjson.loads(b"{%b}" % shown.fields) == {"bio": "b" * 1_000, "location": "", "website": ""}


async def suspended(engine: Engine, user: UserId, *, until_now: bool = False) -> None:
    kind = UserReinstated if until_now else UserSuspended
    id_ = engine.next_id()
    event = kind(event_id=EventId(id_), stamp_us=engine.clock.now_ms() * 1000 + 10_000, user=user)
    await engine.ports.events.commit(event)
    await invalidate(engine.cache, (event,))
    engine.clock.advance(20)


async def state_of(replica: Replica) -> int:
    person = await replica.readers.people.latest(ALICE)
    assert person is not None
    return person.state


def opened(replica: Replica) -> list[object]:
    return [key[1] for table, key in replica.engine.tables.contents() if table == "opened_accounts"]
