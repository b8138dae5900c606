"""A certificate for one WebRTC connection, of the kind that all its implementations know (RFC 8827, 6.5)."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_VALID = datetime.timedelta(days=30)
_BEFORE = datetime.timedelta(days=1)
"""Clocks differ."""


@contextmanager
def certificate_files() -> Iterator[dict[str, str]]:
    """Give options of FFmpeg's muxer that name a certificate and its key, which exist inside the block.

    The key is on P-256: FFmpeg makes RSA by itself, which some receivers refuse. Nobody else may read it.
    """
    key, certificate = _made()
    with tempfile.TemporaryDirectory(prefix="vsr-") as folder:  # for its owner alone
        files = {"key_file": Path(folder) / "key.pem", "cert_file": Path(folder) / "certificate.pem"}
        files["key_file"].write_bytes(key)
        files["cert_file"].write_bytes(certificate)
        yield {option: str(path) for option, path in files.items()}


def _made() -> tuple[bytes, bytes]:
    """Return a new key and a certificate that it signed itself, both as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "vsr")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .not_valid_after(now + _VALID)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem, certificate.public_bytes(serialization.Encoding.PEM)
