"""Folders and files that no other user of the machine can read, write, or put something else in the place of.

May import `cluster.errors` only.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from cluster.errors import ClusterError

OTHERS = stat.S_IRWXG | stat.S_IRWXO
"""The mode bits that concern anybody but the owner; as a umask it denies them all."""


def private_folder(path: Path) -> Path:
    """The folder at that path, made if it is absent, and for this user alone. Raises `ClusterError` if it is not ours.

    A link, or what another user has put there first, is refused: in a shared folder anybody may take a name.
    """
    with suppress(FileExistsError):  # something else than a folder, then
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not is_our_folder(path):
        raise ClusterError(
            f"{path} is no folder of this user; remove it, or choose another place (TMPDIR, XDG_CACHE_HOME, "
            "MURMUR_DATA_DIR)."
        )
    if path.stat().st_mode & OTHERS:
        path.chmod(0o700)
    return path


def is_our_folder(path: Path) -> bool:
    """True if a folder of this user is there; a link to one is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()


def open_private(path: Path, mode: str) -> IO[Any]:
    """Open a file as `open` does, made for this user alone; a link in its place is refused with `OSError`."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))


def write_private(path: Path, text: str) -> None:
    """Replace a file, in one step: a reader, or a start after a crash, finds all of it or what was there before.

    It is on disk when this returns: what a password in it opens may be on disk as well, and is lost without it.
    """
    partial = path.with_name(f"{path.name}.partial")
    partial.unlink(missing_ok=True)  # with whatever mode it had
    with open_private(partial, "x") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def make_secret(path: Path) -> str:
    """The secret in that file, 256 random bits in hexadecimal; made once."""
    if not path.exists():
        private_folder(path.parent)
        write_private(path, secrets.token_hex(32))
    return path.read_text()


def sync_folder(folder: Path) -> None:
    """Sync the names in a folder to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
