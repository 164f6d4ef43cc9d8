"""Routes for those who run the service, and for those who check its tokens."""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from serve.http import schemas
from serve.http.access import OTHERWISE, PROBING
from serve.http.openapi import by_name, failures
from serve.http.parameters import json_response
from serve.http.use_cases import Provided

router = APIRouter(tags=["service"], generate_unique_id_function=by_name)

_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": schemas.Ready, "description": "Some dependency is not."}}


@router.get("/healthz", response_model=schemas.Alive, responses=failures(), dependencies=[PROBING])
async def healthz() -> Response:
    """Whether the process answers."""
    return json_response(b'{"status":"ok"}')


@router.get("/readyz", response_model=schemas.Ready, responses={**failures(), **_NOT_READY}, dependencies=[PROBING])
async def readyz(services: Provided) -> Response:
    """Whether every dependency answers, one by one; as it was a second ago at most."""
    findings = await services.readiness.findings()
    ready = all(finding.ok for finding in findings.values())
    body = {"ready": ready, "checks": {name: finding._asdict() for name, finding in findings.items()}}
    return json_response(orjson.dumps(body), 200 if ready else 503)


@router.get("/.well-known/jwks.json", response_model=schemas.Jwks, responses=failures(), dependencies=[OTHERWISE])
async def jwks(services: Provided) -> Response:
    """The public keys of access tokens."""
    body = orjson.dumps(services.sessions.jwks())
    headers = {"Cache-Control": "public, max-age=300", "Vary": "Origin"}
    return Response(body, headers=headers, media_type="application/json")
