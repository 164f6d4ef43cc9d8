"""Reader offsets: claimed by epoch, and fenced."""

import pytest

from domain.errors import Fenced
from tests.contract.conftest import LossyStores


async def test_a_new_reader_has_no_offsets(stores: LossyStores) -> None:
    assert await stores.offsets.claim("range-00", 1) == {}
    assert await stores.offsets.offsets("range-00") == {}
    assert await stores.offsets.offsets("nobody") == {}


async def test_offsets_saved_are_found_by_the_next_owner(stores: LossyStores) -> None:
    await stores.offsets.claim("range-00", 1)
    await stores.offsets.claim("range-01", 4)
    await stores.offsets.save({"range-00": 1, "range-01": 4}, {0: "5-1", 12: "7-0"})
    await stores.offsets.save({"range-00": 1}, {0: "6-0"})
    assert await stores.offsets.claim("range-00", 2) == {0: "6-0", 12: "7-0"}
    assert await stores.offsets.offsets("range-01") == {0: "5-1", 12: "7-0"}


async def test_an_earlier_epoch_is_fenced_off(stores: LossyStores) -> None:
    await stores.offsets.claim("range-00", 1)
    await stores.offsets.claim("range-00", 10)
    with pytest.raises(Fenced):
        await stores.offsets.save({"range-00": 1}, {0: "5-1"})
    with pytest.raises(Fenced):
        await stores.offsets.claim("range-00", 9)
    assert await stores.offsets.claim("range-00", 10) == {}


async def test_a_reader_that_is_fenced_does_not_hold_up_the_others(stores: LossyStores) -> None:
    await stores.offsets.claim("range-00", 2)
    await stores.offsets.claim("range-01", 1)
    with pytest.raises(Fenced) as fenced:
        await stores.offsets.save({"range-00": 1, "range-01": 1}, {0: "5-1"})
    assert fenced.value.name == "range-00"
    assert await stores.offsets.offsets("range-01") == {0: "5-1"}


async def test_after_a_loss_one_must_claim_again(stores: LossyStores) -> None:
    await stores.offsets.claim("range-00", 3)
    await stores.offsets.save({"range-00": 3}, {0: "5-1"})
    await stores.lose_everything()
    with pytest.raises(Fenced):
        await stores.offsets.save({"range-00": 3}, {0: "6-1"})
    assert await stores.offsets.claim("range-00", 3) == {}
    await stores.offsets.save({"range-00": 3}, {})
