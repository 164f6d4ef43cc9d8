"""The shapes of health and readiness."""

from pydantic import BaseModel

from serve.operations.readiness import Word


class Alive(BaseModel):
    """The process answers."""

    status: str


class Finding(BaseModel):
    """How one dependency is."""

    ok: bool
    detail: Word


class Ready(BaseModel):
    """Whether every dependency answers, each by name."""

    ready: bool
    checks: dict[str, Finding]
