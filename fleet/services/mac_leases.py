"""Stations take slots along to work without network and report later what they used them for.

- Nothing of a lease is given to anybody else before it is settled, whatever the clock says.
- A report may come twice, in any order, in parts, late, even after the lease was written off: what happened at the
  bench happened. Only what contradicts something known is refused, line by line, and noted in the audit log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import InvalidError
from fleet.domain.lease import (
    MAX_USES_PER_REPORT,
    Lease,
    LeaseEvent,
    LeaseState,
    Outcome,
    Slot,
    Use,
    UseReport,
    check_all_reported,
    check_may_take,
    check_terms,
)
from fleet.domain.mac_address import UNREPORTED, AddressEvent, AddressState
from fleet.domain.reason import check_why
from fleet.services.mac_blocks import require_inventory
from fleet.services.provisioning import macs_per_unit, new_unit
from fleet.store.mac_addresses import MacAddressRepository
from fleet.store.mac_leases import MacLeaseRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository

SET_ASIDE = "the station set its board aside"  # why an address of a settled lease is nobody's


@dataclass(frozen=True, slots=True)
class LeaseDetail:
    """A lease with its slots that were not given back; `used` of them are units now."""

    lease: Lease
    slots: tuple[Slot, ...]
    used: int


class MacLeases:
    """A station acts by its token and sees its own leases; who manages the inventory sees all."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def take(self, actor: Actor, request: str, station: str, board: str, units: int, period: timedelta) -> LeaseDetail:
        """`units` slots for `period`; the same lease again for the same `request` of the same actor."""
        require_inventory(actor, Permission.UNIT_PROVISION)
        check_terms(units, period)
        macs = macs_per_unit(board)
        with self._transactions.begin(actor) as uow:
            addresses, leases = MacAddressRepository(uow), MacLeaseRepository(uow)
            addresses.lock()
            known = leases.by_request(request)
            if known is not None:
                if (known.station, known.board, known.units) != (station, board, units):
                    raise InvalidError(f"request {request!r} asked for something else before, see {known.reference}")
                return _detail(uow, known)
            check_may_take(*leases.owed())
            lease = leases.add(request, station, board, macs, units, uow.now + period)
            addresses.lease(lease.id, units, macs)
            uow.audit(AuditAction.MAC_LEASE_TAKE, lease.reference, ["units", "expires_at"])
            detail = _detail(uow, lease)
            uow.commit()
            return detail

    def page(self, actor: Actor, limit: int, after: int | None, state: LeaseState | None, expired: bool) -> list[Lease]:
        """At most `limit` leases with an id above `after`."""
        require_inventory(actor, Permission.UNIT_PROVISION)
        with self._transactions.read(actor) as uow:
            return MacLeaseRepository(uow).page(limit, after, state, expired)

    def get(self, actor: Actor, lease_id: int) -> LeaseDetail:
        """One lease with its slots."""
        require_inventory(actor, Permission.UNIT_PROVISION)
        with self._transactions.read(actor) as uow:
            return _detail(uow, MacLeaseRepository(uow).get(lease_id))

    def report(self, actor: Actor, lease_id: int, uses: Sequence[Use]) -> list[UseReport]:
        """Make units of the slots a station used; what becomes of each use, in their order."""
        require_inventory(actor, Permission.UNIT_PROVISION)
        if not 1 <= len(uses) <= MAX_USES_PER_REPORT:
            raise InvalidError(f"a report has 1 to {MAX_USES_PER_REPORT} uses, got {len(uses)}; send it in parts")
        with self._transactions.begin(actor) as uow:
            MacAddressRepository(uow).lock()
            lease = MacLeaseRepository(uow).hold(lease_id)
            slots = {slot.serial: (slot, state) for slot, state in MacAddressRepository(uow).slots_of_lease(lease_id)}
            reports = []
            for use in uses:
                report = _take_in(uow, lease, slots.get(use.serial), use)
                reports.append(report)
                if report.outcome is Outcome.ACCEPTED:
                    slots[use.serial] = slots[use.serial][0], AddressState.RESERVED
                    uow.audit(AuditAction.UNIT_ALLOCATE, use.serial, ["serial", "mac"])
                elif report.outcome is Outcome.REFUSED:
                    uow.audit(AuditAction.MAC_LEASE_REFUSE, lease.reference, [use.serial])
            uow.audit(AuditAction.MAC_LEASE_REPORT, lease.reference, ["uses"])
            uow.commit()
            return reports

    def settle(self, actor: Actor, lease_id: int, used: int, refused: Collection[str] = ()) -> LeaseDetail:
        """The station used `used` slots, and every one of them is reported: the others are free again.

        `refused` are serial numbers whose use the fleet did not take, and which no unit has: their boards were set
        aside with them, so they are written off.
        """
        require_inventory(actor, Permission.UNIT_PROVISION)
        with self._transactions.begin(actor) as uow:
            MacAddressRepository(uow).lock()
            leases = MacLeaseRepository(uow)
            lease = leases.hold(lease_id)
            before = _detail(uow, lease)
            addresses = MacAddressRepository(uow)
            reported = {slot.serial for slot, state in addresses.slots_of_lease(lease_id) if state not in UNREPORTED}
            aside = set(refused) - reported
            check_all_reported(lease, used, before.used + len(aside))
            if lease.state is LeaseState.SETTLED:
                return before
            lease = leases.step(lease, LeaseEvent.SETTLE)
            addresses.give_back(lease_id, aside, SET_ASIDE)
            uow.audit(AuditAction.MAC_LEASE_SETTLE, lease.reference, ["state"])
            detail = _detail(uow, lease)
            uow.commit()
            return detail

    def write_off(self, actor: Actor, lease_id: int, why: str) -> LeaseDetail:
        """The station is lost: what it did not report is given to nobody, unless it reports after all."""
        require_inventory(actor, Permission.MAC_MANAGE)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            MacAddressRepository(uow).lock()
            leases = MacLeaseRepository(uow)
            lease = leases.hold(lease_id)
            lease = leases.step(lease, LeaseEvent.WRITE_OFF, why)
            MacAddressRepository(uow).write_off(lease_id, why)
            uow.audit(AuditAction.MAC_LEASE_WRITE_OFF, lease.reference, ["state"])
            detail = _detail(uow, lease)
            uow.commit()
            return detail


