"""The one role that may log in to the local Cassandra; only this user can read its password.

A new Cassandra has a superuser whose name and password everybody knows. It is replaced before anything of ours is
stored: our role is made, every other role is dropped, and the node is not used while anybody else is still logged in.
Each step may be the last one of a start that dies; the next start then finds no password file and begins again.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cassandra import InvalidRequest
from cassandra.cluster import EXEC_PROFILE_DEFAULT, Cluster, ExecutionProfile, NoHostAvailable
from cassandra.policies import RoundRobinPolicy

from cluster.errors import EmbeddedError
from cluster.private import make_secret
from cluster.waiting import wait_until
from storage.cassandra.driver.options import CassandraOptions

FOLDER = "cassandra"
"""Of the node, under the data folder."""
ROLE = "murmur"
_KNOWN_TO_ALL = "cassandra"  # name and password of the superuser that Cassandra makes
_PASSWORD = "password"
_CONNECTIONS = 2  # of a session of the driver: one for requests, one to watch the cluster
_SETUP_TIMEOUT_S = 30.0
_ALONE_TIMEOUT_S = 10.0
_TIMEOUT_S = 10.0


def login_of(folder: Path) -> tuple[str, str]:
    """Name and password for the node on that folder, after `ensure_login`."""
    return ROLE, (folder / _PASSWORD).read_text()


def ensure_login(contact_point: str, folder: Path) -> None:
    """Let nobody log in to the node on that folder but our role. Raises `EmbeddedError` if somebody else is logged in.

    The password lies with the data, as it opens nothing else: who removes one removes the other.
    """
    if (folder / _PASSWORD).exists():
        return
    unfinished = folder / f"{_PASSWORD}.unfinished"
    password = make_secret(unfinished)
    _require_role(contact_point, password)
    _drop_all_others(contact_point, password)
    unfinished.rename(folder / _PASSWORD)


def let_only_us_in(contact_point: str, password: str) -> None:
    """As `ensure_login`, for a Cassandra elsewhere and only if the superuser that everybody knows can log in there."""
    if _require_role(contact_point, password):
        _drop_all_others(contact_point, password)


def _require_role(contact_point: str, password: str) -> bool:
    """Return when our role can log in: whether it was made now, with the superuser that everybody knows."""
    known = _options(contact_point, _KNOWN_TO_ALL, _KNOWN_TO_ALL)
    ours = _options(contact_point, ROLE, password)
    what = f"{ROLE} WITH PASSWORD = '{password}' AND LOGIN = true AND SUPERUSER = true"
    made = False

    def can_log_in() -> bool:
        nonlocal made
        # it may be there already, made by who knows whom: hence ALTER
        made = _could(known, f"CREATE ROLE IF NOT EXISTS {what}", f"ALTER ROLE {what}")
        return made or _could(ours)

    if not wait_until(can_log_in, _SETUP_TIMEOUT_S):
        raise EmbeddedError(f"Nobody can log in to the Cassandra at {contact_point}; is its password another one?")
    return made


def _drop_all_others(contact_point: str, password: str) -> None:
    with _session(_options(contact_point, ROLE, password)) as session:
        others = {role for (role,) in session.execute("SELECT role FROM system_auth.roles")} - {ROLE}
        for role in sorted(others, key=lambda role: role == _KNOWN_TO_ALL):  # that one last: then all is done
            session.execute(f'DROP ROLE IF EXISTS "{role}"')

        def alone() -> bool:
            logged_in = [name for (name,) in session.execute("SELECT username FROM system_views.clients")]
            return logged_in == [ROLE] * _CONNECTIONS

        if not wait_until(alone, _ALONE_TIMEOUT_S):
            raise EmbeddedError(f"Somebody else is logged in to the Cassandra at {contact_point}; start again.")


def _options(contact_point: str, username: str, password: str) -> CassandraOptions:
    return CassandraOptions(contact_points=(contact_point,), keyspace="system", username=username, password=password)


def _could(options: CassandraOptions, *statements: str) -> bool:
    """Log in and run the statements; False if that login does not work, any more or yet."""
    try:
        with _session(options) as session:
            for statement in statements:
                session.execute(statement)
    except (NoHostAvailable, InvalidRequest):  # not set up yet, or no such login any more
        return False
    return True


@contextmanager
def _session(options: CassandraOptions) -> Iterator[Any]:
    """A connected session; its long timeouts allow for a machine that is busy with other starts."""
    profile = ExecutionProfile(
        load_balancing_policy=RoundRobinPolicy(), request_timeout=_TIMEOUT_S, row_factory=lambda _names, rows: rows
    )
    with Cluster(
        **options.cluster_arguments(),
        connect_timeout=_TIMEOUT_S,
        control_connection_timeout=_TIMEOUT_S,
        execution_profiles={EXEC_PROFILE_DEFAULT: profile},
        schema_metadata_enabled=False,
        token_metadata_enabled=False,
    ) as cluster:
        yield cluster.connect()
