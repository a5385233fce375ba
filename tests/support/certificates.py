"""Certificates that tests create."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext

import trustme

NAMES = "localhost", "127.0.0.1"


@dataclass(frozen=True)
class Certificate:
    """The files of a certificate and its key, and the context of a client that trusts its authority."""

    chain: Path
    key: Path
    client: SSLContext

    @property
    def settings(self) -> dict[str, Path]:
        """The settings of a server that uses it."""
        return {"tls_certificate": self.chain, "tls_key": self.key}


def certificate(folder: Path, expires: datetime | None = None) -> Certificate:
    """Write a certificate for this machine into a folder, in place of one that is there."""
    authority = trustme.CA()
    issued = authority.issue_cert(*NAMES, not_after=expires)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
    issued.private_key_pem.write_to_path(str(key))
    # Trusts nobody else: the default context reads all authorities of the system, which takes 40 ms.
    client = SSLContext(PROTOCOL_TLS_CLIENT)
    authority.configure_trust(client)
    return Certificate(chain, key, client)
