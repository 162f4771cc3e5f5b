"""A unit: who holds it, what it does for its account, and whether it is trusted, as three small tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.ownership import Ownership
from fleet.domain.transitions import advance
from protocol.wire.mac import MacAddress
from protocol.wire.serial_number import PREFIX

BOARD_UID_BYTES = 8
UNSEEN_BOARD = b"\xff\xff\xff"  # no chip's own id begins so: erased one-time memory, which is no id
FIRST_EPOCH = 1
MAX_EPOCH = 65_535  # the wire's u16


class Custody(StrEnum):
    """Where the unit is."""

    MADE = "made"  # has a serial number and a MAC
    CERTIFIED = "certified"  # has its identity
    IN_STOCK = "in_stock"
    RESERVED = "reserved"
    SHIPPED = "shipped"
    AT_ACCOUNT = "at_account"
    LOST = "lost"
    RETURNED = "returned"
    SCRAPPED = "scrapped"


class CustodyEvent(StrEnum):
    CERTIFY = "certify"
    STOCK = "stock"
    RESERVE = "reserve"
    RELEASE = "release"
    SHIP = "ship"
    ARRIVE = "arrive"
    CLAIM = "claim"  # an account that holds an unassigned unit names the code on its label
    LOSE = "lose"
    TAKE_BACK = "take_back"
    SEND_BACK = "send_back"  # a blind return that is nobody's RMA goes back as it came
    REFURBISH = "refurbish"  # a new epoch begins, to be certified and stocked again
    SCRAP = "scrap"


CUSTODY: dict[tuple[Custody, CustodyEvent], Custody] = {
    (Custody.MADE, CustodyEvent.CERTIFY): Custody.CERTIFIED,
    (Custody.MADE, CustodyEvent.SCRAP): Custody.SCRAPPED,  # a board that died at the bench
    (Custody.CERTIFIED, CustodyEvent.STOCK): Custody.IN_STOCK,
    (Custody.CERTIFIED, CustodyEvent.SCRAP): Custody.SCRAPPED,
    (Custody.CERTIFIED, CustodyEvent.REFURBISH): Custody.MADE,  # the board lost its key before it was stocked
    (Custody.IN_STOCK, CustodyEvent.RESERVE): Custody.RESERVED,
    (Custody.IN_STOCK, CustodyEvent.SHIP): Custody.SHIPPED,
    (Custody.IN_STOCK, CustodyEvent.CLAIM): Custody.AT_ACCOUNT,
    (Custody.IN_STOCK, CustodyEvent.REFURBISH): Custody.MADE,
    (Custody.IN_STOCK, CustodyEvent.SCRAP): Custody.SCRAPPED,
    (Custody.RESERVED, CustodyEvent.RELEASE): Custody.IN_STOCK,
    (Custody.RESERVED, CustodyEvent.SHIP): Custody.SHIPPED,
    (Custody.SHIPPED, CustodyEvent.ARRIVE): Custody.AT_ACCOUNT,
    (Custody.SHIPPED, CustodyEvent.LOSE): Custody.LOST,
    (Custody.SHIPPED, CustodyEvent.TAKE_BACK): Custody.RETURNED,
    (Custody.AT_ACCOUNT, CustodyEvent.TAKE_BACK): Custody.RETURNED,
    (Custody.LOST, CustodyEvent.TAKE_BACK): Custody.RETURNED,
    (Custody.RETURNED, CustodyEvent.SEND_BACK): Custody.SHIPPED,
    (Custody.RETURNED, CustodyEvent.REFURBISH): Custody.MADE,
    (Custody.RETURNED, CustodyEvent.SCRAP): Custody.SCRAPPED,
}


class UnitCondition(StrEnum):
    """What a customer gets with it (equipment rules, section 1)."""

    NEW = "new"
    REFURBISHED = "refurbished"


class Service(StrEnum):
    """What the unit does for an account."""

    UNPLACED = "unplaced"
    PLACED = "placed"
    ACTIVE = "active"
    REPLACED = "replaced"


IN_SERVICE = (Service.PLACED, Service.ACTIVE)  # at an account, heard yet or not: whom rollouts are for


class ServiceEvent(StrEnum):
    PLACE = "place"
    ACTIVATE = "activate"
    REPLACE = "replace"
    REMOVE = "remove"


SERVICE: dict[tuple[Service, ServiceEvent], Service] = {
    (Service.UNPLACED, ServiceEvent.PLACE): Service.PLACED,
    (Service.PLACED, ServiceEvent.ACTIVATE): Service.ACTIVE,
    (Service.PLACED, ServiceEvent.REPLACE): Service.REPLACED,
    (Service.PLACED, ServiceEvent.REMOVE): Service.UNPLACED,
    (Service.ACTIVE, ServiceEvent.REPLACE): Service.REPLACED,
    (Service.ACTIVE, ServiceEvent.REMOVE): Service.UNPLACED,
    (Service.REPLACED, ServiceEvent.REMOVE): Service.UNPLACED,
}


class Trust(StrEnum):
    """Whether the unit's identity is believed."""

    GOOD = "good"
    QUARANTINED = "quarantined"
    REVOKED = "revoked"


