"""Comparison of a shown list with what must be: None if it is right, or the difference in words."""

import itertools
from collections.abc import Mapping, Sequence

from tests.support.oracle.oracle import Entry, Span


def matches_list(shown: Sequence[Entry], expected: Sequence[Entry]) -> str | None:
    """The very same entries in the same order."""
    if list(shown) == list(expected):
        return None
    return _set_difference(shown, expected) or _first_difference(shown, expected)


def matches_home(shown: Sequence[Entry], entries: Sequence[Entry]) -> str | None:
    """A home timeline, walked to its end; `entries` are all that belong to it, newest first.

    Above some floor, which only the server knows, an entry is hidden when a newer one shows the same tweet; below it
    every entry is shown. So what is hidden must be exactly the newest of those that have a newer rival, as many as are
    missing: then, and only then, such a floor exists.
    """
    hidden_count = len(entries) - len(shown)
    newest: set[int] = set()
    hidden: set[Entry] = set()
    for entry in entries:
        if entry.original in newest and len(hidden) < hidden_count:
            hidden.add(entry)
        newest.add(entry.original)
    expected = [entry for entry in entries if entry not in hidden]
    if list(shown) == expected:
        return None
    unique = {entry.original: entry for entry in reversed(entries)}
    unmet = _set_difference(shown, entries, required=sorted(unique.values(), reverse=True))
    return unmet or _first_difference(shown, expected)


def matches_latest_first(shown: Sequence[int], spans: Mapping[int, Span]) -> str | None:
    """The same people or tweets, latest first; of two whose calls overlapped either may come first."""
    if difference := _span_difference(shown, spans):
        return difference
    latest_begun = 0
    for id_ in reversed(shown):
        if spans[id_].answered < latest_begun:
            return f"{id_} stands too high: it was answered before one further down was asked for"
        latest_begun = max(latest_begun, spans[id_].begun)
    return None


def matches_page_order(shown: Sequence[Entry]) -> str | None:
    """Whatever is inserted meanwhile, a walk goes strictly down and shows nothing twice."""
    for above, below in itertools.pairwise(shown):
        if below.id >= above.id:
            return f"{below.id} follows {above.id}"
    return None


def _set_difference(
    shown: Sequence[Entry], allowed: Sequence[Entry], required: Sequence[Entry] | None = None
) -> str | None:
    found, permitted = set(shown), set(allowed)
    parts = []
    if len(found) < len(shown):
        twice = sorted({entry.id for entry in shown if shown.count(entry) > 1}, reverse=True)
        parts.append(f"shows {_some(twice)} more than once")
    if strange := [entry.id for entry in shown if entry not in permitted]:
        parts.append(f"shows {_some(strange)}, which does not belong there")
    if unmet := [entry.id for entry in (allowed if required is None else required) if entry not in found]:
        parts.append(f"lacks {_some(unmet)}")
    return "; ".join(parts) or None


def _first_difference(shown: Sequence[Entry], expected: Sequence[Entry]) -> str:
    for at, (one, other) in enumerate(zip(shown, expected, strict=False)):
        if one != other:
            return f"shows {_words(one)} at place {at} of {len(shown)}, where {_words(other)} belongs"
    return f"shows {len(shown)} entries instead of {len(expected)}"


def _span_difference(shown: Sequence[int], spans: Mapping[int, Span]) -> str | None:
    found, parts = set(shown), []
    if len(found) < len(shown):
        parts.append("shows one more than once")
    if strange := [id_ for id_ in shown if id_ not in spans]:
        parts.append(f"shows {_some(strange)}, which does not belong there")
    if unmet := [id_ for id_ in spans if id_ not in found]:
        parts.append(f"lacks {_some(unmet)}")
    return "; ".join(parts) or None


def _some(ids: Sequence[int]) -> str:
    return ", ".join(map(str, ids[:3])) + (f" and {len(ids) - 3} more" if len(ids) > 3 else "")


def _words(entry: Entry) -> str:
    return str(entry.id) if entry.id == entry.original else f"{entry.id} (a retweet of {entry.original})"
