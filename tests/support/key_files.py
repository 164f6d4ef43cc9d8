"""Folders of keys as a rotation leaves them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from serve.accounts.key_ring import key_file

BEGAN = datetime(2026, 1, 31, 12, tzinfo=UTC)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def folder_of(parent: Path, *keys: ec.EllipticCurvePrivateKey) -> Path:
    """A folder with these keys, one made each hour; a new one unless some are given."""
    folder = parent / "jwt"
    folder.mkdir(mode=0o700)
    for hour, key in enumerate(keys or (ec.generate_private_key(ec.SECP256R1()),)):
        add_key(folder, hour, key)
    return folder


def add_key(folder: Path, hour: int, key: ec.EllipticCurvePrivateKey) -> Path:
    """Publish a key as one that was made so many hours after the first."""
    path = folder / key_file(BEGAN + timedelta(hours=hour))
    partial = folder / ".partial"
    partial.touch(mode=0o600)
    partial.write_bytes(pem(key))
    return partial.rename(path)
