"""A replacement takes over at its first registration: line and configuration move, the old identity dies.

One transaction: before it the old unit has everything, after it the replacement has. The caller commits.
"""

from __future__ import annotations

from datetime import datetime

from fleet.domain.audit import AuditAction
from fleet.domain.clone_alarm import Resolution
from fleet.domain.placement import Placement
from fleet.domain.rma import Replacement, ReplacementEvent
from fleet.domain.unit import Custody, ServiceEvent, Trust, TrustEvent, Unit, after
from fleet.services.downlinks import queue_eviction
from fleet.services.line_levels import store_line
from fleet.services.quarantine import close_alarm
from fleet.services.rma_tracks import take_step
from fleet.store.configurations import ConfigurationRepository
from fleet.store.identities import IdentityRepository
from fleet.store.placements import PlacementRepository
from fleet.store.rmas import RmaRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import UnitRepository


def swap(uow: UnitOfWork, placement: Placement, old_placement_id: int, at: datetime) -> None:
    """`placement`'s unit registered for the first time: it takes over from the unit of `old_placement_id`."""
    units, configurations = UnitRepository(uow), ConfigurationRepository(uow)
    old_placement = PlacementRepository(uow).get(old_placement_id)
    serial, old_serial = placement.opened.serial, old_placement.opened.serial
    configurations.save(configurations.of(serial).taking_over(configurations.left_at(old_placement)))
    if old_serial != serial:  # a repaired unit that comes back takes over from itself
        old = units.hold(old_serial)
        if old_placement.until is None:
            old = after(old, ServiceEvent.REPLACE)
        if old_placement.until is None or old.custody is Custody.RETURNED:  # else it has a new identity already
            old = kill_identity(uow, old, "replaced")
            uow.audit(AuditAction.UNIT_REVOKE, old_serial, ["service", "trust"], old.account_id)
        store_line(uow, units.save(old))
    _record_delivery(uow, placement, at)
    uow.audit(AuditAction.RMA_SWAP, serial, ["configuration", "identity"], placement.opened.account_id)


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


def _record_delivery(uow: UnitOfWork, placement: Placement, at: datetime) -> None:
    """The registration is evidence of delivery; a proof by the carrier may have come before."""
    rmas = RmaRepository(uow)
    rma = rmas.hold_of_replacement(placement.id)
    if rma is not None and rma.replacement is Replacement.SHIPPED:
        why = f"first registration of {placement.opened.serial}"
        rmas.save(take_step(uow, rma, ReplacementEvent.DELIVER, why, at))
