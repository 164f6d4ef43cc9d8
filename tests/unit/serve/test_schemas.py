"""Nothing looks at a text of a request before its length is known to be bounded, and no body holds the loop."""

import itertools
import json
import string
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any, get_args

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from domain.errors import EngineError
from domain.hashtags import tag_of
from domain.names import name_fault, normalized_name
from domain.passwords import normalized_password
from domain.registration import check_registration, normalized_login
from domain.timeline import walk_of
from domain.tweets import LOCATION_CHARS_MAX
from domain.users import NAME_CHARS_MAX, is_username
from serve.accounts.schemas import LogIn, NewUser
from serve.areas import ROUTERS
from serve.http.error_handlers import _fields_of
from serve.http.parameters import checked_key, id_of
from serve.timelines.filters import kinds_of
from storage.gazetteer import gazetteer

BODY_BYTES = 65_536
LINE_BYTES = 32_768
"""Of a request line, more than HAProxy lets through."""
CPU_MS_MAX = 20
PIECES = [
    "a",
    "\u0301",
    "\u0316\u0301",
    "\u0f73\u0301",
    "\u0344" * 500 + "\u0f73" * 500,  # which a normal form must all move past each other
    "\ufdfa",
    "\u1100\u1161",
    "กิ\u200d",
    "👩\u200d",
    "\u200e",
    "\u3000",
    "a.",
    "xn--a.",
    "a@",
    "@example.com",
    '"\\',
    "\ud83d",
    "<a@b>",
    "\x7f",
    "9",
]


def parameters_of(dependant: Dependant) -> Iterator[tuple[str, tuple[object, ...]]]:
    """Name and types of every parameter and body, those of dependencies included."""
    for found in (dependant.path_params, dependant.query_params, dependant.header_params, dependant.cookie_params):
        yield from ((field.name, kinds(field.field_info.annotation)) for field in found)
    yield from ((field.name, kinds(field.field_info.annotation)) for field in dependant.body_params)
    for further in dependant.dependencies:
        yield from parameters_of(further)


def kinds(annotation: Any) -> tuple[object, ...]:
    return get_args(annotation) or (annotation,)


TAKEN = {
    (name, kind)
    for router in ROUTERS
    for route in router.routes
    if isinstance(route, APIRoute)
    for name, types in parameters_of(route.dependant)
    for kind in types
}
BODIES = sorted(
    (kind for _, kind in TAKEN if isinstance(kind, type) and issubclass(kind, BaseModel)),
    key=lambda body: body.__name__,
)
FIELDS = [pytest.param(body, name, id=f"{body.__name__}.{name}") for body in BODIES for name in body.model_fields]
BOUNDED: dict[str, Callable[[str], object]] = {
    "id": id_of,
    "name": is_username,
    "tag": tag_of,
    "location": lambda text: gazetteer().place(text),
    "cursor": walk_of,
    "exclude": kinds_of,
    "idempotency_key": lambda key: checked_key(key, None),
}
"""What a route gives the text of a parameter to, before anything else."""


def cpu_ms(act: Callable[[], object]) -> float:
    begun_s = time.thread_time()
    act()
    return (time.thread_time() - begun_s) * 1000


def told(model: type[BaseModel], body: bytes) -> dict[str, str]:
    """What a body is told, field by field, as the framework and the application have it."""
    try:
        model.model_validate(json.loads(body))
    except ValidationError as error:
        return _fields_of({**one, "loc": ("body", *one["loc"])} for one in error.errors(include_url=False))
    return {}


def largest_body(name: str, piece: str) -> bytes:
    """One field, as long as a body may be; what cannot be encoded is escaped."""
    written = json.dumps(piece, ensure_ascii=piece == "\ud83d")[1:-1]
    room = BODY_BYTES - len(f'{{"{name}": ""}}')
    return f'{{"{name}": "{written * (room // len(written.encode()))}"}}'.encode()


def repeated(piece: str, chars: int) -> str:
    return (piece * chars)[:chars]


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_every_text_of_a_body_has_a_bound_that_is_looked_at_first(model: type[BaseModel], name: str) -> None:
    for piece in PIECES:
        body = largest_body(name, piece)
        assert name in told(model, body)
        assert cpu_ms(partial(told, model, body)) < CPU_MS_MAX, ascii(piece)


def test_every_text_of_a_path_a_query_or_a_header_is_given_to_what_bounds_it() -> None:
    assert {name for name, kind in TAKEN if kind is str} == set(BOUNDED)


@pytest.mark.parametrize("name", BOUNDED)
def test_what_bounds_a_parameter_refuses_a_long_one_at_once(name: str) -> None:
    for piece in PIECES:
        text = repeated(piece, LINE_BYTES)

        def asked(text: str = text) -> object:
            try:
                return BOUNDED[name](text)
            except EngineError:
                return None

        assert not asked()
        assert cpu_ms(asked) < CPU_MS_MAX, ascii(piece)


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: ascii(piece)[:20])
def test_the_longest_texts_that_signing_up_looks_at_do_not_hold_the_loop(piece: str) -> None:
    email = repeated(piece, 1004) + "@example.com"
    body = {
        "username": repeated(piece, 60),
        "email": email,
        "password": repeated(piece, 1024),
        "name": repeated(piece, 200),
    }
    wire = json.dumps(body).encode()

    def signs_up() -> None:
        with suppress(ValidationError, EngineError):
            read = NewUser.model_validate(json.loads(wire) | {"email": "ann@example.com"})
            name, password = normalized_name(read.name or "", NAME_CHARS_MAX), normalized_password(read.password)
            check_registration(read.username, read.email, name, password)
        told(NewUser, wire)

    signs_up()  # reads the common passwords
    assert cpu_ms(signs_up) < CPU_MS_MAX


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: ascii(piece)[:20])
def test_the_longest_texts_that_logging_in_looks_at_do_not_hold_the_loop(piece: str) -> None:
    wire = json.dumps({"login": repeated(piece, 1004) + "@example.com", "password": repeated(piece, 1024)}).encode()

    def logs_in() -> None:
        with suppress(ValidationError):
            read = LogIn.model_validate(json.loads(wire))
            normalized_login(read.login or ""), normalized_password(read.password)

    assert cpu_ms(logs_in) < CPU_MS_MAX


@pytest.mark.parametrize("piece", PIECES, ids=lambda piece: ascii(piece)[:20])
def test_the_longest_place_that_a_tweet_may_name_does_not_hold_the_loop(piece: str) -> None:
    text = repeated(piece, 400)
    places = gazetteer()

    def is_checked() -> None:
        location = normalized_name(text, LOCATION_CHARS_MAX)
        name_fault(location, LOCATION_CHARS_MAX)
        places.places_of(repeated(piece, LOCATION_CHARS_MAX))

    assert cpu_ms(is_checked) < CPU_MS_MAX


@pytest.mark.parametrize("model", BODIES)
def test_a_body_of_many_small_fields_does_not_hold_the_loop(model: type[BaseModel]) -> None:
    names = map("".join, itertools.product(string.ascii_letters, repeat=3))
    body = json.dumps(dict.fromkeys(itertools.islice(names, BODY_BYTES // 8 - 1), 0), separators=(",", ":")).encode()
    assert len(body) < BODY_BYTES
    assert cpu_ms(lambda: told(model, body)) < CPU_MS_MAX
