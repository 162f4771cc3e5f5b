"""The director: a signed, numbered order to one unit, naming the one image it is to run.

    {"signatures":[{"keyid":...,"sig":...}],
     "signed":{"_type":"assignment","expires":...,"issued":...,"serial":...,"spec_version":"1.0.0",
               "target":{"board":...,"length":...,"name":...,"release_counter":...,"sha256":...},"version":SEQUENCE}}

`target` is null for "stay as you are". Signed as TUF signs (canonical JSON of `signed`) by the key to which
targets delegates the role `director`. A unit takes no sequence number at or below one it has seen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import Signer

ASSIGNMENT_LIFE = timedelta(days=14)
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

    def sign(self, serial: str, sequence: int, image: AssignedImage | None, now: datetime) -> bytes:
        """The assignment file of a unit; `sequence` was never used before."""
        signed = {
            "_type": "assignment",
            "expires": _instant(now + ASSIGNMENT_LIFE),
            "issued": _instant(now),
            "serial": serial,
            "spec_version": SPECIFICATION,
            "target": image.to_dict() if image else None,
            "version": sequence,
        }
        canonical = encode_canonical(signed)
        if canonical is None:
            raise TypeError("encode_canonical returns text when it is given no output function")
        signature = self.signer.sign(canonical.encode())
        whole = {"signatures": [signature.to_dict()], "signed": signed}
        return json.dumps(whole, separators=(",", ":"), sort_keys=True).encode()


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
