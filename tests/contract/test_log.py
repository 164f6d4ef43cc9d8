"""The tail of the event log: order, limits, waiting, trimming, loss."""

import asyncio

from domain.clock import SystemClock
from domain.events import Event, Liked, Retweeted, TweetPosted, decode
from domain.ids import EventId, IdGenerator, TweetId, UserId, log_partition, stamp_us
from domain.limits import SMALL
from domain.timeline import NO_ENTRIES, EntryList, newest_first
from storage.ports.cache import ListKey, ListKind
from storage.ports.log import BEGINNING, LogRead
from tests.contract.conftest import LossyStores
from tests.contract.people import PARTITIONS

ALICE, BOB = UserId(1), UserId(2)
FROM_START = dict.fromkeys(range(PARTITIONS), BEGINNING)
_ids = IdGenerator(1, SystemClock(), after_ms=0, until_ms=1 << 50, lease_ends_ms=1 << 50)


def tweet(author: UserId, text: str = "hello") -> TweetPosted:
    id_ = EventId(_ids.next())
    return TweetPosted(event_id=id_, stamp_us=stamp_us(id_), author=author, text=text)


def author_in(partition: int) -> UserId:
    return next(UserId(user) for user in range(1, 10_000) if log_partition(user, PARTITIONS) == partition)


def ids(read: LogRead, partition: int) -> list[int]:
    return [decode(record.body).event_id for record in read.records if record.partition == partition]


async def append_many(stores: LossyStores, partition: int, count: int) -> list[int]:
    events: list[Event] = [tweet(author_in(partition)) for _ in range(count)]
    for at in range(0, count, 100):
        await stores.log.append(events[at : at + 100])
    return [event.event_id for event in events]


async def test_events_are_read_in_order_from_their_partitions(stores: LossyStores) -> None:
    appended = {partition: await append_many(stores, partition, 3) for partition in range(PARTITIONS)}
    read = await stores.log.read(FROM_START, limit=10, wait_ms=0)
    assert {partition: ids(read, partition) for partition in range(PARTITIONS)} == appended
    for partition in range(PARTITIONS):
        offsets = [record.offset for record in read.records if record.partition == partition]
        assert read.first[partition] == offsets[0]
        assert (await stores.log.ends())[partition] == (offsets[-1], 3)


async def test_each_partition_gives_at_most_the_limit_and_goes_on_after_an_offset(stores: LossyStores) -> None:
    appended = await append_many(stores, 0, 5)
    other = await append_many(stores, 1, 1)
    read = await stores.log.read(FROM_START, limit=2, wait_ms=0)
    assert (ids(read, 0), ids(read, 1)) == (appended[:2], other)
    last = [record.offset for record in read.records if record.partition == 0][-1]
    assert ids(await stores.log.read({0: last}, limit=10, wait_ms=0), 0) == appended[2:]


async def test_an_event_comes_out_as_it_went_in(stores: LossyStores) -> None:
    posted = tweet(ALICE, "naïve 🙂 \r\n\0")
    await stores.log.append([posted])
    (record,) = (await stores.log.read(FROM_START, limit=1, wait_ms=0)).records
    assert decode(record.body) == posted
    assert record.partition == log_partition(ALICE, PARTITIONS)


async def test_an_empty_log_has_no_first_offset(stores: LossyStores) -> None:
    read = await stores.log.read(FROM_START, limit=1, wait_ms=0)
    assert (read.records, dict(read.first)) == ((), {})
    assert await stores.log.ends() == dict.fromkeys(range(PARTITIONS), (BEGINNING, 0))


async def test_a_waiting_read_returns_when_something_is_appended(stores: LossyStores) -> None:
    async with asyncio.timeout(10):
        waiting = [asyncio.create_task(stores.log.read(FROM_START, limit=10, wait_ms=30_000)) for _ in range(8)]
        await stores.log.read(FROM_START, limit=10, wait_ms=50)  # theirs are under way by now
        appended = await append_many(stores, 2, 1)
        for read in await asyncio.gather(*waiting):
            assert ids(read, 2) == appended


async def test_a_wait_ends(stores: LossyStores) -> None:
    assert (await stores.log.read(FROM_START, limit=1, wait_ms=20)).records == ()


async def test_the_newest_events_are_kept(stores: LossyStores) -> None:
    kept = SMALL.log_entries_max
    appended = await append_many(stores, 0, kept * 3)
    read = await stores.log.read({0: BEGINNING}, limit=kept * 3, wait_ms=0)
    found = ids(read, 0)
    assert kept <= len(found) < kept * 2
    assert found == appended[-len(found) :]
    assert read.first[0] == read.records[0].offset


async def test_a_tweet_is_among_its_authors_recents_before_anybody_reads_it(stores: LossyStores) -> None:
    recents = ListKey(ListKind.AUTHOR, ALICE)
    posted = tweet(ALICE)
    await stores.log.append([posted])
    assert await stores.cache.fetch([recents], []) == ([None], [])
    assert await stores.cache.begin_list(recents, "me")
    assert await stores.cache.finish_list(recents, "me", EntryList(NO_ENTRIES, 0))
    retweeted = Retweeted(event_id=EventId(_ids.next()), stamp_us=1, user=ALICE, tweet_id=TweetId(7), author=BOB)
    liked = Liked(event_id=EventId(_ids.next()), stamp_us=1, user=ALICE, tweet_id=TweetId(7))
    await stores.log.append([posted, retweeted, liked, tweet(BOB)])
    ((found,), _) = await stores.cache.fetch([recents], [])
    assert found is not None
    expected = [[retweeted.event_id, 7], [posted.event_id, posted.event_id]]
    assert newest_first(found.entries).tolist() == expected


async def test_recents_do_not_grow_without_bound(stores: LossyStores) -> None:
    author = author_in(0)
    recents = ListKey(ListKind.AUTHOR, author)
    assert await stores.cache.begin_list(recents, "me")
    assert await stores.cache.finish_list(recents, "me", EntryList(NO_ENTRIES, 0))
    appended = await append_many(stores, 0, 130)
    ((found,), _) = await stores.cache.fetch([recents], [])
    assert found is not None
    assert found.floor is not None
    assert len(found.entries) <= SMALL.author_entries_max + SMALL.author_slack
    shown = newest_first(found.entries, above=found.floor)[:, 0].tolist()
    assert shown == sorted((id_ for id_ in appended if id_ > found.floor), reverse=True)


async def test_a_loss_begins_another_incarnation(stores: LossyStores) -> None:
    before = await stores.log.incarnation()
    await append_many(stores, 0, 1)
    assert (await stores.log.read(FROM_START, limit=1, wait_ms=0)).incarnation == before
    await stores.lose_everything()
    read = await stores.log.read(FROM_START, limit=1, wait_ms=0)
    assert read.records == ()
    assert read.incarnation != before
    assert await stores.log.incarnation() == read.incarnation
