"""A naive server of the same API, as far as the load uses it: FastAPI and SQLite in one process, every page a query.

Nothing is fanned out or cached; counts are columns. What it answered outlives the process, but not the machine
(`synchronous = NORMAL`). It is run as `python -m benchmarks.naive_app PORT FILE`.
"""

import hashlib
import secrets
import sqlite3
import sys
from pathlib import Path
from typing import Annotated

import uvicorn
from fastapi import Body, Depends, FastAPI, Header, HTTPException
from starlette.responses import Response

_SCHEMA = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
CREATE TABLE users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, salt BLOB, hash BLOB,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    followers_count INTEGER DEFAULT 0, following_count INTEGER DEFAULT 0, tweets_count INTEGER DEFAULT 0);
CREATE TABLE sessions (token TEXT PRIMARY KEY, user INTEGER) WITHOUT ROWID;
CREATE TABLE follows (user INTEGER, target INTEGER, PRIMARY KEY (user, target)) WITHOUT ROWID;
CREATE TABLE marks (user INTEGER, tweet INTEGER, kind TEXT, PRIMARY KEY (user, tweet, kind)) WITHOUT ROWID;
CREATE TABLE tweets (id INTEGER PRIMARY KEY, author INTEGER, text TEXT,
    created_at TEXT DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')), likes_count INTEGER DEFAULT 0,
    retweets_count INTEGER DEFAULT 0, replies_count INTEGER DEFAULT 0, quotes_count INTEGER DEFAULT 0);
