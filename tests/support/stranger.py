"""Another user of the machine, who tries every door of a running system: `python -m tests.support.stranger`.

Reads what to try as JSON, becomes nobody if it may (root may), and prints what it got into, as a list of sentences.
Loads all that it needs before, as nobody may not be able to read it.
"""

import http.client
import json
import os
import socket
import stat
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import grpc
from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster, NoHostAvailable

NOBODY = 65534
_PATIENCE_S = 10.0
_METRICS = "text/plain; version=0.0.4"
_REQUESTS = (
    ("POST", "/api/jobs/", '{"entrypoint": "true"}'),
    ("GET", "/api/v0/actors", ""),
    ("GET", "/api/v0/logs?node_ip=127.0.0.1", ""),
    ("POST", "/get_or_create_runtime_env", "{}"),
)
"""What Ray's dashboard and agents would do for whoever has the token."""
_CALLS = (
    "ray.rpc.InternalKVGcsService/InternalKVKeys",
    "ray.rpc.NodeManagerService/GetResourceLoad",
    "ray.rpc.ObjectManagerService/Pull",
    "ray.rpc.CoreWorkerService/GetCoreWorkerStats",
    "ray.rpc.LogService/ListLogs",
    "ray.serve.ASGIService/HandleRequest",
)
"""One of each service of Ray's; that of Serve's replicas unpickles whatever it is sent."""


def files_entered(paths: Sequence[str]) -> Iterator[str]:
    """Those that can be read, written or listed, and sockets that can be connected to."""
    for path in paths:
        for act in (_read, _append, _connect):
            try:
                act(path)
            except OSError:
                continue
            yield f"{path}: {act.__name__.strip('_')}"


def _read(path: str) -> None:
    if Path(path).is_dir():
        os.listdir(path)
    else:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))


def _append(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK))


def _connect(path: str) -> None:
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        raise OSError("no socket")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)


def ports_entered(ports: Sequence[int]) -> Iterator[str]:
    """What is answered there without a token, but for metrics, which all may read, and refusals."""
    for port in ports:
        for method, path, body in _REQUESTS:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)) as connection:
                try:
                    connection.request(method, path, body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                except (OSError, http.client.HTTPException):  # it speaks something else
                    break
                if answer.status < 400 and not answer.headers.get("Content-Type", "").startswith(_METRICS):
                    yield f"{port}: {method} {path} is {answer.status}"
        else:
            continue
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            answers = {call: _code_of(channel, call) for call in _CALLS}
        yield from (f"{port}: {call} is answered" for call, code in answers.items() if code is grpc.StatusCode.OK)
        if grpc.StatusCode.UNAUTHENTICATED not in answers.values():
            yield f"{port}: has none of the services that are known to ask for the token"


def _code_of(channel: grpc.Channel, call: str) -> grpc.StatusCode:
    try:
        channel.unary_unary(f"/{call}")(b"", timeout=_PATIENCE_S)
    except grpc.RpcError as refused:
        code: grpc.StatusCode = refused.code()
        return code
    return grpc.StatusCode.OK


def stores_entered(cassandra: int, redis_port: int) -> Iterator[str]:
    """Logins that are no secret."""
    for login in (None, ("cassandra", "cassandra"), ("murmur", "")):
        provider = PlainTextAuthProvider(*login) if login else None
        with Cluster(["127.0.0.1"], port=cassandra, auth_provider=provider, protocol_version=5) as cluster:
            try:
                cluster.connect()
            except NoHostAvailable:
                continue
            yield f"Cassandra lets {login} in"
    for words in ("FLUSHALL", "AUTH murmur", "AUTH operator operator", "CONFIG GET *", "INFO"):
        with socket.create_connection(("127.0.0.1", redis_port), timeout=_PATIENCE_S) as connection:
            connection.sendall(f"{words}\r\n".encode())
            if not (said := connection.recv(64)).startswith((b"-NOAUTH", b"-WRONGPASS")):
                yield f"Redis says {said!r} to {words}"


def main() -> None:
    """Try what was asked for."""
    asked = json.load(sys.stdin)
    "localhost".encode("idna")  # loads what resolving a name needs
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    found = [*files_entered(asked["files"]), *ports_entered(asked["ports"])]
    found += stores_entered(asked["cassandra"], asked["redis"])
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
