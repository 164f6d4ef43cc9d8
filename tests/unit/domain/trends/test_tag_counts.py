from hypothesis import given
from hypothesis import strategies as st

from domain.hashtags import folded_tag
from domain.trends.tag_counts import TAG_BUCKETS, PlacedTag, TagOccurrences, bucket_of

_TAGS = ("rain", "Rain", "sun", "雨", "İstanbul", "été", "snow", "wind")
_uses = st.lists(
    st.tuples(
        st.integers(1, 1 << 62), st.integers(1, 9), st.tuples(st.sampled_from(_TAGS), st.sampled_from([(), ("fr",)]))
    ),
    max_size=20,
)


def rows_of(occurrences: TagOccurrences) -> list[tuple[int, int, PlacedTag]]:
    tags = [occurrences.tags[code] for code in occurrences.codes.tolist()]
    return list(zip(occurrences.tweets.tolist(), occurrences.authors.tolist(), tags, strict=True))


def occurrences_of(uses: list[tuple[int, int, PlacedTag]]) -> TagOccurrences:
    columns = [[use[column] for use in uses] for column in range(3)]
    return TagOccurrences.of(*columns)  # type: ignore[arg-type]


@given(_uses)
def test_each_occurrence_is_in_the_bucket_of_its_tag_in_order(uses: list[tuple[int, int, PlacedTag]]) -> None:
    parts = occurrences_of(uses).by_bucket()
    assert [rows_of(part) for part in parts] == [
        [use for use in uses if bucket_of(use[2][0]) == bucket] for bucket in range(TAG_BUCKETS)
    ]
    for bucket, part in enumerate(parts):
        assert {bucket_of(tag) for tag, _ in part.tags} <= {bucket}, "a bucket is told of no tags but its own"


@given(_uses, st.integers(1, 1 << 62))
def test_what_is_before_a_floor_is_left_out(uses: list[tuple[int, int, PlacedTag]], floor: int) -> None:
    assert rows_of(occurrences_of(uses).since(floor)) == [use for use in uses if use[0] >= floor]


def test_all_spellings_of_a_tag_are_in_one_bucket() -> None:
    assert all(bucket_of(tag) == bucket_of(folded_tag(tag)) for tag in _TAGS)
