"""HAProxy's pages of HTML become answers of ours, in a copy of its program."""

import json
from pathlib import Path

import pytest

from cluster.embedded.haproxy_launcher import adapt
from cluster.embedded.haproxy_pages import with_our_pages
from domain.limits import DEFAULT, SMALL, Limits

PROGRAM = b"#!/bin/sh\nexit 0\n"


def page(status: int) -> bytes:
    """As they lie in the program, with as many words as HAProxy's have at least."""
    html = b"<html><body><h1>%d</h1>\nYour browser sent an invalid request.\n</body></html>\n" % status
    head = b"HTTP/1.1 %d Bad request\r\nContent-length: %d\r\nCache-Control: no-cache\r\n" % (status, len(html))
    return head + b"Connection: close\r\nContent-Type: text/html\r\n\r\n" + html.rjust(120) + b"\0"


def test_pages_are_replaced_where_they_are(tmp_path: Path) -> None:
    program = tmp_path / "haproxy"
    program.write_bytes(PROGRAM + page(400) + page(404) + page(422) + b"\0code")
    folder = tmp_path / "copies"
    folder.mkdir()
    copy = with_our_pages(program, folder)
    written = copy.read_bytes()
    assert len(written) == len(program.read_bytes())
    assert page(404) in written, "a page that a configuration can replace"
    for answer in written.removeprefix(PROGRAM).replace(page(404), b"").split(b"HTTP/1.1 ")[1:]:
        head, _, body = answer.partition(b"\r\n\r\n")
        body = body[: body.index(b"\0")]
        assert b"Content-Length:%d\r\n" % len(body) in head
        assert json.loads(body)["request_id"] == "-"
    assert copy.stat().st_mode & 0o777 == 0o700
    made = copy.stat().st_ino
    assert with_our_pages(program, folder).stat().st_ino == made, "one that is there is left as it is"


def test_a_program_without_such_pages_is_started_as_it_is(tmp_path: Path) -> None:
    program = tmp_path / "haproxy"
    program.write_bytes(PROGRAM)
    assert with_our_pages(program, tmp_path) == program


def test_a_page_with_too_few_words_for_ours_is_left(tmp_path: Path) -> None:
    program = tmp_path / "haproxy"
    short = b"HTTP/1.1 400 Bad request\r\n\r\n<html></html>\n\0"
    program.write_bytes(PROGRAM + short + page(408))
    folder = tmp_path / "copies"
    folder.mkdir()
    assert short in with_our_pages(program, folder).read_bytes()


@pytest.mark.parametrize("start", [b"#!/bin/sh\nexit 127\n", b"#!/nowhere\n"], ids=["libraries", "not at all"])
def test_a_program_whose_copy_does_not_run_is_started_as_it_is(tmp_path: Path, start: bytes) -> None:
    program = tmp_path / "haproxy"
    program.write_bytes(start + page(400))
    folder = tmp_path / "copies"
    folder.mkdir()
    for _ in range(2):
        assert with_our_pages(program, folder) == program


@pytest.mark.parametrize("limits", [DEFAULT, SMALL])
def test_haproxy_and_the_replicas_have_one_limit_of_a_body(limits: Limits) -> None:
    assert f"req.body_size gt {limits.request_bytes_max}\n" in adapt("frontend http_frontend\n    bind *:8000\n", [])
