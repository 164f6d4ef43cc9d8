"""Shapes that every area uses: ids, bodies, bounded texts, failures.

Requests are read with schemas; answers are bytes already, and only described.
"""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from domain.normal_form import raw_chars_max
from serve.http.parameters import ID_CHARS_MAX, ID_PATTERN, id_of

MEMBERS_MAX = 50
"""Of a body; no request takes as many."""
NOT_BLANK = r"\S"


def _of_64_bits(value: object) -> object:
    if isinstance(value, str) and id_of(value) is None:
        raise ValueError("must be an id: a decimal number of 64 bits, as a string")
    return value


Id = Annotated[
    str,
    Field(max_length=ID_CHARS_MAX, pattern=ID_PATTERN, examples=["1948203948203948203"]),
    BeforeValidator(_of_64_bits),
]


_TIME_CHARS_MAX = 40


def _as_text(value: object) -> object:
    if not isinstance(value, str) or len(value) > _TIME_CHARS_MAX:
        raise ValueError("must be a time as RFC 3339 writes it, such as 2030-01-31T12:00:00Z")
    return value


Time = Annotated[AwareDatetime, BeforeValidator(_as_text)]
"""A time with its offset; numbers are none."""


def at_most(chars_max: int, **described: str | int) -> Any:
    """The bound of a text that the domain normalizes before it counts: room for that, described by what is kept.

    Every text of a request has a bound, which is looked at first.
    """
    return Field(max_length=raw_chars_max(chars_max), json_schema_extra={"maxLength": chars_max, **described})


class Body(BaseModel):
    """A client's body. Fields that are not declared are refused: to ignore one could change who sees a tweet."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_members(cls, value: object) -> object:
        """Each member that is refused costs a description of what is wrong with it."""
        if isinstance(value, dict) and len(value) > MEMBERS_MAX:
            raise ValueError(f"must have at most {MEMBERS_MAX} fields")
        return value


class NoFields(Body):
    """Nothing: what is done takes no fields yet."""


class Failure(BaseModel):
    """Every failure: a sentence for a person, a stable code for a program."""

    error: str
    code: str
    request_id: str


class InvalidRequest(Failure):
    """Well-formed but invalid: which field, and why."""

    fields: dict[str, str]
