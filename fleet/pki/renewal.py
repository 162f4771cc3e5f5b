"""Renews the service's own certificates in good time: one file each, key and certificate together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509

from fleet.pki.authority import DeviceAuthority, GatewayAuthority, KeyPair, ServerAuthority
from fleet.pki.certificates import PkiError, load_certificate, load_key, write_file
from fleet.pki.tokens import TokenAuthority

RENEW_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Credentials:
    """The authorities' directory, and the certificates the service itself shows. `hosts` are the server's names."""

    authorities: Path
    directory: Path
    hosts: tuple[str, ...]
    gateways: tuple[str, ...]

    @property
    def server(self) -> Path:
        """Key and certificate of the broker and the update server."""
        return self.directory / "server.pem"

    @property
    def server_anchor(self) -> Path:
        """What the servers' certificates are checked by."""
        return self.authorities / f"{ServerAuthority.name}.crt"

    def gateway(self, name: str) -> Path:
        """Key and certificate of gateway `name`."""
        return self.directory / f"{name}.pem"

    def create_authorities(self, now: datetime) -> None:
        """Make the authorities that are not there yet."""
        for kind in (DeviceAuthority, ServerAuthority, GatewayAuthority):
            if not kind.exists(self.authorities):
                kind.create(self.authorities, now)
        if not TokenAuthority.exists(self.authorities):
            TokenAuthority.add_key(self.authorities)

    def renew(self, now: datetime) -> list[str]:
        """Replace each certificate that is missing, ends within RENEW_BEFORE, or has other names; which it were."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        renewed = []
        if not _is_fresh(self.server, now, frozenset(self.hosts)):
            _store(self.server, ServerAuthority.load(self.authorities).issue(self.hosts, now))
            renewed.append(self.server.stem)
        for name in self.gateways:
            if not _is_fresh(self.gateway(name), now, frozenset()):
                _store(self.gateway(name), GatewayAuthority.load(self.authorities).issue(name, now))
                renewed.append(name)
        return renewed


def _is_fresh(path: Path, now: datetime, hosts: frozenset[str]) -> bool:
    try:
        certificate = load_certificate(path)
        if load_key(path).public_key() != certificate.public_key():
            return False
    except PkiError:
        return False
    in_time = certificate.not_valid_before_utc <= now < certificate.not_valid_after_utc - RENEW_BEFORE
    return in_time and _hosts(certificate) == hosts


def _hosts(certificate: x509.Certificate) -> frozenset[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    return frozenset(str(name.value) for name in names)


def _store(path: Path, pair: KeyPair) -> None:
    write_file(path, pair.key_pem + pair.certificate_pem)
