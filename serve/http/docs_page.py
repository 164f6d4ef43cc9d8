"""The page `/docs`: Swagger UI from files of our own, under a policy that lets nothing else run."""

import base64
import hashlib
import re
from typing import Final

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse

_FILES: Final = "/static-offline-docs"  # where FastAPIOffline puts them
_INLINE: Final = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


def add_docs(api: FastAPI) -> None:
    """Have the application show its description; it must have the files of FastAPIOffline."""
    page = get_swagger_ui_html(
        openapi_url=api.openapi_url or "/openapi.json",
        title=api.title,
        swagger_js_url=f"{_FILES}/swagger-ui-bundle.js",
        swagger_css_url=f"{_FILES}/swagger-ui.css",
        swagger_favicon_url=f"{_FILES}/favicon.png",
    )
    policy = {"Content-Security-Policy": _policy(bytes(page.body))}

    @api.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(page.body, headers=policy)


def _policy(page: bytes) -> str:
    """The page's own script by its hash; Swagger UI sets styles of elements, and draws with pictures that it holds."""
    hashes = (base64.b64encode(hashlib.sha256(script).digest()).decode() for script in _INLINE.findall(page))
    scripts = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src 'self' {scripts}; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
