"""The release record: what is known of an image beyond its bytes, in one JSON file bound by hash to the signed target.

    {"format": 1, "image": {"name", "length", "sha256", and the facts of its header}, "notes", "beta", "security",
     "source": {"commit", "dirty"} or null, "sbom": a CycloneDX 1.6 document or null}

Canonical JSON without the time of day: the same image and facts give the same bytes. The target's `custom` holds
`record`, the SHA-256 of those bytes, and the flags that are set.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from securesystemslib.formats import encode_canonical

from protocol.host.role_parts import MAX_RECORD_BYTES
from protocol.wire.image import ImageHeader
from protocol.wire.release import target_facts
from tools.release.errors import ReleaseError

FORMAT: Final = 1
MAX_NOTES_CHARACTERS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the build knows of an image: where it is from, and its parts as a CycloneDX document."""

    source: Mapping[str, Any] | None
    sbom: Mapping[str, Any] | None

    def to_bytes(self) -> bytes:
        """As `release build` writes it beside the image."""
        return json.dumps({"source": self.source, "sbom": self.sbom}, indent=1, sort_keys=True).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What people say of a release. `beta`: for units of that channel; `security`: it closes a hole."""

    notes: str = ""
    beta: bool = False
    security: bool = False
    provenance: Provenance = Provenance(None, None)

    def flags(self) -> dict[str, bool]:
        """The flags that are set, as a target's `custom` holds them; unset ones cost no bytes on the unit."""
        return {name: True for name in ("beta", "security") if getattr(self, name)}


def provenance_path(image: Path) -> Path:
    """Where the build writes it."""
    return image.with_name(image.name + ".provenance.json")


def read_provenance(image: Path) -> Provenance:
    """What the build wrote beside `image`; nothing is known if it wrote nothing."""
    path = provenance_path(image)
    if not path.exists():
        return Provenance(None, None)
    try:
        found = json.loads(path.read_bytes()[:MAX_RECORD_BYTES])
        return Provenance(found["source"], found["sbom"])
    except (ValueError, KeyError, TypeError) as error:
        raise ReleaseError(f"{path} is not as `release build` wrote it: {error}; build the image again") from error


def make_record(name: str, image: bytes, header: ImageHeader, facts: ReleaseFacts) -> bytes:
    """The record of the image that is target `name`; ReleaseError if its parts list is another image's."""
    if len(facts.notes) > MAX_NOTES_CHARACTERS:
        raise ReleaseError(f"notes have at most {MAX_NOTES_CHARACTERS} characters, got {len(facts.notes)}")
    digest = sha256(image).hexdigest()
    _check_sbom(facts.provenance.sbom, digest)
    record = {
        "format": FORMAT,
        "image": {"length": len(image), "name": name, "sha256": digest} | target_facts(header),
        "notes": facts.notes,
        "beta": facts.beta,
        "security": facts.security,
        "source": facts.provenance.source,
        "sbom": facts.provenance.sbom,
    }
    canonical = encode_canonical(record)
    if canonical is None or len(canonical.encode()) > MAX_RECORD_BYTES:
        raise ReleaseError(f"the record of {name} has more than {MAX_RECORD_BYTES} bytes; shorten its notes")
    return canonical.encode()


def record_digest(record: bytes) -> str:
    """SHA-256, hexadecimal."""
    return sha256(record).hexdigest()


def _check_sbom(sbom: Mapping[str, Any] | None, digest: str) -> None:
    if sbom is None:
        return
    try:
        listed = [each["content"] for each in sbom["metadata"]["component"]["hashes"]]
    except (KeyError, TypeError) as error:
        raise ReleaseError(f"the parts list names no image: {error}; build the image again") from error
    if digest not in listed:
        raise ReleaseError(f"the parts list beside the image is of another image ({listed}); build it again")
