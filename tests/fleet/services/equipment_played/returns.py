"""RMAs and the way back of a unit, done with the services."""

from __future__ import annotations

from fleet.domain.blind_return import BlindReturn
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.rma import Condition, ReplacementMode, RmaKind
from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model.returns import CODES
from tests.fleet.services.equipment_played.desk import NOWHERE, Desk

WHY = "played"


def open_rma(desk: Desk, event: ev.RmaOpened) -> None:
    kind, mode = RmaKind(event.kind.value), ReplacementMode(event.mode.value)
    rma = desk.services.rmas.open(desk.actor, desk.serial(event.serial), kind, mode, WHY)
    desk.rmas[event.rma] = rma.id


def approve(desk: Desk, event: ev.RmaApproved) -> None:
    desk.services.rmas.approve(desk.actor, desk.rma(event.rma))


def deny(desk: Desk, event: ev.RmaDenied) -> None:
    desk.services.rmas.deny(desk.actor, desk.rma(event.rma), WHY)


def cancel(desk: Desk, event: ev.RmaCancelled) -> None:
    desk.services.rmas.cancel(desk.actor, desk.rma(event.rma), WHY)


def scan(desk: Desk, event: ev.ReturnScanned) -> None:
    desk.services.returns.hand_in(desk.actor, desk.rma(event.rma), event.at)


def receive(desk: Desk, event: ev.ReturnReceived) -> None:
    """Under the RMA that is named, else by the label alone."""
    serial = desk.serial(event.serial)
    if event.rma:
        desk.services.rmas.receive(desk.actor, desk.rma(event.rma), serial, Condition.SOUND, event.at)
    else:
        desk.services.blind_returns.take_in(desk.actor, serial, Condition.SOUND, WHY, event.at)


def match(desk: Desk, event: ev.BlindMatched) -> None:
    held = desk.services.blind_returns.page(desk.actor, list(BlindReturn), 100, None)
    own = [case.id for case in held if case.serial == desk.serial(event.serial)]
    desk.services.blind_returns.match(desk.actor, own[-1] if own else NOWHERE, desk.rma(event.rma))


def hold(desk: Desk, event: ev.Quarantined) -> None:
    desk.services.returns.hold(desk.actor, desk.rma(event.rma), WHY)


def inspect(desk: Desk, event: ev.Inspected) -> None:
    code = CODES.get((event.finding, event.accessories_complete), InspectionCode.MISSING_PARTS)
    desk.services.returns.inspect(desk.actor, desk.rma(event.rma), Inspection(code, note="as found"))


def close(desk: Desk, event: ev.RmaClosed) -> None:
    desk.services.returns.close(desk.actor, desk.rma(event.rma), WHY)
