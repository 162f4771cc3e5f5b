"""Into which part of a board's role a new image goes, and how targets delegates to the parts. Pure.

A unit takes no metadata file above its bound, so a role that nears it is followed by a newer part. That needs the
targets key, which is rarely at hand: `fullness` tells in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from tuf.api.metadata import DelegatedRole, Delegations, Metadata, TargetFile, Targets

from protocol.host.role_parts import (
    MAX_PARTS,
    PART_BYTES,
    PART_WARNING_BYTES,
    images_among,
    parse_part,
    part_role,
    parts_of,
)
from protocol.wire.release import delta_prefix, paths_of, target_name
from tools.release.bundle import metadata_bytes
from tools.release.errors import ReleaseError


@dataclass(slots=True)
class BoardParts:
    """The parts of a board's role as they are to be signed, the oldest first, and those that changed."""

    board: str
    parts: dict[str, Metadata[Targets]]
    changed: set[str]

    @property
    def listed(self) -> dict[str, TargetFile]:
        """Every image and delta, by name."""
        return {name: target for part in self.parts.values() for name, target in part.signed.targets.items()}

    @property
    def images(self) -> dict[str, TargetFile]:
        """Every image, by name."""
        return images_among(self.listed)

    def retire(self, version: str) -> None:
        """Drop the image of that version with all deltas from and to it; ReleaseError if no part lists it."""
        image = target_name(self.board, version)
        if image not in self.images:
            raise ReleaseError(f"no part of board-{self.board} lists version {version} to retire")
        self.drop({image, *self._deltas_of(image, self.images[image].hashes["sha256"])})

    def drop(self, names: set[str]) -> None:
        """Take those targets out of whatever part lists them."""
        for role, part in self.parts.items():
            for name in names & set(part.signed.targets):
                del part.signed.targets[name]
                self.changed.add(role)

    def add(self, targets: Mapping[str, TargetFile], used_numbers: Iterable[int], expires: datetime) -> bool:
        """Put `targets` into the newest part, or into a new one if they would not fit; whether it is new."""
        newest = list(self.parts)[-1]
        self.parts[newest].signed.targets.update(targets)
        self.changed.add(newest)
        if len(metadata_bytes(self.parts[newest])) <= PART_BYTES:
            return False
        self.drop(set(targets))
        if len(self.parts) >= MAX_PARTS:
            raise ReleaseError(
                f"board {self.board} has {MAX_PARTS} parts, all full; drop releases nothing runs any more, with "
                "--retire VERSION"
            )
        if not self.parts[newest].signed.targets:
            raise ReleaseError(f"the image and its deltas alone need more than {PART_BYTES} bytes of metadata")
        role = part_role(self.board, max(used_numbers) + 1)
        self.parts[role] = Metadata(Targets(version=1, expires=expires, targets=dict(targets)))
        self.changed.add(role)
        return True

    def _deltas_of(self, image: str, sha256: str) -> list[str]:
        return [
            name
            for name, target in self.listed.items()
            if name.startswith(delta_prefix(image)) or target.custom.get("base") == sha256
        ]


def delegate(delegations: Delegations, board: str, keyids: list[str], roles: Iterable[str]) -> None:
    """Let targets delegate to exactly those parts of the board (the oldest first), the newest before the others."""
    held = delegations.roles or {}
    newest_first = list(reversed(list(roles)))
    others = {name: role for name, role in held.items() if name not in parts_of(board, held)}
    parts = {
        name: DelegatedRole(name, list(keyids), 1, terminating=name == newest_first[-1], paths=paths_of(board))
        for name in newest_first
    }
    delegations.roles = others | parts


def empty_parts(delegations: Delegations, targets_of: Mapping[str, Targets]) -> list[str]:
    """Parts that list nothing any more and are not their board's newest: what targets need not delegate to."""
    held = delegations.roles or {}
    found = []
    for board in boards_of(held):
        found += [name for name in parts_of(board, held)[:-1] if not targets_of[name].targets]
    return found


def boards_of(roles: Iterable[str]) -> list[str]:
    """The boards those roles are for."""
    return list(dict.fromkeys(part[0] for role in roles if (part := parse_part(role)) is not None))


def fullness(role: str, size_bytes: int) -> str:
    """A warning while there is time; empty if there is room."""
    if size_bytes < PART_WARNING_BYTES:
        return ""
    return (
        f"{role} has {size_bytes} of {PART_BYTES} bytes: have the targets key at hand for one of the next releases, "
        "which begins a new part, or retire old ones with --retire VERSION"
    )
