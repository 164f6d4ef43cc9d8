"""Program that Ray starts in place of HAProxy: adapts the configuration Ray wrote, then becomes HAProxy.

What Ray has no option for: HAProxy ends with the actor that started it, also on a kill -9; the address of the client is
appended to `X-Forwarded-For`, so that its last entry can be believed; statistics and metrics listen on the loopback
only; what HAProxy, Ray or uvicorn answer by themselves has the shape of all our failures (an answer without
`X-Request-ID` is not ours); no client sets what Serve obeys in headers. A request takes a place at a replica when all
of it is here; more than a replica handles well wait here, in a line with an end, where a refusal costs next to nothing
(docs/decisions 0022 and 0030). A request leaves no line in a log, and its end is watched here instead of in a replica
(0043). Runs outside the project's environment: standard library only.
"""

import ctypes
import ipaddress
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_BODY_BYTES_MAX = 65_536  # as `request_bytes_max` in domain/limits.py, whose profile `small` has the same
_HEAD_BYTES_MAX = 31_744
_TARGET_BYTES_MAX = 8_192
_HEADERS_MAX = 100
_HEADERS_PARSED_MAX = 8_000  # so that whoever sends more than 100 can be told
_BUFFER_BYTES = 131_072  # more than the largest head and body; memory is taken as they come, see 0030
_AT_ONCE = 32  # requests that a replica is given at once
_IN_LINE = 32  # requests for each replica that wait until it can be given them; further ones are refused
_IN_LINE_S = 2
_ANSWER_S = 30  # that a replica may take; its work goes on after that, as it does for a client that has gone
_SLOW_REQUEST_S = 10  # until the head of a request is here, and again until its body is; it has no place before
_TOO_LARGE_MS = 500  # so long a body that is too large is read on: who is still sending might never see the answer
_SLOW_CLIENT_S = 60  # that a client may leave an answer unread
_IDLE_S = 60  # that a connection may stay without a request
_UNREAD_BYTES = 524_288  # of an answer that wait in the kernel for its client; the rest of a larger one holds a place
_CONNECTIONS_PER_ADDRESS = 100
_CONNECTIONS_KEPT = _CONNECTIONS_PER_ADDRESS // 2  # beyond, none is kept for a next request: there may be many people
_REQUESTS_PER_ADDRESS = 300  # and as many new connections
_RATE_S = 10
_ADDRESSES_KEPT = 100_000
_HOPS_MAX = 3  # proxies of ours that a request may come through
_BUSY = ("overloaded", "The service is busy; nothing was done, try again soon.")
_LOST = ("no_answer", "The service did not answer; try again. A write may have happened.")
_NOT_HTTP = ("malformed_request", "This is not valid HTTP.")
_SLOW = ("request_timeout", "The request took too long to come.")


def _answer(status: int, code: str, sentence: str, headers: str = "") -> str:
    """The arguments of a HAProxy rule that answers in the envelope of `serve.http.errors`; any page may read it."""
    request_id = "%[var(txn.request_id,-)]"  # there is none before a request was parsed
    body = f'{{"error":"{sentence}","code":"{code}","request_id":"{request_id}"}}'
    retry = " hdr Retry-After 2" if 500 <= status <= 504 else ""
    common = f"hdr X-Request-ID {request_id} hdr Access-Control-Allow-Origin * hdr Cache-Control no-store"
    return f"status {status} content-type application/json lf-string '{body}' {common}{retry}{headers}"


_GLOBAL = f"""\
    tune.bufsize {_BUFFER_BYTES}
    tune.http.maxhdr {_HEADERS_PARSED_MAX}
    tune.sndbuf.client {_UNREAD_BYTES}"""
# What HAProxy cannot even parse is answered by pages within its program: see `haproxy_pages`.
_DEFAULTS = f"""\
    http-error {_answer(400, *_NOT_HTTP)}
    http-error {_answer(408, *_SLOW)}
    http-error {_answer(413, "body_too_large", "The body is too large.")}
    http-error {_answer(500, *_LOST)}
    http-error {_answer(502, *_LOST)}
    http-error {_answer(503, *_BUSY)}
    http-error {_answer(504, *_LOST)}
    default-server maxconn {_AT_ONCE}
    timeout queue {_IN_LINE_S}s
    timeout server {_ANSWER_S}s
    timeout http-request {_SLOW_REQUEST_S}s
    timeout tarpit {_TOO_LARGE_MS}ms"""
# Whoever reads comes back to the replica that remembers their page (0046), unless that has half as much again to do as
# the mean. Without a token there is nothing to come back to: those go round.
_BALANCE = """\
    balance hash req.hdr(Authorization)
    hash-type consistent
    hash-balance-factor 150"""
