"""The leak suite over a system as it is shipped: several replicas, real stores. Nobody can be suspended there yet."""

import httpx

from cluster.client.api import ApiClient
from tests.support.api_user import HOME, PASSWORD, ApiUser
from tests.support.leaks.matrix import Audience, Stands
from tests.support.leaks.routes import check, read_as_author, read_as_reader, read_without_token
from tests.support.leaks.world import CASES, Hooks, World
from tests.support.waiting import eventually

_AT_ONCE = 16
_PATIENCE_S = 20.0
_HERE = [case for case in CASES if case.stands is not Stands.SUSPENDED]
_FEW = (Audience.READER, Audience.OTHERS)


async def delivered(world: World) -> None:
    """Wait until the reader's home has all that is for followers: they still follow everybody."""
    due = {int(item.id) for item in world.items if item.audience not in _FEW}

    async def unmet() -> int:
        shown = await world.reader.tweets("home", HOME)
        return len(due - {id_ for entry in shown for id_ in entry.line})

    await eventually(unmet, lambda count: not count)


async def approved(world: World) -> None:
    async def asked() -> list[int]:
        return await world.reader.users("requests", "/users/me/sent-requests")

    await eventually(asked, lambda users: not users)


async def test_nobody_sees_what_they_may_not_from_the_next_read_on_in_every_replica(api: httpx.AsyncClient) -> None:
    client = ApiClient(api, at_once=_AT_ONCE, patience_s=_PATIENCE_S)
    names = [f"leaks{number}" for number in range(len(_HERE) + 2)]
    people = [ApiUser(client, await client.sign_up(name, f"{name}@example.com", PASSWORD)) for name in names]
    reader, third, *authors = people
    world = World(reader, third, dict(zip(_HERE, authors, strict=True)), Hooks(delivered, approved))
    await world.begin()
    some = world.among([case for case in _HERE if case.stands in (Stands.FOLLOWER, Stands.BLOCKED)])
    check(await read_as_reader(world), at_least=5_300)
    check(await read_without_token(some), *[await read_as_author(world, case) for case in some.authors], at_least=1_600)
    await world.open()
    check(await read_as_reader(world), at_least=5_650)
    await world.close_again()
    check(await read_as_reader(world.among([case for case in _HERE if case.private])), at_least=2_750)
