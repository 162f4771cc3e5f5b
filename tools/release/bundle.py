"""The bundle: the folder in which the release owners keep what they signed, ready to be published.

metadata/N.root.json, N.targets.json, N.board-BOARD.json     every version ever signed by all who have to
targets/BOARD_VERSION.img, BOARD_VERSION_from_BASE.delta     the images and deltas
targets/BOARD_VERSION.json                                   the release records
proposed/N.ROLE.json                                         what still lacks signatures (draft.py)
keys.json                                                    the owners' names of keys by id; nothing trusts it
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tuf.api.exceptions import RepositoryError as TufError
from tuf.api.metadata import Metadata, TargetFile, Targets
from tuf.api.serialization.json import JSONSerializer

from protocol.host.role_parts import ROLE, images_among, parse_part, parts_of, record_name
from protocol.wire.release import MAX_METADATA_BYTES
from tools.release.errors import ReleaseError

MAX_NAMES_BYTES: Final = 256 * 1024
_NAME = re.compile(rf"([1-9][0-9]*)\.({ROLE})\.json")
_COMPACT = JSONSerializer(compact=True, validate=True)


def metadata_bytes(metadata: Metadata[Any]) -> bytes:
    """The form in which metadata is signed, written and published."""
    return metadata.to_bytes(_COMPACT)


def check_size(role: str, data: bytes) -> None:
    """ReleaseError if the metadata is too long for units."""
    if len(data) > MAX_METADATA_BYTES:
        raise ReleaseError(
            f"{role} would have {len(data)} bytes, units take at most {MAX_METADATA_BYTES}; "
            "drop releases nothing runs any more, with --retire VERSION"
        )


@dataclass(frozen=True, slots=True)
class Bundle:
    """The bundle in `directory`."""

    directory: Path

    @property
    def proposed(self) -> Path:
        """The folder of what still lacks signatures."""
        return self.directory / "proposed"

    def versions(self) -> dict[str, int]:
        """The newest version of each role, dropped parts among them."""
        newest: dict[str, int] = {}
        for role, version in _named(self.directory / "metadata"):
            newest[role] = max(newest.get(role, 0), version)
        return newest

    def proposals(self) -> dict[str, int]:
        """The version of each role that still lacks signatures."""
        return dict(_named(self.proposed))

    def load(self, role: str, version: int) -> Metadata[Any]:
        """That version of `role`."""
        return read_metadata(self.path(role, version))

    def newest(self, role: str) -> Metadata[Any] | None:
        """The newest metadata of `role`, if it was ever signed."""
        version = self.versions().get(role)
        return None if version is None else self.load(role, version)

    def require(self, role: str) -> Metadata[Any]:
        """The newest metadata of `role`; ReleaseError if it was never signed."""
        metadata = self.newest(role)
        if metadata is None:
            raise ReleaseError(f"{self.directory} has no {role}; run `plugtone release init` with that board first")
        return metadata

    def parts(self, board: str) -> list[str]:
        """The board's parts that targets delegates to, the oldest first."""
        delegations = self.require("targets").signed.delegations
        found = parts_of(board, delegations.roles)
        if not found:
            raise ReleaseError(f"{self.directory} has no board-{board}; run `plugtone release init` with that board")
        return found

    def targets_of(self, board: str) -> dict[str, TargetFile]:
        """Every image and delta the board's parts list, by target name."""
        return {
            name: target for role in self.parts(board) for name, target in self.require(role).signed.targets.items()
        }

    def images_ever(self, board: str) -> dict[str, TargetFile]:
        """Every image of the board that was ever signed, retired ones too, by target name."""
        found: dict[str, TargetFile] = {}
        for role, newest in self.versions().items():
            part = parse_part(role)
            if part is not None and part[0] == board:
                for version in range(1, newest + 1):
                    found |= self.load(role, version).signed.targets
        return images_among(found)

    def target(self, name: str) -> bytes:
        """The image, delta or record of that name; ReleaseError if it is not here."""
        path = self.directory / "targets" / name
        try:
            return path.read_bytes()
        except OSError as error:
            raise ReleaseError(f"{path} cannot be read: {error}; restore it from the backup") from error

    def add_files(self, files: Mapping[str, bytes]) -> None:
        """Keep images, deltas and records, by name."""
        for name, data in files.items():
            write_file(self.directory / "targets" / name, data)

    def files_after(self, published: Mapping[str, int]) -> dict[str, bytes]:
        """The metadata files newer than the published versions, by name."""
        return {
            path.name: path.read_bytes()
            for role, newest in self.versions().items()
            for path in (self.path(role, each) for each in range(published.get(role, 0) + 1, newest + 1))
        }

    def payloads_after(self, published: Mapping[str, int]) -> dict[str, bytes]:
        """The images, deltas and records of what the newest metadata lists and the published does not, by name."""
        wanted: dict[str, TargetFile] = {}
        known: set[str] = set()
        for role, newest in self.versions().items():
            if parse_part(role) is not None:
                wanted |= self._listed(role, newest)
                known |= set(self._listed(role, published.get(role, 0)))
        names = set(wanted) - known
        names |= {record_name(name) for name in names if "record" in wanted[name].custom}
        return {name: self.target(name) for name in sorted(names)}

    def key_names(self) -> dict[str, str]:
        """The owners' names of keys, by key id."""
        path = self.directory / "keys.json"
        try:
            names = json.loads(path.read_bytes()[:MAX_NAMES_BYTES]) if path.exists() else {}
        except ValueError:
            return {}  # only people read it
        return {str(keyid): str(name) for keyid, name in names.items()} if isinstance(names, dict) else {}

    def name_keys(self, names: Mapping[str, str]) -> None:
        """Remember the owners' names of these keys."""
        known = self.key_names()
        if not names.items() <= known.items():
            data = json.dumps(known | dict(names), indent=1, sort_keys=True).encode() + b"\n"
            write_file(self.directory / "keys.json", data)

    def path(self, role: str, version: int) -> Path:
        """Where that version of `role` lies."""
        return self.directory / "metadata" / f"{version}.{role}.json"

    def _listed(self, role: str, version: int) -> dict[str, TargetFile]:
        if not self.path(role, version).exists():
            return {}
        metadata: Metadata[Targets] = self.load(role, version)
        return metadata.signed.targets


def read_metadata(path: Path) -> Metadata[Any]:
    """The metadata in that file; ReleaseError if it is damaged."""
    try:
        return Metadata.from_bytes(path.read_bytes())
    except (OSError, TufError) as error:
        raise ReleaseError(f"{path} cannot be read: {error}; restore it from the backup") from error


def write_file(path: Path, data: bytes) -> None:
    """Make `path` hold `data`, or leave it as it was; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    new.replace(path)


def _named(directory: Path) -> Iterable[tuple[str, int]]:
    for path in sorted(directory.glob("*.json")):
        found = _NAME.fullmatch(path.name)
        if found:
            yield found[2], int(found[1])
