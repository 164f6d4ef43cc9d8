"""Values as they lie in Redis."""

from hypothesis import given
from hypothesis import strategies as st

from domain.ids import ID_MAX
from domain.trends.tag_counts import Trend
from storage import values

RAIN = Trend(
    tag="Rain", normalized_tag="rain", count=3, unique_authors=2, previous=1, score=0.5, since=7, tweets=(ID_MAX, 8, 7)
)
GOLDEN = "9198a45261696ea47261696e030201cb3fe00000000000000793cf7fffffffffffffff0807"

_ids = st.integers(0, ID_MAX)
_sizes = st.integers(0, 1 << 40)
_trends = st.builds(
    Trend,
    tag=st.text(max_size=20),
    normalized_tag=st.text(max_size=20),
    count=_sizes,
    unique_authors=_sizes,
    previous=_sizes,
    score=st.floats(0, 1e300),
    since=_ids,
    tweets=st.lists(_ids, max_size=3).map(tuple),
)


def test_replicas_and_dataflows_of_different_versions_agree_on_the_bytes_of_a_trend() -> None:
    assert values.trends([RAIN]).hex() == GOLDEN
    assert values.trends_from(bytes.fromhex(GOLDEN)) == [RAIN]


@given(st.lists(_trends, max_size=5))
def test_trends_come_back_as_they_were(found: list[Trend]) -> None:
    assert values.trends_from(values.trends(found)) == found
