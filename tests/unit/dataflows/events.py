"""Events of people, made by hand, and the chunks that bring them."""

from collections.abc import Sequence

from dataflows.sources.chunks import Chunk
from domain.events import AnyEvent, Blocked, Followed, Retweeted, TweetPosted, Unfollowed
from domain.ids import EventId, TweetId, UserId, first_id_at, stamp_us
from domain.tweets import Visibility

START_MS = 1_800_000_000_000 - 1_800_000_000_000 % 3_600_000


class Story:
    """What people did, one thing after another."""

    def __init__(self) -> None:
        self.events: list[AnyEvent] = []

    def posted(
        self, after_ms: int, author: int, text: str, *, to: Visibility = Visibility.PUBLIC, protected: bool = False
    ) -> TweetPosted:
        id_ = self._id(after_ms)
        event = TweetPosted(
            event_id=id_, stamp_us=stamp_us(id_), author=UserId(author), text=text, visibility=to, protected=protected
        )
        self.events.append(event)
        return event

    def followed(self, after_ms: int, user: int, followee: int) -> None:
        id_ = self._id(after_ms)
        self.events.append(Followed(event_id=id_, stamp_us=stamp_us(id_), user=UserId(user), followee=UserId(followee)))

    def unfollowed(self, after_ms: int, user: int, followee: int) -> None:
        id_ = self._id(after_ms)
        self.events.append(
            Unfollowed(event_id=id_, stamp_us=stamp_us(id_), user=UserId(user), followee=UserId(followee), since=1)
        )

    def blocked(self, after_ms: int, user: int, blocked: int) -> None:
        id_ = self._id(after_ms)
        self.events.append(Blocked(event_id=id_, stamp_us=stamp_us(id_), user=UserId(user), blocked=UserId(blocked)))

    def retweeted(self, after_ms: int, user: int, tweet: TweetPosted) -> None:
        id_ = self._id(after_ms)
        self.events.append(
            Retweeted(
                event_id=id_,
                stamp_us=stamp_us(id_),
                user=UserId(user),
                tweet_id=TweetId(tweet.tweet_id),
                author=tweet.author,
            )
        )

    def chunks(self, partitions: int = 2, size: int = 3) -> list[Chunk]:
        """All of it by partition of the actor, everything twice, and then the end."""
        end_ms = START_MS + 86_400_000
        parts = [[event for event in self.events if event.actor % partitions == p] for p in range(partitions)]
        found = [
            Chunk(partition, partitions, 0, tuple(piece))
            for partition, part in enumerate(parts)
            for piece in (*_cut(part, size), *_cut(part, size))
        ]
        return found + [Chunk(partition, partitions, end_ms, ()) for partition in range(partitions)]

    def _id(self, after_ms: int) -> EventId:
        return EventId(first_id_at(START_MS + after_ms) + len(self.events))


def _cut(events: Sequence[AnyEvent], size: int) -> list[Sequence[AnyEvent]]:
    return [events[at : at + size] for at in range(0, len(events), size)]
