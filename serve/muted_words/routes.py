"""Routes of muted words."""

from typing import Annotated

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from domain.errors import NotFound
from domain.ids import UserId
from serve.http.access import Member, member
from serve.http.openapi import by_name, failures
from serve.http.parameters import IdText, Paged, id_of, json_response
from serve.http.rate_limits import Limit
from serve.http.use_cases import use
from serve.muted_words import schemas
from serve.muted_words.commands import MutedWordCommands
from serve.muted_words.queries import MutedWordQueries, shown_word

Commands = Annotated[MutedWordCommands, use(MutedWordCommands)]
Queries = Annotated[MutedWordQueries, use(MutedWordQueries)]

router = APIRouter(prefix="/api/v1/users/me/muted-words", tags=["users"], generate_unique_id_function=by_name)


@router.get("", response_model=schemas.MutedWordPage, responses=failures(400, 401, 422))
async def read_muted_words(user: Member, page: Paged, queries: Queries) -> Response:
    """The words that one mutes, latest first."""
    return json_response(await queries.words(user, *page))


@router.post("", status_code=201, response_model=schemas.MutedWord, responses=failures(400, 401, 409, 422))
async def mute_word(
    body: schemas.NewMutedWord, user: Annotated[UserId, member(Limit.LIKES)], commands: Commands
) -> Response:
    """Mute a word or phrase: tweets of others that hold it are not shown where it is muted."""
    word = await commands.mute(user, body.phrase, whole_word=body.whole_word, until=body.until, surfaces=body.surfaces)
    return json_response(orjson.dumps(shown_word(word)), 201)


@router.delete("/{id}", status_code=204, responses=failures(401, 404))
async def unmute_word(id: IdText, user: Member, commands: Commands) -> Response:
    """Mute a word no longer."""
    word = id_of(id)
    if word is None:
        raise NotFound("You mute no such phrase.", "not_found")
    await commands.unmute(user, word)
    return Response(status_code=204)