# Who asks whether we are alive goes before all others, and has the last places in the line.
_BACKEND = f"""\
    acl is_inside src 127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 169.254.0.0/16 ::1/128 fc00::/7 fe80::/10
    acl is_from_a_proxy req.hdr_cnt(X-Forwarded-For) gt 1
    http-request set-var(txn.is_probe) bool(true) if {{ path /healthz /readyz }} is_inside !is_from_a_proxy
    acl is_probe var(txn.is_probe) -m bool
    acl is_full avg_queue ge {_IN_LINE}
    acl is_full_of_probes avg_queue ge {2 * _IN_LINE}
    http-request set-priority-class int(-1) if is_probe
    http-request return {_answer(503, *_BUSY)} if is_full !is_probe
    http-request return {_answer(503, *_BUSY)} if is_full_of_probes"""
_IDENTITY = """\
    acl has_sane_id req.fhdr(X-Request-ID,-1) -m reg ^[A-Za-z0-9._-]{1,64}$
    http-request set-var(txn.request_id) uuid()
    http-request set-var(txn.request_id) req.fhdr(X-Request-ID,-1) if has_sane_id
    http-request set-header X-Request-ID %[var(txn.request_id)]"""
# One X-Forwarded-For whatever came in, so that its last entry is the address that connected.
_FORWARDED_FOR = """\
    acl was_forwarded req.hdr(X-Forwarded-For) -m found
    http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" if was_forwarded
    http-request set-header X-Forwarded-For %[src] if !was_forwarded"""
# Serve looks at the decoded path, and answers those that begin with `/-/` itself. What it reads in headers is not for
# clients; it takes - and _ for the same. It is told to wait for nothing but the answer, which spares it two tasks for
# each request. A method that no parser knows goes on as one that no route takes, so that a
# replica answers it with the methods of that path.
_PARSED = f"""\
    http-request return {_answer(505, "http_version_not_supported", "Only HTTP/1.0 and HTTP/1.1 are spoken.")} \
if !{{ req.ver 1.0 1.1 }}
    http-request return {_answer(414, "uri_too_long", "The address is too long.")} \
if {{ url,length gt {_TARGET_BYTES_MAX} }}
    http-request return {_answer(431, "headers_too_large", "The headers are too large or too many.")} \
if {{ req.hdrs,length gt {_HEAD_BYTES_MAX} }} || {{ req.fhdr_cnt gt {_HEADERS_MAX} }}
    http-request return {_answer(400, "malformed_request", "A request names its host.")} \
if !{{ req.hdr(Host) -m found }} {{ req.ver 1.1 }}
    http-request return status 204 hdr Allow "DELETE, GET, HEAD, OPTIONS, POST" \
hdr X-Request-ID %[var(txn.request_id)] if {{ method OPTIONS }} {{ url * }}
    http-request return {_answer(400, *_NOT_HTTP)} if !{{ path_beg / }}
    http-request return {_answer(404, "not_found", "There is nothing at this address.")} \
if {{ path,url_dec -m beg /-/ }}
    http-request del-header ^(x[-_]request[-_](timeout[-_]seconds|disconnect[-_]disabled)|x[-_]session[-_]id\
|serve[-_]multiplexed[-_]model[-_]id|traceparent|tracestate|upgrade)$ -m reg
    http-request set-header X-Request-Disconnect-Disabled ?1
    http-request set-header X-Request-Timeout-Seconds 0
    http-request set-method TRACE if !{{ method DELETE GET HEAD OPTIONS PATCH POST PUT }}
    acl is_too_large req.body_size gt {_BODY_BYTES_MAX}
    http-request tarpit deny_status 413 if is_too_large
    http-request wait-for-body time {_SLOW_REQUEST_S}s at-least {_BODY_BYTES_MAX + 1}
    http-request tarpit deny_status 413 if is_too_large"""
# Ray's actor reads a line for each request in Python, which takes it longer than HAProxy takes for the request; another
# one goes to a port where nobody listens. The variables are for that line alone.
_LOGGING = r" *((no )?log|option httplog|log-format-sd|http-request set-var-fmt\(txn\.serve_\w+\))( .*)?"
_ANSWERED = f"""\
    acl is_ours res.hdr(X-Request-ID) -m found
    http-response return {_answer(400, *_NOT_HTTP)} if {{ status 400 }} !is_ours
    http-response return {_answer(503, *_BUSY)} if {{ status 503 }} !is_ours
    http-response return {_answer(503, *_LOST)} if {{ status ge 400 }} !is_ours
    http-after-response del-header Server
    http-after-response set-header X-Content-Type-Options nosniff"""


