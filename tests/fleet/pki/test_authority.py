"""Certificates of units: what is in them, and which requests are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding

from fleet.pki.authority import DeviceAuthority, GatewayAuthority, ServerAuthority, public_key_sha256
from fleet.pki.certificates import PkiError, common_name, make_key
from protocol.wire.errors import WireError
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import make_serial

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SERIAL = make_serial(1)
MAC = MacAddress.parse("00:1A:2B:3C:4D:5E")
UID = bytes(range(8))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> DeviceAuthority:
    return DeviceAuthority.create(tmp_path_factory.mktemp("pki"), NOW)


def request(key, subject: x509.Name | None = None, algorithm=None) -> bytes:
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject or common_name(SERIAL))
    return builder.sign(key, algorithm or SHA256()).public_bytes(Encoding.DER)


def on_board(serial: str, uid: bytes) -> x509.Name:
    """The subject as a unit names it: who it is, and on which chip it runs."""
    return x509.Name([*common_name(serial), x509.NameAttribute(x509.NameOID.SERIAL_NUMBER, uid.hex())])


def test_a_request_that_names_the_board_is_taken_for_that_board(authority: DeviceAuthority) -> None:
    assert authority.issue(request(make_key(), on_board(SERIAL, UID)), SERIAL, UID, MAC, 1, NOW).der


def test_a_units_certificate_holds_serial_mac_epoch_and_board_and_never_ends(authority: DeviceAuthority) -> None:
    key = make_key()
    issued = authority.issue(request(key), SERIAL, UID, MAC, 3, NOW)

    certificate = x509.load_der_x509_certificate(issued.der)
    certificate.verify_directly_issued_by(authority.certificate)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert certificate.subject == common_name(SERIAL)
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        "urn:dev:mac:001a2bfffe3c4d5e",
        "urn:plugtone:epoch:3",
        "urn:plugtone:board:0001020304050607",
    ]
    assert certificate.not_valid_after_utc == datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert b"99991231235959Z" in issued.der
    assert issued.fingerprint == certificate.fingerprint(SHA256()).hex()
    assert issued.public_key_sha256 == public_key_sha256(key.public_key())
    assert len(issued.der) < 600


def test_a_stored_authority_is_the_same_after_loading(tmp_path: Path) -> None:
    for kind in (DeviceAuthority, ServerAuthority, GatewayAuthority):
        assert not kind.exists(tmp_path)
        created = kind.create(tmp_path, NOW)
        assert kind.exists(tmp_path)
        assert kind.load(tmp_path).anchor_der == created.anchor_der
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")} == {0o600}


def test_a_missing_or_foreign_key_is_named(tmp_path: Path) -> None:
    ServerAuthority.create(tmp_path, NOW)
    (tmp_path / "server-ca.key").write_bytes(b"")
    with pytest.raises(PkiError, match=r"server-ca\.key"):
        ServerAuthority.load(tmp_path)
    GatewayAuthority.create(tmp_path, NOW)
    (tmp_path / "server-ca.key").write_bytes((tmp_path / "gateway-ca.key").read_bytes())
    with pytest.raises(PkiError, match="do not belong together"):
        ServerAuthority.load(tmp_path)


def refused_requests() -> dict[str, tuple[bytes, str]]:
    key = make_key()
    good = request(key)
    two_names = x509.Name([*common_name(SERIAL), *common_name(make_serial(2))])
    return {
        "another unit's serial": (request(key, common_name(make_serial(2))), "expected CN"),
        "another board": (
            request(key, on_board(SERIAL, bytes(8))),
            "expected CN=PT000000018 on board 0001020304050607",
        ),
        "this board twice": (request(key, x509.Name([*on_board(SERIAL, UID), *on_board(SERIAL, UID)])), "expected CN"),
        "the board alone": (request(key, x509.Name(list(on_board(SERIAL, UID))[1:])), "expected CN"),
        "two common names": (request(key, two_names), "expected CN"),
        "a spoilt signature": (good[:-1] + bytes([good[-1] ^ 1]), "not signed by its own key|cannot be read"),
        "another curve": (request(ec.generate_private_key(ec.SECP384R1())), "P-256"),
        "an RSA key": (request(rsa.generate_private_key(65537, 2048)), "P-256"),
        "another hash": (request(key, algorithm=SHA512()), "SHA-256"),
        "cut off": (good[:-10], "cannot be read"),
        "empty": (b"", "cannot be read"),
        "too long": (bytes(1025), "at most 1024 bytes"),
    }


@pytest.mark.parametrize("case", sorted(refused_requests()))
def test_a_request_is_refused_for(case: str, authority: DeviceAuthority) -> None:
    csr, message = refused_requests()[case]
    with pytest.raises(PkiError, match=message):
        authority.issue(csr, SERIAL, UID, MAC, 1, NOW)


def test_a_request_is_refused_for_a_wrong_serial_or_a_group_address(authority: DeviceAuthority) -> None:
    with pytest.raises(WireError, match="check digit"):
        authority.issue(request(make_key()), "PT000000019", UID, MAC, 1, NOW)
    with pytest.raises(PkiError, match="group address"):
        authority.issue(request(make_key()), SERIAL, UID, MacAddress.parse("01:00:5E:00:00:01"), 1, NOW)
