"""Routes of the lists of tweets that people read."""

from fastapi import APIRouter
from starlette.responses import Response

from serve import schemas
from serve.access import Member, Viewer
from serve.description import TOKEN_OPTIONAL, by_name, failures
from serve.parameters import Paged, UserInPath, json_response
from serve.services import Provided

router = APIRouter(prefix="/api/v1/timeline", tags=["timelines"], generate_unique_id_function=by_name)

_LIST = failures(400, 401, 422)
_LIST_OF = failures(400, 401, 404, 422)


@router.get("/home", response_model=schemas.TweetPage, responses=_LIST)
async def read_home(viewer: Member, page: Paged, services: Provided) -> Response:
    """Your own tweets and those, with the retweets, of everyone you follow, newest first."""
    return json_response(await services.timelines.home(viewer, *page))


@router.get("/public", response_model=schemas.TweetPage, responses=_LIST, openapi_extra=TOKEN_OPTIONAL)
async def read_public(page: Paged, viewer: Viewer, services: Provided) -> Response:
    """Everybody's tweets, newest first."""
    return json_response(await services.timelines.public(viewer, *page))


@router.get("/user/{id}", response_model=schemas.TweetPage, responses=_LIST_OF, openapi_extra=TOKEN_OPTIONAL)
async def read_user_timeline(author: UserInPath, page: Paged, viewer: Viewer, services: Provided) -> Response:
    """What one user wrote and retweeted, newest first."""
    return json_response(await services.timelines.user_timeline(viewer, author, *page))


@router.get("/hashtag/{tag}", response_model=schemas.TweetPage, responses=_LIST_OF, openapi_extra=TOKEN_OPTIONAL)
async def read_hashtag(tag: str, page: Paged, viewer: Viewer, services: Provided) -> Response:
    """The tweets that carry a hashtag, in any case and width, newest first; the sign may be left out."""
    return json_response(await services.timelines.hashtag(viewer, tag, *page))
