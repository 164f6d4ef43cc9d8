"""Balance: spreads things over places evenly, moving as few as that takes."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import TypeVar

_Thing = TypeVar("_Thing", bound=Hashable)


def balanced(things: Collection[_Thing], at: Mapping[_Thing, str], places: Sequence[str]) -> dict[_Thing, str]:
    """Assign everything to one of the places: ranges to shards, shards to nodes. Without places all stay."""
    if not places:
        return dict(at)
    share, extra = divmod(len(things), len(places))
    held = {place: [thing for thing in things if at.get(thing) == place] for place in places}
    largest_first = sorted(places, key=lambda place: -len(held[place]))
    quota = {place: share + (rank < extra) for rank, place in enumerate(largest_first)}
    kept = {thing: place for place in places for thing in held[place][: quota[place]]}
    free = iter(thing for thing in things if thing not in kept)
    for place in places:
        for _ in range(quota[place] - len(held[place])):
            kept[next(free)] = place
    return kept
