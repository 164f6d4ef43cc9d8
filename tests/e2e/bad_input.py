"""Requests that are wrong, one row each, and the answer to each; `<alice>`, `<bob>` and `<tweet>` stand for ids."""

import base64
import json
from collections.abc import Set
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from tests.e2e.conftest import PASSWORD

REGISTER, LOGIN, REFRESH, LOGOUT = (f"/api/v1/auth/{name}" for name in ("register", "login", "refresh", "logout"))
TWEETS, TWEET, USER, HOME = "/api/v1/tweets", "/api/v1/tweets/<tweet>", "/api/v1/users/<bob>", "/api/v1/timeline/home"
PUBLIC, TRENDS = "/api/v1/timeline/public", "/api/v1/trends"
BOOKMARK, BOOKMARKS = f"{TWEET}/bookmark", "/api/v1/users/me/bookmarks"
ME, SETTINGS = "/api/v1/users/me", "/api/v1/users/me/settings"
BOB = "careful_bob"
UNKNOWN = "4611686018427387904"
"""An id of the far future, which nobody has yet."""
TOO_LARGE = str(2**63)
NEWCOMER = {"username": "newcomer", "email": "newcomer@example.com", "password": "long enough"}
JSON = {"Content-Type": "application/json"}


def token(header: dict[str, str], claims: dict[str, Any], signature: bytes = b"") -> str:
    """A token written by hand."""
    parts = (json.dumps(header).encode(), json.dumps(claims).encode(), signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


CLAIMS = {"iss": "murmur", "aud": "murmur-api", "sub": "1", "sid": "s", "iat": 1, "exp": 4102444800}
UNSIGNED = token({"alg": "none", "typ": "JWT"}, CLAIMS)
SIGNED_BY_A_STRANGER = jwt.encode(CLAIMS, ec.generate_private_key(ec.SECP256R1()), "ES256")


@dataclass(frozen=True, kw_only=True)
class Bad:
    """A wrong request, and the right answer to it. `signed_in` says whether Alice's token is sent."""

    what: str
    method: str = "POST"
    path: str = TWEETS
    json: Any = None
    raw: bytes | None = None
    chunked: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    signed_in: bool = True
    status: int
    code: str
    fields: Set[str] = frozenset()


def tweet(what: str, body: Any, code: str, *fields: str, status: int = 422) -> Bad:
    return Bad(what=what, json=body, status=status, code=code, fields=frozenset(fields))


def raw(what: str, body: bytes, status: int, code: str, **headers: str) -> Bad:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Bad(what=what, raw=body, headers={**JSON, **named}, status=status, code=code)


def nothing(what: str, path: str, method: str = "GET") -> Bad:
    return Bad(what=what, method=method, path=path, status=404, code="not_found")


def no_method(method: str, path: str) -> Bad:
    return Bad(what=f"{method} {path}", method=method, path=path, status=405, code="method_not_allowed")


def page(what: str, query: str, status: int, code: str, path: str = HOME) -> Bad:
    fields = frozenset({"limit"}) if status == 422 else frozenset[str]()
    return Bad(what=what, method="GET", path=f"{path}?{query}", status=status, code=code, fields=fields)


def trending(what: str, query: str, *fields: str, path: str = TRENDS) -> Bad:
    path = f"{path}?{query}"
    return Bad(what=what, method="GET", path=path, status=422, code="invalid_request", fields=frozenset(fields))


def bearer(what: str, authorization: str | None, code: str, path: str = PUBLIC, method: str = "GET") -> Bad:
    headers = {} if authorization is None else {"Authorization": authorization}
    return Bad(what=what, method=method, path=path, headers=headers, signed_in=False, status=401, code=code)


def signing_up(what: str, changed: dict[str, Any], status: int, code: str, *fields: str) -> Bad:
    body = {name: value for name, value in {**NEWCOMER, **changed}.items() if value != "left out"}
    return Bad(what=what, path=REGISTER, json=body, signed_in=False, status=status, code=code, fields=frozenset(fields))


def editing(what: str, body: Any, code: str, *fields: str, path: str = ME) -> Bad:
    return Bad(what=what, method="PUT", path=path, json=body, status=422, code=code, fields=frozenset(fields))


def setting(what: str, body: Any, *fields: str, code: str = "invalid_request") -> Bad:
    return editing(what, body, code, *fields, path=SETTINGS)


def auth(what: str, path: str, body: Any, status: int, code: str, *fields: str) -> Bad:
    return Bad(what=what, path=path, json=body, signed_in=False, status=status, code=code, fields=frozenset(fields))


BODIES = [
    raw("no JSON", b"hello", 400, "malformed_json"),
    raw("JSON that breaks off", b'{"text": "hello', 400, "malformed_json"),
    raw("two JSON values", b'{"text": "a"} {"text": "b"}', 400, "malformed_json"),
    raw("bytes that are not UTF-8", b'{"text": "\xff\xfe"}', 400, "malformed_json"),
    raw("JSON nested beyond reason", b"[" * 30_000, 400, "malformed_json"),
    raw("a number of 5,000 digits", b'{"text": ' + b"9" * 5_000 + b"}", 400, "malformed_json"),
    raw("nothing", b"", 422, "invalid_request"),
    raw(
        "JSON sent as a form",
        b'{"text": "a"}',
        422,
        "invalid_request",
        Content_Type="application/x-www-form-urlencoded",
    ),
    raw("JSON sent as text", b'{"text": "a"}', 422, "invalid_request", Content_Type="text/plain"),
    raw("a content type that is none", b'{"text": "a"}', 422, "invalid_request", Content_Type="nonsense;;"),
    raw("a list", b"[]", 422, "invalid_request"),
    raw("null", b"null", 422, "invalid_request"),
    raw("a string", b'"text"', 422, "invalid_request"),
    raw("a body of 100 KB", b'{"text": "' + b"a" * 100_000 + b'"}', 413, "body_too_large"),
    Bad(
        what="a body of 100 KB that does not say so",
        raw=b'{"text": "' + b"a" * 100_000 + b'"}',
        chunked=True,
        headers=JSON,
        status=413,
        code="body_too_large",
    ),
]
TEXTS = [
    tweet("no text", {}, "invalid_request", "text"),
    tweet("null", {"text": None}, "invalid_request", "text"),
    tweet("a number", {"text": 5}, "invalid_request", "text"),
    tweet("a list", {"text": ["a"]}, "invalid_request", "text"),
    tweet("an object", {"text": {"a": 1}}, "invalid_request", "text"),
    tweet("half a surrogate pair", {"text": "\ud83d"}, "invalid_request", "text"),
    tweet("an empty text", {"text": ""}, "invalid_text", "text"),
    tweet("only white space", {"text": " \n\u3000"}, "invalid_text", "text"),
    tweet("281 letters", {"text": "a" * 281}, "invalid_text", "text"),
    tweet("141 wide letters, which weigh 282", {"text": "日" * 141}, "invalid_text", "text"),
    tweet("141 emoji, which weigh 282", {"text": "🐦" * 141}, "invalid_text", "text"),
    tweet("13 URLs, which weigh 299 and more", {"text": "https://a.example.com/ " * 13}, "invalid_text", "text"),
    tweet("a URL beyond any reason", {"text": "https://example.com/" + "a" * 5_000}, "invalid_text", "text"),
    tweet("a host of 2,048 labels", {"text": "a." * 2_048}, "invalid_text", "text"),
    tweet("10,000 marks on one letter", {"text": "a" + "\u0345\u0334" * 5_000}, "invalid_text", "text"),
    tweet("4,000 marks on one letter", {"text": "a" + "\u0345" * 2_000 + "\u0334" * 2_000}, "invalid_text", "text"),
    tweet("what shows nothing", {"text": "\u3164\u2800\u200b\ufe0f\u00ad"}, "invalid_text", "text"),
    tweet("a NUL", {"text": "a\x00b"}, "invalid_text", "text"),
    tweet("an escape sequence", {"text": "\x1b[31mred"}, "invalid_text", "text"),
]
REFERENCES = [
    tweet("a reply to no id", {"text": "a", "reply_to_id": "abc"}, "invalid_request", "reply_to_id"),
    tweet("a reply to a number", {"text": "a", "reply_to_id": 5}, "invalid_request", "reply_to_id"),
    tweet("a reply to 2^63", {"text": "a", "reply_to_id": TOO_LARGE}, "invalid_request", "reply_to_id"),
    tweet("a quote of a negative id", {"text": "a", "quote_of_id": "-1"}, "invalid_request", "quote_of_id"),
    tweet("a reply to nothing", {"text": "a", "reply_to_id": UNKNOWN}, "invalid_reference", "reply_to_id"),
    tweet("a quote of nothing", {"text": "a", "quote_of_id": UNKNOWN}, "invalid_reference", "quote_of_id"),
    tweet("a place of 101 letters", {"text": "a", "location": "a" * 101}, "invalid_location", "location"),
    tweet("an empty place", {"text": "a", "location": ""}, "invalid_location", "location"),
    tweet("a place with a NUL", {"text": "a", "location": "a\x00"}, "invalid_location", "location"),
    tweet("a place that shows nothing", {"text": "a", "location": "\u3164"}, "invalid_location", "location"),
    tweet("a place that turns the line", {"text": "a", "location": "a\u202eb"}, "invalid_location", "location"),
    tweet("a place beyond reason", {"text": "a", "location": "\u0301" * 10_000}, "invalid_request", "location"),
    tweet("a place that is a list", {"text": "a", "location": [1, 2]}, "invalid_request", "location"),
    tweet("an empty key", {"text": "a", "idempotency_key": ""}, "invalid_idempotency_key", "idempotency_key"),
    tweet("a long key", {"text": "a", "idempotency_key": "k" * 256}, "invalid_idempotency_key", "idempotency_key"),
    tweet("a key with a NUL", {"text": "a", "idempotency_key": "\x00"}, "invalid_idempotency_key", "idempotency_key"),
    tweet("a key that is a number", {"text": "a", "idempotency_key": 1}, "invalid_request", "idempotency_key"),
    tweet("a visibility of nobody", {"text": "a", "visibility": "nobody"}, "invalid_request", "visibility"),
    tweet("a visibility in capitals", {"text": "a", "visibility": "PUBLIC"}, "invalid_request", "visibility"),
    tweet("a visibility that is a number", {"text": "a", "visibility": 1}, "invalid_request", "visibility"),
    tweet("a visibility beyond reason", {"text": "a", "visibility": "a" * 60_000}, "invalid_request", "visibility"),
    raw("a long key in the header", b'{"text": "a"}', 422, "invalid_idempotency_key", Idempotency_Key="k" * 256),
]
UNKNOWN_FIELDS = [
    *(
        tweet(f"a tweet with {name}", {"text": "a", name: value}, "invalid_request", name)
        for name, value in {
            "visible_to": "followers",
            "publish_at": "2040-01-01T00:00:00Z",
            "poll": {"options": ["a", "b"]},
            "media_ids": ["5"],
            "sensitive": True,
            "language": "de",
            "id": "5",
            "constructor": {"prototype": 1},
        }.items()
    ),
    *(
        Bad(what=f"{path} with more", path=path, json={name: True}, status=422, code="invalid_request", fields={name})
        for path, name in {
            f"{TWEET}/like": "anonymous",
            f"{TWEET}/retweet": "visibility",
            BOOKMARK: "folder",
            f"{USER}/follow": "notify",
            f"{USER}/block": "until",
            f"{USER}/mute": "duration",
        }.items()
    ),
    raw("a field of half a surrogate pair", b'{"text": "a", "\\ud83d": 1}', 422, "invalid_request"),
    signing_up("a role", {"role": "admin"}, 422, "invalid_request", "role"),
    auth("a scope", LOGIN, {"login": "a", "password": "b", "scope": "all"}, 422, "invalid_request", "scope"),
    auth("another token", REFRESH, {"refresh_token": "a", "token": "b"}, 422, "invalid_request", "token"),
    auth("everywhere", LOGOUT, {"refresh_token": "a", "everywhere": True}, 422, "invalid_request", "everywhere"),
]
ADDRESSES = [
    nothing("the root", "/"),
    nothing("a route that is none", "/api/v1/nothing"),
    nothing("another version", "/api/v9/tweets"),
    nothing("a slash at the end", "/api/v1/timeline/home/"),
    nothing("a way out", "/api/v1/..%2f..%2fetc/passwd"),
    nothing("a NUL in the path", "/api/v1/%00"),
    nothing("bytes that are not UTF-8 in the path", "/api/v1/%ff%fe"),
    no_method("PUT", TWEETS),
    no_method("PATCH", TWEET),
    no_method("POST", HOME),
    no_method("DELETE", "/api/v1/users/me"),
    no_method("GET", LOGIN),
    no_method("GET", BOOKMARK),
    no_method("POST", BOOKMARKS),
    no_method("PROPFIND", HOME),
]
IDS = [
    *(nothing(f"the tweet {id_!r}", f"/api/v1/tweets/{id_}") for id_ in ("abc", "-1", "0", "007", "1.0", "1e3", "0x1")),
    nothing("the tweet 2^63", f"/api/v1/tweets/{TOO_LARGE}"),
    nothing("a tweet of 1,000 digits", "/api/v1/tweets/" + "1" * 1_000),
    nothing("a tweet in Arabic digits", "/api/v1/tweets/%D9%A1%D9%A2"),
    nothing("a tweet of a NUL", "/api/v1/tweets/%00"),
    nothing("a tweet that nobody wrote", f"/api/v1/tweets/{UNKNOWN}"),
    *(
        nothing(f"the {part} of no tweet", f"/api/v1/tweets/{UNKNOWN}/{part}")
        for part in ("replies", "likers", "retweeters", "engagements", "thread")
    ),
    nothing("liking no tweet", f"/api/v1/tweets/{UNKNOWN}/like", "POST"),
    nothing("liking 'abc'", "/api/v1/tweets/abc/like", "POST"),
    nothing("retweeting no tweet", f"/api/v1/tweets/{UNKNOWN}/retweet", "POST"),
    nothing("bookmarking no tweet", f"/api/v1/tweets/{UNKNOWN}/bookmark", "POST"),
    nothing("bookmarking 'abc'", "/api/v1/tweets/abc/bookmark", "POST"),
    nothing("removing a bookmark of no tweet", f"/api/v1/tweets/{UNKNOWN}/bookmark", "DELETE"),
    nothing("another's bookmarks", f"{USER}/bookmarks"),
    nothing("deleting no tweet", f"/api/v1/tweets/{UNKNOWN}", "DELETE"),
    nothing("the user 'abc'", "/api/v1/users/abc"),
    nothing("a user who is not there", f"/api/v1/users/{UNKNOWN}"),
    nothing("followers of nobody", f"/api/v1/users/{UNKNOWN}/followers"),
    nothing("followees of nobody", f"/api/v1/users/{UNKNOWN}/following"),
    nothing("tweets of nobody", f"/api/v1/timeline/user/{UNKNOWN}"),
    nothing("following nobody", f"/api/v1/users/{UNKNOWN}/follow", "POST"),
    nothing("unfollowing nobody", f"/api/v1/users/{UNKNOWN}/follow", "DELETE"),
    nothing("a name that nobody bears", "/api/v1/users/by/username/nobody_at_all"),
    nothing("a name that nobody can bear", "/api/v1/users/by/username/" + "a" * 2_000),
    nothing("a name of a NUL", "/api/v1/users/by/username/%00"),
    Bad(
        what="a header of 20 KB",
        method="GET",
        path="/api/v1/nothing",
        headers={"X-Large": "a" * 20_000},
        status=404,
        code="not_found",
    ),
    nothing("a hashtag that none can be", "/api/v1/timeline/hashtag/" + "a" * 200),
    nothing("a hashtag of digits", "/api/v1/timeline/hashtag/123"),
    nothing("a hashtag of two words", "/api/v1/timeline/hashtag/two%20words"),
]
PAGES = [
    *(
        page(f"limit={limit!r}", f"limit={limit}", 422, "invalid_request")
        for limit in ("0", "-1", "ten", "1.5", "", "%00")
    ),
    page("a limit of 5,000 digits", "limit=" + "9" * 5_000, 422, "invalid_request"),
    page("no limit of followers", "limit=0", 422, "invalid_request", f"{USER}/followers"),
    page("no limit of likers", "limit=x", 422, "invalid_request", f"{TWEET}/likers"),
    page("no limit of bookmarks", "limit=0", 422, "invalid_request", BOOKMARKS),
    *(
        page(f"cursor={cursor!r}", f"cursor={cursor}", 400, "invalid_cursor")
        for cursor in ("", "nonsense", "0", "%00", "%ff", "%C3%A9", "A" * 22, "A" * 5_000, "////", "_" * 23)
    ),
    *(
        page(f"a cursor of none at {path}", "cursor=nonsense", 400, "invalid_cursor", path)
        for path in (
            PUBLIC,
            "/api/v1/timeline/user/<bob>",
            "/api/v1/timeline/hashtag/ray",
            f"{USER}/followers",
            f"{USER}/following",
            f"{TWEET}/replies",
            f"{TWEET}/likers",
            f"{TWEET}/retweeters",
            f"{TWEET}/thread",
            BOOKMARKS,
        )
    ),
    *(
        trending(f"{query} at {path}", query, query.partition("=")[0], path=path)
        for path in (HOME, "/api/v1/timeline/user/<bob>")
        for query in ("filter=", "filter=quotes", "filter=REPLIES", "filter=media,replies", "filter=%00")
    ),
    *(
        trending(f"exclude={kinds[:20]!r} at home", f"exclude={kinds}", "exclude", path=HOME)
        for kinds in ("", "quotes", "replies,", "replies,%20media", "%00", "replies," * 700 + "media")
    ),
    page("no limit of a conversation", "limit=0", 422, "invalid_request", f"{TWEET}/thread"),
]
TRENDING = [
    *(trending(f"window={name!r}", f"window={name}", "window") for name in ("", "60", "60M", "1h", "5m,60m", "%00")),
    *(trending(f"limit={limit!r}", f"limit={limit}", "limit") for limit in ("", "0", "-1", "ten", "9" * 5_000)),
    trending("two at once", "window=1h&limit=0", "window", "limit"),
    *(
        Bad(
            what=f"the place {name[:9]!r}",
            method="GET",
            path=f"{TRENDS}?location={name}",
            status=404,
            code="unknown_place",
        )
        for name in ("", "Nowhere%20at%20all", "%00", "%ff%fe", "a" * 5_000, ",,,,,,")
    ),
    *(
        Bad(
            what=f"the history of {tag[:9]!r}",
            method="GET",
            path=f"{TRENDS}/{tag}/history",
            status=422,
            code="invalid_tag",
            fields=frozenset({"tag"}),
        )
        for tag in ("123", "two%20words", "%23", "%23%23rain", "rain!", "a.com", "%00", "%ff", "a" * 200, "a" * 5_000)
    ),
    trending("a history without a known window", "window=1h", "window", path=f"{TRENDS}/rain/history"),
    nothing("the history of nothing", f"{TRENDS}//history"),
    nothing("a tag alone", f"{TRENDS}/rain"),
    no_method("POST", TRENDS),
    bearer("a bad token for trends", f"Bearer {UNSIGNED}", "invalid_token", TRENDS),
    bearer("a bad token for a history", f"Bearer {UNSIGNED}", "invalid_token", f"{TRENDS}/rain/history"),
]
TOKENS = [
    bearer("no token for one's home", None, "token_required", HOME),
    bearer("no token for one's profile", None, "token_required", "/api/v1/users/me"),
    bearer("no token for a follow", None, "token_required", f"{USER}/follow", "POST"),
    bearer("no token for a like", None, "token_required", f"{TWEET}/like", "POST"),
    bearer("no token for a bookmark", None, "token_required", BOOKMARK, "POST"),
    bearer("no token to remove a bookmark", None, "token_required", BOOKMARK, "DELETE"),
    bearer("no token for one's bookmarks", None, "token_required", BOOKMARKS),
    bearer("a bad token for one's bookmarks", f"Bearer {UNSIGNED}", "invalid_token", BOOKMARKS),
    bearer("no token for a delete", None, "token_required", TWEET, "DELETE"),
    Bad(what="no token for a tweet", json={"text": "a"}, signed_in=False, status=401, code="token_required"),
    bearer("an empty header", "", "invalid_token"),
    bearer("another scheme", "Basic YWxpY2U6c2VjcmV0", "invalid_token"),
    bearer("no scheme", SIGNED_BY_A_STRANGER, "invalid_token"),
    bearer("a scheme without a token", "Bearer", "invalid_token"),
    bearer("no token at all", "Bearer nonsense", "invalid_token"),
    bearer("a token beyond reason", "Bearer " + "a" * 10_000, "invalid_token"),
    bearer("a token that nobody signed", f"Bearer {UNSIGNED}", "invalid_token"),
    bearer("a token that a stranger signed", f"Bearer {SIGNED_BY_A_STRANGER}", "invalid_token"),
    bearer("a bad token where none is needed", f"Bearer {UNSIGNED}", "invalid_token", TWEET),
]
SIGNING_UP = [
    signing_up("no username", {"username": "left out"}, 422, "invalid_request", "username"),
    signing_up("a username that is null", {"username": None}, 422, "invalid_request", "username"),
    signing_up("an empty username", {"username": ""}, 422, "invalid_registration", "username"),
    signing_up("16 letters", {"username": "a" * 16}, 422, "invalid_registration", "username"),
    signing_up("a space", {"username": "new comer"}, 422, "invalid_registration", "username"),
    signing_up("a line end", {"username": "newcomer\n"}, 422, "invalid_registration", "username"),
    signing_up("a NUL", {"username": "new\x00"}, 422, "invalid_registration", "username"),
    signing_up("an emoji", {"username": "new🐦"}, 422, "invalid_registration", "username"),
    signing_up("letters that look Latin", {"username": "аlice"}, 422, "invalid_registration", "username"),  # noqa: RUF001
    signing_up("a password of 7", {"password": "1234567"}, 422, "invalid_registration", "password"),
    signing_up("a password of 257", {"password": "x" * 257}, 422, "invalid_registration", "password"),
    signing_up("a common password", {"password": "PassWord1"}, 422, "invalid_registration", "password"),
    signing_up(
        "the name as password",
        {"username": "long_name_here", "password": "LONG_NAME_HERE"},
        422,
        "invalid_registration",
        "password",
    ),
    signing_up(
        "the address as password", {"password": "newcomer@example.com"}, 422, "invalid_registration", "password"
    ),
    signing_up("a password with a control", {"password": "long\x00enough"}, 422, "invalid_registration", "password"),
    signing_up("a password that is a number", {"password": 12345678}, 422, "invalid_request", "password"),
    signing_up("half a surrogate pair", {"password": "\ud83d long enough"}, 422, "invalid_request", "password"),
    signing_up("no address", {"email": "left out"}, 422, "invalid_request", "email"),
    signing_up("an address that is none", {"email": "newcomer"}, 422, "invalid_request", "email"),
    signing_up(
        "an address with a line end", {"email": "a@example.com\nBcc: b@example.com"}, 422, "invalid_request", "email"
    ),
    signing_up("an address beyond reason", {"email": "a" * 300 + "@example.com"}, 422, "invalid_request", "email"),
    signing_up("an address in brackets", {"email": "New Comer <a@example.com>"}, 422, "invalid_request", "email"),
    signing_up("half a surrogate in an address", {"email": "\ud83d@example.com"}, 422, "invalid_request", "email"),
    signing_up("an empty name", {"name": " "}, 422, "invalid_registration", "name"),
    signing_up("a name of 51", {"name": "a" * 51}, 422, "invalid_registration", "name"),
    signing_up("a name of 60 KB of marks", {"name": "\u0301" * 10_000}, 422, "invalid_request", "name"),
    signing_up("a name that shows nothing", {"name": "\u2800\ufe0f"}, 422, "invalid_registration", "name"),
    signing_up("49 marks on a letter", {"name": "a" + "\u0301" * 49}, 422, "invalid_registration", "name"),
    signing_up("a name of two lines", {"name": "a\nb"}, 422, "invalid_registration", "name"),
    signing_up("a name that turns the line", {"name": "a\u202eb"}, 422, "invalid_registration", "name"),
    signing_up("several at once", {"name": "", "password": "short"}, 422, "invalid_registration", "name", "password"),
    signing_up("a username that is taken", {"username": BOB.upper()}, 409, "username_taken"),
    signing_up("a username that is reserved", {"username": "Admin"}, 409, "username_reserved"),
    signing_up("an address that is taken in full width", {"email": "careful_bob\uff20example.com"}, 409, "email_taken"),
    signing_up("an address that is taken", {"email": "CAREFUL_BOB@example.com"}, 409, "email_taken"),
]
SESSIONS = [
    auth("a wrong password", LOGIN, {"username": BOB, "password": "wrong wrong"}, 401, "invalid_credentials"),
    auth("nobody's name", LOGIN, {"username": "nobody_at_all", "password": "wrong"}, 401, "invalid_credentials"),
    auth("a name of a NUL", LOGIN, {"login": "\x00", "password": "wrong"}, 401, "invalid_credentials"),
    auth("a password of 1,000", LOGIN, {"login": BOB, "password": "x" * 1_000}, 401, "invalid_credentials"),
    auth("a password of 10,000", LOGIN, {"login": BOB, "password": "x" * 10_000}, 422, "invalid_request", "password"),
    auth(
        "an address in brackets",
        LOGIN,
        {"login": f"Bob <{BOB}@example.com>", "password": PASSWORD},
        401,
        "invalid_credentials",
    ),
    auth("half a name", LOGIN, {"login": "\ud83d", "password": "a"}, 422, "invalid_request", "login"),
    auth("no name", LOGIN, {"password": "long enough"}, 422, "invalid_request", "login"),
    auth("two names", LOGIN, {"username": "a", "email": "b", "password": "c"}, 422, "invalid_request", "login"),
    auth("no password", LOGIN, {"username": BOB}, 422, "invalid_request", "password"),
    auth("a refresh token that is none", REFRESH, {"refresh_token": "nonsense"}, 401, "invalid_refresh_token"),
    auth(
        "a refresh token beyond reason",
        REFRESH,
        {"refresh_token": "x" * 50_000},
        422,
        "invalid_request",
        "refresh_token",
    ),
    auth("half a refresh token", REFRESH, {"refresh_token": "\ud83d"}, 422, "invalid_request", "refresh_token"),
    auth("no refresh token", REFRESH, {}, 422, "invalid_request", "refresh_token"),
    auth("logging out of nothing", LOGOUT, None, 401, "token_required"),
    auth("logging out with a number", LOGOUT, {"refresh_token": 5}, 422, "invalid_request", "refresh_token"),
]
PROFILES = [
    editing("an empty name", {"name": " "}, "invalid_profile", "name"),
    editing("a name of 51", {"name": "a" * 51}, "invalid_profile", "name"),
    editing("a name of two lines", {"name": "a\nb"}, "invalid_profile", "name"),
    editing("a name that turns the line", {"name": "a\u202eb"}, "invalid_profile", "name"),
    editing("a name of 60 KB of marks", {"name": "\u0301" * 10_000}, "invalid_request", "name"),
    editing("a name that is a number", {"name": 5}, "invalid_request", "name"),
    editing("half a name", {"name": "\ud83d"}, "invalid_request", "name"),
    editing("a biography of 161", {"bio": "a" * 161}, "invalid_profile", "bio"),
    editing("a biography of 81 wide letters", {"bio": "日" * 81}, "invalid_profile", "bio"),
    editing("a biography that shows nothing", {"bio": "\u3164"}, "invalid_profile", "bio"),
    editing("a biography with a NUL", {"bio": "a\x00"}, "invalid_profile", "bio"),
    editing("a biography of 1,025 letters", {"bio": "a" * 1_025}, "invalid_profile", "bio"),
    editing("a biography of 60 KB", {"bio": "a" * 60_000}, "invalid_request", "bio"),
    editing("a biography of 4,000 marks", {"bio": "a" + "\u0345" * 2_000 + "\u0334" * 2_000}, "invalid_profile", "bio"),
    editing("a biography that is a list", {"bio": ["a"]}, "invalid_request", "bio"),
    editing("a location of 31", {"location": "a" * 31}, "invalid_profile", "location"),
    editing("a location that turns the line", {"location": "a\u202eb"}, "invalid_profile", "location"),
    editing("a location of an object", {"location": {"city": "Bern"}}, "invalid_request", "location"),
    *(
        editing(f"the website {website[:40]!r}", {"website": website}, "invalid_profile", "website")
        for website in (
            "example.com",
            "javascript:alert(1)",
            "data:text/html;base64,PHNjcmlwdD4=",
            "vbscript:x",
            "ftp://example.com",
            "https://user:password@example.com",
            "https://example.com@evil.example.org",
            "https://localhost/",
            "https://169.254.169.254/latest",
            "https://exam\u202eple.com",
            "https://example.com/<script>",
            "https://example.com/ a",
            "https://example.com/" + "a" * 81,
        )
    ),
    editing("a website that is true", {"website": True}, "invalid_request", "website"),
    editing("several at once", {"name": "", "website": "a"}, "invalid_profile", "name", "website"),
    editing("another username", {"username": "other"}, "invalid_request", "username"),
    editing("private among the profile", {"private": True}, "invalid_request", "private"),
    editing("a role", {"role": "admin"}, "invalid_request", "role"),
    editing("a list", [], "invalid_request"),
    Bad(what="a profile of 100 KB", method="PUT", path=ME, raw=b"[" * 100_000, status=413, code="body_too_large"),
    setting("private that is a word", {"private": "true"}, "private"),
    setting("private that is a number", {"private": 1}, "private"),
    setting("an audience that is none", {"who_can_message": "friends"}, "who_can_message"),
    setting("a language that is none", {"language": "de_CH"}, "language", code="invalid_settings"),
    setting("a language of markup", {"language": "<b>"}, "language", code="invalid_settings"),
    setting("a language beyond reason", {"language": "de-" * 10_000}, "language"),
    setting("notifications that are a word", {"notifications": "everyone"}, "notifications"),
    setting("a kind that is none", {"notifications": {"poke": "everyone"}}, "notifications.poke"),
    setting("a kind of nobody known", {"notifications": {"like": "friends"}}, "notifications.like"),
    setting("a push that is a word", {"push": {"like": "yes"}}, "push.like"),
    setting("a push of 60 KB", {"push": {f"{number:x}": True for number in range(4_000)}}, "push"),
    setting("a setting that is none", {"theme": "dark"}, "theme"),
    bearer("no token to edit", None, "token_required", ME, "PUT"),
    bearer("no token for settings", None, "token_required", SETTINGS),
    bearer("no token to change settings", None, "token_required", SETTINGS, "PUT"),
    nothing("another's settings", f"{USER}/settings"),
]
DEEDS = [
    Bad(what="following oneself", path="/api/v1/users/<alice>/follow", status=422, code="self_follow"),
    Bad(what="deleting another's tweet", method="DELETE", path=TWEET, status=403, code="not_your_tweet"),
]
TABLE = {
    "body": BODIES,
    "text": TEXTS,
    "reference": REFERENCES,
    "unknown field": UNKNOWN_FIELDS,
    "address": ADDRESSES,
    "id": IDS,
    "page": PAGES,
    "trends": TRENDING,
    "token": TOKENS,
    "signing up": SIGNING_UP,
    "session": SESSIONS,
    "profile": PROFILES,
    "deed": DEEDS,
}
