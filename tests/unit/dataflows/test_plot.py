"""The picture of what trended."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from matplotlib.image import imread

from dataflows.plot import TAGS_MAX, TrendsPlot

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_the_tags_that_were_used_most_are_drawn(tmp_path: Path) -> None:
    drawn: dict[str, bytes] = {}
    for name, extra in (("few", 0), ("more", 1)):
        plot = TrendsPlot("60m", "fr")
        for minute in range(30):
            rows = [{"tag": f"tag{n}", "count": 100 - n + minute % (n + 1)} for n in range(TAGS_MAX + extra)]
            plot.take(NOON + timedelta(minutes=minute), rows)
        plot.write(tmp_path / f"{name}.png")
        image = imread(tmp_path / f"{name}.png")
        assert image.shape[:2] == (600, 1_200)
        assert len({tuple(pixel) for pixel in image[::5, ::5].reshape(-1, 4).tolist()}) > TAGS_MAX
        drawn[name] = image.tobytes()
    assert drawn["few"] == drawn["more"], "what was used least is left out"


def test_nothing_is_a_picture_too(tmp_path: Path) -> None:
    TrendsPlot("5m", "").write(tmp_path / "empty.png")
    assert (tmp_path / "empty.png").read_bytes().startswith(b"\x89PNG")
