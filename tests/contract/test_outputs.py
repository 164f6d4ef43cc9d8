"""Rows of dataflows, in both stores: the last one of a key stands."""

import pytest

from storage.ports import Ports
from storage.ports.outputs import OutputStore
from tests.contract.conftest import LossyStores
from tests.contract.people import new_id


class Promises:
    """What every store of rows promises; each of them gives the fixture `outputs`."""

    async def test_the_last_row_of_a_key_stands(self, outputs: OutputStore) -> None:
        flow = f"flow-{new_id()}"
        await outputs.put(flow, {"a b": b'{"n":1}', "\u96e8": b'{"n":2}'})
        await outputs.put(flow, {"a b": b'{"n":3}'})
        assert await outputs.get(flow, ["a b", "\u96e8", "none"]) == {"a b": b'{"n":3}', "\u96e8": b'{"n":2}'}
        assert await outputs.get(f"{flow}-other", ["a b"]) == {}

    async def test_many_rows_go_in_one_call(self, outputs: OutputStore) -> None:
        flow = f"flow-{new_id()}"
        rows = {f"key {n}": b'{"n":%d}' % n for n in range(1_000)}
        await outputs.put(flow, rows)
        assert await outputs.get(flow, list(rows)) == rows

    async def test_to_write_and_to_ask_for_nothing_is_no_mistake(self, outputs: OutputStore) -> None:
        await outputs.put("flow", {})
        assert await outputs.get("flow", []) == {}


class TestDurable(Promises):
    @pytest.fixture
    def outputs(self, ports: Ports) -> OutputStore:
        return ports.outputs


class TestLossy(Promises):
    @pytest.fixture
    def outputs(self, stores: LossyStores) -> OutputStore:
        return stores.outputs
