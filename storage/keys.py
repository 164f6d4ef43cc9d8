"""The names of everything kept in Redis; hash tags keep together what one script touches (Redis Cluster)."""

from domain import ids
from storage.ports.cache import ListKey, ListKind

INCARNATION = "incarnation"
CHANGES = "changes"
"""The change feed, a stream: values dropped lately of which processes keep copies of their own."""
_USER = "us:"


def list_key(key: ListKey, partitions: int) -> str:
    """An entry list: of fixed width, so that many are encoded at once; an author's is tagged like the log."""
    slot = ids.range_of(key.user) if key.kind is ListKind.HOME else ids.log_partition(key.user, partitions)
    return f"{key.kind}:{{{slot:02d}}}:{key.user:016x}"


def log(partition: int) -> str:
    """The stream of one log partition; shares its hash tag with the recent tweets of its authors."""
    return f"log:{{{partition:02d}}}"


def offsets(name: str) -> str:
    """A reader's offsets and epoch."""
    return f"off:{{{name}}}"


def tweet(tweet_id: int) -> str:
    """A tweet or retweet, or that there is none."""
    return f"tw:{tweet_id}"


def tweet_counts(tweet_id: int) -> str:
    """A tweet's counts."""
    return f"tc:{tweet_id}"


def user(user: int) -> str:
    """A user as tweets and profiles show them."""
    return f"{_USER}{user}"


def is_announced(key: str) -> bool:
    """True if processes keep copies of a value, and learn from the change feed that it was dropped."""
    return key.startswith(_USER)


def user_of(key: str) -> int:
    """The user whose key is announced."""
    return int(key.removeprefix(_USER))


def user_counts(user: int) -> str:
    """A user's counts."""
    return f"pc:{user}"


def own_acts(user: int) -> str:
    """A user's latest acts on counts."""
    return f"own:{user}"


def following(user: int) -> str:
    """A user's followees, as packed ids."""
    return f"fo:{user}"


def engaged(user: int) -> str:
    """A user's latest likes and retweets."""
    return f"en:{user}"


def session(id_: int) -> str:
    """The state of a session: it lives, or has ended."""
    return f"ss:{id_}"


def trends(window: str) -> str:
    """The tops of all places in a window, and the time of which they are."""
    return f"tr:{{{window}}}"


def output(flow: str, key: str) -> str:
    """A row that a dataflow of a data team found out."""
    return f"df:{flow}:{key}"


def login_network(digest: str) -> str:
    """That somebody logged in to an account from a network; of both only the digest is told."""
    return f"ln:{digest}"


def heartbeat(actor: str) -> str:
    """That an actor is alive, and how it is."""
    return f"hb:{actor}"
