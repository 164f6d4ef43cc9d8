"""The folder of keys as replicas read it: which key signs, when they look again, and what they refuse to read."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from domain.clock import ManualClock
from serve.accounts.key_ring import LOOK_EVERY_MS, KeyRing, UnusableKeys, key_files, public_jwk, read_keys
from tests.support.key_files import add_key, folder_of, pem

FIRST, SECOND, THIRD, FOURTH = (ec.generate_private_key(ec.SECP256R1()) for _ in range(4))


def kid(key: ec.EllipticCurvePrivateKey) -> str:
    return public_jwk(key.public_key())["kid"]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def refusal(folder: Path) -> str:
    with pytest.raises(UnusableKeys) as caught:
        read_keys(folder)
    return str(caught.value)


def test_the_newest_key_but_one_signs_and_all_verify(tmp_path: Path, clock: ManualClock) -> None:
    ring = KeyRing(folder_of(tmp_path, FIRST, SECOND, THIRD), clock)
    assert [key.kid for key in ring.current()] == [kid(FIRST), kid(SECOND), kid(THIRD)]
    assert ring.signer().kid == kid(SECOND)
    for known in (FIRST, SECOND, THIRD):
        found = ring.find(kid(known))
        assert found is not None
        assert found.public == known.public_key()
    assert ring.find(kid(FOURTH)) is None


def test_a_key_that_is_alone_signs(tmp_path: Path, clock: ManualClock) -> None:
    assert KeyRing(folder_of(tmp_path, FIRST), clock).signer().kid == kid(FIRST)


def test_who_reads_the_folder_late_knows_the_key_that_others_sign_with(tmp_path: Path, clock: ManualClock) -> None:
    folder = folder_of(tmp_path, FIRST, SECOND)
    late = KeyRing(folder, clock)
    add_key(folder, 2, THIRD)
    early = KeyRing(folder, clock)
    assert (late.signer().kid, early.signer().kid) == (kid(FIRST), kid(SECOND))
    assert late.find(early.signer().kid) is not None
    assert early.find(late.signer().kid) is not None


def test_the_folder_is_looked_at_now_and_then(tmp_path: Path, clock: ManualClock) -> None:
    folder = folder_of(tmp_path, FIRST, SECOND)
    ring = KeyRing(folder, clock)
    add_key(folder, 2, THIRD)
    before = ring.current()
    clock.advance(LOOK_EVERY_MS - 1)
    assert ring.current() is before
    clock.advance(1)
    assert ring.signer().kid == kid(SECOND)
    assert ring.current() is ring.current(), "whoever remembers something of the keys sees whether they changed"


def test_an_unknown_key_is_looked_for_once_a_second_however_many_are_named(tmp_path: Path, clock: ManualClock) -> None:
    folder = folder_of(tmp_path, FIRST, SECOND)
    ring = KeyRing(folder, clock)
    add_key(folder, 2, THIRD)
    assert ring.find(kid(THIRD)) is None, "the folder was just looked at"
    clock.advance(1_000)
    assert ring.find(kid(THIRD)) is not None
    add_key(folder, 3, FOURTH)
    for name in [kid(FOURTH), *map(str, range(100)), None]:
        assert ring.find(name) is None
    clock.advance(1_000)
    assert ring.find(kid(FOURTH)) is not None


def lay_something_bad(folder: Path) -> None:
    add_key(folder, 2, THIRD).chmod(0o644)


def lose_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def take_the_folder_away(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))


@pytest.mark.parametrize("spoil", [lay_something_bad, lose_all, take_the_folder_away])
def test_a_folder_that_turns_bad_changes_nothing_until_it_is_good_again(
    tmp_path: Path, clock: ManualClock, spoil: Callable[[Path], None]
) -> None:
    folder = folder_of(tmp_path, FIRST, SECOND)
    ring = KeyRing(folder, clock)
    spoil(folder)
    clock.advance(LOOK_EVERY_MS)
    assert [key.kid for key in ring.current()] == [kid(FIRST), kid(SECOND)]
    if folder.exists():
        lose_all(folder)
    else:
        folder.mkdir(mode=0o700)
    add_key(folder, 3, FOURTH)
    clock.advance(LOOK_EVERY_MS)
    assert [key.kid for key in ring.current()] == [kid(FOURTH)]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o601, 0o602, 0o610])
def test_a_key_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    folder = folder_of(tmp_path, FIRST)
    (path,) = folder.iterdir()
    path.chmod(mode)
    assert refusal(folder) == f"{path} is open to other users (mode {mode:04o}); run: chmod go= '{path}'"


@pytest.mark.parametrize("mode", [0o755, 0o710, 0o720, 0o701])
def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, mode: int) -> None:
    folder = folder_of(tmp_path, FIRST)
    folder.chmod(mode)
    assert refusal(folder).startswith(f"{folder} is open to other users (mode {mode:04o})")
    folder.chmod(0o500)
    assert len(read_keys(folder)) == 1


def test_what_a_link_leads_to_is_judged(tmp_path: Path) -> None:
    folder, elsewhere = folder_of(tmp_path, FIRST), tmp_path / "elsewhere.pem"
    (path,) = folder.iterdir()
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    assert [key.kid for key in read_keys(linked)] == [kid(FIRST)]
    elsewhere.chmod(0o644)
    assert "open to other users (mode 0644)" in refusal(linked)
    elsewhere.chmod(0o600)
    folder.chmod(0o750)
    assert "open to other users (mode 0750)" in refusal(linked)


def test_what_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    """Root gives its key away; whoever else runs this looks at something of root's that is as closed."""
    if os.geteuid() == 0:
        folder = folder_of(tmp_path, FIRST)
        (path,) = folder.iterdir()
        os.chown(path, 65534, -1)
        assert "belongs to another user (uid 65534)" in refusal(folder)
        os.chown(path, 0, -1)
        os.chown(folder, 65534, -1)
        assert "belongs to another user (uid 65534)" in refusal(folder)
    else:
        with pytest.raises(UnusableKeys, match=r"belongs to another user \(uid 0\)"):
            key_files(Path("/"))


