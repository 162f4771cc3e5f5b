"""One metadata file, read as strictly as a unit reads it, or written so that a unit takes it."""

from __future__ import annotations

import re
from typing import Any

from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Delegations, Key, Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from fleet.updates.errors import MetadataError
from fleet.updates.keys import SCHEME
from protocol.wire.release import MAX_METADATA_BYTES

Signed = Root | Timestamp | Snapshot | Targets
_NAME = re.compile(r"([1-9][0-9]{0,8})\.([a-z0-9-]{1,32})\.json")
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


def check_keys(role: str, holder: Root | Targets | Delegations) -> None:
    """MetadataError if a listed key is not of the one scheme all units verify."""
    keys: dict[str, Key] = holder.keys if isinstance(holder, Root | Delegations) else {}
    for keyid, key in keys.items():
        if (key.keytype, key.scheme) != ("ecdsa", SCHEME):
            raise MetadataError(f"{role} lists key {keyid[:8]} for {key.scheme}; units verify {SCHEME} only")
