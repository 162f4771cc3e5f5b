"""Whether offline-signed metadata and what it lists may follow on what is published now. Pure.

- Root N+1 is signed by the thresholds of N and of N+1 (TUF 5.3.4), lists this fleet's online keys, current or next,
  and itself needs two of at least three keys.
- Targets and each board's parts are exactly one version on. The newest version of each is signed by the newest
  delegator's threshold; one that is superseded within the publication, by that of any delegator since the last.
- After it, everything current still verifies under the newest root and targets: no key change strands a role.
- Targets names no image itself; it delegates to the director's key of this fleet and to each board's parts, the
  newest first, only the oldest terminating. A part it no longer delegates to is out of use for ever.
- A name, once an image's, is never another's; release counters of a board only rise, over all its parts.
- Images, deltas and release records are what the metadata states (`payloads`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import DelegatedRole, Metadata, Root, TargetFile, Targets

from fleet.updates.errors import MetadataError
from fleet.updates.metadata import check_keys, file_name, parse, parse_name
from fleet.updates.payloads import check_payloads
from protocol.host.role_parts import MAX_PARTS, images_among, parse_part, parts_of
from protocol.wire.release import DIRECTOR_ROLE, paths_of

MIN_ROOT_KEYS = 3
MIN_ROOT_THRESHOLD = 2


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

    def parts(self) -> list[str]:
        """The boards' roles that are in use: those targets delegates to."""
        delegations = self.targets.delegations if self.targets else None
        return [role for role in (delegations.roles or {} if delegations else {}) if parse_part(role) is not None]

    def listed(self) -> dict[str, TargetFile]:
        """Every image and delta any board's part lists, by target name."""
        found: dict[str, TargetFile] = {}
        for role in self.parts():
            if role in self.roles:
                found |= self.roles[role].metadata.signed.targets
        return found

    def images(self) -> dict[str, TargetFile]:
        """Every image, by target name."""
        return images_among(self.listed())


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a publication comes to: the state after it, and the files to write. `payloads` by SHA256.NAME."""

    state: OfflineState
    files: Mapping[str, bytes]
    payloads: Mapping[str, bytes]


def accept(
    state: OfflineState,
    files: Mapping[str, bytes],
    payloads: Mapping[str, bytes],
    online: Mapping[str, list[str]],
    past: Mapping[str, TargetFile],
    now: datetime,
) -> Accepted:
    """Check a publication; MetadataError or ImageError if anything is amiss, and nothing has changed.

    `files` by name (`3.targets.json`), `payloads` by target or record name, `online` the ids of the keys each online
    role may have, `past` every image that was ever published, retired ones too.
    """
    new: dict[str, bytes] = {}
    known = dict(past)
    after = state
    delegators: dict[str, list[Root | Targets]] = {
        "root": [state.root] if state.root else [],
        "targets": [state.targets] if state.targets else [],
    }
    for name in sorted(files, key=_signing_order):
        role, version = parse_name(name)
        held = after.roles.get(role)
        offline = OfflineRole(parse(role, files[name]), files[name])
        _check_follows(role, version, held, offline)
        if role == "root":
            _check_root(after.root, offline)
        else:
            _check_signatures(role, offline, delegators["root" if role == "targets" else "targets"])
        if role in delegators:
            delegators[role].append(offline.metadata.signed)
        _check_names(known, images_of(role, offline))
        after = replace(after, roles={**after.roles, role: offline})
        new[name] = files[name]
    _check_fresh([parse_name(name)[0] for name in new], after, now)
    _check_whole(after, online)
    fresh = check_payloads(state.listed(), after.listed(), payloads)
    _check_counters(past, after)
    return Accepted(after, new, fresh)


def verify(state: OfflineState) -> None:
    """MetadataError unless every role in use is signed as its delegator demands now."""
    for role in ("targets", *state.parts()):
        holder = state.root if role == "targets" else state.targets
        if role in state.roles and holder is not None:
            _check_signatures(role, state.roles[role], [holder])


def images_of(role: str, held: OfflineRole) -> dict[str, TargetFile]:
    """The images that this version of a board's part lists, by target name; none of another role."""
    return images_among(held.metadata.signed.targets) if parse_part(role) is not None else {}


def _signing_order(name: str) -> tuple[int, int, str]:
    role, version = parse_name(name)
    return ({"root": 0, "targets": 1}.get(role, 2), version, role)


def _check_follows(role: str, version: int, held: OfflineRole | None, new: OfflineRole) -> None:
    if role not in ("root", "targets") and parse_part(role) is None:
        raise MetadataError(f"{role} is not signed offline; publish root, targets and board-... only")
    if new.version != version:
        raise MetadataError(f"{file_name(role, version)} holds version {new.version}")
    expected = held.version + 1 if held else 1
    if version != expected:
        raise MetadataError(f"{role} version {version} does not follow: version {expected} is next")


def _check_fresh(published: Sequence[str], after: OfflineState, now: datetime) -> None:
    """Of a root or role that was signed several times only the newest must not have expired (TUF 5.3.10)."""
    in_use = ("root", "targets", *after.parts())
    for role in (role for role in published if role in in_use):
        newest = after.roles[role].metadata.signed
        if newest.is_expired(now):
            raise MetadataError(f"{role} version {newest.version} expired at {newest.expires}; sign it again")


def _check_root(before: Root | None, new: OfflineRole) -> None:
    """Signed by the thresholds of the root before it and of its own (TUF 5.3.4)."""
    for delegator in (before, new.metadata.signed):
        if delegator is not None:
            _check_signatures("root", new, [delegator])


