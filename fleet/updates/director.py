"""The director: a signed, numbered order to one unit, naming the one image it is to run.

    {"signatures":[{"keyid":...,"sig":...}],
     "signed":{"_type":"assignment","deadline":...,"expires":...,"issued":...,"not_before":...,"serial":...,
               "spec_version":"1.0.0","version":SEQUENCE,
               "target":{"board":...,"length":...,"name":...,"release_counter":...,"sha256":...}}}

`target` is null for "stay as you are". `not_before` and `deadline` are there only if they are set: the unit restarts
into the image no earlier, and from the deadline on does not wait for its maintenance hours. Signed as TUF signs
(canonical JSON of `signed`) by the key to which targets delegates the role `director`. A unit takes no sequence
number at or below one it has seen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signer

from fleet.updates.errors import MetadataError

ASSIGNMENT_LIFE = timedelta(days=14)
MAX_ASSIGNMENT_BYTES = 2048  # a unit takes no more (firmware/adapter/update/assignment.py)
SPECIFICATION = "1.0.0"


@dataclass(frozen=True, slots=True)
class AssignedImage:
    """What the unit is to run, in the words of the board's signed role."""

    name: str
    length: int
    sha256: str  # hexadecimal
    release_counter: int
    board: str

    def to_dict(self) -> dict[str, Any]:
        return {
            "board": self.board,
            "length": self.length,
            "name": self.name,
            "release_counter": self.release_counter,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, slots=True)
class Director:
    """Signs assignments; who gets which is the rollouts' business."""

    signer: Signer

    @property
    def keyid(self) -> str:
        """The key it signs with."""
        return str(self.signer.public_key.keyid)

    def sign(
        self,
        serial: str,
        sequence: int,
        image: AssignedImage | None,
        now: datetime,
        not_before: datetime | None = None,
        deadline: datetime | None = None,
    ) -> bytes:
        """The assignment file of a unit; `sequence` was never used before. MetadataError if it is too long."""
        signed = {
            "_type": "assignment",
            "expires": _instant(now + ASSIGNMENT_LIFE),
            "issued": _instant(now),
            "serial": serial,
            "spec_version": SPECIFICATION,
            "target": image.to_dict() if image else None,
            "version": sequence,
        }
        times = {"not_before": not_before, "deadline": deadline}
        signed |= {name: _instant(at) for name, at in times.items() if at is not None}
        canonical = encode_canonical(signed)
        if canonical is None:
            raise TypeError("encode_canonical returns text when it is given no output function")
        signature = self.signer.sign(canonical.encode())
        whole = {"signatures": [signature.to_dict()], "signed": signed}
        data = json.dumps(whole, separators=(",", ":"), sort_keys=True).encode()
        if len(data) > MAX_ASSIGNMENT_BYTES:
            raise MetadataError(f"the assignment has {len(data)} bytes, units take {MAX_ASSIGNMENT_BYTES}")
        return data


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
