"""TLS with a store, as one value that travels to every process."""

import ssl
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsOptions:
    """Certificates by which we know a server, and it us. Files, not keys: the process that connects reads them."""

    ca_file: Path | None = None
    """PEM file of the authorities that sign servers' certificates; those that the machine trusts if there is none."""
    certificate_file: Path | None = None
    """PEM file of our own certificate, for a server that asks for one; goes with the key."""
    key_file: Path | None = None
    verify_hostname: bool = True
    """True if a certificate must name the address of its server."""

    def context(self) -> ssl.SSLContext:
        """For TLS 1.2 and later. Raises `OSError` (`ssl.SSLError` is one) for a file that is absent or no PEM."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.check_hostname = self.verify_hostname
        if self.certificate_file is not None:
            context.load_cert_chain(self.certificate_file, self.key_file, password="")  # else it asks at the terminal
        return context