class TrustEvent(StrEnum):
    QUARANTINE = "quarantine"
    CLEAR = "clear"
    REVOKE = "revoke"
    RENEW = "renew"  # a new identity epoch


TRUST: dict[tuple[Trust, TrustEvent], Trust] = {
    (Trust.GOOD, TrustEvent.QUARANTINE): Trust.QUARANTINED,
    (Trust.GOOD, TrustEvent.REVOKE): Trust.REVOKED,
    (Trust.GOOD, TrustEvent.RENEW): Trust.GOOD,
    (Trust.QUARANTINED, TrustEvent.CLEAR): Trust.GOOD,
    (Trust.QUARANTINED, TrustEvent.REVOKE): Trust.REVOKED,
    (Trust.QUARANTINED, TrustEvent.RENEW): Trust.GOOD,
    (Trust.REVOKED, TrustEvent.RENEW): Trust.GOOD,
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One physical adapter, known for life by its serial number and base MAC. `account_id`: where it is placed."""

    serial: str
    mac: MacAddress
    board: str
    hardware_revision: int
    board_uid: bytes
    epoch: int
    custody: Custody
    service: Service
    trust: Trust
    account_id: int | None = None
    version: str = ""
    release_counter: int = 0
    condition: UnitCondition = UnitCondition.NEW
    ownership: Ownership = Ownership.OPERATOR


def check_board_uid(text: str) -> bytes:
    """The chip's own id from hex; InvalidError unless it has 8 bytes."""
    try:
        uid = bytes.fromhex(text)
    except ValueError:
        uid = b""
    if len(uid) != BOARD_UID_BYTES or uid.startswith(UNSEEN_BOARD):
        raise InvalidError(f"a board's uid is {2 * BOARD_UID_BYTES} hex digits, got {text!r}")
    return uid


def unseen_board_uid(serial: str) -> bytes:
    """What stands for the uid of a unit known by its label alone, until a station sees its board."""
    return UNSEEN_BOARD + int(serial[len(PREFIX) :]).to_bytes(BOARD_UID_BYTES - len(UNSEEN_BOARD), "big")


def next_epoch(unit: Unit) -> int:
    """The epoch a refurbished unit begins; ConflictError when it has used them all."""
    if unit.epoch >= MAX_EPOCH:
        raise ConflictError(f"{unit.serial} is in epoch {unit.epoch}, the last there is; scrap it")
    return unit.epoch + 1


def after(unit: Unit, *events: CustodyEvent | ServiceEvent | TrustEvent) -> Unit:
    """The unit after `events`, in their order; IllegalTransitionError if a table has no such step."""
    for event in events:
        match event:
            case CustodyEvent():
                unit = replace(unit, custody=advance(CUSTODY, unit.custody, event, unit.serial))
            case ServiceEvent():
                unit = replace(unit, service=advance(SERVICE, unit.service, event, unit.serial))
            case _:
                unit = replace(unit, trust=advance(TRUST, unit.trust, event, unit.serial))
    return unit
