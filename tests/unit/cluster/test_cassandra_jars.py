"""Cassandra's jars are the very ones that the repository knows, or none."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.embedded.cassandra_jars import VERSION, Reporter, ensure_jars, known_sums
from cluster.errors import EmbeddedError

SUMS = {"org/one.jar": hashlib.sha256(b"whole").hexdigest()}


def fetching(content: bytes) -> Callable[[Path, Reporter], None]:
    def fetch(folder: Path, report: Reporter) -> None:
        report("Fetched.")
        (folder / "org").mkdir(parents=True)
        (folder / "org/one.jar").write_bytes(content)

    return fetch


def test_jars_of_the_right_size_that_are_not_ours_are_fetched_again(tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "jars"
    (jar,) = ensure_jars(folder, SUMS, said.append, fetching(b"whole"))
    assert jar.read_bytes() == b"whole"
    assert (ensure_jars(folder, SUMS, said.append, fetching(b"whole")), said) == ([jar], ["Fetched."])
    jar.write_bytes(bytes(len(b"whole")))
    assert ensure_jars(folder, SUMS, said.append, fetching(b"whole")) == [jar]
    assert jar.read_bytes() == b"whole"
    assert said == [
        "Fetched.",
        f"Cassandra's jars in {folder} are incomplete or damaged; downloading them again.",
        said[0],
    ]


def test_a_download_that_is_not_what_we_know_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        EmbeddedError, match=r"org/one\.jar, as it was downloaded, is not the jar that Murmur knows"
    ) as no:
        ensure_jars(tmp_path / "jars", SUMS, print, fetching(b"other"))
    assert "\n" not in str(no.value)
    assert not (tmp_path / "jars").exists()


def test_the_repository_knows_every_jar_of_this_version() -> None:
    sums = known_sums()
    assert len(sums) == 100
    assert all(len(bytes.fromhex(sum_)) == 32 for sum_ in sums.values())
    assert f"org/apache/cassandra/cassandra-all/{VERSION}/cassandra-all-{VERSION}.jar" in sums
