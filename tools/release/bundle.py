"""The bundle: the folder in which the release owners keep what they signed, ready to be published.

metadata/N.root.json, N.targets.json, N.board-BOARD.json     every version ever signed
targets/BOARD_VERSION.img                                    the images
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Metadata, Targets
from tuf.api.serialization.json import JSONSerializer

from protocol.wire.release import MAX_METADATA_BYTES, role_of
from tools.release.errors import ReleaseError

_NAME = re.compile(r"([1-9][0-9]*)\.([a-z0-9-]+)\.json")
_COMPACT = JSONSerializer(compact=True, validate=True)


@dataclass(frozen=True, slots=True)
class Bundle:
    """The bundle in `directory`."""

    directory: Path

    def versions(self) -> dict[str, int]:
        """The newest version of each role."""
        newest: dict[str, int] = {}
        for path in (self.directory / "metadata").glob("*.json"):
            found = _NAME.fullmatch(path.name)
            if found:
                newest[found[2]] = max(newest.get(found[2], 0), int(found[1]))
        return newest

    def newest(self, role: str) -> Metadata[Any] | None:
        """The newest metadata of `role`, if it was ever signed."""
        version = self.versions().get(role)
        if version is None:
            return None
        path = self._metadata(role, version)
        try:
            return Metadata.from_bytes(path.read_bytes())
        except (OSError, TufError) as error:
            raise ReleaseError(f"{path} cannot be read: {error}; restore it from the backup") from error

    def add(self, role: str, metadata: Metadata[Any], images: Mapping[str, bytes] | None = None) -> Path:
        """Write a signed role and the images it brings, by target name; ReleaseError if it is too long for units."""
        data = metadata.to_bytes(_COMPACT)
        if len(data) > MAX_METADATA_BYTES:
            raise ReleaseError(
                f"{role} would have {len(data)} bytes, units take at most {MAX_METADATA_BYTES}; "
                "drop releases nothing runs any more, with --retire VERSION"
            )
        for name, image in (images or {}).items():
            _write(self.directory / "targets" / name, image)
        path = self._metadata(role, metadata.signed.version)
        _write(path, data)
        return path

    def files_after(self, published: Mapping[str, int]) -> dict[str, bytes]:
        """The metadata files newer than the published versions, by name."""
        return {
            path.name: path.read_bytes()
            for role, newest in self.versions().items()
            for path in (self._metadata(role, each) for each in range(published.get(role, 0) + 1, newest + 1))
        }

    def images_after(self, published: Mapping[str, int]) -> dict[str, bytes]:
        """The images the newest metadata lists and the published does not, by target name."""
        wanted: set[str] = set()
        for role, newest in self.versions().items():
            if role.startswith(role_of("")):
                wanted |= self._listed(role, newest) - self._listed(role, published.get(role, 0))
        return {name: (self.directory / "targets" / name).read_bytes() for name in sorted(wanted)}

    def _listed(self, role: str, version: int) -> set[str]:
        path = self._metadata(role, version)
        if not path.exists():
            return set()
        metadata: Metadata[Targets] = Metadata.from_bytes(path.read_bytes())
        return set(metadata.signed.targets)

    def _metadata(self, role: str, version: int) -> Path:
        return self.directory / "metadata" / f"{version}.{role}.json"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)
