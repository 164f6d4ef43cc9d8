"""Trends of a running system: exact after deletes, kills, a flush and other numbers of workers."""

import asyncio
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow.parquet as pq
import pytest
from redis.asyncio import Redis

from cluster.demo.trends_model import LiveTweet, trends_of
from domain.clock import SystemClock
from domain.ids import ID_MAX
from domain.places import places_of
from domain.trends import GLOBAL, WINDOWS
from tests.support import faults
from tests.support.people import Person, sign_up
from tests.support.system import RunningSystem
from tests.support.waiting import eventually

AUTHORS = 5
TEXTS = ("#{0} and #{1}", "#{0} again", "#{1} it is", "no tag at all")


@pytest.fixture
async def api(system: RunningSystem) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as client:
        yield client


class Crowd:
    """People who tweet under two tags of their own at a place of their own, and what of it is live."""

    def __init__(self, people: list[Person], name: str, location: str) -> None:
        self.people = people
        self.tags = (f"{name}One", f"{name}Two")
        self.location = location
        self.live: list[LiveTweet] = []

    async def tweet(self, count: int) -> None:
        """Post tweets side by side, and delete every fifth again."""
        posted = await asyncio.gather(*(self._post(number) for number in range(count)))
        for author, tweet in posted[::5]:
            await self._patiently(author, "DELETE", f"/tweets/{tweet.id}", (204, 404))
        self.live += [tweet for at, (_, tweet) in enumerate(posted) if at % 5]

    async def _post(self, number: int) -> tuple[Person, LiveTweet]:
        author = self.people[number % len(self.people)]
        text = TEXTS[number % len(TEXTS)].format(*self.tags)
        body = {"text": text, "location": self.location}
        made = (await self._patiently(author, "POST", "/tweets", (201,), body)).json()
        tags = tuple(word.removeprefix("#") for word in text.split() if word.startswith("#"))
        places = places_of(self.location)
        return author, LiveTweet(id=int(made["id"]), author=int(author.id), tags=tags, places=places)

    async def _patiently(
        self, author: Person, method: str, path: str, done: tuple[int, ...], body: dict[str, str] | None = None
    ) -> httpx.Response:
        """A call, repeated under one idempotency key while a store is too busy to answer."""
        headers = {**author.headers, "Idempotency-Key": secrets.token_hex(12)}

        async def call() -> httpx.Response:
            return await author.api.request(method, f"/api/v1{path}", headers=headers, json=body)

        return await eventually(call, lambda answer: answer.status_code in done, within_s=60)

    async def settled(self, api: httpx.AsyncClient) -> None:
        """Wait until every window shows exactly what the model says of the moment that it speaks of."""
        for name in WINDOWS:
            await eventually(partial(self.differences, api, name), lambda found: found == [], within_s=90)

    async def differences(self, api: httpx.AsyncClient, name: str) -> list[str]:
        """Where a window differs at the crowd's place from the model, once it is dated after the last tweet."""
        response = await api.get("/api/v1/trends", params={"window": name, "location": self.location, "limit": 50})
        if response.status_code != 200:
            return [response.text]
        seen = response.json()
        expected = trends_of(self.live, WINDOWS[name], places_of(self.location)[-1], as_of_ms(seen))
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
    assert GLOBAL not in places_of("Lisbon")
    assert people.live[0].id < ID_MAX
    response = await api.get(f"/api/v1/trends/{people.tags[0]}/history", params={"window": "60m"})
    counted = sum(pane["count"] for pane in response.json()["panes"])
    assert counted == sum(people.tags[0] in tweet.tags for tweet in people.live)


@pytest.mark.parametrize(("victim", "location"), [("TrendsWorkerActor", "Oslo"), ("SupervisorActor", "Vienna")])
async def test_trends_are_exact_after_a_kill(
    system: RunningSystem, api: httpx.AsyncClient, victim: str, location: str
) -> None:
    people = await crowd(api, victim, location)
    await people.tweet(12)
    tweeting = asyncio.create_task(people.tweet(30))
    assert faults.kill(system, f"ray::{victim}") > 0
    await tweeting
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
    assert faults.kill(system, "ray::TrendsWorkerActor") > 0
    await people.tweet(6)
    await people.settled(api)


async def test_history_says_what_the_living_said(system: RunningSystem, api: httpx.AsyncClient, tmp_path: Path) -> None:
    people = await crowd(api, "past", "Prague")
    await people.tweet(24)
    await people.settled(api)
    done_ms = SystemClock().now_ms()  # a delete takes effect at once, also in an answer that is dated before it
    for window, form in (("5m", "jsonl"), ("60m", "parquet"), ("24h", "jsonl")):
        said = await eventually(
            partial(answer, api, window, "Prague"), lambda seen: as_of_ms(seen) >= done_ms, within_s=60
        )
        out = tmp_path / f"{window}.{form}"
        moment = ("--from", said["as_of"], "--to", said["as_of"])
        what = ("--window", window, "--location", "Prague", "--out", str(out))
        await run(system, "dataflows", "trends", *moment, *what)
        rows = read_rows(out)
        keys = ("tag", "count", "unique_authors", "score")
        assert [[row[key] for key in keys] for row in rows] == [[t[key] for key in keys] for t in said["trends"]]
        assert [list(map(str, row["tweets"])) for row in rows] == [t["tweets"] for t in said["trends"]]
        assert len(rows) == len(people.tags)


async def answer(api: httpx.AsyncClient, window: str, location: str) -> dict[str, Any]:
    response = await api.get("/api/v1/trends", params={"window": window, "location": location, "limit": 50})
    assert response.status_code == 200, response.text
    seen: dict[str, Any] = response.json()
    return seen


def as_of_ms(seen: dict[str, Any]) -> int:
    return round(datetime.fromisoformat(seen["as_of"]).timestamp() * 1000)


def read_rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    return [orjson.loads(line) for line in path.read_text().splitlines()]


async def test_other_numbers_of_workers_change_nothing(system: RunningSystem, api: httpx.AsyncClient) -> None:
    people = await crowd(api, "scaled", "Helsinki")
    for workers in (3, 2, 1):
        tweeting = asyncio.create_task(people.tweet(20))
        await run(system, "cluster", "scale", "--trends", str(workers))
        if workers == 2:
            faults.processes(system, "ray::TrendsWorkerActor")[0].kill()
        await tweeting
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
    tweeting = asyncio.create_task(people.tweet(30))
    redis = Redis.from_url(system.endpoints.redis_url)
    await redis.flushall()
    await redis.aclose()
    killed_ms = SystemClock().monotonic_ms()
    assert faults.kill(system, "ray::TrendsWorkerActor") == 2
    await tweeting
    await people.settled(api)
    print(f"trends exact {(SystemClock().monotonic_ms() - killed_ms) / 1000:.1f} s after the flush, under load")
    await run(system, "cluster", "scale", "--trends", "1")
