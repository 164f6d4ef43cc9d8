"""The routes of users and of what is one's own, each read whole and compared with the matrix."""

from domain.trends.tag_counts import TOP_MAX
from tests.support.api_user import ApiUser
from tests.support.leaks.matrix import Audience, Standing, Stands, Surface
from tests.support.leaks.reading import Reading, closed, named, refused
from tests.support.leaks.world import Case, World, each


async def user(reading: Reading, world: World) -> None:
    await each(_profile(reading, case, person, f"/users/{person.id}") for case, person in world.authors.items())


async def user_by_name(reading: Reading, world: World) -> None:
    await each(
        _profile(reading, case, person, f"/users/by/username/{person.username}")
        for case, person in world.authors.items()
    )


async def _profile(reading: Reading, case: Case, person: ApiUser, path: str) -> None:
    standing = reading.standing(case)
    found = await reading.ask(path, 404 if standing.row.header == "404" else 200)
    if standing.row.header == "shell":
        reading.cell(f"{path}: {case}", found, {"id": str(person.id), "suspended": True})
    elif found:
        reading.cell(f"{path}: {case}", found["private"], standing.private)
        if standing.stands is Stands.SELF:
            return
        flags = {name for name in ("following", "requested", "blocking", "muting", "retweets_hidden") if found[name]}
        reading.cell(f"{path}: how the reader stands to it ({case})", flags, _flags(standing))
        reading.cell(f"{path}: that one is blocked", "blocked_by" in found, False)


def _flags(standing: Standing) -> set[str]:
    """The names under which a reader is told how they stand to somebody."""
    own = {
        Stands.ASKS: "requested",
        Stands.BLOCKS: "blocking",
        Stands.MUTES: "muting",
        Stands.MUTES_STRANGER: "muting",
        Stands.HIDES_RETWEETS: "retweets_hidden",
    }.get(standing.stands)
    return ({own} if own else set()) | ({"following"} if standing.follows else set())


async def followers(reading: Reading, world: World) -> None:
    await _followed(reading, world, "followers")


async def following(reading: Reading, world: World) -> None:
    await _followed(reading, world, "following")


async def _followed(reading: Reading, world: World, name: str) -> None:
    """Each author and the third follow each other."""
    found = await reading.pages(f"/users/{world.third.id}/{name}", "users")
    for case, author in world.authors.items():
        listed = reading.standing(case).row.listed
        reading.cell(f"the third's {name}: {case}", str(author.id) in found, listed)

    async def one(case: Case, author: ApiUser) -> None:
        path = f"/users/{author.id}/{name}"
        if (status := int(reading.standing(case).row.lists)) != 200:
            return await closed(reading, path, status)
        reading.cell(f"{path}: the third", str(world.third.id) in await reading.pages(path, "users"), True)

    await each(one(*each) for each in world.authors.items())


async def bookmarks(reading: Reading, world: World) -> None:
    """The reader has bookmarked all that was for them."""
    path = "/users/me/bookmarks"
    if not reading.token:
        return await refused(reading, path)
    kept = [item for item in world.items if item.original is None and item.audience is not Audience.OTHERS]
    reading.compare(path, await reading.pages(path), kept, Surface.LINK)


async def blocks(reading: Reading, world: World) -> None:
    await _own(reading, world, "/users/me/blocks", (Stands.BLOCKS,))


async def mutes(reading: Reading, world: World) -> None:
    await _own(reading, world, "/users/me/mutes", (Stands.MUTES, Stands.MUTES_STRANGER))


async def sent_requests(reading: Reading, world: World) -> None:
    await _own(reading, world, "/users/me/sent-requests", (Stands.ASKS,))


async def follow_requests(reading: Reading, world: World) -> None:
    """Nobody asks the reader."""
    await _own(reading, world, "/follow-requests", ())


async def _own(reading: Reading, world: World, path: str, stands: tuple[Stands, ...]) -> None:
    if not reading.token:
        return await refused(reading, path)
    found = await reading.pages(path, "users")
    for case, author in world.authors.items():
        there = reading.standing(case).stands in stands
        reading.cell(f"{path}: {case}", str(author.id) in found, there)


async def trends(reading: Reading, world: World) -> None:
    """Whatever trends, no sample is of what the reader would not find among everybody's tweets."""
    answer = await reading.answer("/trends", params={"window": "60m", "limit": str(TOP_MAX)})
    samples = {id_ for trend in answer.json()["trends"] for id_ in trend["tweets"]} if answer.status_code == 200 else ()
    for item in world.items:
        if item.original is None and (reason := item.why_hidden(reading.standing, Surface.PUBLIC)):
            reading.cell(f"/trends: {named(item)} ({reason})", item.id in samples, False)
