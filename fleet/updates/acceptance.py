"""Whether offline-signed metadata and images may follow on what is published now. Pure.

- Root N+1 is signed by the thresholds of N and of N+1 (TUF 5.3.4) and lists this fleet's online keys.
- Targets and each board's role are exactly one version on, signed by the newest delegator's threshold.
- After it, everything current still verifies under the newest root and targets: no key change strands a role.
- Targets names no image itself; it delegates to the director's key of this fleet and to one role a board.
- A name, once an image's, is never another's; release counters of a board only rise.
- An image has the length, hash and header its target states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tuf.api.exceptions import LengthOrHashMismatchError, UnsignedMetadataError
from tuf.api.metadata import DelegatedRole, Metadata, Root, TargetFile, Targets

from fleet.updates.errors import ImageError, MetadataError
from fleet.updates.metadata import check_keys, file_name, parse, parse_name
from protocol.wire.errors import WireError
from protocol.wire.image import ImageHeader
from protocol.wire.release import DIRECTOR_ROLE, paths_of, role_of, target_facts, target_name

_BOARD_PREFIX = role_of("")


@dataclass(frozen=True, slots=True)
class OfflineRole:
    """A role's metadata with the bytes that were signed and are served."""

    metadata: Metadata[Any]
    data: bytes

    @property
    def version(self) -> int:
        return int(self.metadata.signed.version)


@dataclass(frozen=True, slots=True)
class OfflineState:
    """What the release owners have signed: by role name, `root`, `targets` and `board-...`."""

    roles: Mapping[str, OfflineRole] = field(default_factory=dict)

    @property
    def root(self) -> Root | None:
        held = self.roles.get("root")
        return held.metadata.signed if held else None

    @property
    def targets(self) -> Targets | None:
        held = self.roles.get("targets")
        return held.metadata.signed if held else None

    def images(self) -> dict[str, TargetFile]:
        """Every image any board's role lists, by target name."""
        found: dict[str, TargetFile] = {}
        for name, held in self.roles.items():
            if name.startswith(_BOARD_PREFIX):
                found |= held.metadata.signed.targets
        return found


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a publication comes to: the state after it, and the files to write, by name."""

    state: OfflineState
    files: Mapping[str, bytes]
    images: Mapping[str, bytes]


def accept(
    state: OfflineState,
    files: Mapping[str, bytes],
    images: Mapping[str, bytes],
    online: Mapping[str, Mapping[str, Any]],
    now: datetime,
) -> Accepted:
    """Check a publication; MetadataError or ImageError if anything is amiss, and nothing has changed.

    `files` by name (`3.targets.json`), `images` by target name, `online` as OnlineKeys.public().
    """
    new: dict[str, bytes] = {}
    after = state
    for name in sorted(files, key=_signing_order):
        role, version = parse_name(name)
        held = after.roles.get(role)
        offline = OfflineRole(parse(role, files[name]), files[name])
        _check_follows(role, version, held, offline, now)
        _check_signatures(role, after, offline)
        after = replace(after, roles={**after.roles, role: offline})
        new[name] = files[name]
    _check_whole(after, online)
    fresh = _check_images(state, after, images)
    return Accepted(after, new, fresh)


def verify(state: OfflineState) -> None:
    """MetadataError unless every role is signed as its delegator demands now."""
    for role, held in state.roles.items():
        if role != "root":
            _check_signatures(role, state, held)


def _signing_order(name: str) -> tuple[int, int, str]:
    role, version = parse_name(name)
    return ({"root": 0, "targets": 1}.get(role, 2), version, role)


def _check_follows(role: str, version: int, held: OfflineRole | None, new: OfflineRole, now: datetime) -> None:
    if role not in ("root", "targets") and not role.startswith(_BOARD_PREFIX):
        raise MetadataError(f"{role} is not signed offline; publish root, targets and board-... only")
    if new.version != version:
        raise MetadataError(f"{file_name(role, version)} holds version {new.version}")
    expected = held.version + 1 if held else 1
    if version != expected:
        raise MetadataError(f"{role} version {version} does not follow: version {expected} is next")
    if new.metadata.signed.is_expired(now):
        raise MetadataError(f"{role} version {version} expired at {new.metadata.signed.expires}; sign it again")


def _check_signatures(role: str, state: OfflineState, new: OfflineRole) -> None:
    if role == "root":
        delegators: list[Root | Targets | None] = (
            [state.root, new.metadata.signed] if state.root else [new.metadata.signed]
        )
    else:
        delegators = [state.root if role == "targets" else state.targets]
    for delegator in delegators:
        if delegator is None:
            raise MetadataError(
                f"{role} has no delegator yet; run `plugtone release init` and publish root and targets"
            )
        try:
            delegator.verify_delegate(role, new.metadata.signed_bytes, new.metadata.signatures)
        except (UnsignedMetadataError, ValueError) as error:
            raise MetadataError(
                f"{role} version {new.version} is not signed as {delegator.type} demands: {error}"
            ) from error


def _check_whole(state: OfflineState, online: Mapping[str, Mapping[str, Any]]) -> None:
    """Root, targets and boards fit one another and this fleet's online keys."""
    root, targets = state.root, state.targets
    if root is None or targets is None:
        raise MetadataError("root and targets are published together first; run `plugtone release init`")
    if not root.consistent_snapshot:
        raise MetadataError("root has consistent_snapshot false; units ask for versioned names")
    check_keys("root", root)
    for role in ("snapshot", "timestamp"):
        if root.roles[role].keyids != [online[role]["keyid"]]:
            raise MetadataError(
                f"root does not list this fleet's {role} key; init with the keys of GET /v1/update-keys"
            )
    if targets.targets or targets.delegations is None or targets.delegations.roles is None:
        raise MetadataError("targets names no image itself and delegates to the director and one role a board")
    check_keys("targets", targets.delegations)
    for delegation in targets.delegations.roles.values():
        _check_delegation(delegation, state, online)
    verify(state)


