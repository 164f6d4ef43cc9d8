"""Every setting of the system in one typed class; the only module of the project that touches the environment."""

import difflib
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import parse_qs, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from cluster.errors import SettingsError
from domain.ids import COUNT_PARTS, RANGES
from domain.trends.tag_counts import TAG_BUCKETS
from storage.loopback import is_loopback
from storage.tls import TlsOptions

PREFIX = "MURMUR_"
_EVERY_ADDRESS = ("0.0.0.0", "::")
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.\[\]:-]+")
RAY_ADDRESS_NAME = "RAY_ADDRESS"


def _split_at_commas(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _each(fits: Callable[[str], object], complaint: str) -> AfterValidator:
    """Refuses a list with a word that does not fit."""

    def check(value: tuple[str, ...]) -> tuple[str, ...]:
        for word in value:
            if not fits(word):
                raise ValueError(f"{word!r} {complaint}")
        return value

    return AfterValidator(check)


def _is_host_and_port(word: str) -> bool:
    host, _, port = word.rpartition(":")
    return bool(host) and port.isdigit() and 1 <= int(port) <= 65535


def _is_network(word: str) -> bool:
    try:
        ipaddress.ip_network(word, strict=False)
    except ValueError:
        return False
    return True


def _redis_url(value: str) -> str:
    if not value.startswith(("redis://", "rediss://")):
        raise ValueError("it must start with redis:// or rediss://")
    if "," in urlsplit(value).netloc and "true" not in parse_qs(urlsplit(value).query).get("cluster", []):
        raise ValueError("several nodes are those of a cluster, which needs ?cluster=true")
    return value


Port = Annotated[int, Field(ge=1, le=65535)]
Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split_at_commas)]
AbsolutePath = Annotated[Path, AfterValidator(lambda path: path.expanduser().resolve())]
Switch = Literal["on", "off"]
Consistency = Literal["ONE", "TWO", "THREE", "QUORUM", "LOCAL_ONE", "LOCAL_QUORUM", "EACH_QUORUM", "ALL"]


