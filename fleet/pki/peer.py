"""Reads which of our authorities vouches for a certificate, and for whom; trusts no CN by itself."""

from __future__ import annotations

from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256

from fleet.domain.identity import Issuer, Peer, Refusal

_PARSE_ERRORS = (ValueError, TypeError, x509.ExtensionNotFound, x509.DuplicateExtension)


class PeerReader:
    """Knows the certificates of the authorities whose clients may connect."""

    def __init__(self, devices: Sequence[x509.Certificate], gateways: Sequence[x509.Certificate]) -> None:
        self._authorities = [(issuer, Issuer.DEVICES) for issuer in devices]
        self._authorities += [(issuer, Issuer.GATEWAYS) for issuer in gateways]

    def read(self, certificate_pem: str) -> Peer | Refusal:
        """Who the holder of `certificate_pem` is. The broker has checked the chain; we check it again."""
        try:
            certificate = x509.load_pem_x509_certificate(certificate_pem.encode())
            names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
            constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        except _PARSE_ERRORS:
            return Refusal.MALFORMED
        issuer = self._issuer_of(certificate)
        if issuer is None:
            return Refusal.FOREIGN_ISSUER
        if len(names) != 1 or len(list(certificate.subject)) != 1 or constraints.ca:
            return Refusal.MALFORMED
        return Peer(issuer, str(names[0].value), certificate.fingerprint(SHA256()).hex())

    def _issuer_of(self, certificate: x509.Certificate) -> Issuer | None:
        for authority, issuer in self._authorities:
            try:
                certificate.verify_directly_issued_by(authority)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return issuer
        return None
