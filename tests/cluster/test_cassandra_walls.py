"""Who gets into a Cassandra: by a certificate where it speaks TLS, and by the one password of a local one."""

import datetime as dt
import ipaddress
import json
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from cassandra.cluster import Cluster, NoHostAvailable
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cluster.embedded import cassandra_login, cassandra_node
from cluster.embedded.cassandra import start_cassandra
from cluster.embedded.cassandra_node import CassandraNode
from cluster.embedded.ports import PortBlock
from cluster.errors import EmbeddedError
from domain.errors import StoreUnavailable
from storage.cassandra.driver.session import CassandraSession
from storage.tls import TlsOptions
from tests.support.stores import options_of

_STOP_S = 15.0
_PATIENCE_S = 30.0


def make_certificate(folder: Path, address: str) -> TlsOptions:
    """A key, and a certificate for that address that is its own authority; for a client and for a server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(f"CN={folder.name}")
    from_, until = (dt.datetime(year, 1, 1, tzinfo=dt.UTC) for year in (2020, 2120))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), from_, until)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    builder = builder.add_extension(names, critical=False).add_extension(x509.BasicConstraints(True, 0), critical=True)
    folder.mkdir()
    certificate, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    key_file.write_bytes(key.private_bytes(*form))
    return TlsOptions(ca_file=certificate, certificate_file=certificate, key_file=key_file)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> TlsOptions:
    return make_certificate(tmp_path_factory.mktemp("certificates") / "known", "127.0.0.1")


@pytest.fixture(scope="module")
def node(known: TlsOptions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CassandraNode]:
    """One that shows that certificate and asks for it, and speaks without TLS too, by which it is seen to be ready."""
    assert known.certificate_file is not None
    assert known.key_file is not None
    certificate = known.certificate_file.read_text()
    parameters = {"private_key": known.key_file.read_text() + certificate, "trusted_certificates": certificate}
    factory = {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory", "parameters": parameters}
    asks = {"enabled": True, "optional": True, "require_client_auth": True, "ssl_context_factory": factory}
    line = f"client_encryption_options: {json.dumps(asks)}\n".replace("{", "{{").replace("}", "}}")
    ports = PortBlock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cassandra_node, "_YAML", cassandra_node._YAML + line)
        started = start_cassandra(tmp_path_factory.mktemp("data"), ports, 512, print)
    try:
        started.wait_ready()
        yield started
    finally:
        started.stop(_STOP_S)
        ports.release()


async def test_tls_is_spoken_with_a_cassandra_that_is_known_and_knows_us(
    node: CassandraNode, known: TlsOptions, tmp_path: Path
) -> None:
    options = options_of(node, "system")
    with Cluster(**replace(options, tls=known).cluster_arguments()) as cluster:
        clients = cluster.connect().execute("SELECT ssl_enabled, ssl_protocol FROM system_views.clients")
        assert {(client.ssl_enabled, client.ssl_protocol) for client in clients} == {(True, "TLSv1.3")}
    await (await CassandraSession.connect(replace(options, tls=known))).close()

    stranger = make_certificate(tmp_path / "stranger", "127.0.0.1")
    elsewhere = make_certificate(tmp_path / "elsewhere", "127.0.0.2")
    for refused in (
        replace(known, ca_file=stranger.ca_file),
        replace(known, certificate_file=None, key_file=None),
        replace(known, certificate_file=elsewhere.certificate_file, key_file=elsewhere.key_file),
    ):
        with pytest.raises(StoreUnavailable):
            await CassandraSession.connect(replace(options, tls=refused))


def test_a_start_takes_up_what_one_that_died_had_begun_and_lets_nobody_else_in(
    node: CassandraNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the last one had died when its role was made and its password had no file yet."""
    ours = options_of(node, "system")
    made = node.folder / "password"
    made.rename(made.with_name("password.unfinished"))
    node.wait_ready()
    assert options_of(node, "system") == ours
    with Cluster(**ours.cluster_arguments()) as cluster:
        session = cluster.connect()
        assert [row.role for row in session.execute("SELECT role FROM system_auth.roles")] == [ours.username]
        session.execute("CREATE ROLE stranger WITH PASSWORD = 'x' AND LOGIN = true AND SUPERUSER = true")
    made.rename(made.with_name("password.unfinished"))
    monkeypatch.setattr(cassandra_login, "_ALONE_TIMEOUT_S", 0.0)
    theirs = replace(ours, username="stranger", password="x")
    with Cluster(**theirs.cluster_arguments()) as cluster:
        cluster.connect()
        with pytest.raises(EmbeddedError, match="Somebody else is logged in"):
            node.wait_ready()
    for refused in (theirs, replace(ours, username="cassandra", password="cassandra"), replace(ours, username=None)):
        with Cluster(**refused.cluster_arguments()) as cluster, pytest.raises(NoHostAvailable):
            cluster.connect()


def test_the_port_between_nodes_takes_nothing_from_whoever_has_no_certificate(node: CassandraNode) -> None:
    listening = psutil.Process(node.process.pid).net_connections("tcp")
    ports = {end.laddr.port for end in listening if end.status == psutil.CONN_LISTEN} - {node.port}
    assert len(ports) == 1, "no JMX, for one"
    assert "encryption: encrypted(" in node.process.log_path.read_text(), "and not `optionally encrypted`"
    believing = ssl.create_default_context()
    believing.check_hostname, believing.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", ports.pop()), timeout=_PATIENCE_S) as connection,
        believing.wrap_socket(connection) as stranger,
        pytest.raises(ssl.SSLError, match="certificate required"),
    ):
        stranger.recv(1)
