"""The TCP connections of running processes, and how to drop one from outside while both its ends live on."""

import ctypes
import errno
import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import psutil

_PIDFD_GETFD = 438  # the number of this system call on every architecture
_GONE = (errno.ESRCH, errno.EBADF)  # the process, or the socket


class Address(NamedTuple):
    """Of one end."""

    ip: str
    port: int

    @classmethod
    def of(cls, endpoint: str) -> "Address":
        """From `ip:port`."""
        ip, _, port = endpoint.rpartition(":")
        return cls(ip, int(port))


@dataclass(frozen=True, slots=True)
class Connection:
    """One end of a connection, in the process that holds it."""

    pid: int
    fd: int
    here: Address
    there: Address

    def drop(self) -> None:
        """Shut it down in both directions, by a copy of its socket; nothing if it is gone already.

        Raises `OSError` if the kernel forbids it: it takes Linux 5.6, and a process that we may trace.
        """
        try:
            fd = _copy(self.pid, self.fd)
        except OSError as gone:
            if gone.errno not in _GONE:
                raise
            return
        with socket.socket(fileno=fd) as ours:
            try:
                if _plain(ours.getpeername()) == self.there:
                    ours.shutdown(socket.SHUT_RDWR)
            except OSError as gone:
                if gone.errno != errno.ENOTCONN:
                    raise


def _copy(pid: int, fd: int) -> int:
    """pidfd_getfd(2)."""
    process = os.pidfd_open(pid)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        copy = int(libc.syscall(_PIDFD_GETFD, process, fd, 0))
        if copy == -1:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return copy
    finally:
        os.close(process)


def _plain(address: tuple[Any, ...]) -> Address:
    """An IPv4 address is the same one when IPv6 carries it."""
    return Address(str(address[0]).removeprefix("::ffff:"), int(address[1]))


def connections(processes: Iterable[psutil.Process]) -> list[Connection]:
    """What is established, from each end that one of the processes holds."""
    found = []
    for process in processes:
        try:
            held = process.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        found += [
            Connection(process.pid, one.fd, _plain(one.laddr), _plain(one.raddr))
            for one in held
            if one.status == psutil.CONN_ESTABLISHED
        ]
    return found
