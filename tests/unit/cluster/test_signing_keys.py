"""The keys of a system as commands change them: whenever one dies, every good token stays good."""

import itertools
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from cluster.errors import AlreadyRunning, ClusterError, SettingsError
from cluster.locks import held_alone
from cluster.settings import Settings
from cluster.signing_keys import NEEDED, PUBLISHED, keys_folder, prepare_keys, rotate
from domain.clock import ManualClock
from domain.ids import SessionId, UserId
from serve.accounts.key_ring import LOOK_EVERY_MS, KeyRing, key_files, made_at
from serve.accounts.tokens import TTL_S, AccessTokens
from serve.http.sessions import Session
from tests.support.key_files import BEGAN, add_key, folder_of

SOMEBODY = Session(UserId(7), SessionId(9))
_DIED = 9


def settings_at(data_dir: Path, **given: Any) -> Settings:
    return Settings(data_dir=data_dir, **given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Keys as the first start makes them."""
    prepare_keys(settings_at(tmp_path))
    return tmp_path / "keys" / "jwt"


def signer(folder: Path) -> str:
    return KeyRing(folder, ManualClock()).signer().file


def test_the_first_start_makes_a_key_that_signs_and_one_ahead_that_nobody_else_may_read(folder: Path) -> None:
    signs, ahead = key_files(folder)
    assert signer(folder) == signs
    assert [path.stat().st_mode & 0o777 for path in (folder.parent, folder, folder / signs, folder / ahead)] == [
        0o700,
        0o700,
        0o600,
        0o600,
    ]


def test_a_start_leaves_keys_as_they_are(folder: Path, tmp_path: Path) -> None:
    before = {name: (folder / name).read_bytes() for name in key_files(folder)}
    prepare_keys(settings_at(tmp_path))
    assert {name: (folder / name).read_bytes() for name in key_files(folder)} == before


def test_a_start_publishes_one_ahead_of_a_key_that_is_alone(tmp_path: Path) -> None:
    named = folder_of(tmp_path)
    (alone,) = key_files(named)
    prepare_keys(settings_at(tmp_path, jwt_keys_dir=named))
    assert len(key_files(named)) == 2
    assert signer(named) == alone


def test_a_folder_that_cannot_be_written_will_do_if_two_keys_are_in_it(folder: Path, tmp_path: Path) -> None:
    for path in (*folder.iterdir(), folder):
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = sorted(os.listdir(folder))
    prepare_keys(settings_at(tmp_path, jwt_keys_dir=folder))
    assert sorted(os.listdir(folder)) == before
    folder.chmod(0o700)


def test_a_start_refuses_keys_that_others_may_read(folder: Path, tmp_path: Path) -> None:
    path = folder / key_files(folder)[0]
    path.chmod(0o640)
    with pytest.raises(SettingsError, match=r"open to other users \(mode 0640\)") as caught:
        prepare_keys(settings_at(tmp_path))
    assert caught.value.exit_code == 2


def test_a_folder_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"MURMUR_JWT_KEYS_DIR names .*, which is no folder"):
        prepare_keys(settings_at(tmp_path, jwt_keys_dir=tmp_path / "nowhere"))
    assert keys_folder(settings_at(tmp_path, jwt_keys_dir=tmp_path)) == tmp_path


def test_a_rotation_lets_the_key_ahead_sign_and_publishes_the_next(folder: Path) -> None:
    before = key_files(folder)
    done = rotate(folder)
    assert key_files(folder) == [*before, done.ahead]
    assert done.signs == signer(folder) == before[1]
    assert done.dropped == []


def test_a_key_signs_only_after_everybody_has_seen_it(folder: Path) -> None:
    published = made_at(rotate(folder).ahead)
    before = key_files(folder)
    with pytest.raises(ClusterError, match="try again in 1 s"):
        rotate(folder, published + PUBLISHED - timedelta(seconds=1))
    assert key_files(folder) == before
    assert rotate(folder, published + PUBLISHED).signs == before[-1]
    assert timedelta(milliseconds=2 * LOOK_EVERY_MS, seconds=300) < PUBLISHED, "replicas, and whoever keeps the JWKS"


def test_a_key_is_dropped_when_no_token_of_it_can_be_good(folder: Path) -> None:
    first, second = key_files(folder)
    replaced = made_at(rotate(folder).ahead)
    assert rotate(folder, replaced + NEEDED - timedelta(seconds=1)).dropped == []
    assert rotate(folder, replaced + NEEDED + PUBLISHED).dropped == [first], "the second has signed until just now"
    assert key_files(folder)[0] == second
    assert timedelta(seconds=TTL_S, milliseconds=LOOK_EVERY_MS) < NEEDED


def test_a_clock_that_went_back_changes_no_order(folder: Path) -> None:
    before = key_files(folder)
    with pytest.raises(ClusterError, match="Not everybody"):
        rotate(folder, datetime(2020, 1, 1, tzinfo=UTC))
    assert key_files(folder) == before


def test_two_rotations_at_once_are_one(folder: Path) -> None:
    with held_alone(folder / "rotation", "the first"), pytest.raises(AlreadyRunning, match="Another command"):
        rotate(folder)
    assert len(key_files(folder)) == 2


def test_a_rotation_refuses_what_it_cannot_read_or_write(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        rotate(tmp_path / "nowhere")
    nonsense = add_key(folder, 0, KeyRing(folder, ManualClock()).signer().private)
    nonsense.write_bytes(b"nonsense")
    with pytest.raises(SettingsError, match="no private key"):
        rotate(folder)


def dies_at(step: int, folder: Path, now: datetime) -> bool:
    """A rotation in a process that is gone before its so-many-th act on the folder; whether it came to that."""
    child = os.fork()
    if child == 0:
        acts = itertools.count(1)

        def on_event(event: str, arguments: tuple[Any, ...]) -> None:
            on_folder = event in ("open", "os.rename", "os.remove") and str(arguments[0]).startswith(str(folder))
            if on_folder and next(acts) == step:
                os._exit(_DIED)

        sys.addaudithook(on_event)
        try:
            rotate(folder, now)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, _DIED)
    return code == _DIED


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_rotation_may_die_at_any_step(tmp_path: Path) -> None:
    now, clock = BEGAN + timedelta(days=1), ManualClock()
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(4)]
    for step in itertools.count(1):
        parent = tmp_path / str(step)
        parent.mkdir()
        folder = folder_of(parent, *keys)
        late = AccessTokens(KeyRing(folder, clock), clock)
        token = late.issue(*SOMEBODY)
        if not dies_at(step, folder, now):
            assert len(key_files(folder)) == 3, "this time two were dropped"
            assert step > 8, "four keys are read, one is written and named, two go, and the folder is synced twice"
            break
        early = AccessTokens(KeyRing(folder, clock), clock)
        assert early.verify(token) == SOMEBODY, "what was signed before"
        assert late.verify(early.issue(*SOMEBODY)) == SOMEBODY, "by who has not seen it"
        rotate(folder, now + PUBLISHED)
        assert AccessTokens(KeyRing(folder, clock), clock).verify(token) == SOMEBODY
        assert not list(folder.glob(".*")), "nothing is left of it"
