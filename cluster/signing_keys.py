"""Changes the folder of keys that sign access tokens: makes the first ones, and rotates them.

The rules by which replicas read it are in `serve.accounts.key_ring`: the newest key is published, the one before signs.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cluster.errors import ClusterError, SettingsError
from cluster.locks import held_alone
from cluster.private import sync_folder, write_private
from cluster.settings import Settings
from serve.accounts.key_ring import LOOK_EVERY_MS, UnusableKeys, key_file, key_files, made_at, read_keys
from serve.accounts.tokens import TTL_S

PUBLISHED: Final = timedelta(minutes=10)
"""Time that a key is published before it may sign: every replica has read it, and whoever keeps the JWKS 5 min."""
NEEDED: Final = timedelta(seconds=TTL_S, milliseconds=LOOK_EVERY_MS) + timedelta(minutes=5)
"""Time that a key may still have tokens after it has ceased to sign, with a margin for clocks and slow mounts."""


class Rotation(NamedTuple):
    """Outcome of a rotation, by the names of files."""

    signs: str
    ahead: str
    dropped: list[str]


def keys_folder(settings: Settings) -> Path:
    return settings.jwt_keys_dir or settings.data_dir / "keys" / "jwt"


def prepare_keys(settings: Settings) -> None:
    """Complete two keys, one to sign and one ahead. Raises `SettingsError` if others could read them."""
    folder = keys_folder(settings)
    if settings.jwt_keys_dir is not None and not folder.is_dir():
        raise SettingsError(f"MURMUR_JWT_KEYS_DIR names {folder}, which is no folder.")
    with _explained():
        if not folder.is_dir():
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
        if len(key_files(folder)) < 2:
            with _changing(folder):
                _fill(folder, datetime.now(UTC))
        read_keys(folder)


def rotate(folder: Path, now: datetime | None = None) -> Rotation:
    """Have the key that was ahead sign, publish another one, and drop those that no good token can be signed with.

    One new file does all but the last, so it may die anywhere. Raises `ClusterError` if the key ahead may not be known
    everywhere yet.
    """
    now = now or datetime.now(UTC)
    with _explained(), _changing(folder):
        before = key_files(folder)
        if len(before) < 2:
            signs, ahead = _fill(folder, now)
            return Rotation(signs, ahead, [])
        read_keys(folder)
        left = made_at(before[-1]) + PUBLISHED - now
        if left > timedelta(0):
            raise ClusterError(
                f"Not everybody may know the key that is ahead yet, {before[-1]}; "
                f"try again in {left.total_seconds():.0f} s."
            )
        names = [*before, _add(folder, now)]
        # A key has signed until the one after the next was made.
        dropped = [name for name, end in zip(names, names[2:], strict=False) if now - made_at(end) >= NEEDED]
        for name in dropped:
            (folder / name).unlink()
        sync_folder(folder)
    return Rotation(names[-2], names[-1], dropped)


def _fill(folder: Path, now: datetime) -> list[str]:
    """Complete two keys; the second signs nothing before the next rotation."""
    names = key_files(folder)
    if not names:  # nobody runs who might not know them, so they count as published for long
        return [_add(folder, now - 2 * PUBLISHED), _add(folder, now - PUBLISHED)]
    return names if len(names) > 1 else [*names, _add(folder, max(now, made_at(names[0]) + timedelta(seconds=1)))]


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what is wrong with the folder into a sentence."""
    try:
        yield
    except OSError as error:
        raise ClusterError(f"The keys of access tokens cannot be changed: {error}.") from error
    except UnusableKeys as error:
        raise SettingsError(str(error)) from error


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Keep other commands from changing the folder, and remove what one that died has left."""
    key_files(folder)
    with held_alone(folder / "rotation", f"Another command is changing the keys in {folder}; try again."):
        for leftover in folder.glob("*.partial"):
            leftover.unlink()
        yield


def _add(folder: Path, made: datetime) -> str:
    """Write a new key: a reader sees the whole file or none, and after a crash of the machine, too."""
    name = key_file(made)
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_private(folder / name, pem.decode())
    return name
