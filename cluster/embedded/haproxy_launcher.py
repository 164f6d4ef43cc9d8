"""Started by Ray in place of HAProxy: adapts the configuration Ray wrote, then becomes HAProxy.

What Ray has no option for: HAProxy ends with the actor that started it, also on a kill -9; the address of the client is
appended to `X-Forwarded-For`, so that its last entry can be believed; statistics and metrics listen on the loopback
only; and what HAProxy, Ray or uvicorn answer by themselves has the shape of all our failures. An answer without
`X-Request-ID` is not ours. And that more requests than a replica handles well wait here, in a line with an end, where a
refusal costs next to nothing. Runs outside the project's environment: standard library only.
"""

import ctypes
import os
import re
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_BUFFER_BYTES = 32_768  # the request line and all headers of a request, but for 1 KB
_AT_ONCE = 32  # requests that a replica is given at once
_IN_LINE = 32  # requests for each replica that wait until it can be given them; further ones are refused
_IN_LINE_S = 2
_SLOW_REQUEST_S = 10  # until a request is here, with as much of its body as a buffer holds; it has no place before
_SLOW_CLIENT_S = 60  # that a client may leave an answer unread
_UNREAD_BYTES = 524_288  # of an answer that wait in the kernel for its client; the rest of a larger one holds a place
_BUSY = ("overloaded", "The service is busy; nothing was done, try again soon.")
_LOST = ("no_answer", "The service did not answer; try again. A write may have happened.")


def _answer(status: int, code: str, sentence: str) -> str:
    """The arguments of a HAProxy rule that answers in the envelope of `serve.errors`."""
    body = f'{{"error":"{sentence}","code":"{code}","request_id":"%[var(txn.request_id)]"}}'
    retry = " hdr Retry-After 2" if status >= 500 else ""
    header = f"hdr X-Request-ID %[var(txn.request_id)]{retry}"
    return f"status {status} content-type application/json lf-string '{body}' {header}"


_GLOBAL = f"""\
    tune.bufsize {_BUFFER_BYTES}
    tune.sndbuf.client {_UNREAD_BYTES}"""
# What HAProxy cannot read is refused before there is anything to write an answer with: it has a page of HTML for that,
# or closes the connection.
_DEFAULTS = f"""\
    errorfile 400 /dev/null
    errorfile 408 /dev/null
    errorfile 501 /dev/null
    http-error {_answer(500, *_LOST)}
    http-error {_answer(502, *_LOST)}
    http-error {_answer(503, *_BUSY)}
    http-error {_answer(504, *_LOST)}
    default-server maxconn {_AT_ONCE}
    timeout queue {_IN_LINE_S}s
    timeout http-request {_SLOW_REQUEST_S}s
    option http-buffer-request"""
# Who asks whether we are alive goes before all others, and has the last places in the line. A refusal is counted by
# HAProxy, and not logged: Ray reads each line of its log in Python, which would take more than the refusal itself.
_BACKEND = f"""\
    acl is_inside src 127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1/128 fc00::/7 fe80::/10
    acl is_from_a_proxy req.hdr_cnt(X-Forwarded-For) gt 1
    http-request set-var(txn.is_probe) bool(true) if {{ path /healthz /readyz }} is_inside !is_from_a_proxy
    acl is_probe var(txn.is_probe) -m bool
    acl is_full avg_queue ge {_IN_LINE}
    acl is_full_of_probes avg_queue ge {2 * _IN_LINE}
    http-request set-priority-class int(-1) if is_probe
    http-request set-log-level silent if is_full !is_probe
    http-request return {_answer(503, *_BUSY)} if is_full !is_probe
    http-request return {_answer(503, *_BUSY)} if is_full_of_probes"""
# One X-Forwarded-For whatever came in, so that its last entry is the address that connected.
_FRONTEND = f"""\
    acl was_forwarded req.hdr(X-Forwarded-For) -m found
    http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" if was_forwarded
    http-request set-header X-Forwarded-For %[src] if !was_forwarded
    acl has_sane_id req.fhdr(X-Request-ID,-1) -m reg ^[A-Za-z0-9._-]{{1,64}}$
    http-request set-var(txn.request_id) uuid()
    http-request set-var(txn.request_id) req.fhdr(X-Request-ID,-1) if has_sane_id
    http-request set-header X-Request-ID %[var(txn.request_id)]
    acl is_ours res.hdr(X-Request-ID) -m found
    http-response return {_answer(400, "malformed_request", "This is not valid HTTP.")} if {{ status 400 }} !is_ours
    http-response return {_answer(503, *_BUSY)} if {{ status 503 }} !is_ours
    http-response return {_answer(503, *_LOST)} if {{ status ge 400 }} !is_ours"""


def adapt(config: str, private_ports: list[str]) -> str:
    """The configuration with what is ours, and those ports on the loopback. Doing it twice changes nothing more."""
    for port in private_ports:
        config = _replaced(rf"(\s*bind )\*?:{port}", rf"\g<1>127.0.0.1:{port}", config)
    if _FRONTEND in config:
        return config
    config = _replaced(r" *errorfile .*", "", config)
    config = _replaced(r" *tune\.bufsize .*", _GLOBAL, config)
    config = _replaced(r"( *timeout client) .*", rf"\g<1> {_SLOW_CLIENT_S}s", config)
    config = _replaced(r"( *http-request return) status 404 .*", rf"\g<1> {_answer(503, *_BUSY)}", config)  # no app yet
    config = _replaced(r"(defaults)", rf"\g<1>\n{_DEFAULTS}", config)
    config = _replaced(r"(backend \S+)", rf"\g<1>\n{_BACKEND}", config)
    return _replaced(r"(frontend http_frontend)", rf"\g<1>\n{_FRONTEND}", config)


def _replaced(line: str, by: str, config: str) -> str:
    return re.sub(rf"^{line}[ \t]*$", by, config, flags=re.MULTILINE)


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    haproxy, private_ports, *arguments = sys.argv[1:]
    if "-f" in arguments:
        path = Path(arguments[arguments.index("-f") + 1])
        path.write_text(adapt(path.read_text(), private_ports.split(",")))
    os.execv(haproxy, [haproxy, *arguments])


if __name__ == "__main__":
    main()
