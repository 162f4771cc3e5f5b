"""One metadata file, read as strictly as a unit reads it, or written so that a unit takes it."""

from __future__ import annotations

import re
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Delegations, Key, Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import CanonicalJSONSerializer, JSONSerializer

from fleet.updates.errors import MetadataError
from fleet.updates.keys import ACCEPTED
from protocol.host.role_parts import ROLE
from protocol.wire.release import MAX_METADATA_BYTES

Signed = Root | Timestamp | Snapshot | Targets
MAX_ROLE_KEYS = 16  # of one role; a unit counts no more
MIN_RSA_BITS, MAX_RSA_BITS = 2048, 4096
MAX_RSA_EXPONENT_BITS = 32
ED25519_DIGITS = 64
_CLASSES = {"ecdsa": EllipticCurvePublicKey, "ed25519": Ed25519PublicKey, "rsa": RSAPublicKey}
_NAME = re.compile(rf"([1-9][0-9]{{0,8}})\.({ROLE})\.json")
_TOP_LEVEL = {"root": Root, "snapshot": Snapshot, "targets": Targets, "timestamp": Timestamp}
_COMPACT = JSONSerializer(compact=True)
_CANONICAL = CanonicalJSONSerializer()


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
        _CANONICAL.serialize(metadata.signed)  # a float has no form that could be signed
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
        found = {_public(holder.keys[keyid]) for keyid in listed.keyids if keyid in holder.keys}
        if len(found) < len(listed.keyids):
            raise MetadataError(f"{role} gives {name} the same key under two ids; units count it once")


def _check_key(role: str, keyid: str, key: Key) -> None:
    """The key is well made and written as units read it; RSA within the sizes units compute with."""
    try:
        public = load_pem_public_key(_public(key).encode()) if key.keytype != "ed25519" else _ed25519(_public(key))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise MetadataError(f"{role} lists key {keyid[:8]}, which is no {key.scheme} key: {error}") from error
    if not isinstance(public, _CLASSES[key.keytype]):
        raise MetadataError(f"{role} lists key {keyid[:8]} for {key.scheme}, and it is of another kind")
    if isinstance(public, EllipticCurvePublicKey) and not isinstance(public.curve, SECP256R1):
        raise MetadataError(f"{role} lists key {keyid[:8]} on curve {public.curve.name}; units compute on P-256")
    if isinstance(public, RSAPublicKey):
        _check_rsa(role, public)
    if not isinstance(public, Ed25519PublicKey):
        written = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        if written.split() != _public(key).split():
            raise MetadataError(
                f"{role} lists key {keyid[:8]} in a form units do not read; write it as an uncompressed "
                "SubjectPublicKeyInfo in PEM, without text around it"
            )


def _check_rsa(role: str, public: RSAPublicKey) -> None:
    if not MIN_RSA_BITS <= public.key_size <= MAX_RSA_BITS:
        raise MetadataError(
            f"{role} lists an RSA key of {public.key_size} bits; units take {MIN_RSA_BITS} to {MAX_RSA_BITS}"
        )
    exponent = public.public_numbers().e
    if exponent.bit_length() > MAX_RSA_EXPONENT_BITS:
        raise MetadataError(f"{role} lists an RSA key with exponent {exponent}; units take 32 bits")


def _public(key: Key) -> str:
    """The key's text, the same for two ids of one key: of an Ed25519 key the case does not matter."""
    text = str(key.keyval.get("public", "")).strip()
    return text.lower() if key.keytype == "ed25519" else text


def _ed25519(text: str) -> Ed25519PublicKey:
    if len(text) != ED25519_DIGITS:
        raise ValueError(f"it has {len(text)} characters, not {ED25519_DIGITS} hexadecimal digits")
    return Ed25519PublicKey.from_public_bytes(bytes.fromhex(text))
