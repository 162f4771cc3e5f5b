"""Whether a registering unit is let in, and with which answer of REGISTER_RESULTS."""

from __future__ import annotations

from enum import StrEnum

from fleet.domain.unit import Custody, Trust, Unit
from protocol.wire.mac import MacAddress


class Admission(StrEnum):
    """The names of the wire's REGISTER_RESULTS."""

    ACCEPTED = "accepted"
    NOT_IN_STOCK = "not_in_stock"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"
    NO_ACCOUNT = "no_account"
    BAD_IDENTITY = "bad_identity"
    TRY_LATER = "try_later"


WITH_ACCOUNT = frozenset({Custody.SHIPPED, Custody.AT_ACCOUNT})
ADMITTED = WITH_ACCOUNT | {Custody.IN_STOCK, Custody.RESERVED}

# How long a refused unit waits before it asks again, in seconds; a revoked identity never becomes good again.
RETRY_S = {
    Admission.ACCEPTED: 0,
    Admission.NOT_IN_STOCK: 60,
    Admission.QUARANTINED: 300,
    Admission.REVOKED: 86_400,
    Admission.NO_ACCOUNT: 300,
    Admission.BAD_IDENTITY: 3_600,
    Admission.TRY_LATER: 30,
}


def false_claims(unit: Unit, serial: str, mac: MacAddress, epoch: int, board: str) -> list[str]:
    """The names of what a registration claims to be and is not, under `unit`'s certificate."""
    claims = {
        "serial": serial == unit.serial,
        "mac": mac == unit.mac,
        "epoch": epoch == unit.epoch,
        "board": board == unit.board,
    }
    return [name for name, is_true in claims.items() if not is_true]


def admit(unit: Unit, serial: str, mac: MacAddress, epoch: int, board: str) -> Admission:
    """The answer to a registration that claims `serial`, `mac`, `epoch` and `board` under `unit`'s certificate."""
    if false_claims(unit, serial, mac, epoch, board):
        return Admission.BAD_IDENTITY
    if unit.trust is Trust.REVOKED:
        return Admission.REVOKED
    if unit.trust is Trust.QUARANTINED:
        return Admission.QUARANTINED
    if unit.custody not in ADMITTED:
        return Admission.NOT_IN_STOCK
    if unit.custody in WITH_ACCOUNT and unit.account_id is None:
        return Admission.NO_ACCOUNT
    return Admission.ACCEPTED
