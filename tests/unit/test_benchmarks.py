"""What the benchmarks measure with is what they say: the naive server, the mix of requests, kinds of processes."""

from collections import Counter
from pathlib import Path

import httpx
import pytest
from pydantic import BaseModel

from benchmarks import processes, requests_report, workloads
from benchmarks.arrival import Arrival
from benchmarks.http_load import Load
from benchmarks.naive_app import naive_app
from benchmarks.open_load import Offered
from benchmarks.population import AUTHORS, READERS, READING, Population
from benchmarks.requests_report import CONSTANT, NAIVE, Measured
from benchmarks.sides import OURS, Side
from cluster.client.api import PREFIX, Account, ApiClient
from serve.tweets.schemas import Tweet, TweetPage
from serve.users.schemas import User


def people() -> Population:
    star, *others = (Account(id, f"user{id}", "", f"token{id}") for id in range(1 + AUTHORS + READERS))
    side = Side(name="nowhere", url="http://nowhere", pid=0, folder=Path())
    api = ApiClient(httpx.AsyncClient())
    return Population(side=side, api=api, star=star, authors=others[:AUTHORS], readers=others[AUTHORS:])


def has_shape(answer: httpx.Response, shape: type[BaseModel]) -> bool:
    """Whether an answer has every field of a shape of ours, and no other."""
    said: dict[str, object] = answer.json()
    return shape.model_validate(said).model_dump(mode="json").keys() == said.keys()


