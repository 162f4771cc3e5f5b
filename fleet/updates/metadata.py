"""One metadata file, read as strictly as a unit reads it, or written so that a unit takes it."""

from __future__ import annotations

import re
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Delegations, Key, Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from fleet.updates.errors import MetadataError
from fleet.updates.keys import ACCEPTED
from protocol.host.role_parts import ROLE
from protocol.wire.release import MAX_METADATA_BYTES

Signed = Root | Timestamp | Snapshot | Targets
MAX_ROLE_KEYS = 16  # of one role; a unit counts no more
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
_NAME = re.compile(rf"([1-9][0-9]{{0,8}})\.({ROLE})\.json")
_TOP_LEVEL = {"root": Root, "snapshot": Snapshot, "targets": Targets, "timestamp": Timestamp}
_COMPACT = JSONSerializer(compact=True)


def file_name(role: str, version: int) -> str:
    """The name under which version `version` of `role` is served."""
    return "timestamp.json" if role == "timestamp" else f"{version}.{role}.json"


def parse_name(name: str) -> tuple[str, int]:
    """(role, version) of a versioned file's name; MetadataError for any other."""
    found = _NAME.fullmatch(name)
    if not found:
        raise MetadataError(f"{name!r} is no metadata file's name; one looks like 3.targets.json")
    return found[2], int(found[1])


def parse(role: str, data: bytes) -> Metadata[Any]:
    """The metadata of `role` in `data`; MetadataError if a unit's strict reader would stop at it."""
    if len(data) > MAX_METADATA_BYTES:
        raise MetadataError(
            f"{role} has {len(data)} bytes, units take at most {MAX_METADATA_BYTES}: retire old releases"
        )
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except TufError as error:
        raise MetadataError(f"{role} is no TUF metadata: {error.__cause__ or error}") from error
    expected = _TOP_LEVEL.get(role, Targets)
    if not isinstance(metadata.signed, expected):
        raise MetadataError(f"{role} holds {metadata.signed.type} metadata, {expected.__name__} belongs there")
    if to_bytes(metadata) != data:
        raise MetadataError(f"{role} is not in the compact form of `plugtone release sign`; publish its own output")
    return metadata


def to_bytes(metadata: Metadata[Any]) -> bytes:
    """The one form in which metadata is written: compact, keys sorted."""
    return _COMPACT.serialize(metadata)


def check_keys(role: str, holder: Root | Delegations) -> None:
    """MetadataError if a listed key is not of a kind all units verify, or a role lists more than they count."""
    for keyid, key in holder.keys.items():
        if (key.keytype, key.scheme) not in ACCEPTED:
            accepted = ", ".join(scheme for _, scheme in ACCEPTED)
            raise MetadataError(f"{role} lists key {keyid[:8]} for {key.scheme}; units verify {accepted} only")
        _check_key(role, keyid, key)
    for name, listed in (holder.roles or {}).items():
        if not listed.threshold <= len(listed.keyids) <= MAX_ROLE_KEYS:
            raise MetadataError(f"{role} gives {name} {len(listed.keyids)} keys for a threshold of {listed.threshold}")


def _check_key(role: str, keyid: str, key: Key) -> None:
    """The key is well made; RSA within the sizes units compute with."""
    text = str(key.keyval.get("public", ""))
    try:
        public = load_pem_public_key(text.encode()) if key.keytype != "ed25519" else _ed25519(text)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MetadataError(f"{role} lists key {keyid[:8]}, which is no {key.scheme} key: {error}") from error
    if isinstance(public, EllipticCurvePublicKey) and not isinstance(public.curve, SECP256R1):
        raise MetadataError(f"{role} lists key {keyid[:8]} on curve {public.curve.name}; units compute on P-256")
    if isinstance(public, RSAPublicKey) and not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
        raise MetadataError(
            f"{role} lists an RSA key of {public.key_size} bits; units take {MIN_RSA_BITS} to {MAX_RSA_BITS}"
        )


def _ed25519(text: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
