"""The shapes of signing up, logging in and staying logged in."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from domain.emails import ADDRESS_CHARS_MAX, normalized_address
from domain.passwords import PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN
from domain.users import USERNAME_CHARS_MAX
from serve.accounts.tokens import Tokens
from serve.http.schemas import Body, at_most
from serve.users.schemas import Name, User

REFRESH_TOKEN_CHARS_MAX = 256
"""Ours have 43."""

Username = Annotated[str, at_most(USERNAME_CHARS_MAX, minLength=1, pattern="^[A-Za-z0-9_]+$")]
Address = Annotated[str, at_most(ADDRESS_CHARS_MAX, format="email"), AfterValidator(normalized_address)]
NewPassword = Annotated[str, at_most(PASSWORD_CHARS_MAX, minLength=PASSWORD_CHARS_MIN)]
Login = Annotated[str, at_most(ADDRESS_CHARS_MAX), Field(min_length=1)]
Password = Annotated[str, at_most(PASSWORD_CHARS_MAX)]
RefreshToken = Annotated[str, Field(max_length=REFRESH_TOKEN_CHARS_MAX)]


def _given(name: str) -> JsonDict:
    """The shape of an object in which a field is there and not null."""
    return {"required": [name], "properties": {name: {"type": "string"}}}


class NewUser(Body):
    """Somebody who signs up; the name shown is the username unless given."""

    username: Username
    email: Address
    password: NewPassword
    name: Name | None = None


class LogIn(Body):
    """A username or e-mail address, under one of three names, and a password."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_given(name) for name in ("login", "username", "email")]})

    login: Login | None = None
    username: Login | None = None
    email: Login | None = None
    password: Password


class Refresh(Body):
    """The newest refresh token of a session."""

    refresh_token: RefreshToken


class LogOut(Body):
    """A session may also be ended by its refresh token."""

    refresh_token: RefreshToken | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn(Tokens):
    """The beginning of a session."""

    user: User


class Jwk(BaseModel):
    """A public key (RFC 7517)."""

    crv: str
    kty: str
    x: str
    y: str
    kid: str
    alg: str
    use: str


class Jwks(BaseModel):
    """The keys that sign access tokens."""

    keys: list[Jwk]
