"""The certificate request is one any authority verifies, and the key one that TLS takes."""

import datetime
from binascii import unhexlify

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from adapter.crypto import csr, ec_key, p256
from adapter.crypto.errors import CryptoError
from tests.conftest import RunMicroPython

SERIAL = "PT000000019"
UID = bytes(range(8))
PRIVATE = p256.make_key(b"s" * 32, b"u" * 32)
PUBLIC = p256.public_key(PRIVATE)


def test_a_request_verifies_and_names_serial_and_board() -> None:
    request = x509.load_der_x509_csr(csr.make_csr(PRIVATE, SERIAL, UID))
    assert request.is_signature_valid
    assert request.subject.rfc4514_string() == f"2.5.4.5=0001020304050607,CN={SERIAL}"
    assert list(request.extensions) == []
    info = request.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert info == ec_key.public_key_info(PUBLIC)
    assert ec_key.public_key_of_info(info) == PUBLIC


def test_a_request_is_the_same_each_time() -> None:
    assert csr.make_csr(PRIVATE, SERIAL, UID) == csr.make_csr(PRIVATE, SERIAL, UID)


def test_a_changed_request_no_longer_verifies() -> None:
    changed = csr.make_csr(PRIVATE, SERIAL, UID).replace(SERIAL.encode(), b"PT000000028")
    assert not x509.load_der_x509_csr(changed).is_signature_valid


def test_the_key_is_read_by_the_host() -> None:
    key = serialization.load_der_private_key(ec_key.key_der(PRIVATE, PUBLIC), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.private_numbers().private_value == int.from_bytes(PRIVATE, "big")


def test_only_p256_keys_are_read() -> None:
    der, spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    for key in (ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate()):
        with pytest.raises(CryptoError):
            ec_key.public_key_of_info(key.public_key().public_bytes(der, spki))


SCRIPT = """
import sys, tls
from binascii import hexlify, unhexlify
from adapter.crypto import csr, ec_key, p256
private = unhexlify(sys.argv[1])
certificate = unhexlify(sys.stdin.read())  # an argument of over 255 bytes ends this interpreter
public = p256.public_key(private)
print(hexlify(csr.make_csr(private, sys.argv[2], bytes(range(8)))).decode())
context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
context.load_cert_chain(certificate, ec_key.key_der(private, public))
try:
    context.load_cert_chain(certificate, ec_key.key_der(private, public)[:-9])
except ValueError:
    print("cut key refused")
"""


def self_signed() -> bytes:
    key = serialization.load_der_private_key(ec_key.key_der(PRIVATE, PUBLIC), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, SERIAL)])
    start = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + datetime.timedelta(days=9999))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_micropython_makes_the_same_request_and_tls_takes_the_key(micropython: RunMicroPython) -> None:
    printed = micropython(SCRIPT, PRIVATE.hex(), SERIAL, heap="128K", stdin=self_signed().hex()).split("\n")
    assert unhexlify(printed[0]) == csr.make_csr(PRIVATE, SERIAL, UID)
    assert printed[1] == "cut key refused"
