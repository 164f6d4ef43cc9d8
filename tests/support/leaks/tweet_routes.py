"""The routes of timelines and tweets, each read whole and compared with the matrix."""

from typing import Any

from tests.support.api_user import HOME, ApiUser
from tests.support.leaks.matrix import Surface
from tests.support.leaks.reading import Reading, closed, named, refused
from tests.support.leaks.world import RETWEETED, THIRDS, Case, Item, World, each


async def home(reading: Reading, world: World) -> None:
    """Of what several entries show the newest stands for all; so a tweet is looked for as what entries show."""
    if not reading.token:
        return await refused(reading, HOME)
    entries = await reading.pages(HOME)
    shown = {(entry["retweet_of"] or entry)["id"] for entry in entries.values()}
    for item in world.items:
        reason = item.why_hidden(reading.standing, Surface.HOME)
        there = item.by is None or reading.standing(item.by).follows or item.way == RETWEETED
        found = item.id in (shown if item.original is None else entries)
        reading.cell(f"{HOME}: {named(item)} ({reason})", found, there and reason is None)
        if item.id in entries:
            reading.compare_embedded(HOME, entries[item.id], item, Surface.HOME)


async def user_timeline(reading: Reading, world: World) -> None:
    async def one(case: Case | None, user: ApiUser) -> None:
        path = f"/timeline/user/{user.id}"
        if (status := int(reading.standing(case).row.timeline)) != 200:
            return await closed(reading, path, status)
        items = [item for item in world.items if item.by is case]
        reading.compare(path, await reading.pages(path), items, Surface.PROFILE)

    await each(one(case, user) for case, user in [(None, world.third), *world.authors.items()])


async def public(reading: Reading, world: World) -> None:
    oldest = min(int(item.id) for item in world.items)
    entries = await reading.pages("/timeline/public", down_to=oldest)
    tweets = [item for item in world.items if item.original is None]
    reading.compare("/timeline/public", entries, tweets, Surface.PUBLIC)


async def hashtag(reading: Reading, world: World) -> None:
    path = f"/timeline/hashtag/{world.tag}"
    tweets = [item for item in world.items if item.original is None]
    reading.compare(path, await reading.pages(path), tweets, Surface.HASHTAG)


async def tweet(reading: Reading, world: World) -> None:
    async def one(item: Item) -> None:
        path, status = f"/tweets/{item.id}", reading.single(item)
        found = await reading.ask(path, 404 if status == "404" else 200)
        if status == "stone":
            reading.cell(f"{path}: {named(item)}", found, _tombstone(reading, item))
        elif status == "200" and found:
            reading.cell(f"{path}: {named(item)}", found["id"], item.id)
            reading.compare_embedded(path, found, item, Surface.LINK)

    await each(map(one, world.items))


async def thread(reading: Reading, world: World) -> None:
    children: dict[str, list[Item]] = {}
    for item in world.items:
        if item.parent is not None:
            children.setdefault(item.parent.id, []).append(item)

    def expected(item: Item) -> Any:
        """It, or its tombstone."""
        return item.id if item.why_hidden(reading.standing, Surface.LINK) is None else _tombstone(reading, item)

    def below(item: Item) -> list[Any]:
        """What is shown of its replies, and tombstones of those that lead to something."""
        found: list[Any] = []
        for child in children.get(item.id, ()):
            beneath = below(child)
            if beneath or child.why_hidden(reading.standing, Surface.LINK) is None:
                found += [expected(child), *beneath]
        return found

    async def one(item: Item) -> None:
        path, status = f"/tweets/{item.id}/thread", reading.single(item)
        found = await reading.ask(path, 404 if status == "404" else 200)
        if status == "404" or not found:
            return
        centre = item if status == "stone" else item.original or item
        above = [] if centre.parent is None else [expected(centre.parent)]
        if centre.parent is not None and centre.parent.parent is not None:
            above.insert(0, expected(centre.parent.parent))
        reading.cell(f"{path}: {named(item)}", _shown(found["tweet"]), expected(centre))
        reading.cell(f"{path}: above {named(item)}", [*map(_shown, found["ancestors"])], above)
        found_below = sorted(map(_shown, found["descendants"]), key=str)
        reading.cell(f"{path}: below {named(item)}", found_below, sorted(below(centre), key=str))

    await each(map(one, world.items))


async def replies(reading: Reading, world: World) -> None:
    async def one(item: Item) -> None:
        path, original = f"/tweets/{item.id}/replies", item.original or item
        if reading.single(item) != "200":
            return await closed(reading, path, 404)
        direct = [each for each in world.items if each.parent is original]
        found = await reading.pages(path)
        reading.compare(path, found, direct, Surface.LINK)

    await each(map(one, world.items))


async def engagements(reading: Reading, world: World) -> None:
    async def one(item: Item) -> None:
        await reading.ask(f"/tweets/{item.id}/engagements", 200 if reading.single(item) == "200" else 404)

    await each(map(one, world.items))


async def likers(reading: Reading, world: World) -> None:
    await _engaged(reading, world, "likers")


async def retweeters(reading: Reading, world: World) -> None:
    await _engaged(reading, world, "retweeters")


async def _engaged(reading: Reading, world: World, name: str) -> None:
    """The author of a case likes and retweets a tweet of the third."""

    async def one(item: Item) -> None:
        path = f"/tweets/{item.id}/{name}"
        if reading.single(item) != "200":
            return await closed(reading, path, 404)
        if item.way == THIRDS:
            found = await reading.pages(path, "users")
            there, listed = str(world.authors[item.about].id) in found, reading.standing(item.about).row.listed
            reading.cell(f"{path}: {item.about}", there, listed)
        else:
            await reading.ask(path)

    await each(map(one, world.items))


def _shown(entry: Any) -> Any:
    """The id of a tweet that is told of, or its tombstone as it is."""
    return entry if "unavailable" in entry else entry["id"]


def _tombstone(reading: Reading, item: Item) -> dict[str, str | None]:
    return {"id": item.id, "unavailable": item.why_hidden(reading.standing, Surface.LINK)}
