"""What clients may send, in the shapes that are hardest to read: none may hold an event loop for more than 20 ms.

The table is printed by `pytest tests/unit/test_worst_cases.py -s`.
"""

import base64
import contextlib
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from pydantic import ValidationError
from starlette.datastructures import QueryParams

from domain.clock import ManualClock
from domain.conversations import place_of
from domain.errors import Refused
from domain.hashtags import tag_of
from domain.muted_words import MutedWord, WordMatcher, WordSurface, checked_phrase
from domain.names import name_fault, normalized_name
from domain.passwords import normalized_password, password_fault
from domain.profiles import BIO_CHARS_MAX, checked_profile
from domain.registration import normalized_login
from domain.settings import checked_settings
from domain.texts import TEXT_CHARS_MAX, parsed
from domain.timeline import walk_of
from domain.users import NAME_CHARS_MAX
from serve.accounts.key_ring import KeyRing
from serve.accounts.schemas import LogIn, NewUser
from serve.accounts.tokens import AccessTokens
from serve.http.middleware import _of_interest
from serve.http.origins import Origins
from serve.http.parameters import checked_key, id_of
from serve.tweets.commands import _checked_location
from serve.tweets.schemas import NewTweet
from serve.users.schemas import ProfileChanges
from storage.gazetteer import gazetteer
from tests.support.key_files import folder_of

CPU_MS_MAX = 20
BODY_CHARS = 65_000
"""Of a text in a body of 64 KB."""
LINE_CHARS = 8_192
HEADER_CHARS = 31_000

Reader = Callable[[str], object]
Row = tuple[str, Reader, tuple[int, ...], tuple[str, ...]]


def _of_field(name: str, model: type[NewUser | LogIn | NewTweet]) -> Reader:
    others = {"username": "ann", "email": "ann@example.com", "password": "correct horse", "text": "hello"}
    fields = {key: value for key, value in others.items() if key in model.model_fields}
    return lambda text: model.model_validate({**fields, name: text})


def _shown_name(text: str) -> object:
    body = NewUser(username="ann", email="ann@example.com", password="correct horse", name=text)
    return name_fault(normalized_name(body.name or "", NAME_CHARS_MAX), NAME_CHARS_MAX)


def _password(text: str) -> object:
    body = NewUser(username="ann", email="ann@example.com", password=text)
    return password_fault(normalized_password(body.password), "ann", "ann@example.com")


def _of_profile(field: str) -> Reader:
    return lambda text: checked_profile(ProfileChanges.model_validate({field: text}).model_dump(exclude_none=True))


def _website(text: str) -> object:
    return _of_profile("website")("https://" + text)


def _login(text: str) -> object:
    return normalized_login(LogIn(login=text, password="correct horse").login or "")


