"""Reader offsets: claimed by epoch, and fenced."""

import pytest

from domain.errors import Fenced
from tests.contract.conftest import Hot


async def test_a_new_reader_has_no_offsets(hot: Hot) -> None:
    assert await hot.offsets.claim("range-00", 1) == {}
    assert await hot.offsets.offsets("range-00") == {}
    assert await hot.offsets.offsets("nobody") == {}


async def test_offsets_saved_are_found_by_the_next_owner(hot: Hot) -> None:
    await hot.offsets.claim("range-00", 1)
    await hot.offsets.claim("range-01", 4)
    await hot.offsets.save({"range-00": 1, "range-01": 4}, {0: "5-1", 12: "7-0"})
    await hot.offsets.save({"range-00": 1}, {0: "6-0"})
    assert await hot.offsets.claim("range-00", 2) == {0: "6-0", 12: "7-0"}
    assert await hot.offsets.offsets("range-01") == {0: "5-1", 12: "7-0"}


async def test_an_earlier_epoch_is_fenced_off(hot: Hot) -> None:
    await hot.offsets.claim("range-00", 1)
    await hot.offsets.claim("range-00", 10)
    with pytest.raises(Fenced):
        await hot.offsets.save({"range-00": 1}, {0: "5-1"})
    with pytest.raises(Fenced):
        await hot.offsets.claim("range-00", 9)
    assert await hot.offsets.claim("range-00", 10) == {}


async def test_a_reader_that_is_fenced_does_not_hold_up_the_others(hot: Hot) -> None:
    await hot.offsets.claim("range-00", 2)
    await hot.offsets.claim("range-01", 1)
    with pytest.raises(Fenced) as fenced:
        await hot.offsets.save({"range-00": 1, "range-01": 1}, {0: "5-1"})
    assert fenced.value.name == "range-00"
    assert await hot.offsets.offsets("range-01") == {0: "5-1"}


async def test_after_a_loss_one_must_claim_again(hot: Hot) -> None:
    await hot.offsets.claim("range-00", 3)
    await hot.offsets.save({"range-00": 3}, {0: "5-1"})
    await hot.lose_everything()
    with pytest.raises(Fenced):
        await hot.offsets.save({"range-00": 3}, {0: "6-1"})
    assert await hot.offsets.claim("range-00", 3) == {}
    await hot.offsets.save({"range-00": 3}, {})
