"""The shapes of health and readiness."""

from pydantic import BaseModel

from serve.operations.readiness import Word


class Alive(BaseModel):
    """The process answers."""

    status: str


class Finding(BaseModel):
    """State of one dependency."""

    ok: bool
    detail: Word


class Ready(BaseModel):
    """State of every dependency, by name."""

    ready: bool
    checks: dict[str, Finding]
