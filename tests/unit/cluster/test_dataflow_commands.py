"""What the command line of dataflows decides before it runs one."""

from pathlib import Path

import pytest

from cluster.commands.dataflows.run import kept_in
from cluster.commands.dataflows.trends import require_kept
from cluster.errors import ClusterError
from domain.trends.windows import WINDOWS, Window
from storage.log_reader import EVENTS_KEPT_MS

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize("window", WINDOWS.values(), ids=lambda window: window.name)
def test_a_ranking_whose_events_may_be_gone_is_refused(window: Window) -> None:
    first_ms = NOW_MS - EVENTS_KEPT_MS + 2 * window.span_ms
    require_kept(window, first_ms, 0, NOW_MS)
    with pytest.raises(ClusterError, match="not all kept"):
        require_kept(window, first_ms - 1, 0, NOW_MS)
    require_kept(window, first_ms - 1, NOW_MS - 3_600_000, NOW_MS)  # a system that is younger never had more


def test_snapshots_belong_to_the_place_that_rows_go_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "linked").symlink_to(tmp_path)
    data = Path("data")
    ways = {
        kept_in(data, "languages", out) for out in ("a.jsonl", "./a.jsonl", "linked/a.jsonl", f"{tmp_path}/a.jsonl")
    }
    assert len(ways) == 1
    monkeypatch.chdir("/")
    others = {kept_in(data, *of) for of in (("languages", "a.jsonl"), ("bots", "redis"), ("bots", "cassandra"))}
    assert len(ways | others) == 4