def _bounded_connections(networks: str) -> str:
    """Rules that bound the connections of an address, or of the /64 that one IPv6 customer has."""
    return f"""\
    acl is_proxy src {networks}
    tcp-request connection track-sc0 src,ipmask(32,64) table connections_by_address if !is_proxy
    tcp-request connection reject if {{ sc0_conn_cur gt {_CONNECTIONS_PER_ADDRESS} }}
    tcp-request connection reject if {{ sc0_conn_rate gt {_REQUESTS_PER_ADDRESS} }}
    http-after-response set-header Connection close if {{ sc0_conn_cur gt {_CONNECTIONS_KEPT} }}
"""


def _bounded_requests(networks: str) -> str:
    """Rules that bound the requests of a client: who connected, or for whom a proxy of ours says that it speaks."""
    hops = "".join(
        f"\n    http-request set-var(txn.client) req.hdr_ip(X-Forwarded-For,-{hop})"
        f" if {{ var(txn.client) -m ip {networks} }} {{ req.hdr_cnt(X-Forwarded-For) ge {hop} }}"
        for hop in range(1, _HOPS_MAX + 1)
    )
    too_often = f"That is too often; try again in {_RATE_S} s."
    return f"""\
    http-request set-var(txn.client) src{hops}
    acl is_client_a_proxy var(txn.client) -m ip {networks}
    http-request track-sc1 var(txn.client),ipmask(32,64) table requests_by_address if !is_client_a_proxy
    acl is_too_often sc1_http_req_rate gt {_REQUESTS_PER_ADDRESS}
    http-request return {_answer(429, "rate_limited", too_often, f" hdr Retry-After {_RATE_S}")} if is_too_often
"""


_TABLES = f"""\
backend connections_by_address
    stick-table type ipv6 size {_ADDRESSES_KEPT} expire {6 * _RATE_S}s store conn_cur,conn_rate({_RATE_S}s)
backend requests_by_address
    stick-table type ipv6 size {_ADDRESSES_KEPT} expire {6 * _RATE_S}s store http_req_rate({_RATE_S}s)
"""


def adapt(config: str, private_ports: list[str], proxies: list[str] | None = None) -> str:
    """The configuration with what is ours, and those ports on the loopback. Doing it twice changes nothing more.

    Each address is bounded but for `proxies` (addresses or networks, `believed_proxies` of the settings), where each
    that they speak for is; without a list nobody is.
    """
    for port in private_ports:
        config = _replaced(rf"(\s*bind )\*?:{port}", rf"\g<1>127.0.0.1:{port}", config)
    if _PARSED in config:
        return config
    connections = requests = tables = ""
    if proxies is not None:
        named = [proxy for proxy in map(str.strip, proxies) if proxy] or ["127.0.0.1"]
        networks = " ".join(str(ipaddress.ip_network(proxy, strict=False)) for proxy in named)
        connections, requests, tables = _bounded_connections(networks), _bounded_requests(networks), _TABLES
    frontend = f"{connections}{_IDENTITY}\n{requests}{_FORWARDED_FOR}\n{_PARSED}\n{_ANSWERED}"
    for unwanted in _LOGGING, r" *errorfile .*":
        config = _replaced(unwanted, "", config)
    config = _replaced(r" *tune\.bufsize .*", _GLOBAL, config)
    config = _replaced(r"( *timeout client) .*", rf"\g<1> {_SLOW_CLIENT_S}s", config)
    config = _replaced(r"( *timeout http-keep-alive) .*", rf"\g<1> {_IDLE_S}s", config)
    config = _replaced(r"( *http-request return) status 404 .*", rf"\g<1> {_answer(503, *_BUSY)}", config)  # no app yet
    config = _replaced(r" *balance leastconn", _BALANCE, config)
    config = _replaced(r"(defaults)", lambda found: f"{found[1]}\n{_DEFAULTS}", config)
    config = _replaced(r"(backend \S+)", lambda found: f"{found[1]}\n{_BACKEND}", config)
    # HTTP/1 only: one request at a time on a connection, or a few connections would hold as much as thousands.
    config = _replaced(
        r"(frontend http_frontend\n *bind \S+)", lambda found: f"{found[1]} proto h1\n{frontend}", config
    )
    return config.rstrip() + "\n" + tables


def _replaced(line: str, by: str | Callable[[re.Match[str]], str], config: str) -> str:
    return re.sub(rf"^{line}[ \t]*$", by, config, flags=re.MULTILINE)


def main() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    haproxy, private_ports, rate_limits, proxies, *arguments = sys.argv[1:]
    if "-f" in arguments:
        path = Path(arguments[arguments.index("-f") + 1])
        bounded = proxies.split(",") if rate_limits == "on" else None
        path.write_text(adapt(path.read_text(), private_ports.split(","), bounded))
        sys.path.insert(0, str(Path(__file__).parents[2]))
        from cluster.embedded.haproxy_pages import with_our_pages

        haproxy = str(with_our_pages(Path(haproxy), path.parent))
    os.execv(haproxy, [haproxy, *arguments])


if __name__ == "__main__":
    main()
