"""Spans of the URLs in a text: what Twitter makes a link (twitter-text 3), found in one pass (docs/decisions/0025).

A text is walked from one run of host characters to the next. In a run, labels that may follow each other make a host,
and the last top-level domain among them ends it. After `http://` a host may have any letters; without it, only those
parts are links that have Latin ones, so that a Japanese sentence may lead into `example.com` without a space.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import regex
from regex import Match

from domain.punycode import LABEL_CHARS_MAX, dns_length
from domain.spans import Span

HOST_CHARS_MAX = 253
"""Of a host in its ASCII form, as in DNS (RFC 1035)."""
_SHORT_LINK_CHARS_MAX = 40
"""Longest path after `t.co/` that makes a link of Twitter's."""

_SPACES = r"\t-\r \x85\xa0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DIRECTIONS = r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_BREAKS = rf"!#$%&'()*+,/:;<=>?@\[\\\]\^{{|}}~{_SPACES}{_DIRECTIONS}\ufeff\ufffe\uffff"
"""Characters that cannot stand in a host."""
LATIN = (
    r"\xc0-\xd6\xd8-\xf6\xf8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268\u026f\u0272\u0289\u028b\u02bb"
    r"\u0300-\u036f\u1e00-\u1eff"
)
"""Latin letters beyond ASCII, and the marks on them, inside a regular expression's brackets."""

_DOT = regex.compile(r"\.[^\s.]")
"""Every host has such a dot."""
_RUN = regex.compile(rf"(?<![^{_BREAKS}])[^.{_BREAKS}]*+\.[^{_BREAKS}]++")
"""Host characters with a dot among them."""
_LABELS = regex.compile(rf"(?:(?![\-_])[^.{_BREAKS}]++(?<![\-_])\.)++")
_BEGINNING = regex.compile(r"[^A-Za-z0-9\uff03\uff20](?=[^\-_.])")
"""Characters that a host may follow inside a run."""
_NO_BEGINNING = frozenset("$#@\ufeff\ufffe\uffff")
"""Characters before a run whose beginning is no host: `@ann.com`."""
_NO_LINK_AFTER = frozenset("-_./")
"""A host that follows them is none without a protocol."""
_LABEL_SEPARATOR = regex.compile(r"[.\u3002\uff0e\uff61]")
_LATIN_RUN = regex.compile(rf"[a-z0-9{LATIN}\-][a-z0-9{LATIN}\-.]*+", regex.IGNORECASE)

_ASCII_LABEL = regex.compile(r"(?:xn--[a-z0-9\-]++|[a-z0-9]++(?![+@\-]))", regex.IGNORECASE)
_NO_END = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+@-")
"""A top-level domain that they follow is a part of something longer."""
_TLDS = frozenset(Path(__file__).with_name("tlds.txt").read_text(encoding="utf-8").split())
_OTHER_TLDS: dict[str, list[str]] = {}
"""Those that are not all ASCII, by their first letter, the longest first."""
for _tld in sorted(_TLDS, key=len, reverse=True):
    if not _tld.isascii():
        _OTHER_TLDS.setdefault(_tld[0], []).append(_tld)

