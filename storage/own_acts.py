"""Users' own acts on counts, noted beside the caches: they find them counted at once (decision 0031)."""

import struct
from collections import defaultdict
from collections.abc import Container
from typing import NamedTuple

from domain.counts import TweetCounts, UserCounts
from domain.events import Event
from storage.projections import projection_of

_NAMES = (*TweetCounts._fields, *UserCounts._fields)
_ACT = struct.Struct(">BbQQQ")
"""A count by its place in `_NAMES`, the change, whose count it is, the member it is about, and the event."""
_NOTED = struct.Struct(">BbQQQQ")
"""The same, and when it was noted."""
NOTED_BYTES = _NOTED.size


class OwnAct(NamedTuple):
    """That a user changed a count: by how much (0 if that is not known), where, and when by the cache's clock."""

    name: str
    change: int
    member: int
    noted_us: int


def acts_of(event: Event, *, repeated: bool) -> list[bytes]:
    """The acts of an event, to be noted; a `repeated` one may have been counted long ago."""
    change = 0 if repeated else projection_of(event).change
    return [
        _ACT.pack(_NAMES.index(count.name), change, count.id, count.member, event.event_id)
        for count in projection_of(event).recounts(event)
    ]


def acts_from(value: bytes, among: Container[int] | None = None) -> dict[int, list[OwnAct]]:
    """The acts of a noted value, by the tweet or user whose count it is; of some of these only if so asked."""
    found = defaultdict[int, list[OwnAct]](list)
    for name, change, id_, member, _event, noted_us in _NOTED.iter_unpack(value):
        if among is None or id_ in among:
            found[id_].append(OwnAct(_NAMES[name], change, member, noted_us))
    return found
