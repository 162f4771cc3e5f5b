"""Which deltas a release gets: from each of the newest releases of its board, where that saves enough."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Final

from tuf.api.metadata import TargetFile

from protocol.wire.release import delta_name
from tools.release.bundle import Bundle

NEWEST_BASES: Final = 3
WORTHWHILE: Final = 0.80  # of the deflated full image; what is larger is not worth a second way
DEFLATE_LEVEL: Final = 9

MakeDelta = Callable[[bytes, bytes], bytes]


def make_deltas(
    bundle: Bundle, image_name: str, image: bytes, listed: Mapping[str, TargetFile], make: MakeDelta
) -> dict[str, tuple[TargetFile, bytes]]:
    """By name the worthwhile deltas to `image` from the newest of the `listed` images: target and bytes."""
    limit = len(zlib.compress(image, DEFLATE_LEVEL)) * WORTHWHILE
    newest = sorted(listed.values(), key=lambda target: int(target.custom["release_counter"]), reverse=True)
    found = {}
    for base in newest[:NEWEST_BASES]:
        data = make(bundle.target(base.path), image)
        if len(data) < limit:
            name = delta_name(image_name, base.custom["version"])
            target = TargetFile.from_data(name, data, ["sha256"])
            target.unrecognized_fields["custom"] = {"base": base.hashes["sha256"]}
            found[name] = (target, data)
    return found
