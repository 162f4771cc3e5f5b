"""Three certificate authorities that never vouch for each other's: devices, servers, gateways.

- Devices (IEEE 802.1AR): a root signs an issuing CA, which signs one certificate a unit and epoch. It holds the
  serial number (CN), the MAC as EUI-64 (`urn:dev:mac:`, RFC 9039 4.1), the epoch (`urn:plugtone:epoch:`) and the
  id of the board's chip (`urn:plugtone:board:`), never expires (802.1AR 8.7) and ends by revocation or by the next
  epoch.
- Servers: what units check the fleet's ends by; its anchor is written into each unit.
- Gateways: the fleet's own MQTT clients.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fleet.pki.certificates import (
    AUTHENTICATES,
    SIGNS,
    PkiError,
    begin_certificate,
    common_name,
    key_pem,
    load_certificate,
    load_key,
    make_key,
    sign_certificate,
    write_file,
)
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import check_serial

NO_EXPIRY = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)  # IEEE 802.1AR 8.7, RFC 5280 4.1.2.5
AUTHORITY_DAYS = 25 * 365
ROOT_DAYS = 50 * 365
SERVER_DAYS = 90
GATEWAY_DAYS = 90
MAX_CSR_BYTES = 1024
MAC_URN = "urn:dev:mac:"
EPOCH_URN = "urn:plugtone:epoch:"
BOARD_URN = "urn:plugtone:board:"


@dataclass(frozen=True, slots=True)
class Issued:
    """A unit's certificate as DER, with the SHA-256 (lower-case hex) of it and of its key's SubjectPublicKeyInfo."""

    der: bytes
    fingerprint: str
    public_key_sha256: str


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key and its certificate, as PEM."""

    key_pem: bytes
    certificate_pem: bytes


