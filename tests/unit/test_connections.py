"""Connections are found in the process that holds them, and dropped while both ends live on."""

import socket
import subprocess
import sys

import psutil

from tests.support.connections import Address, connections

_CHILD = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as one, one.makefile("rb") as lines:
    one.sendall(b"here\\n")
    print(lines.readline() or "dropped", flush=True)
    sys.stdin.readline()
"""
_PATIENCE_S = 30.0


def test_a_connection_of_a_child_is_dropped_from_outside() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = [sys.executable, "-c", _CHILD, str(server.getsockname()[1])]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdin
            assert child.stdout
            server.settimeout(_PATIENCE_S)
            accepted, _ = server.accept()
            with accepted:
                accepted.settimeout(_PATIENCE_S)
                assert accepted.recv(100) == b"here\n"
                (held,) = connections([psutil.Process(child.pid)])
                assert (held.here, held.there) == (Address(*accepted.getpeername()), Address(*server.getsockname()))
                held.drop()
                assert accepted.recv(100) == b""
            assert child.stdout.readline() == "dropped\n"
            held.drop()  # once more is no harm
            child.stdin.close()
    held.drop()
