"""How what was signed gets to the fleet, and how a release it has is shown."""

from __future__ import annotations

import json
from typing import Any

from tools.client import FleetClient
from tools.release.bundle import Bundle
from tools.release.errors import ReleaseError


def send(fleet: FleetClient, bundle: Bundle, notes: str) -> dict[str, Any]:
    """Publish what the fleet does not serve yet; the answer of POST /v1/releases."""
    versions = bundle.versions()
    if "root" not in versions:
        raise ReleaseError(f"{bundle.directory} has no root; run `plugtone release init` first")
    published = {each["role"]: each["version"] for each in fleet.get("/v1/update-metadata")}
    for role, version in versions.items():
        if published.get(role, 0) > version:
            raise ReleaseError(
                f"the fleet serves {role} {published[role]}, this bundle has {version}: it is an old copy"
            )
    # With nothing new, what is newest is sent once more: it completes a publication the fleet died in.
    files = bundle.files_after(published) or bundle.files_after({role: each - 1 for role, each in versions.items()})
    parts = [("metadata", (name, data)) for name, data in files.items()]
    parts += [("images", (name, data)) for name, data in bundle.payloads_after(published).items()]
    answer: dict[str, Any] = fleet.post("/v1/releases", files=parts, data={"notes": notes}, repeatable=True)
    return answer


def show_release(release: dict[str, Any]) -> list[str]:
    """The lines of a release, for people."""
    lines = [f"{release['version']}  published {release['published_at']} by {release['published_by']}"]
    lines += [release["notes"]] if release["notes"] else []
    for image in release["images"]:
        lines += _image(image)
    return lines


def _image(image: dict[str, Any]) -> list[str]:
    lines = [
        f"{image['name']}  {image['length']} bytes, SHA-256 {image['sha256']}",
        f"  board {image['board']}, revisions {image['revision_from']} to {image['revision_to']}, "
        f".mpy ABI {image['abi']}, heap from {image['minimum_heap_bytes']} bytes",
        f"  release counter {image['release_counter']}, security counter {image['security_counter']}, "
        f"data schema {image['data_schema']}",
    ]
    flags = [name for name in ("beta", "security") if image[name]]
    lines += [f"  {' and '.join(flags)} release"] if flags else []
    lines += [f"  {delta['length']} bytes as a delta from {delta['base_version']}" for delta in image["deltas"]]
    record = image["record"]
    if record is None:
        return [*lines, "  no release record"]
    source = record["source"]
    if source:
        lines.append(f"  source commit {source['commit']}{', with changes not committed' if source['dirty'] else ''}")
    if record["notes"]:
        lines.append(f"  {record['notes']}")
    if record["sbom"]:
        parts = record["sbom"]["components"]
        tools = ", ".join(f"{each['name']} {each['version']}" for each in parts if each["type"] != "file")
        modules = sum(each["type"] == "file" for each in parts)
        lines.append(f"  made of {modules} modules, {tools}; --sbom prints all as CycloneDX")
    return [*lines, f"  record {json.dumps(image['record_sha256'])}"]
