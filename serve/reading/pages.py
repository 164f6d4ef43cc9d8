"""Pages as finished JSON."""

from collections.abc import Sequence

from domain.timeline import Walk, cursor_of


def page_json(name: str, items: Sequence[bytes], rest: Walk | None) -> bytes:
    """A page of tweets or users, and the cursor of the next."""
    cursor = b"null" if rest is None else b'"%b"' % cursor_of(rest).encode()
    return b'{"%b":[%b],"next_cursor":%b}' % (name.encode(), b",".join(items), cursor)
