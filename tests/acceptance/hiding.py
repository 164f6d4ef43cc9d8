"""People who block and mute each other and make their accounts private, halfway through a run."""

from collections.abc import Awaitable, Sequence

from cluster.client.pool import each
from tests.acceptance.world import World
from tests.support.api_user import HOME, ApiUser
from tests.support.oracle.oracle import Relation

_ONE_IN = 12
"""One in so many people blocks another, as many mute one, and as many are private from then on."""


async def hide(world: World) -> None:
    """Do so while nobody does anything else; whoever is hidden is so at the next read."""
    count = max(1, len(world.members) // _ONE_IN)
    chosen = world.random.sample(world.members, min(5 * count, len(world.members) // 5 * 5))
    count = len(chosen) // 5
    blocking, blocked, muting, muted, private = (chosen[at * count : (at + 1) * count] for at in range(5))
    acts: Sequence[Awaitable[None]] = [
        *(_block(world, *pair) for pair in zip(blocking, blocked, strict=True)),
        *(_mute(world, *pair) for pair in zip(muting, muted, strict=True)),
        *(_close(world, user) for user in private),
    ]

    async def wait(act: Awaitable[None]) -> None:
        await act

    await each(wait, acts, at_once=world.api.at_once)


async def _block(world: World, user: ApiUser, target: ApiUser) -> None:
    """What one of them follows of the other ends with it."""
    begun = world.tick()
    await user.relate(Relation.BLOCK, target.id, on=True)
    world.oracle.relate(Relation.BLOCK, user.id, target.id, world.since(begun))
    for follower, followee in ((user, target), (target, user)):
        if followee.id in world.oracle.targets(Relation.FOLLOW, follower.id):
            world.oracle.part(Relation.FOLLOW, follower.id, followee.id)
    await _look(world, user, target)
    await _look(world, target, user)
    found = (await target.send("GET", f"/users/{user.id}")).status_code
    world.check(None if found == 404 else f"{target.username} finds {user.username}, who blocks them: {found}")


async def _mute(world: World, user: ApiUser, target: ApiUser) -> None:
    begun = world.tick()
    await user.relate(Relation.MUTE, target.id, on=True)
    world.oracle.relate(Relation.MUTE, user.id, target.id, world.since(begun))
    await _look(world, user, target)


async def _close(world: World, user: ApiUser) -> None:
    await user.change_settings(private=True)
    world.oracle.private.add(user.id)
    strangers = [member for member in world.members if not world.oracle.opens(member.id, user.id)]
    for stranger in world.random.sample(strangers, min(1, len(strangers))):
        await _look(world, stranger, user)
        found = (await stranger.send("GET", f"/timeline/user/{user.id}")).status_code
        hidden = found in (403, 404)
        world.check(None if hidden else f"{stranger.username} reads what {user.username} wrote: {found}")


async def _look(world: World, reader: ApiUser, author: ApiUser) -> None:
    """Nothing by an author who is hidden is in a reader's home."""
    page, _ = await reader.page("home", HOME)
    seen = any(author.id in (shown.author, shown.original_author) for shown in page)
    world.check(f"{reader.username} sees {author.username} right after that was ended" if seen else None)
