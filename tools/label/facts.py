"""What a label says of a unit, and the code that proves who holds it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import check_serial

# Crockford's base 32: no I, L, O, U to misread.
_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CLAIM_CODE_CHARACTERS: Final = 12  # 60 bits


@dataclass(frozen=True, slots=True)
class Facts:
    """One unit. `board` is a name of the catalogue; `condition` is new or refurbished; without `claim_code` no claim.

    `claim_url` is the page on which whoever holds the unit takes it into their account.
    """

    serial: str
    mac: MacAddress
    board: str
    hardware_revision: int = 1
    condition: str = "new"
    claim_url: str = ""
    claim_code: str = ""

    @property
    def claim_address(self) -> str:
        """What the QR code says. The code stands behind `#`: browsers do not send it, no log can hold it."""
        return f"{self.claim_url}#{check_serial(self.serial)}-{self.claim_code}" if self.claim_code else ""

    @property
    def values(self) -> dict[str, str]:
        """The names that a template's texts may use in braces; WireError for a serial number that is none."""
        return {
            "serial": check_serial(self.serial),
            "mac": str(self.mac),
            "mac_digits": str(self.mac).replace(":", ""),
            "claim_address": self.claim_address,
            "hardware_revision": str(self.hardware_revision),
            "condition": self.condition.capitalize(),
        }


def facts_of_unit(unit: Mapping[str, Any], claim_url: str = "", claim_code: str = "") -> Facts:
    """What a label says of a unit as the fleet's API shows it."""
    return Facts(
        serial=unit["serial"],
        mac=MacAddress.parse(unit["mac"]),
        board=unit["board"],
        hardware_revision=unit["hardware_revision"],
        condition=unit["condition"],
        claim_url=claim_url,
        claim_code=claim_code,
    )


def make_claim_code() -> str:
    """A new random claim code."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(CLAIM_CODE_CHARACTERS))


def claim_code_sha256(code: str) -> str:
    """What the fleet stores of a claim code."""
    return sha256(code.encode()).hexdigest()
