"""`Ports` of which a test gives those that it needs."""

from dataclasses import fields
from typing import Any

from storage.ports import Ports


class NotGiven:
    """Any port, as long as nobody uses it."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"this test gave no port that can {name}")


def some_ports(**given: Any) -> Ports:
    """All ports; those that are not given must not be used."""
    return Ports(**{field.name: given.pop(field.name, NotGiven()) for field in fields(Ports)}, **given)
