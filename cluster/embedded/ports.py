"""Free ports, such that systems that start at the same moment never pick the same one."""

import os
import random
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cluster.errors import EmbeddedError
from cluster.locks import try_lock
from cluster.private import open_private, private_folder

_FIRST_PORT = 20000  # below the ephemeral range, so that no outgoing connection takes one between choice and use
_BLOCK_PORTS = 200
_BLOCKS = 60


class PortBlock:
    """A run of ports that belongs to this process alone until `release` or its end: the claim is a lock on a file.

    Ports come from the block in order, leaving out those on which a stranger listens. Raises `ClusterError` if another
    user has put something in the place of the folder of claims, which is in the shared one for temporary files.
    """

    def __init__(self) -> None:
        folder = private_folder(Path(tempfile.gettempdir()) / f"murmur-ports-{os.geteuid()}")
        # the file of a block lies per user; two users who draw the same block find each other's ports taken below
        for number in random.sample(range(_BLOCKS), _BLOCKS):
            self._claim = open_private(folder / f"block-{number}", "a+")
            if try_lock(self._claim):
                first = _FIRST_PORT + number * _BLOCK_PORTS
                self._ports: Iterator[int] = iter(range(first, first + _BLOCK_PORTS))
                return
            self._claim.close()
        raise EmbeddedError(f"All {_BLOCKS} blocks of local ports are in use; stop another system first.")

    def port(self) -> int:
        """A port on which nobody listens, never handed out before."""
        for port in self._ports:
            if is_free(port):
                return port
        raise EmbeddedError("A block of local ports has no free port left; stop what listens there, or start again.")

    def range_of(self, count: int) -> tuple[int, int]:
        """First and last of that many neighbouring ports; whoever uses them skips taken ones."""
        ports = [next(self._ports) for _ in range(count)]
        return ports[0], ports[-1]

    def release(self) -> None:
        self._claim.close()


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port in TIME_WAIT is free
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return False
    return True


def require_free(port: int, host: str, setting: str) -> None:
    """Raise `EmbeddedError`, naming the setting that chooses another port, if somebody else listens there."""
    if not is_free(port, host):
        raise EmbeddedError(
            f"Port {port} on {host} is taken by another program; stop it or set {setting} to a free port."
        )
