"""One Cassandra process of one node on a folder."""

import datetime as dt
import json
import shutil
import socket
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

from cluster.embedded import cassandra_jvm
from cluster.embedded.cassandra_login import ensure_login, login_of
from cluster.embedded.ports import PortBlock
from cluster.embedded.processes import ChildProcess, Component
from cluster.errors import EmbeddedError
from cluster.private import private_folder, write_private
from cluster.settings import environment

_CQL_OPTIONS = bytes.fromhex("040000000500000000")  # a v4 OPTIONS request: answered before any login
_CQL_SUPPORTED = 0x06
# commitlog_sync group: what was acknowledged is on disk. One node, so the storage port may differ at every start.
_YAML = """\
cluster_name: murmur
num_tokens: 8
partitioner: org.apache.cassandra.dht.Murmur3Partitioner
seed_provider:
  - class_name: org.apache.cassandra.locator.SimpleSeedProvider
    parameters: [{{seeds: "127.0.0.1:{storage_port}"}}]
listen_address: 127.0.0.1
storage_port: {storage_port}
native_transport_port: {cql_port}
rpc_address: 127.0.0.1
start_native_transport: true
endpoint_snitch: SimpleSnitch
commitlog_sync: group
commitlog_sync_group_window: 5ms
disk_failure_policy: stop
commit_failure_policy: stop
data_file_directories: ["{folder}/data"]
commitlog_directory: "{folder}/commitlog"
hints_directory: "{folder}/hints"
saved_caches_directory: "{folder}/saved_caches"
cdc_raw_directory: "{folder}/cdc_raw"
authenticator: PasswordAuthenticator
credentials_validity: 0ms
authorizer: AllowAllAuthorizer
server_encryption_options: {internode}
storage_compatibility_mode: NONE
memtable:
  configurations:
    default: {{inherits: trie}}
    trie: {{class_name: TrieMemtable}}
    skiplist: {{class_name: SkipListMemtable}}
sstable: {{selected_format: bti}}
auto_snapshot: false
"""

_LOGBACK = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{ISO8601} %-5level [%thread] %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="console"/></root>
</configuration>
"""


class CassandraNode(Component):
    """A node with its data in a folder, on free loopback ports: they change at every start, the data stays.

    Making one starts it; call `wait_ready` before use.
    """

    ready_timeout_s = 120.0

    def __init__(
        self, java: Path, jars: list[Path], folder: Path, ports: PortBlock, heap_mb: int, archive: tuple[str, ...]
    ) -> None:
        self.port = ports.port()
        self.contact_point = f"127.0.0.1:{self.port}"
        log = folder.parent / "logs" / "cassandra.log"
        try:
            shutil.rmtree(folder / "tmp", ignore_errors=True)  # what a kill -9 left
            for history in folder.glob("data/system/compaction_history-*"):  # each start copies it, row by row
                shutil.rmtree(history)
            private_folder(folder / "tmp")
            values = {"folder": folder, "storage_port": ports.port(), "cql_port": self.port}
            write_private(folder / "cassandra.yaml", _YAML.format(**values, internode=_closed_to_strangers()))
            write_private(folder / "logback.xml", _LOGBACK)
        except OSError as failure:
            raise EmbeddedError(f"Cassandra's folder {folder} cannot be written: {failure}.") from failure
        command = cassandra_jvm.command(java, jars, folder, heap_mb, archive)
        self.folder = folder
        self.process = ChildProcess("Cassandra", command, log, environment(), folder)

    @property
    def login(self) -> tuple[str, str]:
        """Name and password, once it is ready."""
        return login_of(self.folder)

    @override
    def wait_ready(self) -> None:
        """Return when we, and nobody else, can log in; raise `EmbeddedError` when it ended or the time is over."""
        super().wait_ready()
        ensure_login(self.contact_point, self.folder)

    @override
    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(_CQL_OPTIONS)
                header = connection.recv(9)
        except OSError:
            return False
        return len(header) == 9 and header[4] == _CQL_SUPPORTED


def _closed_to_strangers() -> str:
    """Value of `server_encryption_options` that keeps strangers off the port on which nodes talk to each other.

    That port asks for no password and takes writes, and a node without peers listens on it all the same. Here it asks
    for a certificate that nobody has: made at each start, signed by itself, in no file but the node's configuration.
    It is one line of JSON, which is YAML too.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "murmur")])
    since, until = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2020, 2120))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), since, until)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = {"private_key": key.private_bytes(*form).decode() + certificate, "trusted_certificates": certificate}
    factory = {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory", "parameters": pem}
    options = {"internode_encryption": "all", "optional": False, "require_client_auth": True}
    return json.dumps({**options, "ssl_context_factory": factory})