class _Authority:
    """A key that signs certificates, and the certificate that says so."""

    name: ClassVar[str]

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        if key.public_key() != certificate.public_key():
            raise PkiError(f"the key and the certificate of {self.name} do not belong together; restore both")
        self._key = key
        self.certificate = certificate

    @classmethod
    def load(cls, directory: Path) -> Self:
        """What `create` wrote to `directory`; PkiError if it is not there or spoilt."""
        return cls(load_key(directory / f"{cls.name}.key"), load_certificate(directory / f"{cls.name}.crt"))

    @classmethod
    def exists(cls, directory: Path) -> bool:
        """Whether `create` came to its end in `directory`; the certificate is written last."""
        return (directory / f"{cls.name}.crt").exists()

    @property
    def anchor_der(self) -> bytes:
        """The authority's own certificate."""
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def anchor_pem(self) -> bytes:
        """The authority's own certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def _store(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(directory / f"{self.name}.key", key_pem(self._key))
        write_file(directory / f"{self.name}.crt", self.anchor_pem, 0o644)


def _begin_authority(
    subject: str, key: ec.EllipticCurvePrivateKey, now: datetime, days: int, path_length: int
) -> x509.CertificateBuilder:
    until = now + timedelta(days=days)
    return begin_certificate(subject, key.public_key(), now, until, SIGNS).add_extension(
        x509.BasicConstraints(ca=True, path_length=path_length), critical=True
    )


def _self_signed(
    subject: str, key: ec.EllipticCurvePrivateKey, now: datetime, days: int, path_length: int = 0
) -> x509.Certificate:
    builder = _begin_authority(subject, key, now, days, path_length)
    return builder.issuer_name(common_name(subject)).sign(key, SHA256())


class DeviceAuthority(_Authority):
    """The issuing CA of units' certificates. Its root's key may leave the machine after `create`."""

    name = "device-issuing"
    root_name = "device-root"

    @classmethod
    def create(cls, directory: Path, now: datetime) -> Self:
        """A new root and issuing CA, stored in `directory`."""
        root_key, key = make_key(), make_key()
        root = _self_signed("Plugtone Device Root", root_key, now, ROOT_DAYS, path_length=1)
        builder = _begin_authority("Plugtone Device Issuing 1", key, now, AUTHORITY_DAYS, path_length=0)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_file(directory / f"{cls.root_name}.key", key_pem(root_key))
        write_file(directory / f"{cls.root_name}.crt", root.public_bytes(Encoding.PEM), 0o644)
        authority = cls(key, sign_certificate(builder, root, root_key))
        authority._store(directory)
        return authority

    def issue(
        self, csr_der: bytes, serial: str, board_uid: bytes, mac: MacAddress, epoch: int, now: datetime
    ) -> Issued:
        """The certificate of unit `serial` in `epoch` for the key in `csr_der` (PKCS#10); PkiError if it is not fit."""
        key = _requested_key(csr_der, check_serial(serial), board_uid)
        if mac.is_multicast:
            raise PkiError(f"{mac} is a group address, no unit has it")
        names = [
            x509.UniformResourceIdentifier(mac_urn(mac)),
            x509.UniformResourceIdentifier(f"{EPOCH_URN}{epoch}"),
            x509.UniformResourceIdentifier(f"{BOARD_URN}{board_uid.hex()}"),
        ]
        builder = (
            begin_certificate(serial, key, now, NO_EXPIRY, AUTHENTICATES)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
        )
        der = sign_certificate(builder, self.certificate, self._key).public_bytes(Encoding.DER)
        return Issued(der, sha256(der).hexdigest(), public_key_sha256(key))


class ServerAuthority(_Authority):
    """Vouches for the fleet's servers; `anchor_der` goes into each unit."""

    name = "server-ca"

    @classmethod
    def create(cls, directory: Path, now: datetime) -> Self:
        """A new authority, stored in `directory`."""
        key = make_key()
        authority = cls(key, _self_signed("Plugtone Server CA", key, now, AUTHORITY_DAYS))
        authority._store(directory)
        return authority

    def issue(self, hosts: tuple[str, ...], now: datetime) -> KeyPair:
        """A new key with a certificate for `hosts` (names or addresses), good for SERVER_DAYS."""
        key = make_key()
        builder = (
            begin_certificate(hosts[0], key.public_key(), now, now + timedelta(days=SERVER_DAYS), AUTHENTICATES)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        )
        certificate = sign_certificate(builder, self.certificate, self._key)
        return KeyPair(key_pem(key), certificate.public_bytes(Encoding.PEM))


class GatewayAuthority(_Authority):
    """Vouches for the fleet's own MQTT clients, so that no unit's certificate can ever be taken for one."""

    name = "gateway-ca"

    @classmethod
    def create(cls, directory: Path, now: datetime) -> Self:
        """A new authority, stored in `directory`."""
        key = make_key()
        authority = cls(key, _self_signed("Plugtone Gateway CA", key, now, AUTHORITY_DAYS))
        authority._store(directory)
        return authority

    def issue(self, name: str, now: datetime) -> KeyPair:
        """A new key with a certificate for gateway `name`, good for GATEWAY_DAYS."""
        key = make_key()
        builder = (
            begin_certificate(name, key.public_key(), now, now + timedelta(days=GATEWAY_DAYS), AUTHENTICATES)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        )
        certificate = sign_certificate(builder, self.certificate, self._key)
        return KeyPair(key_pem(key), certificate.public_bytes(Encoding.PEM))


def mac_urn(mac: MacAddress) -> str:
    """The DEV URN of a MAC: its EUI-64 in lower-case hex (RFC 9039 4.1: FFFE in the middle of an EUI-48)."""
    digits = mac.hex()
    return f"{MAC_URN}{digits[:6]}fffe{digits[6:]}"


def public_key_sha256(key: ec.EllipticCurvePublicKey) -> str:
    """The SHA-256, lower-case hex, of a key's SubjectPublicKeyInfo: the name a key goes by."""
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _requested_key(csr_der: bytes, serial: str, board_uid: bytes) -> ec.EllipticCurvePublicKey:
    """The key of a request that is well formed, signed by that key, and for `serial` on that board alone.

    Firmware from before 2026-11-23 does not say on which board it runs.
    """
    if len(csr_der) > MAX_CSR_BYTES:
        raise PkiError(f"a certificate request has at most {MAX_CSR_BYTES} bytes, got {len(csr_der)}")
    try:
        request = x509.load_der_x509_csr(csr_der)
        key = request.public_key()
        valid = request.is_signature_valid
    except (ValueError, TypeError, InvalidSignature) as error:
        raise PkiError(f"the certificate request of {serial} cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise PkiError(f"the certificate request of {serial} is not for a P-256 key")
    if not valid or not isinstance(request.signature_hash_algorithm, SHA256):
        raise PkiError(f"the certificate request of {serial} is not signed by its own key with SHA-256")
    board = x509.Name([*common_name(serial), x509.NameAttribute(NameOID.SERIAL_NUMBER, board_uid.hex())])
    if request.subject not in (common_name(serial), board):
        raise PkiError(
            f"the certificate request is for {request.subject.rfc4514_string()!r}, expected CN={serial} on board "
            f"{board_uid.hex()}"
        )
    return key


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
