"""The description against the service: whatever fits it is taken, whatever does not is refused, and both as it says."""

import asyncio
import re
import sys
from pathlib import Path

import httpx
import pytest

from cluster.waiting import wait_until
from domain.timeline import CURSOR_PATTERN
from tests.support.api_user import PASSWORD
from tests.support.system import ROOT, RunningSystem

_EXAMPLES = 5
_SEED = 7


@pytest.fixture(scope="module")
def tokens(system: RunningSystem) -> dict[str, str]:
    body = {"username": "inquisitor", "email": "inquisitor@example.com", "password": PASSWORD}
    answer = httpx.post(f"{system.endpoints.http_url}/api/v1/auth/register", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    trends = f"{system.endpoints.http_url}/api/v1/trends"
    assert wait_until(lambda: httpx.get(trends, timeout=30).status_code == 200, 60), (
        "a system that has just begun counts"
    )
    return {"a member": answer.json()["access_token"], "a stranger": ""}


@pytest.mark.parametrize(
    ("who", "options"),
    [
        ("a member", ["--exclude-path", "/api/v1/auth/logout"]),  # it would end the session that all others need
        ("a stranger", ["--phases", "examples,coverage,fuzzing"]),  # chains need what a member made
    ],
)
async def test_every_operation_passes_every_check(
    system: RunningSystem, tokens: dict[str, str], who: str, options: list[str], tmp_path: Path
) -> None:
    """Examples, coverage of every keyword, random requests, and chains of them; what is excepted is in the file."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "--config-file", str(ROOT / "schemathesis.toml")]
    command += ["run", f"{system.endpoints.http_url}/openapi.json", "--checks", "all", "--continue-on-failure"]
    command += ["--max-examples", str(_EXAMPLES), "--seed", str(_SEED), "--no-color", *options]
    if token := tokens[who]:
        command += ["--header", f"Authorization: Bearer {token}"]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=tmp_path, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    tested = re.search(r"Tested: (\d+)", out.decode())
    assert tested is not None
    assert int(tested[1]) > 30, "all, or all but one"


async def test_every_header_of_an_answer_is_declared(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    for method, path in (
        ("GET", "/api/v1/timeline/public"),
        ("GET", "/api/v1/users/me"),
        ("POST", "/api/v1/auth/login"),
    ):
        answer = await api.request(method, path)
        declared = document["paths"][path][method.lower()]["responses"][str(answer.status_code)]["headers"]
        names = {name.lower() for name in declared} | {"content-type", "content-length", "date"}
        assert set(answer.headers) <= names


async def test_the_description_says_what_is_taken(api: httpx.AsyncClient) -> None:
    document = (await api.get("/openapi.json")).json()
    schemas = document["components"]["schemas"]
    assert [one["required"] for one in schemas["LogIn"]["oneOf"]] == [["login"], ["username"], ["email"]]
    assert schemas["NewUser"]["properties"]["username"]["pattern"] == "^[A-Za-z0-9_]+$"
    for model, field in (("NewTweet", "text"), ("NewTweet", "location"), ("NewUser", "name")):
        taken = schemas[model]["properties"][field]
        assert taken.get("anyOf", [taken])[0]["pattern"] == r"\S", "not blank"
    parameters = document["paths"]["/api/v1/timeline/home"]["get"]["parameters"]
    (cursor,) = [one["schema"] for one in parameters if one["name"] == "cursor"]
    assert cursor["pattern"] == CURSOR_PATTERN