class Settings(BaseSettings):
    """Choices of an operator. Each field is read from `MURMUR_<NAME>`, or keeps the default given here."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        validate_default=True,
    )

    http_host: str = "127.0.0.1"
    """Address the HTTP API listens on; 0.0.0.0 opens it to the network."""
    http_port: Port = 8000
    """Port of the HTTP API. Two systems on one machine need different ones."""
    data_dir: AbsolutePath = Path(".murmur")
    """Folder of everything the local system keeps: data, keys, logs, run state. One system per folder."""
    rate_limits: Switch = "on"
    """`off` lifts the limits per user and per address; for demonstrations and measurements."""
    limits: Literal["default", "small"] = "default"
    """Profile of the built-in bounds; `small` shrinks them all, so that small runs take every edge."""
    cassandra_contact_points: Annotated[Words, _each(_is_host_and_port, "is not host:port")] = ()
    """`host:port` list, comma separated, of a Cassandra to use; empty starts one locally."""
    cassandra_keyspace: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")] = "murmur"
    """Keyspace of all tables; created when absent."""
    cassandra_replication: Annotated[int, Field(ge=1)] = 1
    """Copies of each row in the datacenter; 1 locally, 3 in a deployment. Used when the keyspace is created."""
    cassandra_datacenter: Annotated[str, Field(min_length=1)] = "datacenter1"
    """Datacenter that requests go to."""
    cassandra_consistency: Consistency = "LOCAL_QUORUM"
    """Consistency of reads and writes."""
    cassandra_username: str | None = None
    """User name for Cassandra; goes with the password."""
    cassandra_password: SecretStr | None = None
    """Password for Cassandra; goes with the user name."""
    cassandra_tls: Switch = "off"
    """`on` speaks TLS with the Cassandra that is named; the local one stays on the loopback."""
    cassandra_tls_ca_file: AbsolutePath | None = None
    """PEM file of who signs Cassandra's certificates; empty: the authorities that the machine trusts."""
    cassandra_tls_certificate_file: AbsolutePath | None = None
    """PEM file of a certificate of our own, for a Cassandra that asks for one; goes with its key."""
    cassandra_tls_key_file: AbsolutePath | None = None
    """PEM file of that certificate's key, without a passphrase."""
    cassandra_tls_verify_hostname: Switch = "on"
    """`off` accepts certificates that do not name the address of their node."""
    cassandra_heap_mb: Annotated[int, Field(ge=256)] = 256
    """Heap of the local Cassandra, at most."""
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = None
    """`redis://` or `rediss://` URL of a Redis, or of nodes of a cluster, to use; empty starts one locally."""
    cleartext_passwords: Literal["refuse", "allow"] = "refuse"
    """`allow` sends passwords without TLS to a Cassandra or Redis elsewhere: only on a network of their own."""
    redis_maxmemory_mb: Annotated[int, Field(ge=16)] = 512
    """Memory of the local Redis."""
    serve_replicas: Annotated[int, Field(ge=1)] = 2
    """HTTP replicas; the least when autoscaling."""
    serve_replicas_max: Annotated[int, Field(ge=1)] | None = None
    """The most HTTP replicas; setting it turns autoscaling on."""
    fanout_shards: Annotated[int, Field(ge=1, le=RANGES)] = 2
    """Actors that deliver tweets to timelines."""
    counters: Annotated[int, Field(ge=1, le=COUNT_PARTS)] = 1
    """Actors that count likes, followers and so on."""
    trends_workers: Annotated[int, Field(ge=1, le=TAG_BUCKETS)] = 1
    """Workers of the trends dataflow."""
    log_partitions: Annotated[int, Field(ge=1, le=100)] = 8
    """Partitions of the event log. Fixed once a system has data."""
    exporter_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the cluster's own metrics (log lag, dead letters, ownerless ranges); 0 picks a free one."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe log lines that are written."""
    jwt_keys_dir: AbsolutePath | None = None
    """Folder of the keys that sign access tokens, the same on every node; empty: `keys/jwt` in the data folder."""
    trusted_proxies: Annotated[Words, _each(_is_network, "is no address or network")] = ()
    """Addresses or networks whose `X-Forwarded-For` is believed, comma separated; a local HAProxy's always is."""
    cors_origins: Annotated[Words, _each(_ORIGIN.fullmatch, "is no origin, such as https://app.example")] = ("*",)
    """Origins whose pages may read the answers in a browser, comma separated: `https://app.example`, or `*` for all."""
    ray_num_cpus: Annotated[int, Field(ge=1)] = 8
    """Logical CPUs of the local Ray: room for actors, not cores."""
    ray_address: str | None = Field(default=None, validation_alias=RAY_ADDRESS_NAME)
    """Ray cluster to join, `host:port`, from `RAY_ADDRESS` (Ray's own name); empty starts one locally."""

    @property
    def believed_proxies(self) -> tuple[str, ...]:
        """Proxies that are named, and the HAProxy of this node, which appends the true peer to `X-Forwarded-For`.

        Where Ray is elsewhere, HAProxies have the addresses of its nodes: it is for the settings to name them.
        """
        if self.trusted_proxies and self.ray_address is not None:
            return self.trusted_proxies
        return tuple(dict.fromkeys((*self.trusted_proxies, "127.0.0.1")))

    def url_of(self, port: int) -> str:
        """URL by which this machine reaches a port that listens on `http_host`."""
        host = "127.0.0.1" if self.http_host in _EVERY_ADDRESS else self.http_host
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.cassandra_username is None) != (self.cassandra_password is None):
            raise ValueError("MURMUR_CASSANDRA_USERNAME and MURMUR_CASSANDRA_PASSWORD go together")
        if (self.cassandra_tls_certificate_file is None) != (self.cassandra_tls_key_file is None):
            raise ValueError("MURMUR_CASSANDRA_TLS_CERTIFICATE_FILE and MURMUR_CASSANDRA_TLS_KEY_FILE go together")
        self._require_tls_files()
        self._require_no_password_in_clear()
        if self.serve_replicas_max is not None and self.serve_replicas_max < self.serve_replicas:
            raise ValueError("MURMUR_SERVE_REPLICAS_MAX is below MURMUR_SERVE_REPLICAS")
        return self

    @property
    def cassandra_tls_options(self) -> TlsOptions | None:
        """TLS options of the Cassandra that is named; None without TLS."""
        if not self.cassandra_contact_points or self.cassandra_tls == "off":
            return None
        return TlsOptions(
            ca_file=self.cassandra_tls_ca_file,
            certificate_file=self.cassandra_tls_certificate_file,
            key_file=self.cassandra_tls_key_file,
            verify_hostname=self.cassandra_tls_verify_hostname == "on",
        )

    def _require_tls_files(self) -> None:
        if (tls := self.cassandra_tls_options) is not None:
            try:
                tls.context()
            except OSError as failure:
                raise ValueError(f"the files of MURMUR_CASSANDRA_TLS_… cannot be used: {failure}") from failure

    def _require_no_password_in_clear(self) -> None:
        if self.cleartext_passwords == "allow":
            return
        hosts = [address.rpartition(":")[0] for address in self.cassandra_contact_points]
        if self.cassandra_password is not None and self.cassandra_tls == "off" and not all(map(is_loopback, hosts)):
            raise ValueError(
                "MURMUR_CASSANDRA_PASSWORD would go to another machine in clear; set MURMUR_CASSANDRA_TLS to on, or "
                "MURMUR_CLEARTEXT_PASSWORDS to allow where nobody else is on the network"
            )
        redis = urlsplit(self.redis_url or "")
        has_password = bool(redis.password) or "password" in parse_qs(redis.query)
        hosts = [urlsplit(f"//{node}").hostname or "localhost" for node in redis.netloc.rpartition("@")[2].split(",")]
        if redis.scheme == "redis" and has_password and not all(map(is_loopback, hosts)):
            raise ValueError(
                "the password in MURMUR_REDIS_URL would go to another machine in clear; use rediss://, or set "
                "MURMUR_CLEARTEXT_PASSWORDS to allow where nobody else is on the network"
            )


