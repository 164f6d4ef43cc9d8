"""Authors read their own write, also if only a second try was answered."""

import pytest

from domain.errors import Conflict, Invalid, NotFound, StoreUnavailable
from domain.events import Event
from domain.ids import TweetId
from domain.limits import SMALL
from domain.relations import FOLLOW, LIKE
from serve.tweets.commands import Draft
from storage.ports.coordination import SUSPECT_UNTIL
from tests.unit.actors.engine import Engine
from tests.unit.serve.replica import ALICE, BOB, Replica


async def test_a_like_whose_first_try_got_no_answer_shows_after_the_second() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"))
    assert b'"liked":false' in await replica.json(BOB, tweet)
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.relations.turn_on(LIKE, BOB, tweet)
    assert b'"liked":true' in await replica.json(BOB, tweet)
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.relations.turn_off(LIKE, BOB, tweet)
    await replica.relations.turn_off(LIKE, BOB, tweet)
    assert b'"liked":false' in await replica.json(BOB, tweet)


async def test_a_like_of_a_tweet_that_is_gone_can_be_taken_back() -> None:
    engine = Engine()
    replica = Replica(engine)
    tweet = await replica.post(ALICE, Draft(text="hello"))
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.commands.delete(ALICE, tweet)
    await replica.relations.turn_off(LIKE, BOB, tweet)
    state = await engine.ports.relations.state(LIKE, BOB, tweet)
    assert not state.active
    for turn in (replica.relations.turn_on, replica.relations.turn_off):
        with pytest.raises(NotFound):
            await turn(LIKE, BOB, tweet)


async def test_a_follow_whose_first_try_got_no_answer_shows_after_the_second() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"))
    assert await replica.shown(BOB) == []
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    await replica.relations.turn_on(FOLLOW, BOB, ALICE)
    assert await replica.shown(BOB) == [tweet]


async def test_a_tweet_whose_first_try_got_no_answer_is_its_authors_after_the_second_and_there_once() -> None:
    replica = Replica()
    assert await replica.shown(ALICE) == []
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.post(ALICE, Draft(text="hello"), key="once")
    tweet = await replica.post(ALICE, Draft(text="hello"), key="once")
    assert await replica.shown(ALICE) == [tweet]


async def test_a_tweet_is_gone_after_a_delete_whose_first_try_got_no_answer() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"))
    assert await replica.shown(ALICE) == [tweet]
    replica.events.unanswered = 1
    with pytest.raises(StoreUnavailable):
        await replica.commands.delete(ALICE, tweet)
    with pytest.raises(NotFound):
        await replica.commands.delete(ALICE, tweet)
    assert await replica.shown(ALICE) == []


async def test_what_redis_could_not_be_told_to_forget_is_not_believed() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"))
    assert b'"liked":false' in await replica.json(BOB, tweet)
    replica.cache.deaf = True
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.commands.delete(ALICE, await replica.post(ALICE, Draft(text="gone")))
    replica.cache.deaf = False
    assert b'"liked":true' in await replica.json(BOB, tweet)
    assert await replica.shown(ALICE) == [tweet]


async def test_what_was_seen_while_redis_was_away_every_replica_shows_when_it_is_back() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    await here.relations.turn_on(FOLLOW, BOB, ALICE)
    assert await here.shown(BOB) == []
    tweet = await engine.post(ALICE, append=False)
    assert await there.shown(BOB) == [], "nobody pushed it"
    here.cache.away = True
    assert await here.shown(BOB) == [tweet]
    here.cache.away = False
    assert await here.shown(BOB) == [tweet]
    assert await there.shown(BOB) == [tweet]


async def test_a_follow_that_redis_was_not_told_of_shows_what_was_there_before_at_every_replica() -> None:
    engine = Engine()
    here, there = Replica(engine), Replica(engine)
    tweet = await here.post(ALICE, Draft(text="hello"))
    assert await there.shown(BOB) == []
    here.cache.deaf = True
    await here.relations.turn_on(FOLLOW, BOB, ALICE)
    here.cache.deaf = False
    assert await there.shown(BOB) == [tweet]


async def test_a_second_try_does_not_bring_back_what_was_taken_away() -> None:
    replica = Replica()
    tweet = await replica.post(ALICE, Draft(text="hello"), key="once")
    await replica.commands.delete(ALICE, tweet)
    assert await replica.post(ALICE, Draft(text="hello"), key="once") == tweet
    assert await replica.shown(ALICE) == []
    assert tweet not in await (await replica.readers.tweets(None)).read([tweet])


async def test_a_refused_reference_spends_no_key() -> None:
    replica = Replica()
    nothing = Draft(text="hello", reply_to=TweetId(4_711))
    with pytest.raises(Invalid):
        await replica.post(ALICE, nothing, key="once")
    tweet = await replica.post(ALICE, Draft(text="hello"), key="once")
    assert await replica.shown(ALICE) == [tweet]


async def test_a_reply_is_there_under_its_key_after_its_parent_was_deleted() -> None:
    replica = Replica()
    parent = await replica.post(BOB, Draft(text="a question"))
    draft = Draft(text="an answer", reply_to=parent)
    reply = await replica.post(ALICE, draft, key="once")
    await replica.commands.delete(BOB, parent)
    assert await replica.post(ALICE, draft, key="once") == reply
    with pytest.raises(Conflict):
        await replica.post(ALICE, Draft(text="another", reply_to=parent), key="once")


async def test_a_claim_whose_process_died_is_taken_over(monkeypatch: pytest.MonkeyPatch) -> None:
    replica = Replica()
    with monkeypatch.context() as dying:
        dying.setattr(replica.events, "commit", _dies)
        with pytest.raises(StoreUnavailable):
            await replica.post(ALICE, Draft(text="hello"), key="once")
    tweet = await replica.post(ALICE, Draft(text="hello"), key="once")
    assert await replica.post(ALICE, Draft(text="hello"), key="once") == tweet
    assert await replica.shown(ALICE) == [tweet]


async def _dies(event: Event) -> None:
    raise StoreUnavailable("cassandra", "died before it wrote")


async def test_to_like_again_what_one_likes_for_long_tells_redis_nothing() -> None:
    engine = Engine()
    replica = Replica(engine)
    tweet = await replica.post(ALICE, Draft(text="hello"))
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.relations.turn_off(LIKE, ALICE, tweet)
    engine.clock.advance(SMALL.reconcile_trail_minutes * 60_000 + 1)
    replica.cache.deaf = True
    await replica.relations.turn_on(LIKE, BOB, tweet)
    await replica.relations.turn_off(LIKE, ALICE, tweet)
    assert await engine.ports.coordination.checkpoint(SUSPECT_UNTIL) is None, "nothing that Redis had to be told"
