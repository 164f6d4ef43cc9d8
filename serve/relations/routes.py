"""Routes of relations: follow, like, retweet and mute, and who does; bookmarks and requests, which few may see."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter
from starlette.responses import Response

from domain.ids import UserId
from domain.relations import BLOCK, BOOKMARK, FOLLOW, LIKE, MUTE, REQUEST, RETWEET
from serve.http.access import Member, member
from serve.http.openapi import Responses, by_name, failures
from serve.http.parameters import UserInPath, json_response
from serve.http.rate_limits import Limit
from serve.http.schemas import NoFields
from serve.http.use_cases import use
from serve.relations.follow_commands import FollowCommands
from serve.relations.routing import (
    Commands,
    Operation,
    add_own_sources,
    add_own_targets,
    add_relation,
    add_sources,
    add_targets,
)
from serve.relations.schemas import NewFollow, NewMute
from serve.users.queries import UserQueries
from serve.users.schemas import User

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Response]])
Follows = Annotated[FollowCommands, use(FollowCommands)]
Users = Annotated[UserQueries, use(UserQueries)]

router = APIRouter(prefix="/api/v1", generate_unique_id_function=by_name)


def _user_route(path: str, method: str, responses: Responses) -> Callable[[Endpoint], Endpoint]:
    """A route that answers a user."""
    return router.api_route(path, methods=[method], tags=["users"], response_model=User, responses=responses)


add_relation(
    router,
    "/tweets/{id}/like",
    LIKE,
    Limit.LIKES,
    on=Operation("like", "Like a tweet; doing so again changes nothing."),
    off=Operation("unlike", "Take a like back."),
)
add_sources(router, "/tweets/{id}/likers", LIKE, Operation("read_likers", "Who likes a tweet, latest first."))

add_relation(
    router,
    "/tweets/{id}/retweet",
    RETWEET,
    Limit.TWEETS,
    on=Operation("retweet", "Retweet a tweet, and get the original; doing so again changes nothing."),
    off=Operation("undo_retweet", "Take a retweet back."),
)
add_sources(
    router, "/tweets/{id}/retweeters", RETWEET, Operation("read_retweeters", "Who retweeted a tweet, latest first.")
)


@_user_route("/users/{id}/follow", "POST", failures(400, 401, 403, 404, 422))
async def follow(
    target: UserInPath,
    user: Annotated[UserId, member(Limit.FOLLOWS)],
    follows: Follows,
    users: Users,
    body: NewFollow | None = None,
) -> Response:
    """Follow somebody, or ask to if their account is private; doing so again changes nothing."""
    await follows.follow(user, target, None if body is None else body.retweets_hidden)
    return json_response(await users.user(user, target))


@_user_route("/users/{id}/follow", "DELETE", failures(401, 404, 422))
async def unfollow(target: UserInPath, user: Member, follows: Follows, users: Users) -> Response:
    """Follow somebody no longer, and withdraw a request to."""
    await follows.unfollow(user, target)
    return json_response(await users.user(user, target))


add_sources(router, "/users/{id}/followers", FOLLOW, Operation("read_followers", "Who follows a user, latest first."))
add_targets(router, "/users/{id}/following", FOLLOW, Operation("read_following", "Whom a user follows, latest first."))

add_relation(
    router,
    "/tweets/{id}/bookmark",
    BOOKMARK,
    Limit.LIKES,
    on=Operation("bookmark", "Bookmark a tweet, for nobody else to see; doing so again changes nothing."),
    off=Operation("remove_bookmark", "Have a tweet no longer among one's bookmarks."),
)
add_own_targets(
    router, "/users/me/bookmarks", BOOKMARK, Operation("read_bookmarks", "One's bookmarks, latest bookmark first.")
)


add_own_sources(
    router, "/follow-requests", REQUEST, Operation("read_follow_requests", "Who asks to follow one, latest first.")
)
add_own_targets(
    router,
    "/users/me/sent-requests",
    REQUEST,
    Operation("read_sent_requests", "Whom one asks to follow, latest first."),
)


@_user_route("/follow-requests/{id}/approve", "POST", failures(400, 401, 404, 422))
async def approve_follow_request(
    requester: UserInPath, user: Member, follows: Follows, users: Users, body: NoFields | None = None
) -> Response:
    """Let somebody follow who asks to; doing so again changes nothing while they follow."""
    await follows.approve(user, requester)
    return json_response(await users.user(user, requester))


@_user_route("/follow-requests/{id}/reject", "POST", failures(400, 401, 404, 422))
async def reject_follow_request(
    requester: UserInPath, user: Member, follows: Follows, users: Users, body: NoFields | None = None
) -> Response:
    """Refuse somebody who asks to follow."""
    await follows.reject(user, requester)
    return json_response(await users.user(user, requester))


add_relation(
    router,
    "/users/{id}/block",
    BLOCK,
    Limit.FOLLOWS,
    on=Operation("block", "Block somebody: neither follows the other any more, nor sees them."),
    off=Operation("unblock", "Block somebody no longer; what a block ended does not come back."),
)
add_own_targets(router, "/users/me/blocks", BLOCK, Operation("read_blocks", "Whom one blocks, latest first."))


@_user_route("/users/{id}/mute", "POST", failures(400, 401, 403, 404, 422))
async def mute(
    target: UserInPath,
    user: Annotated[UserId, member(Limit.FOLLOWS)],
    commands: Commands,
    users: Users,
    body: NewMute | None = None,
) -> Response:
    """Mute somebody: they are not told. A mute takes the place of another of the same account."""
    body = body or NewMute()
    await commands.mute(user, target, body.until, notifications=body.notifications)
    return json_response(await users.user(user, target))


@_user_route("/users/{id}/mute", "DELETE", failures(401, 404, 422))
async def unmute(target: UserInPath, user: Member, commands: Commands, users: Users) -> Response:
    """Mute somebody no longer."""
    await commands.turn_off(MUTE, user, target)
    return json_response(await users.user(user, target))


add_own_targets(router, "/users/me/mutes", MUTE, Operation("read_mutes", "Whom one mutes, latest first."))
