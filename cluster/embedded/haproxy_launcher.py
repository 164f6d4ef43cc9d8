"""Started by Ray in place of HAProxy: adapts the configuration Ray wrote, then becomes HAProxy.

Three things Ray has no option for: HAProxy ends with the actor that started it, also on a kill -9; the address of
the client is appended to `X-Forwarded-For`, so that its last entry can be believed; statistics and metrics listen on
the loopback only. Runs outside the project's environment: standard library only.
"""

import ctypes
import os
import re
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
# One header whatever came in, so that its last entry is the address that connected.
_FORWARD = """\
    acl was_forwarded req.hdr(X-Forwarded-For) -m found
    http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" if was_forwarded
    http-request set-header X-Forwarded-For %[src] if !was_forwarded"""


def adapt(config: str, private_ports: list[str]) -> str:
    """The configuration with forwarding on, and those ports on the loopback. Doing it twice changes nothing more."""
    for port in private_ports:
        config = re.sub(rf"^(\s*bind )\*?:{port}[ \t]*$", rf"\g<1>127.0.0.1:{port}", config, flags=re.MULTILINE)
    if _FORWARD in config:
        return config
    return re.sub(r"^frontend http_frontend[ \t]*$", lambda head: f"{head[0]}\n{_FORWARD}", config, flags=re.MULTILINE)


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    haproxy, private_ports, *arguments = sys.argv[1:]
    if "-f" in arguments:
        path = Path(arguments[arguments.index("-f") + 1])
        path.write_text(adapt(path.read_text(), private_ports.split(",")))
    os.execv(haproxy, [haproxy, *arguments])


if __name__ == "__main__":
    main()
