"""Signs what units are to trust: root and targets once, a board's role for each release. Needs no fleet.

Metadata is made with python-tuf and signed by whichever keys the folder at hand holds; a bundle never gets a
file its delegator's threshold has not signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key, Signer
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, TargetFile, Targets

from protocol.wire.errors import WireError
from protocol.wire.image import ImageHeader
from protocol.wire.release import DIRECTOR_PATHS, DIRECTOR_ROLE, is_name, paths_of, role_of, target_facts, target_name
from tools.release.bundle import Bundle
from tools.release.errors import ReleaseError
from tools.release.keys import ROOT_KEYS, ROOT_THRESHOLD, OfflineKeys

ROOT_LIFE = timedelta(days=730)
TARGETS_LIFE = timedelta(days=365)


def initialise(
    bundle: Bundle, keys: OfflineKeys, boards: Sequence[str], online: Mapping[str, Mapping[str, Any]], now: datetime
) -> list[Path]:
    """Version 1 of root, targets and each board's empty role.

    `online` is the fleet's public keys as GET /v1/update-keys gives them.
    """
    if bundle.versions():
        raise ReleaseError(f"{bundle.directory} has metadata already; a repository is initialised once")
    if not boards:
        raise ReleaseError("name at least one board, as in --board simulated")
    public = {role: Key.from_dict(entry["keyid"], dict(entry["key"])) for role, entry in online.items()}
    root = _root(keys, public, now)
    targets = _targets(keys, boards, public[DIRECTOR_ROLE], now)
    made = [bundle.add("root", root), bundle.add("targets", targets)]
    for board in boards:
        role = Metadata(Targets(version=1, expires=now + TARGETS_LIFE))
        role.sign(keys.signer(role_of(board)))
        made.append(bundle.add(role_of(board), role))
    return made


def sign_image(
    bundle: Bundle, keys: OfflineKeys, image: bytes, now: datetime, retire: Sequence[str] = ()
) -> ImageHeader:
    """Add an image to its board's role, one version on; the releases `retire` leave it. The image's header."""
    header = _header_of(image)
    role = role_of(header.board)
    metadata = _newest(bundle, role)
    listed: dict[str, TargetFile] = metadata.signed.targets
    name = target_name(header.board, header.version)
    if name in listed:
        raise ReleaseError(f"{name} is signed already; a version names one image for ever, build the next version")
    highest = max((target.custom["release_counter"] for target in listed.values()), default=0)
    if header.release_counter <= highest:
        raise ReleaseError(f"release counter {header.release_counter} is not above {highest}, the highest signed")
    target = TargetFile.from_data(name, image, ["sha256"])
    target.unrecognized_fields["custom"] = target_facts(header)
    listed[name] = target
    for version in retire:
        if listed.pop(target_name(header.board, version), None) is None:
            raise ReleaseError(f"{role} lists no version {version} to retire")
    _sign_next(bundle, role, metadata, [keys.signer(role)], now + TARGETS_LIFE)
    bundle.add(role, metadata, {name: image})
    return header


def renew(bundle: Bundle, keys: OfflineKeys, role: str, now: datetime) -> Path:
    """Sign `role` (root, targets or board-...) again as it is, one version on and with a new expiry."""
    metadata = _newest(bundle, role)
    signers = keys.root_signers() if role == "root" else [keys.signer(role)]
    _sign_next(bundle, role, metadata, signers, now + (ROOT_LIFE if role == "root" else TARGETS_LIFE))
    return bundle.add(role, metadata)


def _root(keys: OfflineKeys, online: Mapping[str, Key], now: datetime) -> Metadata[Root]:
    signers = keys.root_signers()
    if len(signers) < ROOT_KEYS:
        raise ReleaseError(f"{keys.directory} has {len(signers)} root keys, the first root lists {ROOT_KEYS}")
    root = Root(version=1, expires=now + ROOT_LIFE, consistent_snapshot=True)
    for signer in signers:
        root.add_key(signer.public_key, "root")
    root.roles["root"].threshold = ROOT_THRESHOLD
    root.add_key(keys.signer("targets").public_key, "targets")
    for role in ("snapshot", "timestamp"):
        root.add_key(online[role], role)
    metadata = Metadata(root)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata


def _targets(keys: OfflineKeys, boards: Sequence[str], director: Key, now: datetime) -> Metadata[Targets]:
    delegated = {role_of(board): (keys.signer(role_of(board)).public_key, paths_of(board)) for board in boards} | {
        DIRECTOR_ROLE: (director, list(DIRECTOR_PATHS))
    }
    delegations = Delegations(
        keys={key.keyid: key for key, _ in delegated.values()},
        roles={
            name: DelegatedRole(name, [key.keyid], threshold=1, terminating=True, paths=paths)
            for name, (key, paths) in delegated.items()
        },
    )
    metadata = Metadata(Targets(version=1, expires=now + TARGETS_LIFE, delegations=delegations))
    metadata.sign(keys.signer("targets"))
    return metadata


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


def _newest(bundle: Bundle, role: str) -> Metadata[Any]:
    metadata = bundle.newest(role)
    if metadata is None:
        raise ReleaseError(f"{bundle.directory} has no {role}; run `plugtone release init` with that board first")
    return metadata


def _sign_next(
    bundle: Bundle, role: str, metadata: Metadata[Any], signers: Sequence[Signer], expires: datetime
) -> None:
    """Sign the version after; ReleaseError if the delegator's threshold is not met."""
    metadata.signed.version += 1
    metadata.signed.expires = expires
    metadata.signatures.clear()
    for signer in signers:
        metadata.sign(signer, append=True)
    delegator = metadata if role == "root" else _newest(bundle, "root" if role == "targets" else "targets")
    try:
        delegator.signed.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (UnsignedMetadataError, ValueError) as error:
        raise ReleaseError(
            f"the keys at hand do not sign {role}: {error}; give the folder that has its keys"
        ) from error
