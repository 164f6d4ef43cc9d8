"""Routes of relations: follow, like and retweet, and who does."""

from typing import Annotated

from fastapi import APIRouter
from starlette.responses import Response

from domain.ids import TweetId, UserId
from domain.relations import FOLLOW, LIKE, RETWEET
from serve import lists
from serve.http.access import Member, Tweeting, Viewer, member
from serve.http.openapi import TOKEN_OPTIONAL, by_name, failures
from serve.http.parameters import Paged, TweetInPath, UserInPath, json_response
from serve.http.rate_limits import Limit
from serve.http.schemas import NoFields
from serve.http.use_cases import use
from serve.relations.commands import RelationCommands
from serve.tweets.schemas import Tweet
from serve.users.schemas import User, UserPage

Commands = Annotated[RelationCommands, use(RelationCommands)]
Queries = Annotated[lists.Queries, use(lists.Queries)]

router = APIRouter(prefix="/api/v1", generate_unique_id_function=by_name)

_READ = failures(401, 404)
_INPUT = failures(400, 401, 404, 422)


@router.post("/tweets/{id}/like", tags=["tweets"], response_model=Tweet, responses=_INPUT)
async def like(
    tweet: TweetInPath,
    user: Annotated[UserId, member(Limit.LIKES)],
    commands: Commands,
    queries: Queries,
    body: NoFields | None = None,
) -> Response:
    """Like a tweet; doing so again changes nothing."""
    return json_response(await queries.tweet(user, TweetId(await commands.turn_on(LIKE, user, tweet))))


@router.delete("/tweets/{id}/like", tags=["tweets"], response_model=Tweet, responses=_READ)
async def unlike(tweet: TweetInPath, user: Member, commands: Commands, queries: Queries) -> Response:
    """Take a like back."""
    return json_response(await queries.tweet(user, TweetId(await commands.turn_off(LIKE, user, tweet))))


@router.post("/tweets/{id}/retweet", tags=["tweets"], response_model=Tweet, responses=_INPUT)
async def retweet(
    tweet: TweetInPath, user: Tweeting, commands: Commands, queries: Queries, body: NoFields | None = None
) -> Response:
    """Retweet a tweet, and get the original; doing so again changes nothing."""
    return json_response(await queries.tweet(user, TweetId(await commands.turn_on(RETWEET, user, tweet))))


@router.delete("/tweets/{id}/retweet", tags=["tweets"], response_model=Tweet, responses=_READ)
async def undo_retweet(tweet: TweetInPath, user: Member, commands: Commands, queries: Queries) -> Response:
    """Take a retweet back."""
    return json_response(await queries.tweet(user, TweetId(await commands.turn_off(RETWEET, user, tweet))))


@router.get(
    "/tweets/{id}/likers", tags=["tweets"], response_model=UserPage, responses=_INPUT, openapi_extra=TOKEN_OPTIONAL
)
async def read_likers(tweet: TweetInPath, page: Paged, viewer: Viewer, queries: Queries) -> Response:
    """Who likes a tweet, latest first."""
    return json_response(await queries.likers(viewer, tweet, *page))


@router.get(
    "/tweets/{id}/retweeters", tags=["tweets"], response_model=UserPage, responses=_INPUT, openapi_extra=TOKEN_OPTIONAL
)
async def read_retweeters(tweet: TweetInPath, page: Paged, viewer: Viewer, queries: Queries) -> Response:
    """Who retweeted a tweet, latest first."""
    return json_response(await queries.retweeters(viewer, tweet, *page))


@router.post("/users/{id}/follow", tags=["users"], response_model=User, responses=failures(400, 401, 403, 404, 422))
async def follow(
    target: UserInPath,
    user: Annotated[UserId, member(Limit.FOLLOWS)],
    commands: Commands,
    queries: Queries,
    body: NoFields | None = None,
) -> Response:
    """Follow somebody; doing so again changes nothing."""
    await commands.turn_on(FOLLOW, user, target)
    return json_response(await queries.user(user, target))


@router.delete("/users/{id}/follow", tags=["users"], response_model=User, responses=failures(401, 404, 422))
async def unfollow(target: UserInPath, user: Member, commands: Commands, queries: Queries) -> Response:
    """Follow somebody no longer."""
    await commands.turn_off(FOLLOW, user, target)
    return json_response(await queries.user(user, target))


@router.get(
    "/users/{id}/followers",
    tags=["users"],
    response_model=UserPage,
    responses=failures(400, 401, 404, 422),
    openapi_extra=TOKEN_OPTIONAL,
)
async def read_followers(user: UserInPath, page: Paged, viewer: Viewer, queries: Queries) -> Response:
    """Who follows a user, latest first."""
    return json_response(await queries.followers(viewer, user, *page))


@router.get(
    "/users/{id}/following",
    tags=["users"],
    response_model=UserPage,
    responses=failures(400, 401, 404, 422),
    openapi_extra=TOKEN_OPTIONAL,
)
async def read_following(user: UserInPath, page: Paged, viewer: Viewer, queries: Queries) -> Response:
    """Whom a user follows, latest first."""
    return json_response(await queries.following(viewer, user, *page))
