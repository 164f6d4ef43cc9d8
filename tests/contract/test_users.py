"""Users and their claims: names and addresses are unique, and nobody's for longer than they are needed."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from domain.errors import Conflict, StoreUnavailable
from domain.events import ProfileEdited, SettingsChanged, UserReinstated, UserSuspended
from domain.ids import EventId, UserId, count_part, stamp_us
from domain.users import User
from storage.cassandra.driver.session import CassandraSession, Rows
from storage.cassandra.driver.statements import Statement, read
from storage.cassandra.stores import CassandraStores
from storage.cassandra.users import CassandraUserStore
from storage.ports import Ports
from storage.ports.users import Credentials, OpenedAccount
from tests.contract.people import new_id
from tests.support.waiting import eventually

_TTLS = read("SELECT TTL(user_id), TTL(confirmed) FROM usernames WHERE name_folded = ?")


def newcomer(username: str | None = None) -> User:
    id_ = new_id()
    return User(id=UserId(id_), username=username or f"User{id_ % 10**10}", name="Some Body")


def address(user: User) -> str:
    return f"{user.username}.{user.id}@Example.org"


class DiesBeforeTheUserIsWritten(CassandraSession):
    """A session whose process dies once name and address are claimed."""

    def __init__(self, session: CassandraSession) -> None:
        self._inner = session

    @override
    async def compare_and_set(self, statement: Statement, params: Sequence[Any]) -> tuple[bool, dict[str, Any]]:
        return await self._inner.compare_and_set(statement, params)

    @override
    async def execute(self, statement: Statement, params: Sequence[Any] = ()) -> Rows:
        raise StoreUnavailable("cassandra", "the process died")


async def test_a_user_is_found_by_id_name_and_address_without_case(ports: Ports) -> None:
    alice = newcomer()
    await ports.users.create(alice, address(alice), "hash")
    assert await ports.users.users([alice.id, UserId(new_id())]) == {alice.id: alice}
    assert await ports.users.by_username(alice.username.upper()) == alice.id
    assert await ports.users.by_username("nobody_has_this") is None
    assert await ports.users.credentials(alice.username.lower()) == Credentials(alice.id, "hash")
    assert await ports.users.credentials(address(alice).upper()) == Credentials(alice.id, "hash")
    assert await ports.users.credentials("nobody@example.org") is None


async def test_addresses_at_two_domains_that_fold_alike_are_two(ports: Ports) -> None:
    alice, bob = newcomer(), newcomer()
    await ports.users.create(alice, f"me{alice.id}@straße.de", "hash of alice")
    await ports.users.create(bob, f"me{alice.id}@strasse.de", "hash of bob")
    assert await ports.users.credentials(f"ME{alice.id}@Straße.de") == Credentials(alice.id, "hash of alice")
    assert await ports.users.credentials("@") is None


class Counted(CassandraSession):
    """A session that counts what it is asked."""

    def __init__(self, session: CassandraSession) -> None:
        self._inner = session
        self.reads = 0

    @override
    async def execute(self, statement: Statement, params: Sequence[Any] = ()) -> Rows:
        self.reads += 1
        return await self._inner.execute(statement, params)


async def test_credentials_cost_as_many_trips_whoever_exists(cassandra: CassandraStores) -> None:
    alice = newcomer()
    await cassandra.users.create(alice, address(alice), "hash")
    reads = {}
    for login in (alice.username, address(alice), "nobody_has_this", "nobody@example.org"):
        session = Counted(cassandra.session)
        await CassandraUserStore(session).credentials(login)
        reads[login] = session.reads
    assert set(reads.values()) == {2}


def at(moment: int, user: User, **fields: Any) -> dict[str, Any]:
    """The fields of an event about a user, so long after they signed up."""
    return {"event_id": EventId(new_id()), "stamp_us": stamp_us(user.id) + moment, "user": user.id, **fields}


async def test_a_profile_is_as_the_latest_write_of_each_field_has_it(ports: Ports) -> None:
    alice = newcomer()
    await ports.users.create(alice, address(alice), "hash")
    for event in (
        ProfileEdited(**at(2, alice, name="Ann", bio="two\nlines", location="Bern")),
        ProfileEdited(**at(3, alice, location="", website="https://example.com")),
        ProfileEdited(**at(1, alice, name="too late", website="https://example.org")),
    ):
        await ports.events.commit(event)
        await ports.events.commit(event)
    shown = replace(alice, name="Ann", bio="two\nlines", website="https://example.com")
    assert await ports.users.users([alice.id]) == {alice.id: shown}
    await ports.users.create(alice, address(alice), "hash")
    assert await ports.users.users([alice.id]) == {alice.id: shown}, "who signs up again changes nothing since"


async def test_who_is_private_or_suspended_is_so_until_that_ends(ports: Ports) -> None:
    alice = newcomer()
    await ports.users.create(alice, address(alice), "hash")

    async def state() -> tuple[bool, bool]:
        user = (await ports.users.users([alice.id]))[alice.id]
        return user.private, user.suspended

    for event, then in (
        (SettingsChanged(**at(1, alice, private=True)), (True, False)),
        (UserSuspended(**at(2, alice)), (True, True)),
        (SettingsChanged(**at(3, alice, settings={"language": "de"})), (True, True)),
        (SettingsChanged(**at(4, alice, private=False)), (False, True)),
        (UserReinstated(**at(5, alice)), (False, False)),
    ):
        await ports.events.commit(event)
        assert await state() == then


async def test_settings_are_those_that_were_changed_each_as_of_its_latest_write(ports: Ports) -> None:
    alice = newcomer()
    await ports.users.create(alice, address(alice), "hash")
    assert await ports.users.settings(alice.id) == {}
    for moment, settings in (
        (2, {"push.like": False, "language": "de"}),
        (3, {"language": ""}),
        (1, {"language": "fr"}),
    ):
        await ports.events.commit(SettingsChanged(**at(moment, alice, settings=settings)))
    assert await ports.users.settings(alice.id) == {"push.like": False, "language": ""}
    assert await ports.users.settings(UserId(new_id())) == {}


async def test_who_stopped_being_private_is_known_until_that_is_forgotten_unless_they_did_so_again(
    ports: Ports,
) -> None:
    alice = newcomer()
    part, users = count_part(alice.id), ports.users

    async def opened() -> list[OpenedAccount]:
        return [each for each in await users.opened_accounts(part, limit=100) if each.user == alice.id]

    await users.create(alice, address(alice), "hash")
    for moment, private, since in ((1, True, None), (2, False, 2), (3, True, 2), (4, False, 4)):
        await ports.events.commit(SettingsChanged(**at(moment, alice, private=private)))
        expected = [] if since is None else [OpenedAccount(alice.id, stamp_us(alice.id) + since)]
        assert await opened() == expected
    await users.forget_opened(OpenedAccount(alice.id, stamp_us(alice.id) + 2))
    assert await opened() == [OpenedAccount(alice.id, stamp_us(alice.id) + 4)]
    await users.forget_opened(OpenedAccount(alice.id, stamp_us(alice.id) + 4))
    assert await opened() == []
    assert len(await users.opened_accounts(part, limit=1)) <= 1


async def test_the_latest_change_of_a_user_has_a_write_timestamp(ports: Ports) -> None:
    alice, nobody = newcomer(), newcomer()
    await ports.users.create(alice, address(alice), "hash")
    assert await ports.users.written_us(alice.id) == stamp_us(alice.id)
    for event in (
        ProfileEdited(**at(5, alice, bio="hello")),
        SettingsChanged(**at(7, alice, settings={"language": "de"})),
        UserSuspended(**at(6, alice)),
        UserSuspended(**at(1, nobody)),
    ):
        await ports.events.commit(event)
    assert await ports.users.written_us(alice.id) == stamp_us(alice.id) + 7
    assert await ports.users.written_us(nobody.id) is None
    assert await ports.users.users([nobody.id]) == {}, "an event about nobody makes nobody"


async def test_creating_the_same_user_twice_changes_nothing_more(ports: Ports) -> None:
    alice = newcomer()
    for _ in range(2):
        await ports.users.create(alice, address(alice), "hash")
    assert await ports.users.by_username(alice.username) == alice.id


async def test_of_two_who_register_one_name_at_once_exactly_one_gets_it(ports: Ports) -> None:
    first = newcomer()
    second = newcomer(first.username.swapcase())
    outcomes = await asyncio.gather(
        *[ports.users.create(user, address(user), "hash") for user in (first, second)], return_exceptions=True
    )
    assert sum(outcome is None for outcome in outcomes) == 1
    (refused,) = [outcome for outcome in outcomes if isinstance(outcome, Conflict)]
    assert refused.code == "username_taken"
    assert await ports.users.by_username(first.username) == (first if outcomes[0] is None else second).id


async def test_a_taken_address_gives_the_name_back(ports: Ports) -> None:
    alice, bob = newcomer(), newcomer()
    await ports.users.create(alice, address(alice), "hash")
    with pytest.raises(Conflict) as refused:
        await ports.users.create(bob, address(alice).swapcase(), "hash")
    assert refused.value.code == "email_taken"
    carol = newcomer(bob.username)
    await ports.users.create(carol, address(carol), "hash")
    assert await ports.users.by_username(bob.username) == carol.id


async def test_a_claim_of_a_dead_process_ends_and_that_of_a_user_stays(cassandra: CassandraStores) -> None:
    alice, ghost = newcomer(), newcomer()
    await CassandraUserStore(cassandra.session, claim_ttl_s=2).create(alice, address(alice), "hash")
    assert await cassandra.session.execute(_TTLS, (alice.username.lower(),)) == [(None, None)]
    dying = CassandraUserStore(DiesBeforeTheUserIsWritten(cassandra.session), claim_ttl_s=2)
    with pytest.raises(StoreUnavailable):
        await dying.create(ghost, address(ghost), "hash")
    assert await cassandra.users.by_username(ghost.username) is None
    heir = newcomer(ghost.username)

    async def the_heir_gets_the_name() -> bool:
        try:
            await cassandra.users.create(heir, address(ghost), "hash")
        except Conflict:
            return False
        return True

    await eventually(the_heir_gets_the_name, within_s=15)
    assert await cassandra.users.by_username(ghost.username) == heir.id
    assert await cassandra.users.by_username(alice.username) == alice.id  # its claim is older than the ghost's
    usurper = newcomer(alice.username)
    with pytest.raises(Conflict):
        await cassandra.users.create(usurper, address(usurper), "hash")
