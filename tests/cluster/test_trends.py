"""Trends of a running system: exact after deletes, kills, a flush and other numbers of workers."""

import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow.parquet as pq
import pytest
from redis.asyncio import Redis

from domain.clock import SystemClock
from domain.ids import ID_MAX
from domain.trends.tag_counts import GLOBAL
from domain.trends.windows import WINDOWS
from storage.gazetteer import gazetteer
from tests.support import faults
from tests.support.api_user import ApiUser, sign_up
from tests.support.oracle.trends import LiveTweet, trends_of
from tests.support.system import RunningSystem
from tests.support.waiting import eventually

AUTHORS = 5
FEW = 3
SHOWN_WITHIN_MS = 2_000
RECOVERED_WITHIN_MS = 30_000
TEXTS = ("#{0} and #{1}", "#{0} again", "#{1} it is", "no tag at all")


@pytest.fixture
async def api(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as client:
        yield client


class Crowd:
    """People who tweet under two tags of their own at a place of their own, and what of it is live."""

    def __init__(self, people: list[ApiUser], name: str, location: str) -> None:
        self.people = people
        self.tags = (f"{name}One", f"{name}Two")
        self.location = location
        self.live: list[LiveTweet] = []
        self.done_ms = 0
        """When the last tweet or delete had been answered: an answer of this time or later has it."""
        self._posted = asyncio.Condition()
        self._posts = 0

    @asynccontextmanager
    async def tweeting(self, count: int) -> AsyncIterator[None]:
        """Do something while tweets are posted, a few of which have been answered; then wait for the rest."""
        enough = self._posts + FEW
        tweets = asyncio.create_task(self.tweet(count))
        async with asyncio.timeout(60), self._posted:
            await self._posted.wait_for(lambda: self._posts >= enough)
        assert not tweets.done()
        yield
        await tweets

    async def tweet(self, count: int) -> None:
        """Post tweets side by side, and delete every fifth again."""
        posted = await asyncio.gather(*(self.post(number) for number in range(count)))
        for author, tweet in posted[::5]:
            await self._patiently(author, "DELETE", f"/tweets/{tweet.id}", (204, 404))
        self.live += [tweet for at, (_, tweet) in enumerate(posted) if at % 5]
        self.done_ms = SystemClock().now_ms()

    async def post(self, number: int) -> tuple[ApiUser, LiveTweet]:
        author = self.people[number % len(self.people)]
        text = TEXTS[number % len(TEXTS)].format(*self.tags)
        body = {"text": text, "location": self.location}
        made = (await self._patiently(author, "POST", "/tweets", (201,), body)).json()
        async with self._posted:
            self._posts += 1
            self._posted.notify_all()
        tags = tuple(word.removeprefix("#") for word in text.split() if word.startswith("#"))
        places = gazetteer().places_of(self.location)
        return author, LiveTweet(id=int(made["id"]), author=author.id, tags=tags, places=places)

    async def _patiently(
        self, author: ApiUser, method: str, path: str, done: tuple[int, ...], body: dict[str, str] | None = None
    ) -> httpx.Response:
        """A call, repeated under one idempotency key while a store is too busy to answer."""
        headers = {"Idempotency-Key": secrets.token_hex(12)}

        async def call() -> httpx.Response:
            return await author.send(method, path, headers=headers, json=body)

        return await eventually(call, lambda answer: answer.status_code in done, within_s=60)

    async def settled(self, api: httpx.AsyncClient) -> None:
        """Wait until every window shows, of a moment after all that was done, exactly what the model says of it."""
        for name in WINDOWS:
            await eventually(partial(self.differences, api, name), lambda found: found == [], within_s=90)

    async def differences(self, api: httpx.AsyncClient, name: str) -> list[str]:
        """Where a window differs at the crowd's place from the model; and if it is older than what was done last."""
        response = await api.get("/api/v1/trends", params={"window": name, "location": self.location, "limit": 50})
        if response.status_code != 200:
            return [response.text]
        seen = response.json()
        if as_of_ms(seen) < self.done_ms:
            return [f"as of {seen['as_of']}: too old for {self.done_ms}"]
        expected = trends_of(self.live, WINDOWS[name], gazetteer().places_of(self.location)[-1], as_of_ms(seen))
        shown = [
            (t["tag"], t["count"], t["unique_authors"], t["score"], [int(id_) for id_ in t["tweets"]])
            for t in seen["trends"]
        ]
        wanted = [(t.tag, t.count, t.unique_authors, t.score, list(t.tweets)) for t in expected]
        return [] if shown == wanted and expected else [f"as of {seen['as_of']}: {shown} instead of {wanted}"]


def scribbled(folder: Path) -> None:
    """Overwrite every file with what is no snapshot."""
    for file in folder.iterdir():
        file.write_bytes(b"no snapshot" * 1_000)


async def crowd(api: httpx.AsyncClient, name: str, location: str) -> Crowd:
    return Crowd(await sign_up(api, AUTHORS), name, location)


async def test_trends_follow_tweets_and_deletes(api: httpx.AsyncClient) -> None:
    people = await crowd(api, "follow", "Lisbon")
    await people.tweet(20)
    await people.settled(api)
    assert GLOBAL not in gazetteer().places_of("Lisbon")
    assert people.live[0].id < ID_MAX
    response = await api.get(f"/api/v1/trends/{people.tags[0]}/history", params={"window": "60m"})
    counted = sum(pane["count"] for pane in response.json()["panes"])
    assert counted == sum(people.tags[0] in tweet.tags for tweet in people.live)


async def test_a_tweet_trends_within_two_seconds(api: httpx.AsyncClient) -> None:
    people = await crowd(api, "soon", "Porto")

    async def looked() -> str:
        return (await api.get("/api/v1/trends", params={"window": "5m", "location": people.location})).text

    async def shown_after_ms(number: int) -> int:
        _, tweet = await people.post(number)
        answered_ms = SystemClock().monotonic_ms()
        await eventually(looked, lambda seen: str(tweet.id) in seen, within_s=60)
        return SystemClock().monotonic_ms() - answered_ms

    took_ms = [await shown_after_ms(number) for number in (0, 1, 2, 4, 5)]  # the fourth has no tag
    assert min(took_ms) <= SHOWN_WITHIN_MS, took_ms


@pytest.mark.parametrize(("victim", "location"), [("TrendsWorkerActor", "Oslo"), ("SupervisorActor", "Vienna")])
async def test_trends_are_exact_after_a_kill(
    system: RunningSystem, api: httpx.AsyncClient, victim: str, location: str
) -> None:
    people = await crowd(api, victim, location)
    await people.tweet(12)
    async with people.tweeting(30):
        assert faults.kill(system, f"ray::{victim}") > 0
    await people.settled(api)


@pytest.mark.parametrize(("harm", "location"), [(shutil.rmtree, "Warsaw"), (scribbled, "Athens")])
async def test_trends_are_exact_after_snapshots_were_lost(
    system: RunningSystem, api: httpx.AsyncClient, harm: Callable[[Path], None], location: str
) -> None:
    people = await crowd(api, f"lost{location}", location)
    await people.tweet(12)
    await people.settled(api)
    (kept,) = (system.endpoints.data_dir / "trends").iterdir()
    harm(kept)
    faults.kill(system, "ray::TrendsWorkerActor")  # unless it has died of it already
    await people.tweet(6)
    await people.settled(api)


async def test_history_says_what_the_living_said(system: RunningSystem, api: httpx.AsyncClient, tmp_path: Path) -> None:
    people = await crowd(api, "past", "Prague")
    await people.tweet(24)
    await people.settled(api)
    for window, form in (("5m", "jsonl"), ("60m", "parquet"), ("24h", "jsonl")):
        said = await eventually(
            partial(answer, api, window, "Prague"), lambda seen: as_of_ms(seen) >= people.done_ms, within_s=60
        )
        out = tmp_path / f"{window}.{form}"
        moment = ("--from", said["as_of"], "--to", said["as_of"])
        what = ("--window", window, "--location", "Prague", "--out", str(out))
        await run(system, "cluster", "dataflows", "trends", *moment, *what)
        rows = read_rows(out)
        keys = ("tag", "count", "unique_authors", "score")
        assert [[row[key] for key in keys] for row in rows] == [[t[key] for key in keys] for t in said["trends"]]
        assert [(not row["previous"], since_of(row)) for row in rows] == [
            (t["is_new"], since_of(t)) for t in said["trends"]
        ]
        assert [list(map(str, row["tweets"])) for row in rows] == [t["tweets"] for t in said["trends"]]
        assert len(rows) == len(people.tags)


async def answer(api: httpx.AsyncClient, window: str, location: str) -> dict[str, Any]:
    response = await api.get("/api/v1/trends", params={"window": window, "location": location, "limit": 50})
    assert response.status_code == 200, response.text
    seen: dict[str, Any] = response.json()
    return seen


def as_of_ms(seen: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(seen["as_of"]).timestamp() * 1000)


def since_of(trend: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(str(trend["since"]))


def read_rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    return [orjson.loads(line) for line in path.read_text().splitlines()]


async def test_other_numbers_of_workers_change_nothing(system: RunningSystem, api: httpx.AsyncClient) -> None:
    people = await crowd(api, "scaled", "Helsinki")
    for workers in (3, 2, 1):
        async with people.tweeting(20):
            await run(system, "cluster", "scale", "--trends", str(workers))
            if workers == 2:
                faults.processes(system, "ray::TrendsWorkerActor")[0].kill()
        await people.settled(api)
    assert "down" not in await run(system, "cluster", "status")


async def run(system: RunningSystem, module: str, *words: str) -> str:
    """What a command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, env=dict(system.environment), cwd=system.folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_trends_are_exact_after_a_flush_and_the_death_of_all_workers(
    system: RunningSystem, api: httpx.AsyncClient
) -> None:
    people = await crowd(api, "flushed", "Madrid")
    await run(system, "cluster", "scale", "--trends", "2")
    await people.tweet(12)
    async with people.tweeting(30), Redis.from_url(system.endpoints.redis_url) as redis:
        await redis.flushall()
        killed_ms = SystemClock().monotonic_ms()
        assert faults.kill(system, "ray::TrendsWorkerActor") == 2
    await people.settled(api)
    took_ms = SystemClock().monotonic_ms() - killed_ms
    assert took_ms <= RECOVERED_WITHIN_MS, f"{took_ms} ms"
    await run(system, "cluster", "scale", "--trends", "1")