def _unknown_fields(text: str) -> object:
    names = (f"{at:x}" for at in range(len(text) // len('"1fff":0,')))
    try:
        return NewTweet.model_validate({"text": "hello", **dict.fromkeys(names, 0)})
    except ValidationError as error:
        return error.errors()


def _hostile_words() -> WordMatcher:
    """Phrases that go on where others end, of words and of parts of words."""
    phrases = [f"{'a ' * (at % 45)}b{'ab' * (at // 45)}" for at in range(100)]
    phrases += [f"{'a' * (at % 90)}b{'ab' * (at // 90)}" for at in range(100)]
    return WordMatcher(
        MutedWord(id=at, phrase=phrase, folded=checked_phrase(phrase)[1], whole_word=at < 100)
        for at, phrase in enumerate(phrases)
    )


MUTED = _hostile_words()


def _token_parts(header: str) -> str:
    encoded = base64.urlsafe_b64encode(header.encode()).rstrip(b"=").decode()
    return f"{encoded}.{encoded}.{encoded}"


CLOCK = ManualClock()
ORIGINS = Origins(("127.0.0.0/8", "::/0", "0.0.0.0/0"))
HANZI = "".join(chr(0x4E00 + 3 * at) for at in range(56))
HOSTS = ("a.", "1.", "é.", "中.", "a.b-", "a_b.", "a.com ", "a.com日", "com.", "みんな.", "xn--a.", "公.", "a-.", ".a")
URLS = (
    "http://a.",
    "http://",
    f"http://{HANZI}.{HANZI[::-1]}.com ",
    "a.co/(",
    "a.co/((a)",
    "a.co?!",
    "a.co:1/",
    "http://t.co/a?",
    "a.co/@",
)
SIGNS = ("#", "#a", "#1", "#a_1#", "＃é", "@", "@a", "@a@", "@a.b", "é@a.", "RT@", "rt@a ", "#\ufe0f", "&#a", "#\ufdfa")
EMOJI = (
    "👨\u200d",
    "👨\u200d👩\u200d👧\u200d👦",
    "1\ufe0f",
    "1\ufe0f\u20e3",
    "🇨",
    "🏴\U000e0067",
    "👍🏽",
    "\ufe0f",
    "\u200d",
    "😀",
)
MARKS = (
    "\u0301\u0316",
    "a\u0301\u0327\u0316",
    "\u0344",
    "\u0f71\u0f72\u0f74",
    "a" + "\u0345" * 140 + "\u0334" * 140,  # put in order as slowly as can be
    "가\u11a8",
    "\ufdfa",
    "\u3164",
)
TEXTS = (*HOSTS, *URLS, *SIGNS, *EMOJI, *MARKS, "a", "日", "ß", " ", "\r\n", "\x00", "\ud800")
WORDS = (*MARKS, "a", "ß", "日", ",", ", a", "-", "'", "a-", "\u2019s ", "ﷺ,", "Paris, ")
ADDRESSES = ("a@", "@", "a.", "a@b.", "é@", "a@é.", '"', '"a"@', "a@xn--", "a@[", "<a@", "a b ", "\u0301", "a@\u0301.")
PLAIN = ("a", "1", "-", "_", "=", "é", "\x00", "日", "%", " ")

ROWS: list[Row] = [
    ("a tweet's text", parsed, (TEXT_CHARS_MAX, BODY_CHARS), TEXTS),
    ("a phrase to mute", checked_phrase, (100, 400, BODY_CHARS), (*TEXTS, *WORDS)),
    (
        "a tweet's text for muted words",
        lambda text: MUTED.mutes(parsed(text).text, WordSurface.HOME, 0),
        (140, 280, TEXT_CHARS_MAX),
        (*TEXTS, "a ", "a a b ", "ab", "t.co/a", "t.co/a/b-"),
    ),
    ("a hashtag in a path", tag_of, (100, 400, LINE_CHARS), (*TEXTS, *WORDS)),
    ("a tweet's location", _checked_location, (100, 400, BODY_CHARS), WORDS),
    ("a location's places", lambda text: gazetteer().places_of(text), (100, BODY_CHARS), WORDS),
    ("a place of trends", lambda text: gazetteer().place(text), (100, LINE_CHARS), WORDS),
    ("a name at sign-up", _shown_name, (50, 200, BODY_CHARS), WORDS),
    ("a profile's biography", _of_profile("bio"), (BIO_CHARS_MAX, BODY_CHARS), TEXTS),
    ("a profile's location", _of_profile("location"), (30, 120, BODY_CHARS), WORDS),
    ("a profile's website", _of_profile("website"), (100, 400, BODY_CHARS), (*HOSTS, *URLS, *MARKS)),
    ("a profile's website after its protocol", _website, (92, 392, BODY_CHARS), (*HOSTS, *URLS, *MARKS)),
    ("a language", lambda text: checked_settings({"language": text}), (35, 140, BODY_CHARS), (*PLAIN, "de-")),
    ("an address at sign-up", _of_field("email", NewUser), (64, 254, 1_016, BODY_CHARS), ADDRESSES),
    ("a password at sign-up", _password, (256, 1_024, BODY_CHARS), WORDS),
    ("a login", _login, (64, 254, 1_016, BODY_CHARS), ADDRESSES),
    ("a username at sign-up", _of_field("username", NewUser), (15, BODY_CHARS), PLAIN),
    ("an id in a body", _of_field("reply_to_id", NewTweet), (20, BODY_CHARS), PLAIN),
    ("an id in a path", id_of, (20, LINE_CHARS), PLAIN),
    ("a cursor", walk_of, (24, LINE_CHARS), PLAIN),
    ("a conversation's cursor", place_of, (35, LINE_CHARS), PLAIN),
    ("an idempotency key", lambda text: checked_key(text, None), (255, HEADER_CHARS), PLAIN),
    ("X-Request-ID", lambda text: _of_interest([(b"x-request-id", text.encode())]), (64, HEADER_CHARS), PLAIN),
    ("Content-Length", lambda text: _of_interest([(b"content-length", text.encode())]), (HEADER_CHARS,), PLAIN),
    (
        "X-Forwarded-For",
        lambda text: ORIGINS.found("127.0.0.1", text),
        (HEADER_CHARS,),
        (",", "127.0.0.1,", "::1,", "1.", ":", "1:", "%", "a", "1"),
    ),
    ("a query", lambda text: QueryParams(text.encode()), (LINE_CHARS,), ("&", "a&", "a=&", "%", "%41", "+", "=", ";")),
    ("unknown fields of a body", _unknown_fields, (BODY_CHARS,), ("x",)),
    ("the JSON of a body", json.loads, (BODY_CHARS,), ("[", '{"a":', "1", '"', "[1,", "\\", "-", "1e", '"\\u0041')),
]


@pytest.mark.parametrize(("reader", "read", "lengths", "shapes"), ROWS, ids=[row[0] for row in ROWS])
def test_nothing_that_a_client_sends_takes_long_to_read(
    reader: str, read: Reader, lengths: Iterable[int], shapes: Iterable[str]
) -> None:
    gazetteer()  # made once in a process
    texts = [(length, shape) for length in lengths for shape in shapes]
    found = [(_cpu_ms(read, (shape * length)[:length]), length, shape) for length, shape in texts]
    slowest_ms, chars, shape = max(found)
    print(f"{reader:24} {len(found):4} texts, the worst {slowest_ms:6.2f} ms: {chars:6} characters of {shape!r:.40}")
    assert slowest_ms <= CPU_MS_MAX


def test_no_access_token_takes_long_to_read(tmp_path: Path) -> None:
    verify = AccessTokens(KeyRing(folder_of(tmp_path), CLOCK), CLOCK).verify
    jsons = ("[", '{"a":', '{"alg":"ES256"}', "1", '"\\u0000')
    test_nothing_that_a_client_sends_takes_long_to_read(
        "an access token", verify, (2_048, HEADER_CHARS), (*PLAIN, ".", "a.", "eyJ.")
    )
    test_nothing_that_a_client_sends_takes_long_to_read(
        "an access token's JSON", lambda text: verify(_token_parts(text)), (500, 8_000), jsons
    )


def _cpu_ms(read: Reader, text: str) -> float:
    """The CPU time of reading a text; twice more if it is too long, as other processes may have had the caches."""
    first_ms = _cpu_ms_once(read, text)
    return first_ms if first_ms <= CPU_MS_MAX else min(_cpu_ms_once(read, text) for _ in range(2))


def _cpu_ms_once(read: Reader, text: str) -> float:
    began_ns = time.thread_time_ns()
    with contextlib.suppress(Refused, ValidationError, ValueError, RecursionError):  # refusing is reading too
        read(text)
    return (time.thread_time_ns() - began_ns) / 1e6
