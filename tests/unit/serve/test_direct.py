"""Direct routes answer as FastAPI does: every request is asked of two worlds alike, of which one has none."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.types import Receive, Scope, Send

from domain.ids import SessionId
from domain.relations import LIKE
from serve.http.direct import DirectRoutes
from serve.http.rate_limits import RateLimits
from tests.support.key_files import folder_of
from tests.unit.serve.both_ways import ENDED, JSON, LIVE, MANY, TWEETS, Asked, Both, Headers, begun
from tests.unit.serve.replica import ALICE, BOB

FEW_REQUESTS = 5
OWN = ("/api/v1/users/me", "/api/v1/users/me/settings")
WORDS = "/api/v1/users/me/muted-words"


@pytest.fixture
async def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    return await begun(folder_of(tmp_path), MANY, monkeypatch)


@pytest.fixture
async def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Both:
    rates = RateLimits(reads_per_quarter_hour=FEW_REQUESTS, refusals_per_quarter_hour=FEW_REQUESTS)
    return await begun(folder_of(tmp_path), rates, monkeypatch)


def token(both: Both, session: SessionId = LIVE, ttl_s: int = 900) -> bytes:
    return both.direct.tokens.issue(BOB, session, ttl_s).encode()


def bearer(both: Both) -> Headers:
    return ((b"authorization", b"Bearer " + token(both)),)


def pages(both: Both) -> list[str]:
    """Every address with a query of a list."""
    tweet = both.direct.tweet
    return [
        "/api/v1/timeline/home",
        "/api/v1/timeline/public",
        f"/api/v1/timeline/user/{ALICE}",
        f"{TWEETS}/{tweet}/replies",
        f"{TWEETS}/{tweet}/likers",
        f"{TWEETS}/{tweet}/retweeters",
        f"/api/v1/users/{ALICE}/followers",
        f"/api/v1/users/{BOB}/following",
        "/api/v1/users/me/bookmarks",
        "/api/v1/users/me/blocks",
        "/api/v1/users/me/mutes",
        "/api/v1/users/me/sent-requests",
        "/api/v1/follow-requests",
        WORDS,
    ]


def things(both: Both) -> list[str]:
    """Every other address that is read."""
    tweet = both.direct.tweet
    return [f"{TWEETS}/{tweet}", f"{TWEETS}/{tweet}/engagements", *OWN, f"/api/v1/users/{ALICE}"]


async def test_the_routes_that_are_direct_are_these(both: Both) -> None:
    found = set(DirectRoutes(both.other.api, both.other.api.routes).routes)
    read = {path.replace(str(both.direct.tweet), "{id}") for path in (*pages(both), *things(both))}
    read = {path.replace(str(ALICE), "{id}").replace(str(BOB), "{id}") for path in read}
    relations = [f"{TWEETS}/{{id}}/{name}" for name in ("like", "retweet", "bookmark")]
    relations += [f"/api/v1/users/{{id}}/{name}" for name in ("follow", "block", "mute")]
    written = {("POST", TWEETS), ("POST", WORDS), ("DELETE", f"{TWEETS}/{{id}}")}
    written |= {("POST", f"/api/v1/follow-requests/{{id}}/{name}") for name in ("approve", "reject")}
    written |= {(method, path) for method in ("POST", "DELETE") for path in relations}
    written |= {("PUT", path) for path in OWN}
    assert found == {("GET", path) for path in read} | written


async def test_plain_reads(both: Both) -> None:
    for path in (*pages(both), *things(both)):
        for method in ("GET", "HEAD"):
            for headers in (bearer(both), ((b"authorization", b"bearer  " + token(both) + b" "),)):
                answer = await both.same(Asked(method, path, headers, plain=True))
                assert answer.status == 200
                assert dict(answer.headers)[b"content-type"] == b"application/json"
        origin = (b"origin", b"https://app.example")
        await both.same(Asked("GET", path, (*bearer(both), origin, (b"x-forwarded-for", b"198.51.100.1")), plain=True))


async def test_a_page_that_the_client_has(both: Both) -> None:
    home = Asked("GET", pages(both)[0], bearer(both), plain=True)
    tag = dict((await both.same(home)).headers)[b"etag"]
    for had, status in ((tag, 304), (b"W/" + tag, 304), (b"*", 304), (b'"other"', 200), (b"nonsense", 200)):
        for method in ("GET", "HEAD"):
            again = Asked(method, home.path, (*home.headers, (b"if-none-match", had)), plain=True)
            assert (await both.same(again)).status == status
    await both.same(Asked("POST", TWEETS, (*bearer(both), *JSON), chunks=(b'{"text":"hello"}',), plain=True))
    for world in (both.direct, both.other):
        await world.replica.relations.turn_on(LIKE, BOB, world.reply)
    changed = await both.same(Asked("GET", home.path, (*home.headers, (b"if-none-match", tag)), plain=True))
    assert changed.status == 200
    assert dict(changed.headers)[b"etag"] != tag


async def test_pages_one_after_another(both: Both) -> None:
    for path in pages(both):
        query = b"limit=2"
        while True:
            answer = await both.same(Asked("GET", path, bearer(both), query, plain=True))
            cursor = orjson.loads(answer.body)["next_cursor"]
            if cursor is None:
                break
            assert (await both.same(Asked("GET", path, bearer(both), b"cursor=" + cursor.encode(), plain=True))).body
            other_way = b"cursor=" + cursor.encode() + b"&limit=2"
            await both.same(Asked("GET", path, bearer(both), other_way))
            query = b"limit=2&cursor=" + cursor.encode()


QUERIES = [
    (b"limit=1", True),
    (b"limit=9999", True),
    (b"limit=0", False),
    (b"limit=-1", False),
    (b"limit=007", False),
    (b"limit=99999", False),
    (b"limit=1.0", False),
    (b"limit=many", False),
    (b"limit=", False),
    (b"limit=%31", False),
    (b"limit=1&limit=2", False),
    (b"limit=2&", False),
    (b"LIMIT=2", False),
    (b"else=1", False),
    (b"limit=2&else=1", False),
    (b"cursor=rubbish", True),
    (b"cursor=", False),
    (b"cursor=AQ", True),
    (b"cursor=" + b"A" * 65, False),
    (b"cursor=AQ&cursor=AQ", False),
    (b"cursor=A%51", False),
    (b"cursor=\xff", False),
    (b"&", False),
    (b"?", False),
]


async def test_queries(both: Both) -> None:
    for query, plain in QUERIES:
        for path in pages(both):
            await both.same(Asked("GET", path, bearer(both), query, plain=plain))
        for path in things(both):
            await both.same(Asked("GET", path, bearer(both), query))
        await both.same(Asked("POST", TWEETS, (*bearer(both), *JSON), query, (b'{"text":"hello"}',)))


FILTERS = [
    (b"filter=replies", 200),
    (b"filter=media", 200),
    (b"exclude=replies,retweets", 200),
    (b"exclude=media%2Creplies", 200),
    (b"filter=replies&exclude=retweets&limit=3", 200),
    (b"filter=quotes", 422),
    (b"filter=", 422),
    (b"filter=Replies", 422),
    (b"filter=replies,media", 422),
    (b"exclude=quotes", 422),
    (b"exclude=", 422),
    (b"exclude=" + b"replies," * 2_000 + b"media", 422),
]


async def test_filters(both: Both) -> None:
    for query, status in FILTERS:
        for path in (pages(both)[0], pages(both)[2]):
            answer = await both.same(Asked("GET", path, bearer(both), query))
            assert answer.status == status, query
            assert status == 200 or [*orjson.loads(answer.body)["fields"]] == [query.partition(b"=")[0].decode()]


async def test_tokens(both: Both) -> None:
    good = bearer(both)[0]
    cases: list[Headers] = [
        (),
        (good, good),
        (good, (b"authorization", b"Basic YTpi")),
        ((b"authorization", b""),),
        ((b"authorization", b"Bearer"),),
        ((b"authorization", b"Bearer "),),
        ((b"authorization", b"Bearer nonsense"),),
        ((b"authorization", b"Bearer \xff"),),
        ((b"authorization", b"Basic YTpi"),),
        ((b"authorization", b"Bearer " + token(both) + b"x"),),
        ((b"authorization", b"Bearer " + token(both, ttl_s=0)),),
        ((b"authorization", b"Bearer " + token(both, ENDED)),),
    ]
    for headers in cases:
        for path in (*pages(both), *things(both)):
            await both.same(Asked("GET", path, headers, plain=True))
        body = (b'{"text":"hello"}',)
        await both.same(Asked("POST", TWEETS, (*headers, *JSON), chunks=body, plain=True))
        await both.same(Asked("POST", f"{TWEETS}/{both.direct.tweet}/like", headers, plain=True))


async def test_whoever_asks_too_often_is_told_so(few: Both) -> None:
    limited, refused = Asked("GET", things(few)[0], bearer(few), plain=True), Asked("GET", f"{TWEETS}/1", plain=True)
    for asked in (limited, refused):
        statuses = [(await few.same(asked)).status for _ in range(FEW_REQUESTS + 1)]
        assert (statuses[-2] == 429, statuses[-1]) == (False, 429)


IDS = [
    ("1", True),
    ("9223372036854775807", True),
    ("9223372036854775808", True),
    ("9999999999999999999", True),
    ("0", False),
    ("007", False),
    ("18446744073709551616", False),
    ("+1", False),
    ("1e3", False),
    ("1_000", False),
    ("\uff11\uff12", False),
    ("12\n", False),
    ("12/", False),
    ("12/13", False),
    ("", False),
    ("me", False),
]


async def test_ids(both: Both) -> None:
    for id_, plain in IDS:
        for method, pattern in (
            ("GET", f"{TWEETS}/{{}}"),
            ("DELETE", f"{TWEETS}/{{}}"),
            ("GET", f"{TWEETS}/{{}}/replies"),
            ("POST", f"{TWEETS}/{{}}/like"),
            ("DELETE", f"{TWEETS}/{{}}/retweet"),
            ("POST", "/api/v1/users/{}/follow"),
            ("GET", "/api/v1/timeline/user/{}"),
        ):
            await both.same(Asked(method, pattern.format(id_), bearer(both), plain=plain))
        for path in ("/api/v1/timeline/hashtag/12", "/api/v1/users/by/username/12", f"{TWEETS}/12/thread"):
            await both.same(Asked("GET", path, bearer(both)))
        for method in ("PUT", "PATCH", "OPTIONS", "get"):
            await both.same(Asked(method, f"{TWEETS}/{both.direct.tweet}", bearer(both)))


async def test_what_is_gone_or_a_retweet_or_ones_own(both: Both) -> None:
    retweet = max(entry for entry in await both.direct.replica.shown(BOB) if entry > both.direct.reply)
    for path in (f"{TWEETS}/{both.direct.gone}", f"{TWEETS}/{retweet}", f"{TWEETS}/{both.direct.tweet}"):
        for method in ("GET", "DELETE"):
            await both.same(Asked(method, path, bearer(both), plain=True))
        for relation in ("like", "retweet", "bookmark"):
            for method in ("POST", "POST", "DELETE", "DELETE"):
                await both.same(Asked(method, f"{path}/{relation}", bearer(both), plain=True))
    for user in (ALICE, BOB):
        for method in ("DELETE", "POST", "POST"):
            await both.same(Asked(method, f"/api/v1/users/{user}/follow", bearer(both), plain=True))
    assert (await both.same(Asked("DELETE", f"{TWEETS}/{both.direct.reply}", bearer(both), plain=True))).status == 204


BODIES = [
    (b'{"text":"hello"}', True),
    (b' {"text" : "hello", "reply_to_id": null} ', True),
    ('{"text":"gr\u00fc\u00df \U0001f600"}'.encode(), True),
    (b'{"text":"a","text":"b"}', True),
    (b'{"text":"hello","location":"K"}', True),
    (b'{"text":"hello","reply_to_id":"TWEET"}', True),
    (b'{"text":"hello","quote_of_id":"TWEET","reply_to_id":"1"}', True),
    (b'{"text":"hello","idempotency_key":"once"}', True),
    (b'{"text":"hello","location":" "}', True),
    (b'{"text":" "}', True),
    ('{"text":"hello"}'.encode("utf-16"), True),
    ('{"text":"hello"}'.encode("utf-8-sig"), True),
    (b'{"text":"' + b"x" * 281 + b'"}', True),
    (b"", False),
    (b"{", False),
    (b"{}", False),
    (b"[]", False),
    (b"null", False),
    (b'"text"', False),
    (b"NaN", False),
    (b'{"text":NaN}', False),
    (b'{"text":1}', False),
    (b'{"text":null}', False),
    (b'{"text":"hello","else":1}', False),
    (b'{"text":"\\ud800"}', False),
    (b'{"text":"\xff"}', False),
    (b'{"text":"hello","reply_to_id":1}', False),
    (b'{"text":"hello","reply_to_id":"0"}', False),
    (b"[" * 2_000, False),
    (b'{"text":"' + b"x" * 60_000 + b'"}', False),
    (b'{"text":"' + b"x" * 70_000 + b'"}', None),
]


async def test_bodies(both: Both) -> None:
    for body, plain in BODIES:
        body = body.replace(b"TWEET", str(both.direct.tweet).encode())
        too_large = plain is None
        headers = (*bearer(both), *JSON)
        in_parts = tuple(body[at : at + 1_000] for at in range(0, len(body), 1_000)) or (b"",)
        for chunks in ((body,), in_parts, (*in_parts, b"")):
            answer = await both.same(Asked("POST", TWEETS, headers, chunks=chunks, plain=bool(plain) or too_large))
            assert (answer.status == 413) is too_large
        length = (b"content-length", b"%d" % len(body))
        await both.same(Asked("POST", TWEETS, (*headers, length), chunks=(body,), plain=bool(plain) or too_large))
        await both.same(Asked("POST", TWEETS, (*bearer(both), length), chunks=(body,), plain=too_large))


EMPTY_OR_NOT = [b"", b"{}", b'{"a":1}', b"[]", b"null", b"{", b" "]


CHANGES = [
    ("me", b'{"name":"Bob \xc3\x84","bio":"","website":"https://example.com"}', True),
    ("me", b'{"name":null,"bio":null}', True),
    ("me", b"{}", True),
    ("me", b'{"name":"","website":"javascript:alert(1)"}', True),
    ("me", b'{"name":1}', False),
    ("me", b'{"private":true}', False),
    ("me/settings", b'{"private":true,"push":{"like":false},"notifications":{"reply":"nobody"}}', True),
    ("me/settings", b'{"language":"tlh-"}', True),
    ("me/settings", b'{"private":"yes"}', False),
    ("me/settings", b'{"push":{"like":1}}', False),
    ("me/settings", b'{"push":{"dislike":true}}', False),
]


async def test_changes_of_oneself(both: Both) -> None:
    for path, body, plain in CHANGES:
        await both.same(Asked("PUT", f"/api/v1/users/{path}", (*bearer(both), *JSON), chunks=(body,), plain=plain))
    for path in OWN:
        shown = await both.same(Asked("GET", path, bearer(both), plain=True))
        assert b'"private":true' in shown.body


async def test_bodies_where_there_need_be_none(both: Both) -> None:
    for body in EMPTY_OR_NOT:
        for headers in ((), JSON):
            plain = body in (b"",) or (body == b"{}" and headers == JSON)
            for path in (f"{TWEETS}/{both.direct.tweet}/like", f"/api/v1/users/{ALICE}/follow"):
                await both.same(Asked("POST", path, (*bearer(both), *headers), chunks=(body,), plain=plain))


KINDS = [
    (),
    ((b"content-type", b"application/json; charset=utf-8"),),
    ((b"content-type", b"application/ld+json"),),
    ((b"content-type", b"text/plain"),),
    ((b"content-type", b"APPLICATION/JSON"),),
    ((b"content-type", b"\xff"),),
    (*JSON, *JSON),
    (*JSON, (b"content-type", b"text/plain")),
    (*JSON, (b"idempotency-key", b"once")),
    (*JSON, (b"idempotency-key", b"")),
    (*JSON, (b"idempotency-key", b"\xff")),
    (*JSON, (b"idempotency-key", b"one"), (b"idempotency-key", b"two")),
]


async def test_kinds_of_body_and_keys(both: Both) -> None:
    for headers in KINDS:
        for _ in range(2):
            await both.same(Asked("POST", TWEETS, (*bearer(both), *headers), chunks=(b'{"text":"hello"}',)))


async def test_what_does_not_come_whole_is_not_done(both: Both) -> None:
    for path in (TWEETS, f"{TWEETS}/{both.direct.tweet}/like"):
        await both.same(Asked("POST", path, (*bearer(both), *JSON), chunks=()))
    assert b'"liked":true' in (await both.same(Asked("GET", things(both)[0], bearer(both), plain=True))).body


async def test_stores_that_do_not_answer(both: Both) -> None:
    for world in (both.direct, both.other):
        world.replica.events.unanswered = 1
    answer = await both.same(Asked("POST", TWEETS, (*bearer(both), *JSON), chunks=(b'{"text":"hello"}',), plain=True))
    assert answer.status == 503


async def test_a_root_path_is_handed_on(both: Both) -> None:
    scope = {"type": "http", "root_path": "/api", "method": "GET", "path": "/api/v1/timeline/home"}
    seen = list[Scope]()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    nothing: Any = None
    direct = DirectRoutes(app, both.direct.api.routes)
    await direct(scope, nothing, nothing)
    await direct({"type": "lifespan"}, nothing, nothing)
    assert seen == [scope, {"type": "lifespan"}]
