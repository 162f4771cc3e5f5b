"""Notices and suspensions, done with the services."""

from __future__ import annotations

from datetime import timedelta

from fleet.domain.cancellation_notice import NoticeChannel
from fleet.domain.errors import NotFoundError
from fleet.domain.local_dates import first_instant
from fleet.domain.money import ZERO, Money
from fleet.domain.proof_of_identity import ProofMethod
from fleet.domain.suspension import SuspensionReason
from fleet.services.annual_plans import billing_cycle
from fleet.services.cancellations import Asked
from fleet.services.waivers import Claim
from fleet.store.breach_notices import BreachNoticeRepository, KeptBreachNotice
from fleet.store.cancellations import CancellationRepository
from fleet.store.placements import PlacementRepository
from tests.equipment_oracle import events as ev
from tests.fleet.domain.equipment_model.endings import BREACHES
from tests.fleet.domain.equipment_model.state import ZONE
from tests.fleet.services.equipment_played.desk import NOWHERE, Desk

OWED = Money(1)


def ask(desk: Desk, event: ev.CancellationAsked) -> None:
    phone = event.channel is ev.Channel.PHONE
    asked = Asked(
        at=event.at,
        channel=NoticeChannel.PHONE if phone else NoticeChannel.DISTRIBUTOR,
        administrator=desk.administrator,
        asked_for=event.asked_for,
        units=[desk.serial(name) for name in event.serials] or None,
        proof=ProofMethod.SECURITY_QUESTIONS if phone else None,
        passed_on_by="" if phone else "Phones & More",
    )
    with desk.services.transactions.read(desk.actor) as uow:
        cycle = billing_cycle(uow, desk.account, PlacementRepository(uow).of_account(desk.account), ZONE)
    kept = desk.services.cancellations.request(desk.actor, desk.account, asked)
    number = desk.notices[event.notice] = kept.cancellation.id
    if cycle is not None:
        desk.next_bills[number] = cycle.next_after(event.at.astimezone(ZONE).date())


def take_back(desk: Desk, _event: ev.CancellationWithdrawn) -> None:
    """The notice that is pending, else the last one there was."""
    with desk.services.transactions.read(desk.actor) as uow:
        pending = [kept.cancellation.id for kept in CancellationRepository(uow).pending(desk.account)]
    number = next(iter(pending), max(desk.notices.values(), default=NOWHERE))
    desk.services.cancellations.withdraw(desk.actor, number, desk.administrator)


def remove_line(desk: Desk, event: ev.LastLineRemoved) -> None:
    desk.services.line_removals.remove(desk.actor, desk.serial(event.serial), desk.administrator)


def suspend(desk: Desk, event: ev.Suspended) -> None:
    desk.services.suspensions.suspend(desk.actor, desk.account, SuspensionReason(event.why.value))


def reactivate(desk: Desk, event: ev.Reactivated) -> None:
    """One reason after the other falls away."""
    standing = desk.services.suspensions.standing(desk.actor, desk.account)
    if not standing.reasons:
        raise NotFoundError("the account is not suspended")
    unpaid = ZERO if event.paid_in_full else OWED
    for reason in sorted(standing.reasons):
        desk.services.suspensions.lift(desk.actor, desk.account, reason, unpaid, event.reconnect_fee_paid)


# --- Waivers and ends by the operator -----------------------------------------------------------------------------


def claim_waiver(desk: Desk, event: ev.WaiverClaimed) -> None:
    """A change was told on the day it is claimed of; the clock goes back to that day for as long as it is told."""
    number = desk.notices.get(event.notice, NOWHERE)
    claim = Claim(event.at, since=event.since)
    if event.waiver is ev.Waiver.DIMINISHED:
        claim = Claim(event.at, change_notice=_change_told(desk, event))
    desk.services.waivers.claim(desk.actor, number, claim)


def _change_told(desk: Desk, event: ev.WaiverClaimed) -> int:
    clock, now = desk.world.clock, desk.world.clock.now
    clock.now = min(now, first_instant(event.since, ZONE) + timedelta(hours=12))
    change = desk.services.waivers.tell(desk.actor, "less", event.since + timedelta(days=60), [desk.account])
    clock.now = now
    desk.undone += 1
    return change.id


def notice_breach(desk: Desk, event: ev.BreachNoticed) -> None:
    desk.services.terminations.give_notice(desk.actor, desk.account, BREACHES[event.breach], "played")


def terminate(desk: Desk, event: ev.Terminated) -> None:
    """For the first notice of the breach that stands, or without one."""
    if event.breach is None:
        desk.services.terminations.end(desk.actor, desk.account, "played")
        return
    number = next((kept.id for kept in standing_notices(desk, event.breach)), NOWHERE)
    desk.services.terminations.terminate(desk.actor, number, "played")


def standing_notices(desk: Desk, breach: ev.Breach) -> list[KeptBreachNotice]:
    """Those of a breach that stand."""
    with desk.services.transactions.read(desk.actor) as uow:
        standing = BreachNoticeRepository(uow).standing(desk.account)
    return [kept for kept in standing if kept.notice.breach is BREACHES[breach]]