def a_pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


def a_folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nothing")


def nonsense(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")


def something_endless(path: Path) -> None:
    path.touch(mode=0o600)
    os.truncate(path, 1 << 40)


def a_key_with_a_password(path: Path) -> None:
    path.touch(mode=0o600)
    secret = serialization.BestAvailableEncryption(b"secret")
    path.write_bytes(FIRST.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))


def a_public_key(path: Path) -> None:
    path.touch(mode=0o600)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    path.write_bytes(FIRST.public_key().public_bytes(serialization.Encoding.PEM, form))


def another_curve(path: Path) -> None:
    path.touch(mode=0o600)
    path.write_bytes(pem(ec.generate_private_key(ec.SECP384R1())))


def another_kind(path: Path) -> None:
    key = rsa.generate_private_key(65_537, 2_048)
    path.touch(mode=0o600)
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))


@pytest.mark.parametrize(
    "make",
    [
        a_pipe,
        a_folder,
        a_link_to_nothing,
        nonsense,
        something_endless,
        a_key_with_a_password,
        a_public_key,
        another_curve,
        another_kind,
    ],
)
def test_what_is_no_key_of_the_right_kind_is_refused_by_name(tmp_path: Path, make: Callable[[Path], None]) -> None:
    folder = folder_of(tmp_path, FIRST)
    path = folder / "20260201T000000Z.pem"
    make(path)
    assert str(path) in refusal(folder)


@pytest.mark.parametrize("name", ["jwt.pem", "20260231T000000Z.pem", "2026-01-31.pem", "20260131T120000.pem"])
def test_a_name_that_does_not_say_how_old_its_key_is_is_refused(tmp_path: Path, name: str) -> None:
    folder = folder_of(tmp_path, FIRST)
    add_key(folder, 1, SECOND).rename(folder / name)
    assert f"{folder / name} must be named by when its key was made" in refusal(folder)


def test_other_files_in_the_folder_are_nobodys_business(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, FIRST)
    for name in ("README", "20260201T000000Z.pem.partial", ".20260201T000000Z.pem.partial", "..data", "rotation.lock"):
        (folder / name).write_text("anything")
    assert [key.kid for key in read_keys(folder)] == [kid(FIRST)]


def test_a_folder_without_keys_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir(mode=0o700)
    assert "holds no key" in refusal(empty)
    assert "No such file" in refusal(tmp_path / "nowhere")
