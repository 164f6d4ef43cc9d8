"""Dataflows of data teams on a running system: each event once, over a crash and a flush, and the same over history."""

import asyncio
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pyarrow.parquet as pq
from redis.asyncio import Redis

from domain.clock import SystemClock
from domain.ids import time_ms
from storage import keys
from tests.support.api_user import ApiUser, sign_up
from tests.support.system import RunningSystem
from tests.support.waiting import eventually

TEXTS = (
    "What a lovely day to walk along the river",
    "今日はとてもいい天気ですね",
    "Quel temps fait-il aujourd'hui à Paris",
)


async def start(system: RunningSystem, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cluster", "dataflows", "run", *words, env=dict(system.environment), cwd=system.folder,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def finished(process: asyncio.subprocess.Process) -> None:
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


async def tweet(api: httpx.AsyncClient, people: list[ApiUser], count: int) -> list[int]:
    """Post tweets in several languages; their ids."""
    answers = [
        await api.post("/api/v1/tweets", headers=people[n % len(people)].headers, json={"text": f"{TEXTS[n % 3]} {n}"})
        for n in range(count)
    ]
    assert {answer.status_code for answer in answers} == {201}
    return [int(answer.json()["id"]) for answer in answers]


def last_rows(path: Path) -> dict[str, dict[str, Any]]:
    """The last row of each key."""
    if path.is_dir():
        rows = [row for file in sorted(path.glob("*.parquet")) for row in pq.read_table(file).to_pylist()]
    else:
        rows = [orjson.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []
    return {row.pop("key"): row for row in rows}


def by_minute(rows: dict[str, dict[str, Any]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for row in rows.values():
        found[row["minute"]] += row["tweets"]
    return found


async def test_each_tweet_counts_once_over_a_kill_a_flush_and_history(system: RunningSystem, tmp_path: Path) -> None:
    begin = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    live = tmp_path / "languages.jsonl"
    words = ("languages", "--out", str(live), "--from", begin)
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as api:
        people = await sign_up(api, 2)
        ids = await tweet(api, people, 12)
        first = await start(system, *words)

        async def counted() -> Counter[int]:
            return by_minute(last_rows(live))

        def expected(seen: Counter[int]) -> bool:
            return seen == Counter(time_ms(id_) // 60_000 for id_ in ids)

        await eventually(counted, expected, within_s=60)
        first.kill()
        await first.wait()
        ids += await tweet(api, people, 9)
        redis = Redis.from_url(system.endpoints.redis_url)
        await redis.flushall()
        ids += await tweet(api, people, 6)
        second = await start(system, *words)
        await eventually(counted, expected, within_s=90)
        ids += await tweet(api, people, 3)
        await eventually(counted, expected, within_s=60)
        second.send_signal(signal.SIGINT)
        await finished(second)
        assert expected(await counted())

        end = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        past = tmp_path / "languages.parquet"
        for out in (str(past), "redis", "cassandra"):
            await finished(await start(system, "languages", "--out", out, "--from", begin, "--to", end))
        assert last_rows(past) == last_rows(live)
        for key, row in last_rows(past).items():
            kept = await redis.get(keys.output("languages", key))
            assert kept is not None
            assert orjson.loads(kept) == row
        await redis.aclose()


async def test_every_example_runs(system: RunningSystem, tmp_path: Path) -> None:
    async with httpx.AsyncClient(base_url=system.endpoints.http_url, timeout=30) as api:
        alice, bob = await sign_up(api, 2)
        followed = await api.post(f"/api/v1/users/{alice.id}/follow", headers=bob.headers)
        assert followed.status_code == 200, followed.text
        (first, *_) = [await tweet(api, [alice], 1) for _ in range(4)]
    hour = time_ms(first[0]) // 3_600_000
    wanted = {"bots": (alice.id, "same", 4), "reach": (f"{hour} {alice.id}", "reach", 1)}
    for name, (key, column, value) in wanted.items():
        out = tmp_path / f"{name}.jsonl"
        end = datetime.fromtimestamp(SystemClock().now_ms() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        await finished(await start(system, name, "--out", str(out), "--to", end))
        assert last_rows(out)[str(key)][column] == value


async def test_what_cannot_be_run_ends_in_a_sentence(system: RunningSystem, tmp_path: Path) -> None:
    for words, code, why in (
        (("nothing", "--out", str(tmp_path / "x.jsonl")), 1, "There is no dataflow 'nothing'"),
        (("languages", "--out", str(tmp_path / "x.csv")), 2, "ends in .jsonl or .parquet"),
    ):
        process = await start(system, *words)
        out, _ = await process.communicate()
        assert (process.returncode, why in " ".join(out.decode().split())) == (code, True), out.decode()
