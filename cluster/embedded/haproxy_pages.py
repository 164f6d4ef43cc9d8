"""HAProxy's own pages of HTML, replaced by answers in our envelope in a copy of its program.

What HAProxy cannot parse it answers before there is anything that a configuration could say a word about: with pages
that are constants of its program (haproxy/haproxy#3032; its 3.2 lets `errorfile` replace them). So a copy is started in
which other answers stand in their places, as long as those or shorter. A program without such pages is started as it
is, and so is one whose copy does not run: its libraries may be elsewhere, the folder on a disk without programs.
Standard library only, as `haproxy_launcher`.
"""

import re
import subprocess
from pathlib import Path

_PAGE = re.compile(rb"HTTP/1\.1 ([45]\d\d) [^\0]{1,400}</html>\n\0")
_ANSWERS = {
    b"400": (b"400", b"malformed_request", b"Not valid HTTP."),
    b"408": (b"408", b"request_timeout", b"The request took too long to come."),
    b"422": (b"501", b"not_implemented", b"This transfer coding is not known."),
    b"500": (b"500", b"no_answer", b"That went wrong."),
    b"501": (b"501", b"not_implemented", b"That is not implemented."),
}
"""Answers by the page that they replace: status, code, sentence. HAProxy answers unknown transfer codings with 422."""


def with_our_pages(haproxy: Path, folder: Path) -> Path:
    """A copy of the program in that folder, made unless it is there, or the program itself if there can be none."""
    program = haproxy.read_bytes()
    ours = _PAGE.sub(_in_place_of, program)
    if ours == program:
        return haproxy
    copy = folder / "haproxy"
    libraries = haproxy.with_name("lib")
    if libraries.is_dir() and not copy.with_name("lib").is_symlink():  # it looks for them beside itself
        copy.with_name("lib").symlink_to(libraries)
    if not copy.exists() or copy.read_bytes() != ours:
        new = folder / "haproxy.new"
        new.write_bytes(ours)
        new.chmod(0o700)
        if not _runs(new):
            return haproxy
        new.replace(copy)  # one that runs is left as it is
    return copy


def _runs(program: Path) -> bool:
    try:
        return subprocess.run([program, "-v"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _in_place_of(page: re.Match[bytes]) -> bytes:
    if page[1] not in _ANSWERS:
        return page[0]
    status, code, sentence = _ANSWERS[page[1]]
    body = b'{"error":"%b","code":"%b","request_id":"-"}' % (sentence, code)
    head = b"HTTP/1.1 %b \r\nContent-Type:application/json\r\nContent-Length:%d\r\n" % (status, len(body))
    head += b"X-Request-ID:-\r\nX-Content-Type-Options:nosniff\r\nConnection:close\r\n\r\n"
    if len(head + body) >= len(page[0]):  # another build may have fewer words
        return page[0]
    return (head + body).ljust(len(page[0]), b"\0")