_PORT = regex.compile(r":[0-9]++")
_PORT_AND_PATH = regex.compile(r"(?::[0-9]++)?/")
_PATH_CHARS = rf"[a-z0-9\u0400-\u04ff{LATIN}!*';:=+,.$/%#\[\]\-\u2013_~@|&]"
_BALANCED = rf"\((?:{_PATH_CHARS}++|{_PATH_CHARS}*+\({_PATH_CHARS}++\){_PATH_CHARS}*+)\)"
_PATH = regex.compile(rf"/{_PATH_CHARS}*+(?:{_BALANCED}{_PATH_CHARS}*+)*+", regex.IGNORECASE)
_NO_PATH_END = "!*';:,.$%[]\u2013~@|&"
_QUERY = regex.compile(r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*+", regex.IGNORECASE)
_NO_QUERY_END = "!?*'@();:+$%[].,~|"
_PROTOCOL = regex.compile(r"(?<![A-Za-z0-9$#@\uff03\uff20\ufeff\ufffe\uffff])https?://\Z", regex.IGNORECASE)
_SHORT_LINK = regex.compile(r"https?://t\.co/([a-z0-9]++)", regex.IGNORECASE)


class _Host(NamedTuple):
    """Labels that may follow each other, from `start` on, and the top-level domains among them."""

    start: int
    domains: list[Span]


def url_spans(text: str, beside_max: int) -> Iterator[Span]:
    """The URLs of a text, in order; given up once more than so many characters are no part of any."""
    if not _DOT.search(text):
        return
    after, covered = -1, 0
    for run in _RUN.finditer(text):
        if run.start() - covered > beside_max:
            return
        while after < run.end() and (host := _next_host(text, run, after)):
            after = _end_of_path(text, host.domains[-1].end)
            for link in _links(text, run, host, after):
                covered += link.end - link.start
                yield link


def _next_host(text: str, run: Match[str], after: int) -> _Host | None:
    """The first host in a run, or in what the URL before, which ends at `after`, has left of it."""
    start = max(after, run.start())
    whole = after < run.start() and text[start - 1 : start] not in _NO_BEGINNING
    first = start if whole and text[start] not in "-_." else _beginning(text, start, run.end())
    while first is not None:
        labels = _LABELS.match(text, first, run.end())
        if labels is None:
            start = text.find(".", first, run.end())
        elif labels.end() - first <= HOST_CHARS_MAX and (domains := _domains(text, first, labels[0])):
            return _Host(first, domains)
        else:
            start = labels.end() - 1
        first = None if start < 0 else _beginning(text, start, run.end())
    return None


def _beginning(text: str, start: int, end: int) -> int | None:
    found = _BEGINNING.search(text, start, end)
    return None if found is None or found.end() == end else found.end()


def _domains(text: str, start: int, labels: str) -> list[Span]:
    """The top-level domains that follow one of the labels; the last does not follow one with an underscore."""
    found: list[Span] = []
    count = 0
    for label in labels.removesuffix(".").split("."):
        start += len(label) + 1
        if end := _end_of_domain(text, start):
            found.append(Span(start, end))
            count = count if "_" in label else len(found)
    return found[:count]


def _end_of_domain(text: str, start: int) -> int | None:
    """The end of the top-level domain that a label begins with, which may go on in a script that needs no space."""
    if found := _ASCII_LABEL.match(text, start):
        label = found[0].lower()
        if label in _TLDS or label.startswith("xn--"):
            return found.end()
    for tld in _OTHER_TLDS.get(text[start : start + 1].lower(), ()):
        end = start + len(tld)
        if text[start:end].lower() == tld and text[end : end + 1] not in _NO_END:
            return end
    return None


def _end_of_path(text: str, start: int) -> int:
    """The end of what follows a host: port, path and query, without the punctuation at their ends."""
    end = start
    if port := _PORT.match(text, end):
        end = port.end()
    if path := _PATH.match(text, end):
        end += len(path[0].rstrip(_NO_PATH_END))
    if query := _QUERY.match(text, end):
        end += len(query[0].rstrip(_NO_QUERY_END))
    return end


def _links(text: str, run: Match[str], host: _Host, end: int) -> list[Span]:
    """The links that a host is or holds; what follows it reaches to `end`."""
    host_end = host.domains[-1].end
    protocol = _PROTOCOL.search(text, max(0, host.start - 8), host.start) if host.start == run.start() else None
    if protocol is None:
        links = [] if text[host.start - 1 : host.start] in _NO_LINK_AFTER else _latin_links(text, host, end)
        return links if links and max(_dns_lengths(text[host.start : host_end])) <= LABEL_CHARS_MAX else []
    lengths = _dns_lengths(text[host.start : host_end])
    if max(lengths) > LABEL_CHARS_MAX or sum(lengths) + len(lengths) - 1 > HOST_CHARS_MAX:
        return []
    if short := _SHORT_LINK.match(text, protocol.start(), end):
        if len(short[1]) > _SHORT_LINK_CHARS_MAX:
            return []
        query = _QUERY.match(text, short.end(), end)
        end = short.end() + (len(query[0].rstrip(_NO_QUERY_END)) if query else 0)
    return [Span(protocol.start(), end)]


def _dns_lengths(host: str) -> list[int]:
    return [dns_length(label) for label in _LABEL_SEPARATOR.split(host.lower())]


def _latin_links(text: str, host: _Host, end: int) -> list[Span]:
    """Of a host without a protocol the parts in Latin letters up to a top-level domain; the last has the path."""
    host_end = host.domains[-1].end
    found: list[Span] = []
    domains = iter(host.domains)
    domain = next(domains, None)
    for part in _LATIN_RUN.finditer(text, host.start, host_end):
        link = None
        while domain is not None and domain.start <= part.end():
            if part.start() < domain.start - 1:
                link = Span(part.start(), domain.end)
            domain = next(domains, None)
        if link is not None and link.end - link.start <= HOST_CHARS_MAX:
            found.append(link)
    if found and found[-1].end == host_end and _PORT_AND_PATH.match(text, host_end):
        found[-1] = Span(found[-1].start, end)
    return found