def _detail(uow: UnitOfWork, lease: Lease) -> LeaseDetail:
    slots = MacAddressRepository(uow).slots_of_lease(lease.id)
    used = sum(state not in UNREPORTED for _, state in slots)
    return LeaseDetail(lease, tuple(slot for slot, _ in slots), used)


def _take_in(uow: UnitOfWork, lease: Lease, held: tuple[Slot, AddressState] | None, use: Use) -> UseReport:
    """The unit that `use` made, unless it is known or contradicts what is known."""

    def refused(reason: str) -> UseReport:
        return UseReport(use.serial, Outcome.REFUSED, reason)

    units = UnitRepository(uow)
    if held is None:
        return refused(f"{use.serial} is not of {lease.reference}, or was given back with it")
    slot, state = held
    if slot.mac != use.mac:
        return refused(f"{use.serial} was leased with {slot.mac}, not {use.mac}")
    if state not in UNREPORTED:
        unit = units.get(use.serial)
        if (unit.board_uid, unit.hardware_revision) == (use.board_uid, use.hardware_revision):
            return UseReport(use.serial, Outcome.UNCHANGED)
        return refused(f"{use.serial} was given to board {unit.board_uid.hex()}, not {use.board_uid.hex()}")
    other = units.by_board_uid(use.board_uid)
    if other is not None:
        return refused(f"board {use.board_uid.hex()} is {other.serial} already; flash it again with network")
    late = " after its end" if use.used_at >= lease.expires_at else ""
    why = f"used at {use.used_at.isoformat(timespec='seconds')}{late}"
    addresses = MacAddressRepository(uow)
    addresses.move(use.serial, AddressEvent.USE, why)
    block_id = addresses.of_serial(use.serial)[0].block_id
    units.add(new_unit(use.serial, use.mac, lease.board, use.hardware_revision, use.board_uid), block_id)
    return UseReport(use.serial, Outcome.ACCEPTED)
