"""The table of routes: those that show tweets or users, each with its reading, and those that show nobody."""

from collections.abc import Awaitable, Callable, Mapping

from tests.support.leaks import tweet_routes, user_routes
from tests.support.leaks.matrix import Standing, Stands
from tests.support.leaks.reading import Reading
from tests.support.leaks.world import Case, World, each

Route = Callable[[Reading, World], Awaitable[None]]
ROUTES: Mapping[str, Route] = {
    "/timeline/home": tweet_routes.home,
    "/timeline/user/{id}": tweet_routes.user_timeline,
    "/timeline/public": tweet_routes.public,
    "/timeline/hashtag/{tag}": tweet_routes.hashtag,
    "/tweets/{id}": tweet_routes.tweet,
    "/tweets/{id}/thread": tweet_routes.thread,
    "/tweets/{id}/replies": tweet_routes.replies,
    "/tweets/{id}/engagements": tweet_routes.engagements,
    "/tweets/{id}/likers": tweet_routes.likers,
    "/tweets/{id}/retweeters": tweet_routes.retweeters,
    "/users/{id}": user_routes.user,
    "/users/by/username/{name}": user_routes.user_by_name,
    "/users/{id}/followers": user_routes.followers,
    "/users/{id}/following": user_routes.following,
    "/users/me/bookmarks": user_routes.bookmarks,
    "/users/me/blocks": user_routes.blocks,
    "/users/me/mutes": user_routes.mutes,
    "/users/me/sent-requests": user_routes.sent_requests,
    "/follow-requests": user_routes.follow_requests,
    "/trends": user_routes.trends,
}
"""Each GET route that shows tweets or users to somebody."""
NOBODY = frozenset(
    {
        "/healthz",
        "/readyz",
        "/.well-known/jwks.json",
        "/users/me",
        "/users/me/settings",
        "/users/me/muted-words",
        "/trends/{tag}/history",
    }
)
"""Those that show only the reader themselves, numbers of all, or the state of the service."""
OWN: Mapping[str, Route] = {
    name: ROUTES[name] for name in ("/timeline/home", "/timeline/user/{id}", "/tweets/{id}", "/tweets/{id}/thread")
}
"""Those by which an author looks at what they wrote."""


async def read_as_reader(world: World) -> Reading:
    """Read every route as the reader."""
    reading = Reading(
        world, world.reader, lambda case: Standing(Stands.FOLLOWER) if case is None else case.standing(world.phase)
    )
    await each(read(reading, world) for read in ROUTES.values())
    return reading


async def read_without_token(world: World) -> Reading:
    """Read every route as anybody."""
    passer_by = Standing(Stands.STRANGER, mentioned=False)
    reading = Reading(
        world, world.reader, lambda case: passer_by if case is None else case.anonymous(world.phase), token=False
    )
    await each(read(reading, world) for read in ROUTES.values())
    return reading


async def read_as_author(world: World, case: Case) -> Reading:
    """Read what somebody wrote as they do."""
    own = world.among((case,))
    reading = Reading(
        own,
        own.authors[case],
        lambda case: Standing(
            Stands.FOLLOWER if case is None else Stands.SELF, case is not None and case.standing(world.phase).private
        ),
    )
    await each(read(reading, own) for read in OWN.values())
    return reading


def check(*readings: Reading, at_least: int) -> None:
    """Nothing differs from the matrix, of as many cells as there were once."""
    cells = sum(reading.cells for reading in readings)
    problems = [problem for reading in readings for problem in reading.problems]
    assert not problems, "\n".join((f"{len(problems)} of {cells} cells differ:", *problems[:40]))
    print(f"{cells} cells")
    assert cells >= at_least, "some are no longer compared"
