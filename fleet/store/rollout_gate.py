"""What keeps units from being assigned: their failed updates, their last start, and download slots that are taken."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, func, select, update

from fleet.domain.rollout_gate import FailureRecord, after_failure
from fleet.store.tables.rollouts import download_slots, running_images, update_failures
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert

_CLEAR_RECORD = delete(update_failures).where(update_failures.c.serial == bindparam("of_serial"))
_MINE = (download_slots.c.rollout_id == bindparam("of_rollout")) & (download_slots.c.serial == bindparam("of_serial"))
_LEASE = select(download_slots.c.lease_s).where(_MINE)
_RENEW = update(download_slots).where(_MINE)
_GIVE_BACK = delete(download_slots).where(_MINE)


class RolloutGateRepository:
    """Belongs to the operator, as rollouts do; reached for units the caller found in its scope."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    # --- Failed updates ---

    def records(self, serials: Collection[str]) -> dict[str, FailureRecord]:
        """Of those units the failed updates since the last that was confirmed; a unit without one is left out."""
        query = select(update_failures).where(update_failures.c.serial.in_(serials))
        return {row.serial: FailureRecord(row.failures, row.failed_at) for row in self._connection.execute(query)}

    def note_failure(self, serial: str) -> FailureRecord:
        """Another update of the unit failed now."""
        record = after_failure(self.records([serial]).get(serial), self._now)
        row = {"serial": serial, "failures": record.failures, "failed_at": record.failed_at}
        upsert(self._connection, update_failures, [row])
        return record

    def clear_record(self, serial: str) -> bool:
        """Forget the unit's failures; whether it had some."""
        return bool(self._connection.execute(_CLEAR_RECORD, {"of_serial": serial}).rowcount)

    def last_starts(self, serials: Collection[str]) -> dict[str, datetime]:
        """When those units registered last."""
        this = running_images.c
        query = select(this.serial, this.registered_at).where(this.serial.in_(serials))
        return {row.serial: row.registered_at for row in self._connection.execute(query)}

    # --- Download slots ---

    def count_slots(self, rollout_id: int) -> int:
        """How many slots of the rollout are taken: a range of an index, no longer than there are slots."""
        this = download_slots.c
        query = select(func.count()).where(this.rollout_id == rollout_id, this.expires_at > self._now)
        return int(self._connection.execute(query).scalar_one())

    def take_slot(self, rollout_id: int, serial: str, lease: timedelta) -> None:
        """Lease the unit a slot from now on."""
        lease_s = round(lease.total_seconds())
        row = {"rollout_id": rollout_id, "serial": serial, "lease_s": lease_s, "expires_at": self._now + lease}
        upsert(self._connection, download_slots, [row])

    def renew_slot(self, rollout_id: int, serial: str) -> None:
        """The unit, if it took a slot, has it from now on again; one whose lease was over takes it back."""
        mine = {"of_rollout": rollout_id, "of_serial": serial}
        lease_s = self._connection.scalar(_LEASE, mine)
        if lease_s is not None:
            self._connection.execute(_RENEW, {**mine, "expires_at": self._now + timedelta(seconds=lease_s)})

    def give_back(self, rollout_id: int, serial: str) -> None:
        """The unit loads nothing any more in that rollout."""
        self._connection.execute(_GIVE_BACK, {"of_rollout": rollout_id, "of_serial": serial})

    def give_back_all(self, rollout_id: int) -> None:
        """The rollout ended."""
        self._connection.execute(delete(download_slots).where(download_slots.c.rollout_id == rollout_id))
