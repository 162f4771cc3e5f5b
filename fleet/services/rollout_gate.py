"""Whether a unit that a rollout wants may be assigned now: what the rule asks is read once for a batch of units.

The check-in and the explanation of one unit ask alike: `gate.hindrance(rollout, groups, serial, group)`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cached_property

from fleet.domain.rollout import FAILURES, Rollout, UnitState
from fleet.domain.rollout_gate import Asking, FailureRecord, Hindered, slot, turn
from fleet.services.rollout_groups import OpenGroups
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.unit_of_work import UnitOfWork


class Gate:
    """For units of one transaction; it reads nothing before somebody asks."""

    def __init__(self, uow: UnitOfWork, serials: Collection[str]) -> None:
        self._store = RolloutGateRepository(uow)
        self._now = uow.now
        self._serials = serials
        self._taken: dict[int, int] = {}  # slots, by rollout

    @cached_property
    def _records(self) -> dict[str, FailureRecord]:
        return self._store.records(self._serials)

    @cached_property
    def _last_starts(self) -> dict[str, datetime]:
        return self._store.last_starts(self._serials)

    def hindrance(self, rollout: Rollout, groups: OpenGroups | None, serial: str, group: int | None) -> Hindered | None:
        """Why the unit of that group (by number; None: the rollout has none) is not assigned now, if it is not."""
        return self.turn(rollout, groups, serial, group) or self._slot(rollout, groups)

    def turn(self, rollout: Rollout, groups: OpenGroups | None, serial: str, group: int | None) -> Hindered | None:
        """The same but for the download slots; a unit that is held back is asked with the group opened last."""
        pace = groups.pace if groups is not None else None
        opening = groups.openings[group] if groups is not None and group is not None else None
        last_start = self._last_starts.get(serial) if pace is not None else None
        asking = Asking(serial, last_start, self._records.get(serial), opening)
        return turn(asking, rollout.reference, pace, self._now, rollout.treatment.urgent)

    def take_slot(self, rollout: Rollout, groups: OpenGroups | None, serial: str) -> bool:
        """Lease the unit a slot, if its rollout counts them; False if none is left. The rollout is held."""
        if groups is None or groups.pace is None or groups.pace.download_slots is None:
            return True
        self._taken.pop(rollout.id, None)  # others may have taken some before it was held
        if self._slot(rollout, groups) is not None:
            return False
        self._store.take_slot(rollout.id, serial, groups.pace.slot)
        self._taken[rollout.id] += 1
        return True

    def _slot(self, rollout: Rollout, groups: OpenGroups | None) -> Hindered | None:
        if groups is None or groups.pace is None or groups.pace.download_slots is None:
            return None
        if rollout.id not in self._taken:
            self._taken[rollout.id] = self._store.count_slots(rollout.id)
        return slot(groups.pace, self._taken[rollout.id])


def note_report(uow: UnitOfWork, rollout: Rollout, serial: str, loads: bool, before: UnitState, now: UnitState) -> None:
    """A unit said how far its update is: its slot goes on or is given back, its failures are counted or forgotten."""
    store = RolloutGateRepository(uow)
    if loads:
        store.renew_slot(rollout.id, serial)
    else:
        store.give_back(rollout.id, serial)
    if now is UnitState.CONFIRMED:
        store.clear_record(serial)
    elif now in FAILURES and before not in FAILURES:  # one that failed may still revert: that is no second failure
        store.note_failure(serial)
