"""Signs what units are to trust: root and targets once, a board's role for each release. Needs no fleet.

Metadata is made with python-tuf and signed by whichever keys the folder at hand holds; a bundle never gets a
file its delegator's threshold has not signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from securesystemslib.signer import Key
from tuf.api.metadata import DelegatedRole, Delegations, Root, TargetFile, Targets

from protocol.host.role_parts import parse_part, record_name
from protocol.wire.errors import WireError
from protocol.wire.image import ImageHeader
from protocol.wire.release import DIRECTOR_PATHS, DIRECTOR_ROLE, is_name, paths_of, role_of, target_facts, target_name
from tools.release.bundle import Bundle, metadata_bytes
from tools.release.delta_targets import MakeDelta, make_deltas
from tools.release.draft import Draft, Outcome, propose
from tools.release.errors import ReleaseError
from tools.release.keys import ROOT_THRESHOLD, OfflineKeys, key_of, root_names
from tools.release.parts import BoardParts, boards_of, delegate, empty_parts, fullness
from tools.release.record import ReleaseFacts, make_record, record_digest
from tools.release.replacement import ROOT_LIFE, TARGETS_LIFE, keyids_of

NO_FACTS = ReleaseFacts()


@dataclass(frozen=True, slots=True)
class SignedImage:
    """What signing an image came to; `deltas` by name with their sizes in bytes, `warning` empty if there is none."""

    header: ImageHeader
    name: str
    role: str
    deltas: Mapping[str, int]
    warning: str


def initialise(
    bundle: Bundle, keys: OfflineKeys, boards: Sequence[str], online: Mapping[str, Mapping[str, Any]], now: datetime
) -> Outcome:
    """Version 1 of root, targets and each board's empty role; what the keys at hand cannot sign waits for `cosign`.

    `online` is the fleet's public keys as GET /v1/update-keys gives them.
    """
    if bundle.versions():
        raise ReleaseError(f"{bundle.directory} has metadata already; a repository is initialised once")
    if not boards:
        raise ReleaseError("name at least one board, as in --board simulated")
    public = {role: key_of(entry) for role, entry in online.items()}
    changes: dict[str, Root | Targets] = {
        "root": _first_root(keys, public, now),
        "targets": _first_targets(keys, boards, public[DIRECTOR_ROLE], now),
    }
    changes |= {role_of(board): Targets(version=1, expires=now + TARGETS_LIFE) for board in boards}
    draft = propose(bundle, changes)
    bundle.name_keys({each.key.keyid: each.name for each in keys.described().values()})
    draft.sign(keys)
    return draft.settle()


def sign_image(
    bundle: Bundle,
    keys: OfflineKeys,
    image: bytes,
    now: datetime,
    retire: Sequence[str] = (),
    facts: ReleaseFacts = NO_FACTS,
    make_delta: MakeDelta | None = None,
) -> SignedImage:
    """Add an image, its record and its deltas to its board's role; the releases `retire` leave it.

    ReleaseError, with the bundle as it was, if the role needs a new part and the targets key is not at hand.
    """
    header = _header_of(image)
    name = target_name(header.board, header.version)
    held = {role: bundle.require(role) for role in bundle.parts(header.board)}
    board = BoardParts(header.board, held, set())
    _check_follows(bundle, header, name)
    for version in retire:
        board.retire(version)
    record = make_record(name, image, header, facts)
    target = TargetFile.from_data(name, image, ["sha256"])
    target.unrecognized_fields["custom"] = target_facts(header) | facts.flags() | {"record": record_digest(record)}
    deltas = make_deltas(bundle, name, image, board.images, make_delta) if make_delta else {}
    fresh = {name: target} | {each: made for each, (made, _) in deltas.items()}
    numbers = [part[1] for role in bundle.versions() if (part := parse_part(role)) and part[0] == header.board]
    is_new = board.add(fresh, numbers, now + TARGETS_LIFE)
    draft = propose(bundle, _signed_next(bundle, board, is_new, now))
    draft.sign(keys)
    role = list(board.parts)[-1]
    _require(draft, role, is_new)
    draft.settle({name: image, record_name(name): record} | {each: data for each, (_, data) in deltas.items()})
    sizes = {each: len(data) for each, (_, data) in deltas.items()}
    return SignedImage(header, name, role, sizes, fullness(role, len(metadata_bytes(draft.roles[role]))))


def renew(bundle: Bundle, keys: OfflineKeys, role: str, now: datetime) -> Outcome:
    """Sign `role` (root, targets or board-...) again as it is, one version on and with a new expiry.

    A root waits for the other owners' signatures if it has to. Targets drops parts that list nothing any more.
    """
    signed = bundle.require(role).signed
    signed.version += 1
    signed.expires = now + (ROOT_LIFE if role == "root" else TARGETS_LIFE)
    if role == "targets":
        _drop_empty_parts(bundle, signed.delegations)
    draft = propose(bundle, {role: signed})
    draft.sign(keys)
    if role != "root":
        draft.require_signed()
    return draft.settle()


def _first_root(keys: OfflineKeys, online: Mapping[str, Key], now: datetime) -> Root:
    root = Root(version=1, expires=now + ROOT_LIFE, consistent_snapshot=True)
    for name in root_names():
        root.add_key(keys.description(name).key, "root")
    root.roles["root"].threshold = ROOT_THRESHOLD
    root.add_key(keys.description("targets").key, "targets")
    for role in ("snapshot", "timestamp"):
        root.add_key(online[role], role)
    return root


def _first_targets(keys: OfflineKeys, boards: Sequence[str], director: Key, now: datetime) -> Targets:
    delegated = {role_of(board): (keys.description(role_of(board)).key, paths_of(board)) for board in boards} | {
        DIRECTOR_ROLE: (director, list(DIRECTOR_PATHS))
    }
    delegations = Delegations(
        keys={key.keyid: key for key, _ in delegated.values()},
        roles={
            name: DelegatedRole(name, [key.keyid], threshold=1, terminating=True, paths=paths)
            for name, (key, paths) in delegated.items()
        },
    )
    return Targets(version=1, expires=now + TARGETS_LIFE, delegations=delegations)


def _header_of(image: bytes) -> ImageHeader:
    try:
        header: ImageHeader = ImageHeader.unpack(image)
    except WireError as error:
        raise ReleaseError(f"this is no image of `plugtone release build`: {error}") from error
    if header.image_bytes != len(image):
        raise ReleaseError(f"the image has {len(image)} bytes, its header says {header.image_bytes}: build it again")
    if not is_name(header.board, header.version):
        raise ReleaseError(f"board {header.board!r} with version {header.version!r} cannot name a target")
    return header


def _check_follows(bundle: Bundle, header: ImageHeader, name: str) -> None:
    past = bundle.images_ever(header.board)
    if name in past:
        raise ReleaseError(f"{name} is signed already; a version names one image for ever, build the next version")
    highest = max((target.custom["release_counter"] for target in past.values()), default=0)
    if header.release_counter <= highest:
        raise ReleaseError(f"release counter {header.release_counter} is not above {highest}, the highest signed")


def _signed_next(bundle: Bundle, board: BoardParts, is_new: bool, now: datetime) -> dict[str, Root | Targets]:
    """The roles that change, one version on each."""
    changes: dict[str, Root | Targets] = {}
    for role in board.changed:
        signed = board.parts[role].signed
        signed.version = bundle.versions().get(role, 0) + 1
        signed.expires = now + TARGETS_LIFE
        changes[role] = signed
    if is_new:
        targets: Targets = bundle.require("targets").signed
        if targets.delegations is None:
            raise ReleaseError("targets delegates to nobody; run `plugtone release init` again")
        targets.version += 1
        targets.expires = now + TARGETS_LIFE
        delegate(targets.delegations, board.board, keyids_of(bundle, next(iter(board.parts))), board.parts)
        changes["targets"] = targets
    return changes


def _require(draft: Draft, role: str, is_new: bool) -> None:
    if is_new and any(each.role == "targets" for each in draft.missing()):
        raise ReleaseError(
            f"the newest part of the role is full, and {role} begins by a signature of targets, whose key is not "
            "here: give the folder that has it, or drop releases nothing runs any more, with --retire VERSION"
        )
    draft.require_signed()


def _drop_empty_parts(bundle: Bundle, delegations: Delegations) -> None:
    held = {role: bundle.require(role).signed for role in delegations.roles or {} if parse_part(role) is not None}
    dropped = empty_parts(delegations, held)
    for board in boards_of(held):
        roles = [role for role in bundle.parts(board) if role not in dropped]
        delegate(delegations, board, keyids_of(bundle, roles[-1]), roles)