def _check_signatures(role: str, new: OfflineRole, delegators: Sequence[Root | Targets]) -> None:
    """Signed as one of `delegators` demands; the newest stands last and says what is missing."""
    failure: Exception | None = None
    for delegator in delegators:
        try:
            delegator.verify_delegate(role, new.metadata.signed_bytes, new.metadata.signatures)
        except (UnsignedMetadataError, ValueError) as error:
            failure = error
        else:
            return
    if failure is None:
        raise MetadataError(f"{role} has no delegator yet; run `plugtone release init` and publish root and targets")
    raise MetadataError(
        f"{role} version {new.version} is not signed as {delegators[-1].type} demands: {failure}"
    ) from failure


def _check_whole(state: OfflineState, online: Mapping[str, list[str]]) -> None:
    """Root, targets and boards fit one another and this fleet's online keys."""
    root, targets = state.root, state.targets
    if root is None or targets is None:
        raise MetadataError("root and targets are published together first; run `plugtone release init`")
    if not root.consistent_snapshot:
        raise MetadataError("root has consistent_snapshot false; units ask for versioned names")
    check_keys("root", root)
    own = root.roles["root"]
    if own.threshold < MIN_ROOT_THRESHOLD or len(own.keyids) < MIN_ROOT_KEYS:
        raise MetadataError(
            f"root needs {own.threshold} of {len(own.keyids)} keys, at least {MIN_ROOT_THRESHOLD} of {MIN_ROOT_KEYS}"
        )
    for role in ("snapshot", "timestamp"):
        _check_online(role, root.roles[role].keyids, online)
    if targets.targets or targets.delegations is None or targets.delegations.roles is None:
        raise MetadataError("targets names no image itself and delegates to the director and the boards' parts")
    check_keys("targets", targets.delegations)
    for delegation in targets.delegations.roles.values():
        _check_delegation(delegation, state, online)
    _check_order(list(targets.delegations.roles.values()))
    verify(state)


def _check_online(role: str, keyids: list[str], online: Mapping[str, list[str]]) -> None:
    if len(keyids) != 1 or keyids[0] not in online[role]:
        raise MetadataError(
            f"the metadata does not list this fleet's {role} key, current or next; init or rotate with the keys of "
            "GET /v1/update-keys"
        )


def _check_delegation(role: DelegatedRole, state: OfflineState, online: Mapping[str, list[str]]) -> None:
    if role.path_hash_prefixes is not None or role.threshold < 1:
        raise MetadataError(f"the delegation to {role.name} is not by paths, as units of this fleet expect")
    if role.name == DIRECTOR_ROLE:
        _check_online(DIRECTOR_ROLE, role.keyids, online)
        return
    part = parse_part(role.name)
    if part is None or role.paths != paths_of(part[0]):
        raise MetadataError(f"the delegation to {role.name} for {role.paths} is none a unit knows")
    if role.name not in state.roles:
        raise MetadataError(f"targets delegates to {role.name}, but its metadata is missing from the publication")


def _check_order(delegations: list[DelegatedRole]) -> None:
    """A search for a board's image meets all its parts, the newest first, and nothing after them."""
    names = [role.name for role in delegations]
    boards = {part[0] for name in names if (part := parse_part(name)) is not None}
    for board in sorted(boards):
        parts = parts_of(board, names)
        held = [role for role in delegations if role.name in parts]
        if len(parts) > MAX_PARTS:
            raise MetadataError(f"board {board} has {len(parts)} parts, units search {MAX_PARTS}: drop empty ones")
        if [role.name for role in held] != list(reversed(parts)):
            raise MetadataError(f"the parts of board {board} stand in another order than newest first")
        if [role.terminating for role in held] != [False] * (len(held) - 1) + [True]:
            raise MetadataError(f"of board {board}'s parts only the oldest, {parts[0]}, is terminating")


def _check_names(known: dict[str, TargetFile], listed: Mapping[str, TargetFile]) -> None:
    """A name is one image's for ever, also once it was retired; `known` learns those that are new."""
    for name, target in listed.items():
        if known.setdefault(name, target) != target:
            raise MetadataError(f"{name} was published with another content or other facts; give it a new version")


def _check_counters(old: Mapping[str, TargetFile], after: OfflineState) -> None:
    """Each new image of a board has a counter above all before it, whatever part it is in, retired ones too."""
    new = after.images()
    for role in after.parts():
        part = parse_part(role)
        for name, target in after.roles[role].metadata.signed.targets.items():
            if name in new and part is not None and target.custom["board"] != part[0]:
                raise MetadataError(f"{role} lists {name}, an image for board {target.custom['board']}")
    _check_once(after)
    for board in sorted({target.custom["board"] for target in new.values()}):
        highest = max((t.custom["release_counter"] for t in old.values() if t.custom["board"] == board), default=0)
        fresh = [t for name, t in new.items() if name not in old and t.custom["board"] == board]
        counters = sorted(target.custom["release_counter"] for target in fresh)
        if len(set(counters)) != len(counters) or (counters and counters[0] <= highest):
            raise MetadataError(
                f"board {board} gives release counters {counters} after {highest}; each is higher than before"
            )


def _check_once(state: OfflineState) -> None:
    """No name is listed by two parts: the unit would take the newer, the director might mean the older."""
    seen: set[str] = set()
    for role in state.parts():
        twice = seen & set(state.roles[role].metadata.signed.targets)
        if twice:
            raise MetadataError(f"{role} lists {', '.join(sorted(twice))}, which another part lists too")
        seen |= set(state.roles[role].metadata.signed.targets)
