"""Routes of tweets and their conversations."""

from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from domain.conversations import CURSOR_PATTERN
from domain.ids import TweetId
from domain.tweets import Visibility
from serve.http.access import Member, Tweeting, Viewer
from serve.http.openapi import TOKEN_OPTIONAL, by_name, failures
from serve.http.parameters import KEY_CHARS_MAX, KEY_PATTERN, Paged, TweetInPath, checked_key, json_response
from serve.http.use_cases import use
from serve.tweets import schemas
from serve.tweets.commands import Draft, TweetCommands
from serve.tweets.queries import TweetQueries
from serve.tweets.threads import Threads

Commands = Annotated[TweetCommands, use(TweetCommands)]
Queries = Annotated[TweetQueries, use(TweetQueries)]

router = APIRouter(prefix="/api/v1/tweets", tags=["tweets"], generate_unique_id_function=by_name)

_READ = failures(401, 404)
_INPUT = failures(400, 401, 404, 422)

_KEY = {"pattern": KEY_PATTERN, "maxLength": KEY_CHARS_MAX}
IdempotencyKey = Annotated[
    str | None, Header(description="The same key within 24 h creates once.", json_schema_extra=_KEY)
]


@router.post("", status_code=201, response_model=schemas.Tweet, responses=failures(400, 401, 403, 404, 409, 422))
async def post(
    body: schemas.NewTweet,
    author: Tweeting,
    commands: Commands,
    queries: Queries,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Publish a tweet, reply or quote."""
    draft = Draft(
        text=body.text,
        reply_to=_id(body.reply_to_id),
        quote_of=_id(body.quote_of_id),
        location=body.location,
        visibility=None if body.visibility is None else Visibility[body.visibility.upper()],
    )
    posted = await commands.post(author, draft, checked_key(idempotency_key, body.idempotency_key))
    return json_response(await queries.posted(author, posted), 201)


@router.get("/{id}", response_model=schemas.Tweet | schemas.Tombstone, responses=_READ, openapi_extra=TOKEN_OPTIONAL)
async def read_tweet(tweet: TweetInPath, viewer: Viewer, queries: Queries) -> Response:
    """One tweet or retweet."""
    return json_response(await queries.tweet(viewer, tweet))


@router.delete("/{id}", status_code=204, responses=failures(401, 403, 404))
async def delete(tweet: TweetInPath, user: Member, commands: Commands) -> Response:
    """Take a tweet of yours away; it disappears everywhere."""
    await commands.delete(user, tweet)
    return Response(status_code=204)


@router.get("/{id}/replies", response_model=schemas.TweetPage, responses=_INPUT, openapi_extra=TOKEN_OPTIONAL)
async def read_replies(tweet: TweetInPath, page: Paged, viewer: Viewer, queries: Queries) -> Response:
    """The direct replies, newest first."""
    return json_response(await queries.replies(viewer, tweet, *page))


@router.get("/{id}/engagements", response_model=schemas.Engagements, responses=_READ, openapi_extra=TOKEN_OPTIONAL)
async def read_engagements(tweet: TweetInPath, viewer: Viewer, queries: Queries) -> Response:
    """The counts of a tweet."""
    return json_response(await queries.engagements(viewer, tweet))


@router.get("/{id}/thread", response_model=schemas.Thread, responses=_INPUT, openapi_extra=TOKEN_OPTIONAL)
async def read_thread(
    tweet: TweetInPath,
    viewer: Viewer,
    threads: Annotated[Threads, use(Threads)],
    limit: Annotated[int | None, Query(ge=1, description="How many replies; the most allowed if that is more.")] = None,
    cursor: Annotated[
        str | None,
        Query(
            description="A `next_cursor` or `ancestors_cursor` of before.",
            json_schema_extra={"pattern": CURSOR_PATTERN},
        ),
    ] = None,
) -> Response:
    """The conversation above and below a tweet, or with a cursor more of one side."""
    return json_response(await threads.page(viewer, tweet, cursor, limit))


def _id(text: str | None) -> TweetId | None:
    return None if text is None else TweetId(int(text))
