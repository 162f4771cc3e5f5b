"""Whether images, deltas and release records are what the signed metadata says of them. Pure.

- An image has the length, hash and header its target states, and a release record of that hash.
- A delta is named after its image and the version of its base, both listed for the same board; its target names the
  base's hash, and its own header both hashes. What it makes is the unit's to check: the image's hash decides.
- A record says of which image it is. Nothing comes that no metadata lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import TargetFile

from fleet.updates.errors import ImageError, MetadataError
from protocol.host.role_parts import MAX_RECORD_BYTES, is_image, record_name
from protocol.wire import delta
from protocol.wire.errors import WireError
from protocol.wire.image import ImageHeader
from protocol.wire.release import delta_name, target_facts, target_name

FLAGS = ("beta", "security")  # in `custom`, only if they are set
_DELTA = re.compile(r"([a-z0-9-]+)_([^_]+)_from_([^_]+)\.delta")


def check_payloads(
    old: Mapping[str, TargetFile], new: Mapping[str, TargetFile], payloads: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The files that are new, by SHA256.NAME. `old` and `new` are all targets listed before and after."""
    fresh: dict[str, bytes] = {}
    expected: set[str] = set(new)
    for name, target in new.items():
        if not isinstance(target.custom, dict):
            raise MetadataError(f"{name} is signed without facts (custom); sign it by `plugtone release sign`")
        if is_image(name):
            expected.add(record_name(name))
        if name in old:
            if old[name] != target:
                raise MetadataError(f"{name} was published with another content or other facts; give it a new version")
            continue
        fresh[f"{_digest(name, target)}.{name}"] = _payload(name, payloads)
        if is_image(name):
            _check_image(name, target, payloads[name])
            fresh[_record_file(name, target)] = _check_record(name, target, payloads)
        else:
            _check_delta(name, target, new, payloads[name])
    for name in set(new) & set(old):  # a base may go; its deltas go with it
        if not is_image(name):
            _base_of(name, new[name], new)
    unlisted = set(payloads) - expected
    if unlisted:
        raise ImageError(f"no signed metadata lists {', '.join(sorted(unlisted))}; sign before you publish")
    return fresh


def _record_file(name: str, target: TargetFile) -> str:
    return f"{target.custom['record']}.{record_name(name)}"


def _payload(name: str, payloads: Mapping[str, bytes]) -> bytes:
    if name not in payloads:
        raise ImageError(f"the metadata lists {name}, but the publication has no such file")
    return payloads[name]


def _digest(name: str, target: TargetFile) -> str:
    if "sha256" not in target.hashes:
        raise ImageError(f"{name} is signed without a SHA-256, the hash units compute")
    return str(target.hashes["sha256"])


def _check_image(name: str, target: TargetFile, data: bytes) -> None:
    try:
        target.verify_length_and_hashes(data)
        header = ImageHeader.unpack(data)
    except (LengthOrHashMismatchError, WireError) as error:
        raise ImageError(f"{name} is not the image that was signed: {error}") from error
    if header.image_bytes != len(data):
        raise ImageError(f"{name} has {len(data)} bytes, its header says {header.image_bytes}")
    said = {fact: value for fact, value in target.custom.items() if fact not in (*FLAGS, "record")}
    if target_facts(header) != said or target_name(header.board, header.version) != name:
        raise ImageError(f"{name} is signed as {said}, but its header says {target_facts(header)}")
    if header.security_counter > header.release_counter:
        raise ImageError(
            f"{name} has security counter {header.security_counter} above its release counter; units refuse it"
        )
    if any(target.custom.get(flag, True) is not True for flag in FLAGS):
        raise ImageError(f"{name} has a flag that is not true; one that is not set is left out")


def _check_record(name: str, target: TargetFile, payloads: Mapping[str, bytes]) -> bytes:
    if "record" not in target.custom:
        raise ImageError(f"{name} is signed without a release record; sign it with this release's tools")
    data = _payload(record_name(name), payloads)
    if len(data) > MAX_RECORD_BYTES or sha256(data).hexdigest() != target.custom["record"]:
        raise ImageError(f"{record_name(name)} is not the record that was signed; publish the bundle as it is")
    try:
        record: dict[str, Any] = json.loads(data)
        image, flags = record["image"], {flag: record[flag] for flag in FLAGS}
        said = (image["name"], image["sha256"], {flag: True for flag in FLAGS if flags[flag]})
    except (ValueError, KeyError, TypeError) as error:
        raise ImageError(f"{record_name(name)} is no release record: {error}") from error
    if said != (name, target.hashes["sha256"], {flag: True for flag in FLAGS if flag in target.custom}):
        raise ImageError(f"{record_name(name)} is of {said}, not of {name} as signed")
    return data


def _check_delta(name: str, target: TargetFile, listed: Mapping[str, TargetFile], data: bytes) -> None:
    image, base = _base_of(name, target, listed)
    try:
        target.verify_length_and_hashes(data)
        if len(data) < delta.HEADER_BYTES:
            raise WireError(f"a delta has a header of {delta.HEADER_BYTES} bytes, got {len(data)}")
        said = delta.unpack_header(data[: delta.HEADER_BYTES])
    except (LengthOrHashMismatchError, WireError) as error:
        raise ImageError(f"{name} is not the delta that was signed: {error}") from error
    if said != tuple((each.length, bytes.fromhex(each.hashes["sha256"])) for each in (base, image)):
        raise ImageError(f"{name} makes another image, or of another base, than its name says")
    if len(data) >= image.length:
        raise ImageError(f"{name} has {len(data)} bytes, its image {image.length}: it saves nothing")


def _base_of(name: str, target: TargetFile, listed: Mapping[str, TargetFile]) -> tuple[TargetFile, TargetFile]:
    """The image and the base of a delta; MetadataError unless both are listed and it names the base's hash."""
    found = _DELTA.fullmatch(name)
    image = listed.get(target_name(found[1], found[2])) if found else None
    base = listed.get(target_name(found[1], found[3])) if found else None
    if found is None or image is None or base is None or delta_name(image.path, found[3]) != name:
        raise MetadataError(f"{name} is no delta between two listed images; retire it with them")
    if target.custom != {"base": base.hashes["sha256"]}:
        raise MetadataError(f"{name} is signed for base {target.custom}, {base.path} is {base.hashes['sha256'][:8]}")
    return image, base
