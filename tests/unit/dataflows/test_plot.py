"""The picture of what trended."""

from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path

from matplotlib.image import imread

from dataflows.trends.plot import TAGS_MAX, TrendsPlot
from domain.trends.tag_counts import TOP_MAX

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def row(tag: str, count: int) -> dict[str, object]:
    return {"tag": tag, "normalized_tag": tag.casefold(), "count": count}


def test_the_tags_that_were_used_most_are_drawn(tmp_path: Path) -> None:
    drawn: dict[str, bytes] = {}
    for name, extra in (("few", 0), ("more", 1)):
        plot = TrendsPlot("60m", "fr")
        for minute in range(30):
            rows = [row(f"tag{n}", 100 - n + minute % (n + 1)) for n in range(TAGS_MAX + extra)]
            plot.take(NOON + timedelta(minutes=minute), rows)
        plot.write(tmp_path / f"{name}.png")
        image = imread(tmp_path / f"{name}.png")
        assert image.shape[:2] == (600, 1_200)
        assert len({tuple(pixel) for pixel in image[::5, ::5].reshape(-1, 4).tolist()}) > TAGS_MAX
        drawn[name] = image.tobytes()
    assert drawn["few"] == drawn["more"], "what was used least is left out"


def test_a_tag_is_one_line_however_it_is_spelled_with_gaps_where_nobody_knows_its_count() -> None:
    plot = TrendsPlot("60m", "")
    others = [row(f"tag{n}", 1) for n in range(TOP_MAX - 1)]
    for minute, rows in enumerate(
        ([row("rain", 9), *others], [row("tag", 1), *others], others, [row("Rain", 8), *others])
    ):
        plot.take(NOON + timedelta(minutes=minute), rows)
    first, *_ = plot.lines()
    assert repr(first) == repr(("Rain", [9, nan, 0, 8]))


def test_nothing_is_a_picture_too(tmp_path: Path) -> None:
    TrendsPlot("5m", "").write(tmp_path / "empty.png")
    assert (tmp_path / "empty.png").read_bytes().startswith(b"\x89PNG")
