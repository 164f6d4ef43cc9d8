"""The names of everything kept in Redis; hash tags keep together what one script touches (Redis Cluster)."""

from collections.abc import Callable
from zlib import crc32

from domain import ids
from domain.relations import MARKED
from storage.ports.cache import ListKey, ListKind

ById = Callable[[int], str]
ByName = Callable[[str], str]

INCARNATION = "incarnation"
CHANGES = "people"
"""The change feed, a stream: values dropped lately of which processes keep copies of their own."""
_USER = "pe:"

log: ById = "log:{{{:02d}}}".format
"""The stream of one log partition; shares its hash tag with the recent tweets of its authors."""
offsets: ByName = "off:{{{}}}".format
"""A reader's offsets and epoch."""
tweet: ById = "tv:{}".format
"""A tweet or retweet, or that there is none."""
tweet_counts: ById = "tc:{}".format
user: ById = (_USER + "{}").format
"""A user as tweets and profiles show them."""
user_counts: ById = "pc:{}".format
own_acts: ById = "act:{}".format
"""A user's latest acts on counts."""
following: ById = "fo:{}".format
"""A user's followees, as packed ids."""
engaged: ById = f"en{crc32(' '.join(each.flag for each in MARKED).encode()):08x}:{{}}".format
"""A user's latest relations to tweets, named by which: a release that knows others reads values of its own."""
view: ById = "vw:{}".format
"""Relations that decide what a user sees: whom they blocked or muted, and who blocks them."""
session: ById = "ss:{}".format
"""The state of a session: it lives, or has ended."""
trends: ByName = "tr:{{{}}}".format
"""The tops of all places in a window, and the time of which they are."""
login_network: ByName = "ln:{}".format
"""That somebody logged in to an account from a network; of both only the digest is told."""
heartbeat: ByName = "hb:{}".format
"""That an actor is alive, and how it is."""


def list_key(key: ListKey, partitions: int) -> str:
    """An entry list: of fixed width, so that many are encoded at once; an author's is tagged like the log."""
    slot = ids.range_of(key.user) if key.kind is ListKind.HOME else ids.log_partition(key.user, partitions)
    return f"{key.kind}:{{{slot:02d}}}:{key.user:016x}"


def output(flow: str, key: str) -> str:
    """A row that a dataflow of a data team found out."""
    return f"df:{flow}:{key}"


def is_announced(key: str) -> bool:
    """True if processes keep copies of a value, and learn from the change feed that it was dropped."""
    return key.startswith(_USER)


def user_of(key: str) -> int:
    return int(key.removeprefix(_USER))
