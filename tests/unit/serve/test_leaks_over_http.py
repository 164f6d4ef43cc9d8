"""The leak suite over two replicas on stores in memory, which take turns: what one is told, the other knows at once."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import httpx
from typing_extensions import override

from cluster.client.api import Account, ApiClient
from domain.events import UserReinstated, UserSuspended
from domain.ids import EventId, SessionId, UserId, stamp_us
from domain.limits import DEFAULT, SMALL, Limits
from domain.timestamps import rfc3339_of_ms
from domain.trends.tag_counts import GLOBAL, Trend
from domain.users import User
from storage import values
from tests.support.api_user import HOME, ApiUser
from tests.support.key_files import folder_of
from tests.support.leaks.matrix import Stands
from tests.support.leaks.routes import NOBODY, ROUTES, check, read_as_author, read_as_reader, read_without_token
from tests.support.leaks.world import CASES, Hooks, World
from tests.support.oracle.oracle import Relation
from tests.unit.actors.engine import Engine
from tests.unit.serve import both_ways
from tests.unit.serve.both_ways import MANY

_STEPS = 30
"""Turns in which every consumer has handled all there is."""


class InTurns(httpx.AsyncBaseTransport):
    """One application after another is asked, a millisecond later."""

    def __init__(self, *worlds: both_ways.World) -> None:
        self._clock = worlds[0].engine.clock
        self._transports = itertools.cycle([httpx.ASGITransport(app=world.api) for world in worlds])

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._clock.advance(1)
        return await next(self._transports).handle_async_request(request)


class Service:
    """Two replicas, one of which has no direct routes, the consumers, and people who are signed up."""

    def __init__(self, keys: Path, limits: Limits, people: int) -> None:
        users = [User(id=UserId(1_000_003 * n), username=f"u{n}", name=f"User {n}") for n in range(1, people + 1)]
        self.engine = Engine(limits, users)
        self.replicas = [
            both_ways.World(keys, MANY, direct=direct, engine=self.engine, users=users) for direct in (True, False)
        ]
        client = ApiClient(httpx.AsyncClient(transport=InTurns(*self.replicas), base_url="http://murmur"))
        tokens = self.replicas[0].tokens
        self.people = [
            ApiUser(client, Account(user.id, user.username, "", tokens.issue(user.id, SessionId(user.id), 900)))
            for user in users
        ]
        self._consumers = (self.engine.shard(), self.engine.counters())

    async def settle(self, world: World) -> None:
        for _ in range(_STEPS):
            for consumer in self._consumers:
                await consumer.step(0)

    async def suspend(self, user: int, suspended: bool) -> None:
        id_ = self.engine.next_id()
        kind = UserSuspended if suspended else UserReinstated
        event = kind(event_id=EventId(id_), stamp_us=stamp_us(id_), user=UserId(user))
        await self.replicas[0].replica.publisher.publish(event)

    async def trend(self, tweets: Iterable[str]) -> None:
        """Have these tweets be the latest of a hashtag that trends."""
        trend = Trend(
            tag="trend",
            normalized_tag="trend",
            count=1,
            unique_authors=1,
            previous=1,
            score=1.0,
            since=self.engine.next_id(),
            tweets=tuple(map(int, tweets)),
        )
        tops = {GLOBAL: values.trends([trend])}
        assert await self.engine.ports.trends.publish("60m", self.engine.clock.now_ms(), tops)


async def begun(keys: Path, limits: Limits) -> World:
    service = Service(keys, limits, len(CASES) + 2)
    await service.engine.own_all()
    reader, third, *authors = service.people
    hooks = Hooks(service.settle, service.settle, service.suspend)
    world = World(reader, third, dict(zip(CASES, authors, strict=True)), hooks)
    await world.begin()
    await service.trend(item.id for item in world.items)
    return world


async def test_nobody_sees_what_they_may_not_and_all_is_back_afterwards(tmp_path: Path) -> None:
    world = await begun(folder_of(tmp_path), SMALL)
    some = world.among([case for case in CASES if case.stands in (Stands.FOLLOWER, Stands.BLOCKED, Stands.SUSPENDED)])
    authors = [case for case in some.authors if case.stands is not Stands.SUSPENDED]
    check(await read_as_reader(world), at_least=6_141)
    check(await read_without_token(some), *[await read_as_author(world, case) for case in authors], at_least=2_494)
    await world.open()
    check(await read_as_reader(world), at_least=6_756)
    await world.close_again()
    check(await read_as_reader(world.among([case for case in CASES if case.private])), at_least=3_452)


async def test_a_view_that_holds_too_many_is_looked_up_and_shows_the_same(tmp_path: Path) -> None:
    world = await begun(folder_of(tmp_path), replace(SMALL, view_ids_max=1))
    check(await read_as_reader(world), at_least=6_141)


async def test_a_page_is_full_though_nearly_nothing_that_lies_between_is_shown(tmp_path: Path) -> None:
    service = Service(folder_of(tmp_path), DEFAULT, 4)
    reader, third, muted, blocked = service.people
    for author in (third, muted, blocked):
        await reader.follow(author)
    shown = []
    for number in range(25):
        shown.append(await third.post(f"to be seen {number} #page"))
        for author in (muted, blocked):
            for _ in range(10):
                await author.post("not to be seen #page")
    await reader.relate(Relation.MUTE, muted.id, on=True)
    await blocked.relate(Relation.BLOCK, reader.id, on=True)
    for path in (HOME, "/timeline/public", "/timeline/hashtag/page"):
        page = await reader.call("GET", path, 200, params={"limit": "20"})
        assert [tweet["id"] for tweet in page["tweets"]] == shown[:4:-1], path
        rest = await reader.call("GET", path, 200, params={"limit": "20", "cursor": page["next_cursor"]})
        assert [tweet["id"] for tweet in rest["tweets"]] == shown[4::-1], path
        assert rest["next_cursor"] is None, path


async def test_a_mute_and_a_word_end_by_the_clock_also_for_pages_that_are_remembered(tmp_path: Path) -> None:
    service = Service(folder_of(tmp_path), SMALL, 3)
    clock = service.engine.clock
    reader, muted, worded = service.people
    for author in (muted, worded):
        await reader.follow(author)
    tweets = [await muted.post("hello"), await worded.post("so much rain")]
    until = rfc3339_of_ms(clock.now_ms() + 60_000)
    later = rfc3339_of_ms(clock.now_ms() + 120_000)
    await reader.call("POST", f"/users/{muted.id}/mute", 200, json={"until": until})
    await reader.call("POST", "/users/me/muted-words", 201, json={"phrase": "RAIN", "until": later})

    async def seen() -> list[str]:
        pages = [await reader.home() for _ in range(2 * len(service.replicas))]
        assert pages[-1] == pages[-2], "what each of them remembers is the same"
        return pages[-1]

    assert await seen() == []
    clock.advance(59_000)
    assert await seen() == []
    clock.advance(2_000)
    assert await seen() == tweets[:1]
    clock.advance(60_000)
    assert await seen() == tweets[::-1]


def test_every_route_that_is_read_is_in_a_table(tmp_path: Path) -> None:
    paths = Service(folder_of(tmp_path), SMALL, 1).replicas[0].api.openapi()["paths"]
    read = {path.removeprefix("/api/v1") for path, methods in paths.items() if "get" in methods}
    assert read == ROUTES.keys() | NOBODY
