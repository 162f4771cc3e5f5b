"""Decides for the broker who comes in, from the certificate and the fleet's records, and refuses when in doubt."""

from __future__ import annotations

from typing import Protocol

from fleet.domain.identity import Identity, Issuer, Permissions, Refusal, decide
from fleet.pki.peer import PeerReader


class Identities(Protocol):
    """The fleet's record of certificates."""

    def find(self, fingerprint: str) -> Identity | None:
        """The identity of that certificate, as it stands now."""


class Admission:
    """The broker's door."""

    def __init__(self, reader: PeerReader, identities: Identities) -> None:
        self._reader = reader
        self._identities = identities

    def decide(self, certificate_pem: str, client_id: str, gateways_listen: bool) -> Permissions | Refusal:
        """What the holder of `certificate_pem` may do under `client_id`."""
        if not certificate_pem:
            return Refusal.NO_CERTIFICATE
        peer = self._reader.read(certificate_pem)
        if isinstance(peer, Refusal):
            return peer
        identity = self._identities.find(peer.fingerprint) if peer.issuer is Issuer.DEVICES else None
        return decide(peer, client_id, identity, gateways_listen)
