"""Certificates and keys as files: private keys 0600, every write whole or not at all."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from fleet.domain.errors import FleetError

BACKDATE = timedelta(minutes=5)  # a peer's clock may run behind ours

SIGNS = {"key_cert_sign": True, "crl_sign": True}
AUTHENTICATES = {"digital_signature": True}
_NO_USAGE = dict.fromkeys(
    (
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ),
    False,
)


class PkiError(FleetError):
    """A key, certificate or request that cannot be used; says which and why."""

    code = "pki"


def make_key() -> ec.EllipticCurvePrivateKey:
    """A new P-256 key."""
    return ec.generate_private_key(ec.SECP256R1())


def common_name(text: str) -> x509.Name:
    """The name that holds `text` as its common name alone."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def begin_certificate(
    subject: str, public_key: ec.EllipticCurvePublicKey, now: datetime, not_after: datetime, usage: dict[str, bool]
) -> x509.CertificateBuilder:
    """A certificate with what all of ours have; issuer and the rest are the caller's."""
    return (
        x509.CertificateBuilder()
        .subject_name(common_name(subject))
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATE)
        .not_valid_after(not_after)
        .add_extension(x509.KeyUsage(**(_NO_USAGE | usage)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def sign_certificate(
    builder: x509.CertificateBuilder, issuer: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    """The certificate `builder` describes, issued by `issuer`."""
    identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return (
        builder.issuer_name(issuer.subject)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, SHA256())
    )


def write_file(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Put `content` at `path`: after a crash the old file or the new one is there, never a part."""
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """PKCS#8, unencrypted: the file's mode protects it."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The P-256 key in `path`; PkiError if it is not one."""
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise PkiError(f"cannot read the key {path}: {error}; restore it from the backup") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise PkiError(f"{path} holds a {type(key).__name__}, a P-256 key is needed")
    return key


def load_certificate(path: Path) -> x509.Certificate:
    """The certificate in `path`; PkiError if it is not one."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise PkiError(f"cannot read the certificate {path}: {error}; restore it from the backup") from error
