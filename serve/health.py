"""Routes for those who run the service, and for those who check its tokens."""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from serve import schemas
from serve.description import bare_failures, by_name
from serve.parameters import json_response
from serve.services import Provided

router = APIRouter(tags=["service"], generate_unique_id_function=by_name)

_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": schemas.Ready, "description": "Some dependency is not."}}


@router.get("/healthz", response_model=schemas.Alive, responses=bare_failures())
async def healthz() -> Response:
    """Whether the process answers."""
    return json_response(b'{"status":"ok"}')


@router.get("/readyz", response_model=schemas.Ready, responses={**bare_failures(), **_NOT_READY})
async def readyz(services: Provided) -> Response:
    """Whether every dependency answers, one by one."""
    findings = await services.readiness.look()
    ready = all(finding.ok for finding in findings.values())
    body = {"ready": ready, "checks": {name: finding._asdict() for name, finding in findings.items()}}
    return json_response(orjson.dumps(body), 200 if ready else 503)


@router.get("/.well-known/jwks.json", response_model=schemas.Jwks, responses=bare_failures())
async def jwks(services: Provided) -> Response:
    """The public keys of access tokens."""
    body = orjson.dumps(services.sessions.jwks())
    headers = {"Cache-Control": "public, max-age=300", "Vary": "Origin"}
    return Response(body, headers=headers, media_type="application/json")
