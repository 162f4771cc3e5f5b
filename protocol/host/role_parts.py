"""A board's delegated role comes in parts, because a unit takes no file above MAX_METADATA_BYTES.

`board-simulated` is the first, `board-simulated.2` the next; all have the board's paths and the board's key. Targets
delegates to the newest part first and only the oldest is terminating, so a search passes through all of them.
A part's number is never used again, even after the part was dropped: snapshots must go on listing it (TUF 5.5.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from protocol.wire.release import role_of

PART_BYTES: Final = 7680  # a new part begins before the last one would pass this
PART_WARNING_BYTES: Final = PART_BYTES * 8 // 10
MAX_PARTS: Final = 12  # of one board at a time; a unit visits 16 roles for a target
MAX_RECORD_BYTES: Final = 512 * 1024  # of an image's release record
ROLE: Final = r"[a-z0-9-]{1,32}(?:\.[1-9][0-9]{0,2})?"
_PART: Final = re.compile(r"board-([a-z0-9-]{1,16})(?:\.([1-9][0-9]{0,2}))?")

_Target = TypeVar("_Target")


def part_role(board: str, number: int) -> str:
    """The role of part `number` (from 1) of that board."""
    return str(role_of(board)) if number == 1 else f"{role_of(board)}.{number}"


def parse_part(role: str) -> tuple[str, int] | None:
    """(board, number) of a board's role; None for any other role."""
    found = _PART.fullmatch(role)
    if found is None or found[2] == "1":
        return None
    return found[1], int(found[2] or 1)


def parts_of(board: str, roles: Iterable[str]) -> list[str]:
    """Those of `roles` that are parts of that board, the oldest first."""
    numbers = [part[1] for role in roles if (part := parse_part(role)) is not None and part[0] == board]
    return [part_role(board, number) for number in sorted(numbers)]


def is_image(name: str) -> bool:
    """Whether that target of a part is an image; else it is a delta."""
    return name.endswith(".img")


def images_among(targets: Mapping[str, _Target]) -> dict[str, _Target]:
    """The images among what parts list, by name."""
    return {name: target for name, target in targets.items() if is_image(name)}


def record_name(image_name: str) -> str:
    """The file of an image's release record; the image's signed target holds its SHA-256 as `record`."""
    return image_name.removesuffix(".img") + ".json"