def _check_delegation(role: DelegatedRole, state: OfflineState, online: Mapping[str, Mapping[str, Any]]) -> None:
    if not role.terminating or role.path_hash_prefixes is not None:
        raise MetadataError(f"the delegation to {role.name} is not terminating by paths, as units expect")
    if role.name == DIRECTOR_ROLE:
        if role.keyids != [online[DIRECTOR_ROLE]["keyid"]]:
            raise MetadataError("targets delegates to another fleet's director key; init with GET /v1/update-keys")
        return
    board = role.name.removeprefix(_BOARD_PREFIX)
    if role.name != role_of(board) or role.paths != paths_of(board):
        raise MetadataError(f"the delegation to {role.name} for {role.paths} is none a unit knows")
    if role.name not in state.roles:
        raise MetadataError(f"targets delegates to {role.name}, but its metadata is missing from the publication")


def _check_images(before: OfflineState, after: OfflineState, images: Mapping[str, bytes]) -> dict[str, bytes]:
    """The images new to the repository, each checked against its target."""
    old, new = before.images(), after.images()
    fresh = {}
    for name, target in new.items():
        if name in old:
            if old[name] != target:
                raise MetadataError(f"{name} was published with another content or other facts; give it a new version")
            continue
        if name not in images:
            raise ImageError(f"the metadata lists {name}, but the publication has no such image")
        _check_image(name, target, images[name])
        fresh[name] = images[name]
    unlisted = set(images) - set(new)
    if unlisted:
        raise ImageError(f"no signed metadata lists {', '.join(sorted(unlisted))}; sign before you publish")
    for role, held in after.roles.items():
        if role.startswith(_BOARD_PREFIX):
            _check_counters(role, before.roles.get(role), held)
    return fresh


def _check_image(name: str, target: TargetFile, data: bytes) -> None:
    try:
        target.verify_length_and_hashes(data)
        header = ImageHeader.unpack(data)
    except (LengthOrHashMismatchError, WireError) as error:
        raise ImageError(f"{name} is not the image that was signed: {error}") from error
    if header.image_bytes != len(data):
        raise ImageError(f"{name} has {len(data)} bytes, its header says {header.image_bytes}")
    if target_facts(header) != target.custom or target_name(header.board, header.version) != name:
        raise ImageError(f"{name} is signed as {target.custom}, but its header says {target_facts(header)}")
    if "sha256" not in target.hashes:
        raise ImageError(f"{name} is signed without a SHA-256, the hash units compute")


def _check_counters(role: str, before: OfflineRole | None, after: OfflineRole) -> None:
    old: dict[str, TargetFile] = before.metadata.signed.targets if before else {}
    highest = max((target.custom["release_counter"] for target in old.values()), default=0)
    counters = [highest]
    for name, target in after.metadata.signed.targets.items():
        if role_of(target.custom["board"]) != role:
            raise MetadataError(f"{role} lists {name}, an image for board {target.custom['board']}")
        if name not in old:
            counters.append(target.custom["release_counter"])
    rising = sorted(set(counters))
    if len(rising) != len(counters) or rising[0] != highest:
        raise MetadataError(f"{role} gives release counters {counters[1:]} after {highest}; each is higher than before")
