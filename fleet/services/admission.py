"""Decides for the broker who comes in, from the certificate and the fleet's records, and refuses when in doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fleet.domain.identity import Identity, Issuer, Permissions, Refusal, decide
from fleet.pki.peer import PeerReader


class Identities(Protocol):
    """The fleet's record of certificates."""

    def find(self, fingerprint: str) -> Identity | None:
        """The identity of that certificate, as it stands now."""


Saw = Callable[[str, str], None]  # a unit's serial number, and the address it connects from


class Admission:
    """The broker's door. `saw` is told of each unit that comes in; what it cannot keep lets nobody in (ER 6)."""

    def __init__(self, reader: PeerReader, identities: Identities, saw: Saw) -> None:
        self._reader = reader
        self._identities = identities
        self._saw = saw

    def decide(
        self, certificate_pem: str, client_id: str, gateways_listen: bool, address: str
    ) -> Permissions | Refusal:
        """What the holder of `certificate_pem`, at `address`, may do under `client_id`."""
        if not certificate_pem:
            return Refusal.NO_CERTIFICATE
        peer = self._reader.read(certificate_pem)
        if isinstance(peer, Refusal):
            return peer
        identity = self._identities.find(peer.fingerprint) if peer.issuer is Issuer.DEVICES else None
        verdict = decide(peer, client_id, identity, gateways_listen)
        if identity is not None and isinstance(verdict, Permissions):
            self._saw(identity.serial, address)
        return verdict
