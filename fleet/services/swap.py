"""A replacement takes over: line and configuration move to it, the old identity dies (ER 4). The callers commit.

- One transaction: before it the old unit has everything, after it the replacement has.
- It is the transaction of the replacement's first registration, unless a call is up on the old unit. Then the
  replacement waits, registered and received, until a heartbeat says that the call is over or the wait is.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from fleet.domain.access import Actor
from fleet.domain.audit import AuditAction
from fleet.domain.clone_alarm import Resolution
from fleet.domain.configuration import Configuration
from fleet.domain.heartbeat import MISSED_HEARTBEATS
from fleet.domain.placement import Placement
from fleet.domain.rma import Replacement, ReplacementEvent
from fleet.domain.rma_permits import CallSeen, swap_waits
from fleet.domain.unit import IN_SERVICE, Custody, ServiceEvent, Trust, TrustEvent, Unit, after
from fleet.services.downlinks import Downlinks, queue_eviction
from fleet.services.line_levels import store_line
from fleet.services.quarantine import close_alarm
from fleet.services.rma_tracks import take_step
from fleet.store.configurations import ConfigurationRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.identities import IdentityRepository
from fleet.store.placements import PlacementRepository
from fleet.store.policy import PolicyRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository
from fleet.store.waiting_swaps import WaitingSwap, WaitingSwapRepository
from protocol.wire.enumerations import LINE_STATES

IN_CALL = LINE_STATES.index("in_call")


class Swaps:
    """The scheduler's part: waits that no heartbeat ends."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def finish(self, actor: Actor) -> int:
        """Swap where the old unit fell silent or the wait is over; how many did. A transaction each."""
        with self._transactions.read(actor) as uow:
            waiting = WaitingSwapRepository(uow).all()
        count = 0
        for each in waiting:
            with self._transactions.begin(actor) as uow:
                settings = take_over(uow, each, self._downlinks)
                if settings is not None:
                    self._downlinks.queue_configuration(uow, settings)
                    count += 1
                uow.commit()
        return count


def swap_or_wait(uow: UnitOfWork, placement: Placement, at: datetime, downlinks: Downlinks) -> None:
    """`placement`'s unit has registered at `at` for the first time: it takes over, or waits for a call."""
    old_placement = PlacementRepository(uow).get(placement.opened.replaces or 0)
    serves_on = _served_on(uow, old_placement)
    if serves_on is not None:
        _swap(uow, placement, old_placement)
        old_placement = serves_on
    serial, old_serial = placement.opened.serial, old_placement.opened.serial
    if old_placement.until is None and serial != old_serial:
        waiting = WaitingSwap(placement.id, serial, old_serial, at)
        if _must_wait(uow, UnitRepository(uow).hold(old_serial), waiting, downlinks):
            WaitingSwapRepository(uow).add(waiting)
            uow.audit(AuditAction.RMA_SWAP_WAIT, serial, ["line"], placement.opened.account_id)
            return
    _swap(uow, placement, old_placement)


def take_over(uow: UnitOfWork, waiting: WaitingSwap, downlinks: Downlinks) -> Configuration | None:
    """The replacement's configuration if it takes over now; None if it still has to wait, or has no need to."""
    units = UnitRepository(uow)
    held = {serial: units.hold(serial) for serial in sorted((waiting.serial, waiting.old_serial))}
    waits = WaitingSwapRepository(uow)
    if waits.of(waiting.placement_id) is None:
        return None
    if PlacementRepository(uow).get(waiting.placement_id).until is not None:  # it left before its turn came
        waits.end(waiting.placement_id)
        return None
    if held[waiting.serial].trust is not Trust.GOOD:  # in doubt itself: the old unit serves on
        return None
    if _must_wait(uow, held[waiting.old_serial], waiting, downlinks):
        return None
    return finish_wait(uow, waiting)


def finish_wait(uow: UnitOfWork, waiting: WaitingSwap) -> Configuration:
    """The replacement takes over from the unit whose call it waited for; its configuration, not yet told."""
    placements = PlacementRepository(uow)
    placement = placements.get(waiting.placement_id)
    _swap(uow, placement, placements.open_of(waiting.old_serial) or placements.get(placement.opened.replaces or 0))
    store_line(uow, UnitRepository(uow).get(waiting.serial))
    return ConfigurationRepository(uow).of(waiting.serial)


def kill_identity(uow: UnitOfWork, unit: Unit, reason: str, why: str = "") -> Unit:
    """The unit with its identity dead and its connection thrown out; one that is revoked already stays as it is.

    `reason` in one word; `why` people said so, which goes to the clone alarm that this resolves.
    """
    if unit.trust is not Trust.REVOKED:
        unit = after(unit, TrustEvent.REVOKE)
    IdentityRepository(uow).kill(unit.serial)
    queue_eviction(uow, unit, reason)
    close_alarm(uow, unit, Resolution.REVOKED, why or reason)
    return unit


def record_delivery(uow: UnitOfWork, placement: Placement, at: datetime) -> None:
    """The registration is evidence of delivery; a proof by the carrier may have come before."""
    rmas = RmaRepository(uow)
    rma = rmas.hold_of_replacement(placement.id)
    if rma is not None and rma.replacement is Replacement.SHIPPED:
        why = f"first registration of {placement.opened.serial}"
        rmas.save(take_step(uow, rma, ReplacementEvent.DELIVER, why, at))


def _served_on(uow: UnitOfWork, replaced: Placement) -> Placement | None:
    """The stay of a unit that serves still, because what replaced it was replaced before its own turn came."""
    if replaced.opened.replaces is None:
        return None
    before = PlacementRepository(uow).get(replaced.opened.replaces)
    if before.until is not None or before.opened.serial == replaced.opened.serial:
        return None
    return before if UnitRepository(uow).hold(before.opened.serial).service in IN_SERVICE else None


def _must_wait(uow: UnitOfWork, old: Unit, waiting: WaitingSwap, downlinks: Downlinks) -> bool:
    """Whether a call is up on the old unit, as far as its last heartbeat is known and believed."""
    beat = HeartbeatRepository(uow).of(old.serial)
    call = None
    if beat is not None and beat.line_state == IN_CALL and old.trust is Trust.GOOD and old.service in IN_SERVICE:
        call = CallSeen(beat.received_at, timedelta(seconds=MISSED_HEARTBEATS * downlinks.heartbeat_s))
    return swap_waits(call, waiting.since, uow.now, PolicyRepository(uow).book(), downlinks.zone) is not None


def _swap(uow: UnitOfWork, placement: Placement, old_placement: Placement) -> None:
    units, configurations = UnitRepository(uow), ConfigurationRepository(uow)
    serial, old_serial = placement.opened.serial, old_placement.opened.serial
    configurations.save(configurations.of(serial).taking_over(configurations.left_at(old_placement)))
    for over in (placement, old_placement):
        WaitingSwapRepository(uow).end(over.id)
    if old_serial != serial:  # a repaired unit that comes back takes over from itself
        old = units.hold(old_serial)
        if old_placement.until is None:
            old = after(old, ServiceEvent.REPLACE)
        if old_placement.until is None or old.custody is Custody.RETURNED:  # else it has a new identity already
            old = kill_identity(uow, old, "replaced")
            uow.audit(AuditAction.UNIT_REVOKE, old_serial, ["service", "trust"], old.account_id)
        store_line(uow, units.save(old))
    uow.audit(AuditAction.RMA_SWAP, serial, ["configuration", "identity"], placement.opened.account_id)
