"""Users as Murmur's JSON: cached profiles joined with counts and the reader's relations."""

import asyncio
from collections.abc import Sequence

from domain.limits import Limits
from domain.timeline import walk_of
from domain.timestamps import rfc3339
from domain.visibility import is_listed
from serve.reading.pipeline import Page, Skeleton, fill, page_json
from serve.reading.user_reader import Relations, UserReader
from storage.cache_codec import Profile

_COUNTS = b'"followers_count":%d,"following_count":%d,"tweets_count":%d'
_FLAGS = b",".join(b'"%b":%%b' % name.encode() for name in Relations._fields)
_USER = b'%%b,%%b,"created_at":"%%b",%b,%b}' % (_COUNTS, _FLAGS)
_BOOL = (b"false", b"true")


async def users_page(
    skeleton: Skeleton,
    reader: UserReader,
    cursor: str | None,
    limit: int,
    limits: Limits,
    *,
    with_hidden: bool = False,
) -> bytes:
    """A page of those users of a list whom its reader may see; of all who exist with those who are hidden from them."""
    page: Page[Profile] = Page(
        skeleton=skeleton,
        rules=lambda users: lambda id_: id_ in users and (with_hidden or is_listed(id_, reader.lens)),
    )
    filled = await fill(page, reader.read, walk_of(cursor), limit, limits)
    return page_json("users", await users_json(reader, filled.shown), filled.next)


async def users_json(reader: UserReader, shown: Sequence[int]) -> list[bytes]:
    """The JSON of some users that were read, in order."""
    counts, relations = await asyncio.gather(reader.counts(shown), reader.relations(shown))
    return [
        _USER
        % (
            reader.users[id_].author[:-1],
            reader.users[id_].fields,
            rfc3339(id_).encode(),
            *counts[id_],
            *map(_BOOL.__getitem__, flags),
        )
        for id_, flags in zip(shown, relations, strict=True)
    ]
