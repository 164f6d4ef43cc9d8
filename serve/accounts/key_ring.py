"""The keys of access tokens: a folder of PEM files that every replica reads for itself.

A file is named by when its key was made. The newest key is published and not used yet; the one before it signs; those
before that verify what they have signed. So a new file is all that a rotation needs, and whoever has not seen it yet
knows the key that begins to sign by it all the same (decision 0028).
"""

import hashlib
import json
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm
from jwt.utils import base64url_encode

from domain.clock import Clock
from domain.errors import EngineError
from telemetry.logs import logger

ALGORITHM: Final = "ES256"
LOOK_EVERY_MS: Final = 5_000
"""Interval at which the folder is read again, when a key is asked for."""
_LOOK_FOR_UNKNOWN_MS: Final = 1_000
"""Interval at which it is read again for a key that nobody here knows."""
_FILE_BYTES_MAX: Final = 8_192
_NAME: Final = re.compile(r"\d{8}T\d{6}Z\.pem")
_NAME_FORMAT: Final = "%Y%m%dT%H%M%SZ.pem"


class UnusableKeys(EngineError):
    """The folder of keys, or a file in it, is not as it must be; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key; `jwk` is its public part, named by its thumbprint."""

    file: str
    private: ec.EllipticCurvePrivateKey
    public: ec.EllipticCurvePublicKey
    jwk: dict[str, str]

    @property
    def kid(self) -> str:
        """The name by which a token says who signed it."""
        return self.jwk["kid"]


class KeyRing:
    """The keys of a folder, as it was some seconds ago at most.

    A folder that turns bad while this runs is reported and changes nothing: the keys that were read stay.
    """

    def __init__(self, folder: Path, clock: Clock) -> None:
        """Read the keys. Raises `UnusableKeys`."""
        self._folder = folder
        self._clock = clock
        self._keys = read_keys(folder)
        self._looked_ms = clock.monotonic_ms()

    def current(self, within_ms: int = LOOK_EVERY_MS) -> tuple[SigningKey, ...]:
        """All keys, oldest first; the same object until something changes. The folder is looked at if it is time."""
        now_ms = self._clock.monotonic_ms()
        if now_ms - self._looked_ms >= within_ms:
            self._looked_ms = now_ms
            try:
                self._keys = read_keys(self._folder, self._keys)
            except UnusableKeys as error:
                logger().error("the keys of access tokens cannot be read again", error=str(error))
        return self._keys

    def signer(self) -> SigningKey:
        """The key that signs: the newest but one, or the only one."""
        return signer_of(self.current())

    def find(self, kid: object) -> SigningKey | None:
        """A key by its name. For an unknown name the folder is looked at again, once a second at most."""
        for within_ms in (LOOK_EVERY_MS, _LOOK_FOR_UNKNOWN_MS):
            for key in self.current(within_ms):
                if key.kid == kid:
                    return key
        return None


def signer_of(keys: tuple[SigningKey, ...]) -> SigningKey:
    """The one of some keys, oldest first, that signs."""
    return keys[-2] if len(keys) > 1 else keys[0]


def read_keys(folder: Path, known: tuple[SigningKey, ...] = ()) -> tuple[SigningKey, ...]:
    """The keys of a folder, oldest first; files that are `known` are not read again. Raises `UnusableKeys`."""
    names = key_files(folder)
    if not names:
        raise UnusableKeys(f"{folder} holds no key; `python -m cluster keys rotate` makes one.")
    if names == [key.file for key in known]:
        return known
    by_file = {key.file: key for key in known}
    return tuple(by_file.get(name) or _key(folder / name) for name in names)


def key_files(folder: Path) -> list[str]:
    """The names of the key files in a folder, oldest first. Raises `UnusableKeys`; others must have no way in."""
    try:
        _require_ours(folder, os.stat(folder))
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pem") and not name.startswith("."))
    except OSError as error:
        raise UnusableKeys(f"The folder of keys {folder} cannot be read: {error.strerror}.") from error
    for name in names:
        try:
            made_at(name)
        except ValueError:
            why = "must be named by when its key was made, as 20260131T120000Z.pem"
            raise UnusableKeys(f"{folder / name} {why}.") from None
    return names


def key_file(made: datetime) -> str:
    """The name of the file of a key; names sort by age."""
    return made.strftime(_NAME_FORMAT)


def made_at(name: str) -> datetime:
    """The time at which the key in a file was made. Raises `ValueError` for a name that does not say."""
    if not _NAME.fullmatch(name):
        raise ValueError(name)
    return datetime.strptime(name, _NAME_FORMAT).replace(tzinfo=UTC)


def _key(path: Path) -> SigningKey:
    try:
        private = load_pem_private_key(_content(path), password=None)
    except OSError as error:
        raise UnusableKeys(f"The key {path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise UnusableKeys(f"{path} is no private key in PEM without a password.") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
        raise UnusableKeys(f"{path} is no key on the curve P-256, which {ALGORITHM} needs.")
    public = private.public_key()
    return SigningKey(path.name, private, public, public_jwk(public))


def _content(path: Path) -> bytes:
    # Judged by what was opened: a link may lead elsewhere a moment later. A pipe must not keep us waiting.
    with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise UnusableKeys(f"{path} is no file.")
        _require_ours(path, found)
        return file.read(_FILE_BYTES_MAX)


def _require_ours(path: Path, found: os.stat_result) -> None:
    """Refuse what belongs to somebody else, or what somebody else may read or change."""
    if found.st_uid != os.geteuid():
        raise UnusableKeys(f"{path} belongs to another user (uid {found.st_uid}); keys must belong to who runs Murmur.")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise UnusableKeys(f"{path} is open to other users (mode {mode:04o}); run: chmod go= '{path}'")


def public_jwk(key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The key as JSON, named by its thumbprint (RFC 7638)."""
    members: dict[str, str] = ECAlgorithm.to_jwk(key, as_dict=True)
    required = {name: members[name] for name in ("crv", "kty", "x", "y")}
    digest = hashlib.sha256(json.dumps(required, sort_keys=True, separators=(",", ":")).encode()).digest()
    return {**required, "kid": base64url_encode(digest).decode(), "alg": ALGORITHM, "use": "sig"}
