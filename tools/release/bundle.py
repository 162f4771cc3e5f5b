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

from protocol.wire.release import MAX_METADATA_BYTES
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

    def add(self, role: str, metadata: Metadata[Any]) -> Path:
        """Write a signed role; ReleaseError if units would find it too long."""
        data = metadata.to_bytes(_COMPACT)
        if len(data) > MAX_METADATA_BYTES:
            raise ReleaseError(
                f"{role} would have {len(data)} bytes, units take at most {MAX_METADATA_BYTES}; "
                "drop releases nothing runs any more, with --retire VERSION"
            )
        path = self._metadata(role, metadata.signed.version)
        _write(path, data)
        return path

    def add_image(self, name: str, data: bytes) -> Path:
        """Keep an image beside its metadata."""
        path = self.directory / "targets" / name
        _write(path, data)
        return path

    def files_after(self, published: Mapping[str, int]) -> dict[str, bytes]:
        """The metadata files newer than the published versions, by name."""
        return {
            path.name: path.read_bytes()
            for role, newest in self.versions().items()
            for path in (self._metadata(role, each) for each in range(published.get(role, 0) + 1, newest + 1))
        }

    def images_of(self, files: Mapping[str, bytes]) -> dict[str, bytes]:
        """The images that the newest of those files list, by target name."""
        images: dict[str, bytes] = {}
        for name, version in self.versions().items():
            data = files.get(f"{version}.{name}.json")
            if data is None or not name.startswith("board-"):
                continue
            metadata: Metadata[Targets] = Metadata.from_bytes(data)
            for target in metadata.signed.targets:
                images[target] = (self.directory / "targets" / target).read_bytes()
        return images

    def _metadata(self, role: str, version: int) -> Path:
        return self.directory / "metadata" / f"{version}.{role}.json"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)
