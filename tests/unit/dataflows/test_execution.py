"""The folders that snapshots are kept in."""

from pathlib import Path

from dataflows.execution import snapshot_folder


def test_a_folder_is_kept_until_its_version_changes_or_it_is_given_up(tmp_path: Path) -> None:
    kept = snapshot_folder(tmp_path, 1)
    files = sorted(kept.glob("*.sqlite3"))
    (kept / "mine").touch()
    assert files
    assert snapshot_folder(tmp_path, 1) == kept
    assert (kept / "mine").exists()
    assert not (snapshot_folder(tmp_path, 1, fresh=True) / "mine").exists()
    assert sorted(kept.glob("*.sqlite3")) == files
    (tmp_path / "part-0.sqlite3").touch()
    assert snapshot_folder(tmp_path, 2) != kept
    assert [found.name for found in tmp_path.iterdir()] == ["v2"]
