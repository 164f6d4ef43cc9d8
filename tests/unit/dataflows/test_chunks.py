from dataflows.sources.chunks import decoded
from domain.events import Liked, encode
from domain.ids import EventId, TweetId, UserId
from telemetry import metrics


def test_what_a_source_cannot_read_is_left_out_and_events_of_an_unknown_kind_are_counted() -> None:
    counted = metrics.LocalBackend()
    metrics.install(counted)
    liked = Liked(event_id=EventId(5), stamp_us=7, user=UserId(9), tweet_id=TweetId(3))
    unknown = bytes.fromhex("0197630507a0090393010203")
    assert list(decoded([b"\x02no event", unknown, encode(liked)])) == [liked]
    assert counted.total(metrics.EVENTS_UNKNOWN, consumer="dataflows") == 1