def load_settings() -> Settings:
    """The settings of this process's environment. Raises `SettingsError`, one sentence for the operator."""
    _refuse_unknown_names(os.environ)
    try:
        return Settings()
    except ValidationError as invalid:
        raise SettingsError("; ".join(_explain(error) for error in invalid.errors()) + ".") from None


def cache_dir() -> Path:
    """Folder for downloads that all systems of a user share."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "murmur"


def environment() -> dict[str, str]:
    """A copy of the environment, to hand to a child process."""
    return dict(os.environ)


def put_in_environment(values: Mapping[str, str]) -> None:
    """Set variables that a library (Ray) reads for itself; must come before that library is imported."""
    os.environ.update(values)


def _refuse_unknown_names(names: Mapping[str, str]) -> None:
    known = [PREFIX + field.upper() for field in Settings.model_fields if field != "ray_address"]
    for name in sorted(names):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            near = difflib.get_close_matches(name.upper(), known, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "see docs/settings.md."
            raise SettingsError(f"{name} is not a setting of Murmur; {hint}")


def _explain(error: ErrorDetails) -> str:
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:
        return message
    field = str(error["loc"][0])
    name = field if field == RAY_ADDRESS_NAME else PREFIX + field.upper()
    if field in ("cassandra_password", "redis_url"):  # what is wrong may be, or hold, a password
        return f"{name}: {message}"
    return f"{name} is {str(error['input'])!r}: {message[:1].lower() + message[1:]}"