async def test_the_naive_server_answers_in_our_shapes_and_follows_its_people(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(app=naive_app(tmp_path / "naive.db"))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://naive{PREFIX}") as http:

        async def sign_up(name: str) -> tuple[str, dict[str, str]]:
            body = {"username": name, "email": f"{name}@example.com", "password": "correct horse"}
            said = (await http.post("/auth/register", json=body)).json()
            return said["user"]["id"], {"Authorization": f"Bearer {said['access_token']}"}

        alice, as_alice = await sign_up("alice")
        bob, as_bob = await sign_up("bob")
        posted = await http.post("/tweets", json={"text": "Hello."}, headers=as_alice)
        assert posted.status_code == 201
        assert has_shape(posted, Tweet)
        assert (await http.get("/timeline/home", headers=as_bob)).json()["tweets"] == []
        followed = await http.post(f"/users/{alice}/follow", headers=as_bob)
        assert has_shape(followed, User)
        assert (followed.json()["followers_count"], followed.json()["following"]) == (1, True)
        home = await http.get("/timeline/home", headers=as_bob)
        assert has_shape(home, TweetPage)
        assert home.json()["tweets"] == [posted.json()]
        await http.post("/tweets", json={"text": "Hello again."}, headers=as_alice)
        first = (await http.get(f"/timeline/user/{alice}?limit=1", headers=as_bob)).json()
        assert [tweet["text"] for tweet in first["tweets"]] == ["Hello again."]
        rest = await http.get(f"/timeline/user/{alice}?limit=10&cursor={first['next_cursor']}", headers=as_bob)
        assert rest.json() == {"tweets": [posted.json()], "next_cursor": None}
        unfollowed = await http.delete(f"/users/{alice}/follow", headers=as_bob)
        assert (unfollowed.json()["followers_count"], unfollowed.json()["following"]) == (0, False)
        assert (await http.get("/timeline/home", headers=as_bob)).json()["tweets"] == []
        assert (await http.get("/timeline/home", headers={"Authorization": "Bearer none"})).status_code == 401
        assert bob != alice


def test_every_author_of_the_requests_has_twenty_followers_and_every_reader_five_authors() -> None:
    followees = [people().followees(reader) for reader in range(READING)]
    assert {len(set(each)) for each in followees} == {5}
    assert set(Counter(author for each in followees for author in each).values()) == {20}


def test_the_mix_is_of_90_pages_8_posts_and_2_follows() -> None:
    requests = workloads.of(people())[workloads.MIX]
    kinds = Counter(
        "follow" if "/follow" in request else "page" if request.startswith("GET") else "post" for request in requests
    )
    assert {kind: count * 100 / len(requests) for kind, count in kinds.items()} == {"page": 90, "post": 8, "follow": 2}
    assert len({request for request in requests if request.startswith("GET")}) == READING
    assert len({request for request in requests if "/tweets" in request}) == AUTHORS
    unfollowed = {request.split()[1] for request in requests if request.startswith("DELETE")}
    assert unfollowed == {request.split()[1] for request in requests if "/follow" in request}


def test_a_burst_is_awaited_by_those_who_follow_its_authors() -> None:
    posts, pages = workloads.burst(people(), 2)
    assert len(posts) == 2 * AUTHORS
    assert Counter(post for page in pages for post in page.posts) == dict.fromkeys(range(2 * AUTHORS), 20)
    tokens = [f"token{1 + author}" for author in people().followees(0)] * 2
    assert sorted(posts[post].split()[7] for post in pages[0].posts) == sorted(tokens)


def test_what_ray_brings_is_one_kind_of_process_and_each_actor_of_ours_is_one() -> None:
    taken = {"gcs_server": 1.0, "ray::ProxyActor": 2.0, "ray::CountersActor": 3.0, processes.REPLICAS: 4.0, "java": 5.0}
    assert processes.by_kind(taken) == {"Ray and the start": 3.0, "Counters": 3.0, "replicas": 4.0, "Cassandra": 5.0}


def measured(per_s: float, cpu_s: dict[str, float], idle: str = "") -> Measured:
    """A server's round in which each load had 100 good answers."""
    load = Load(per_s, {"200": 100}, 90, 45, [], "", 1.0, 2.0, 3.0, cpu_s, 100)
    offered = Offered(per_s / 2, 0.0, per_s / 2, {"200": 100}, {}, 0, "", 1.0, 2.0, 3.0, 0.1, [])
    found = Measured(idle=idle)
    for workload in workloads.ALL:
        found.few[workload].append(load)
        found.many[workload].append(load)
        found.half[workload].append(offered)
    found.posts.append(Arrival(0.5, 0.4, 0, []))
    return found


def test_requests_are_told_by_rate_and_cpu_beside_every_other_server() -> None:
    ours = measured(300.0, {"java": 0.1, processes.REPLICAS: 0.2, processes.CONSTANT: 9.0}, idle=processes.CONSTANT)
    sides = {OURS: ours, "earlier": measured(100.0, {"java": 0.5}), NAIVE: measured(600.0, {"python": 0.05})}
    rows = {row.key: row for row in requests_report.rows({**sides, CONSTANT: measured(1_200.0, {"java": 0.0})}, 9_000)}
    assert rows["requests_w2_constant"].values == [0.25]
    assert rows["requests_w3_before"].values == [3.0]
    assert rows["requests_w4_naive"].values == [0.5]
    assert [rows[f"requests_w{n}_before"].reached for n in (2, 3, 4, 5)] == [None, True, True, None]
    assert rows["requests_w2_cpu"].values == pytest.approx([3.0]), "milliseconds, without the replicas of the constant"
    beside, kinds, kinds_before = rows["requests_w1"].tables
    assert [line[1] for line in beside.lines if line[0] == workloads.POLLS] == [*sides, CONSTANT]
    assert list(kinds.lines) == [["Cassandra", 1.0, 1.0, 1.0, 1.0], ["replicas", 2.0, 2.0, 2.0, 2.0]]
    assert list(kinds_before.lines) == [["Cassandra", 5.0, 5.0, 5.0, 5.0]]


def test_cpu_is_that_which_was_added_between_two_looks() -> None:
    assert processes.taken({"java": 1.0, "ended": 2.0}, {"java": 1.5, "new": 0.25}) == {"java": 0.5, "new": 0.25}
