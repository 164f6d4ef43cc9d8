"""What other users of the machine cannot read, and cannot put something else in the place of."""

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.embedded.ports import PortBlock
from cluster.embedded.ray_node import make_scratch_folder, remove_scratch_folder, require_programs_run
from cluster.errors import ClusterError, EmbeddedError
from cluster.private import make_secret, open_private, private_folder, write_private
from cluster.state import FolderLock, RunState
from storage.loopback import is_loopback
from tests.support.system import endpoints_on

NOBODY = 65534


def mode_of(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.fixture
def folder_of_another(tmp_path: Path) -> Path:
    """One that belongs to another user than the one of the tests."""
    if os.geteuid():
        return Path("/usr")
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    return folder


@pytest.fixture
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where port blocks are claimed, in a folder for temporary files of the test's own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"murmur-ports-{os.geteuid()}"


def test_a_folder_is_closed_to_others_and_one_that_was_open_is_closed(tmp_path: Path) -> None:
    assert mode_of(private_folder(tmp_path / "new")) == 0o700
    (tmp_path / "old").mkdir()
    (tmp_path / "old").chmod(0o777)
    assert mode_of(private_folder(tmp_path / "old")) == 0o700


def test_a_folder_of_another_user_and_a_link_are_refused(tmp_path: Path, folder_of_another: Path) -> None:
    with pytest.raises(ClusterError, match="no folder of this user"):
        private_folder(folder_of_another)
    (tmp_path / "link").symlink_to(private_folder(tmp_path / "mine"))
    (tmp_path / "link to nothing").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").touch()
    for no_folder in ("link", "link to nothing", "file"):
        with pytest.raises(ClusterError, match="no folder of this user"):
            private_folder(tmp_path / no_folder)
    assert not (tmp_path / "nothing").exists()


def test_a_secret_is_made_once_and_read_by_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "secret"
    secret = make_secret(path)
    assert len(bytes.fromhex(secret)) == 32
    assert make_secret(path) == secret == path.read_text()
    assert (mode_of(path), mode_of(path.parent)) == (0o600, 0o700)


def test_a_file_that_was_open_to_others_is_replaced_by_one_that_is_not(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for old in (path, tmp_path / "file.partial"):
        old.write_text("old")
        old.chmod(0o666)
    write_private(path, "new")
    assert (path.read_text(), mode_of(path)) == ("new", 0o600)


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    (tmp_path / "link").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        open_private(tmp_path / "link", "w")
    assert precious.read_text() == "kept"


def test_ports_are_claimed_in_a_folder_of_ours_and_what_is_there_is_left_as_it_is(claims: Path) -> None:
    claims.mkdir()
    claims.chmod(0o777)
    for number in range(60):
        (claims / f"block-{number}").write_text("kept")
    PortBlock().release()
    assert {path.read_text() for path in claims.iterdir()} == {"kept"}
    assert mode_of(claims) == 0o700


def test_ports_are_not_claimed_where_another_leads_us(claims: Path, tmp_path: Path) -> None:
    claims.symlink_to(private_folder(tmp_path / "elsewhere"))
    with pytest.raises(ClusterError, match="no folder of this user"):
        PortBlock()


def test_the_folder_of_sockets_cannot_be_guessed_and_the_next_start_removes_it(tmp_path: Path) -> None:
    data_dir = private_folder(tmp_path / "data")
    first = make_scratch_folder(data_dir)
    (first / "socket").touch()
    second = make_scratch_folder(data_dir)
    assert not first.exists()
    assert mode_of(second) == 0o700
    remove_scratch_folder(data_dir)
    assert not second.exists()
    assert first != second


def test_what_took_the_name_of_that_folder_since_is_left_alone(tmp_path: Path, folder_of_another: Path) -> None:
    data_dir = private_folder(tmp_path / "data")
    (data_dir / "scratch").symlink_to(folder_of_another)
    remove_scratch_folder(data_dir)
    assert folder_of_another.exists()
    assert not (data_dir / "scratch").is_symlink()


def test_where_no_program_may_run_is_said_before_one_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_programs_run(str(tmp_path))
    found = list(os.statvfs(tmp_path))
    mounted_noexec = os.statvfs_result([*found[:8], found[8] | os.ST_NOEXEC, *found[9:]])
    monkeypatch.setattr(os, "statvfs", lambda _path: mounted_noexec)
    with pytest.raises(EmbeddedError, match=r"No program may run in .* set TMPDIR to"):
        require_programs_run(str(tmp_path))


def test_a_data_folder_is_closed_unless_it_holds_what_is_not_ours(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    data_dir.chmod(0o755)
    FolderLock(data_dir).release()
    data_dir.chmod(0o755)  # as older versions left it
    FolderLock(data_dir).release()
    assert (mode_of(data_dir), mode_of(data_dir / "lock")) == (0o700, 0o600)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)  # whatever the umask is
    (shared / "of somebody").touch()
    with pytest.raises(ClusterError, match="open to other users and holds files that are not Murmur's"):
        FolderLock(shared)
    assert mode_of(shared) == 0o755


def test_only_we_can_read_where_the_parts_are_and_with_which_password(tmp_path: Path) -> None:
    endpoints = replace(endpoints_on(tmp_path), redis_url="redis://:secret@127.0.0.1:1/0")
    RunState(pid=1, endpoints=endpoints).write()
    assert mode_of(tmp_path / "run.json") == 0o600


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("127.0.0.1", True),
        ("127.8.0.1", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("127.0.0.1.example.com", False),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("redis", False),
    ],
)
def test_what_stays_on_the_machine_is_told_from_what_may_not(host: str, stays: bool) -> None:
    assert is_loopback(host) is stays
