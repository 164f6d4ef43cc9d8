"""Routes for those who run the service."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from serve.http.access import PROBING
from serve.http.openapi import by_name, failures
from serve.http.parameters import json_response
from serve.http.use_cases import use
from serve.operations import schemas
from serve.operations.readiness import Readiness

router = APIRouter(tags=["service"], generate_unique_id_function=by_name)

_NOT_READY: dict[int | str, dict[str, Any]] = {503: {"model": schemas.Ready, "description": "Some dependency is not."}}


@router.get("/healthz", response_model=schemas.Alive, responses=failures(), dependencies=[PROBING])
async def healthz() -> Response:
    """Answer that the process lives."""
    return json_response(b'{"status":"ok"}')


@router.get("/readyz", response_model=schemas.Ready, responses={**failures(), **_NOT_READY}, dependencies=[PROBING])
async def readyz(readiness: Annotated[Readiness, use(Readiness)]) -> Response:
    """Report each dependency, as it was a second ago at most."""
    findings = await readiness.findings()
    ready = all(finding.ok for finding in findings.values())
    return json_response(orjson.dumps({"ready": ready, "checks": findings}), 200 if ready else 503)
