"""Encryption options that keep strangers off the port on which nodes of a Cassandra talk to each other.

That port asks for no password and takes writes, and a node without peers listens on it all the same. Here it asks for
a certificate that nobody has: made at each start, signed by itself, in no file but the node's configuration.
"""

import datetime as dt
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "murmur")])
_FROM = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_UNTIL = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)


def closed_to_strangers() -> str:
    """The value of `server_encryption_options`, on one line of JSON, which is YAML too."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder(_NAME, _NAME, key.public_key(), x509.random_serial_number(), _FROM, _UNTIL)
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = {"private_key": key.private_bytes(*form).decode() + certificate, "trusted_certificates": certificate}
    factory = {"class_name": "org.apache.cassandra.security.PEMBasedSslContextFactory", "parameters": pem}
    options = {"internode_encryption": "all", "optional": False, "require_client_auth": True}
    return json.dumps({**options, "ssl_context_factory": factory})