CREATE INDEX of_author ON tweets (author, id);
"""
_AUTHOR = "'id', CAST(u.id AS TEXT), 'username', username, 'name', username, 'private', json('false')"
_FOLLOWS = "json(iif(EXISTS (SELECT 1 FROM follows WHERE user = :{} AND target = :{}), 'true', 'false'))"
_USER = f"""SELECT json_object({_AUTHOR}, 'created_at', created_at, 'followers_count', followers_count,
    'following_count', following_count, 'tweets_count', tweets_count,
    'bio', '', 'location', '', 'website', '', 'following', {_FOLLOWS.format("me", "user")},
    'followed_by', {_FOLLOWS.format("user", "me")}, 'requested', json('false'), 'requested_by', json('false'),
    'blocking', json('false'), 'muting', json('false'), 'retweets_hidden', json('false'))
    FROM users u WHERE id = :user"""
_MARK = """json(iif(EXISTS
    (SELECT 1 FROM marks WHERE user = :me AND tweet = t.id AND kind = '{}'), 'true', 'false'))"""
_TWEETS = f"""SELECT t.id, json_object('id', CAST(t.id AS TEXT), 'author', json_object({_AUTHOR}), 'text', text,
    'created_at', t.created_at, 'reply_to_id', NULL, 'quote_of_id', NULL, 'location', NULL, 'hashtags', json_array(),
    'mentions', json_array(), 'visibility', 'public', 'retweet_of', NULL, 'quote', NULL, 'likes_count', likes_count,
    'retweets_count', retweets_count, 'replies_count', replies_count, 'quotes_count', quotes_count,
    'liked', {_MARK.format("like")}, 'retweeted', {_MARK.format("retweet")},
    'bookmarked', {_MARK.format("bookmark")})
    FROM tweets t {{}} CROSS JOIN users u ON u.id = author WHERE {{}}"""
_TWEET = _TWEETS.format("", "t.id = :tweet")
_NEWEST = " AND t.id < :below ORDER BY t.id DESC LIMIT :limit"
_OF_AUTHOR = _TWEETS.format("", "author = :author") + _NEWEST
# From the newest tweet down until the page is full: far faster here than all tweets of those one follows, sorted.
_FOLLOWED = "author IN (SELECT target FROM follows WHERE user = :me UNION SELECT :me)"
_HOME = _TWEETS.format("NOT INDEXED", _FOLLOWED) + _NEWEST
_END = 1 << 62
Text = Annotated[str, Body(embed=True)]


def naive_app(path: Path) -> FastAPI:
    """The server with a new database in this file."""
    app = FastAPI()
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.executescript(_SCHEMA)

    async def member(authorization: Annotated[str, Header()]) -> int:
        token = authorization.removeprefix("Bearer ")
        if (row := db.execute("SELECT user FROM sessions WHERE token = ?", (token,)).fetchone()) is None:
            raise HTTPException(401)
        return int(row[0])

    Me = Annotated[int, Depends(member)]  # noqa: N806 - a type

    def user_json(user: int, me: int) -> str:
        return str(db.execute(_USER, {"user": user, "me": me}).fetchone()[0])

    def signed_in(user: int, status: int) -> Response:
        token = secrets.token_urlsafe(32)
        db.execute("INSERT INTO sessions VALUES (?, ?)", (token, user))
        return _json(f'{{"user":{user_json(user, user)},"access_token":"{token}"}}', status)

    def page(query: str, limit: int, **values: int) -> Response:
        rows = db.execute(query, {"limit": limit, **values}).fetchall()
        last = f'"{rows[-1][0]}"' if len(rows) == limit else "null"
        return _json(f'{{"tweets":[{",".join(row[1] for row in rows)}],"next_cursor":{last}}}')

    def relate(change: str, by: int, me: int, user: int) -> Response:
        with db:
            db.execute("BEGIN IMMEDIATE")
            by *= db.execute(change, (me, user)).rowcount
            db.execute("UPDATE users SET following_count = following_count + ? WHERE id = ?", (by, me))
            db.execute("UPDATE users SET followers_count = followers_count + ? WHERE id = ?", (by, user))
        return _json(user_json(user, me))

    @app.post("/api/v1/auth/register")
    async def register(username: Text, password: Text) -> Response:
        salt = secrets.token_bytes(16)
        hashed = _hash(password, salt)
        new = db.execute("INSERT INTO users (username, salt, hash) VALUES (?, ?, ?)", (username, salt, hashed))
        return signed_in(int(new.lastrowid or 0), 201)

    @app.post("/api/v1/auth/login")
    async def login(username: Text, password: Text) -> Response:
        user, salt, hashed = db.execute(
            "SELECT id, salt, hash FROM users WHERE username = ?", (username,)
        ).fetchone() or (0, b"", b"")
        if not secrets.compare_digest(hashed, _hash(password, salt)):
            raise HTTPException(401)
        return signed_in(user, 200)

    @app.post("/api/v1/tweets")
    async def post(text: Text, me: Me) -> Response:
        with db:
            db.execute("BEGIN IMMEDIATE")
            tweet = db.execute("INSERT INTO tweets (author, text) VALUES (?, ?)", (me, text)).lastrowid
            db.execute("UPDATE users SET tweets_count = tweets_count + 1 WHERE id = ?", (me,))
        return _json(db.execute(_TWEET, {"tweet": tweet, "me": me}).fetchone()[1], 201)

    @app.get("/api/v1/timeline/home")
    async def home(me: Me, limit: int = 20, cursor: int = _END) -> Response:
        return page(_HOME, limit, below=cursor, me=me)

    @app.get("/api/v1/timeline/user/{author}")
    async def user_timeline(author: int, me: Me, limit: int = 20, cursor: int = _END) -> Response:
        return page(_OF_AUTHOR, limit, below=cursor, me=me, author=author)

    @app.post("/api/v1/users/{user}/follow")
    async def follow(user: int, me: Me) -> Response:
        return relate("INSERT OR IGNORE INTO follows VALUES (?, ?)", 1, me, user)

    @app.delete("/api/v1/users/{user}/follow")
    async def unfollow(user: int, me: Me) -> Response:
        return relate("DELETE FROM follows WHERE user = ? AND target = ?", -1, me, user)

    return app


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=1 << 12, r=8, p=1)


def _json(body: str, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


if __name__ == "__main__":
    app_ = naive_app(Path(sys.argv[2]))
    uvicorn.run(app_, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_level="warning")
