"""The shapes of health and readiness."""

from pydantic import BaseModel

from serve.operations.readiness import Finding


class Alive(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """State of every dependency, by name."""

    ready: bool
    checks: dict[str, Finding]
