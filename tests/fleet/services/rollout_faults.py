"""What no history of rollouts may show, and an oracle: a plain model of what a check-in makes of a unit's parts.

The oracle places units by docs/rollouts.md, from rows and the plan's JSON: it shares no code with what it judges.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, select

from fleet.domain.rollout import RolloutState, UnitState
from fleet.domain.rollout_course import due
from fleet.services.ingest import GATEWAY
from fleet.services.rollout_steering import standing_of
from fleet.store.rollouts import RolloutRepository
from fleet.store.tables.releases import release_images
from fleet.store.tables.rollouts import (
    assignments,
    download_slots,
    rollout_counts,
    rollout_groups,
    rollout_units,
    rollout_watches,
    rollout_windows,
    rollouts,
)
from fleet.store.unit_of_work import Transactions, UnitOfWork

ENDS: Final = ("finished", "stopped")
BEFORE_TRIAL: Final = ("waiting", "assigned", "downloading")
LIVE: Final = ("running", "paused")
FAILED: Final = (UnitState.REVERTED, UnitState.FAILED)
REACHED: Final = (UnitState.CONFIRMED, UnitState.STAGED)
REPORTING: Final = (*FAILED, UnitState.ASSIGNED, UnitState.DOWNLOADING, UnitState.TRIAL, UnitState.SUPERSEDED)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
Watch = tuple[int, str, int]  # a rollout, a unit, a window


@dataclass
class Memory:
    """What was seen once and may not change: watches as they began, orders by their number."""

    watches: dict[Watch, Any] = field(default_factory=dict)
    reached: set[Watch] = field(default_factory=set)  # that came where their rollout wants them, and did not fail then
    orders: dict[int, str] = field(default_factory=dict)
    parts: dict[tuple[int, str], UnitState] = field(default_factory=dict)
    failures: dict[str, tuple[int, datetime]] = field(default_factory=dict)  # of a unit, and the last one's time

    def note(self, parts: dict[tuple[int, str], UnitState], now: datetime) -> None:
        """Count the failures of units since they last confirmed an update."""
        for (number, serial), state in parts.items():
            before = self.parts.get((number, serial))
            if state in FAILED and before not in FAILED:
                forgotten = now >= self._free_at(serial, now) + WEEK
                self.failures[serial] = (1 if forgotten else self.failures.get(serial, (0, now))[0] + 1, now)
            elif state is UnitState.CONFIRMED and before in REPORTING:
                self.failures.pop(serial, None)
        self.parts = parts

    def boxed(self, serial: str, now: datetime) -> bool:
        """Whether the unit is in the penalty box."""
        return now < self._free_at(serial, now)

    def _free_at(self, serial: str, now: datetime) -> datetime:
        failures, failed_at = self.failures.get(serial, (0, now))
        return failed_at + (min(DAY * 2 ** (failures - 2), WEEK) if failures >= 2 else timedelta(0))


def parts_of(connection: Connection) -> dict[tuple[int, str], UnitState]:
    """Every unit's part in every rollout."""
    return {(row.rollout_id, row.serial): UnitState(row.state) for row in connection.execute(select(rollout_units))}


def faults(transactions: Transactions, memory: Memory) -> list[str]:
    """All that is wrong, in words."""
    with transactions.read(GATEWAY) as uow:
        rows = {row.id: row for row in uow.connection.execute(select(rollouts))}
        parts = parts_of(uow.connection)
        memory.note(parts, uow.now)
        found = list(_counts(uow.connection, rows, parts))
        found += _windows(uow.connection, rows, parts, memory)
        found += _orders(uow.connection, parts, memory)
        found += _places(uow.connection, rows, parts)
        return found + list(_limits(uow, rows))


def _counts(connection: Connection, rows: dict[int, Any], parts: dict[tuple[int, str], UnitState]) -> Iterator[str]:
    """Counts are the rows; an ended rollout waits for nobody; who approved it is not who made it."""
    counted = Counter({(c.rollout_id, c.state): c.units for c in connection.execute(select(rollout_counts)) if c.units})
    there = Counter((number, str(state)) for (number, _), state in parts.items())
    if counted != there:
        yield f"counted {counted - there}, not counted {there - counted}"
    for (number, serial), state in parts.items():
        row = rows[number]
        if row.state in ENDS and state in BEFORE_TRIAL:
            yield f"RO-{number} is {row.state}, {serial} is {state}"
        by_limit = "it was open to the last group for" in row.reason
        if row.state == "finished" and state is UnitState.TRIAL and not by_limit:
            yield f"RO-{number} is finished, {serial} is {state}"
    yield from (f"RO-{row.id} was approved by its author" for row in rows.values() if row.approver == row.author)


def _windows(
    connection: Connection, rows: dict[int, Any], parts: dict[tuple[int, str], UnitState], memory: Memory
) -> Iterator[str]:
    """A unit is watched once a window; windows count their watches, also those whose row another has taken since."""
    for row in connection.execute(select(rollout_watches)):
        key = row.rollout_id, row.serial, row.number
        before = memory.watches.get(key)
        if before is not None and before.began_at != row.began_at:
            yield f"the watch {key} began at {before.began_at}, and again at {row.began_at}"
        if before is not None and before.signal is not None and row.signal != before.signal:
            yield f"the watch {key} failed by {before.signal}, and then by {row.signal}"
        if row.held_back is not (parts.get(key[:2]) is UnitState.HELD_BACK):
            yield f"{key} is watched as held back: {row.held_back}, it is {parts.get(key[:2])}"
        memory.watches[key] = row
        if parts.get(key[:2]) in REACHED:  # one that only loaded it may be superseded, and has been there all the same
            memory.reached -= {key}
            memory.reached |= {key} if row.signal is None else set()
    seen: Counter[tuple[int, int, str, str]] = Counter()
    unsure: Counter[tuple[int, int, str, str]] = Counter()  # it failed and was superseded, in an order not seen
    for (number, serial, window), row in memory.watches.items():
        arm = "held_back" if row.held_back else "treated"
        reached = (number, serial, window) in memory.reached
        confirmed = reached and row.signal is None
        unsure[number, window, row.revision, "confirmed"] += reached and not confirmed
        for what, holds in ((arm, True), (f"{arm}_failed", row.signal is not None), ("confirmed", confirmed)):
            seen[number, window, row.revision, what] += holds
    columns = ("treated", "confirmed", "treated_failed", "held_back", "held_back_failed")
    counted = Counter(
        {
            (row.rollout_id, row.number, row.revision, name): getattr(row, name)
            for row in connection.execute(select(rollout_windows))
            for name in columns
        }
    )
    if counted - (seen + unsure) or seen - counted or -counted:
        yield f"windows count {counted - seen}, and not {seen - counted}"


def _orders(connection: Connection, parts: dict[tuple[int, str], UnitState], memory: Memory) -> Iterator[str]:
    """An order's number is given once, and always a higher one; of a unit's only the newest is pending."""
    newest: dict[str, int] = {}
    pending: dict[str, list[int]] = {}
    highest = max(memory.orders, default=0)
    for row in connection.execute(select(assignments).order_by(assignments.c.sequence)):
        newest[row.serial] = row.sequence
        if memory.orders.setdefault(row.sequence, row.serial) != row.serial:
            yield f"order {row.sequence} was {memory.orders[row.sequence]}'s, and is {row.serial}'s"
        if row.pending:
            pending.setdefault(row.serial, []).append(row.sequence)
            if (row.rollout_id, row.serial) not in parts or parts[row.rollout_id, row.serial] is UnitState.HELD_BACK:
                yield f"{row.serial} has an order of RO-{row.rollout_id}, and no part in it"
    if any(sequence < highest for sequence in memory.orders.keys() - newest.values() if sequence > highest):
        yield "a number was given that is lower than one before"
    yield from (
        f"{serial} has {each} pending, its newest is {newest[serial]}"
        for serial, each in pending.items()
        if each != [newest[serial]]
    )


def _places(connection: Connection, rows: dict[int, Any], parts: dict[tuple[int, str], UnitState]) -> Iterator[str]:
    """Nobody outside of an open group has the release; the hold-back never has."""
    for (number, serial), state in parts.items():
        if rows[number].plan is not None and state is not UnitState.SUPERSEDED:
            point = _point(serial, f"RO-{number}")
            held_back = point >= 1 - json.loads(rows[number].plan).get("hold_back_percent", 0) / 100
            if held_back is not (state is UnitState.HELD_BACK):
                yield f"{serial} is {state} in RO-{number}, its point is {point:.3f}"


def _limits(uow: UnitOfWork, rows: dict[int, Any]) -> Iterator[str]:
    """Every state of a rollout by groups that is no end is left in time."""
    for row in rows.values():
        if row.plan is not None and row.state not in ENDS:
            limit = due(standing_of(uow, RolloutRepository(uow).get(row.id)))
            if limit is None or not limit.reason:
                yield f"RO-{row.id} is {row.state}, and may be for ever"


def after_check_in(
    uow: UnitOfWork,
    serial: str,
    revision: int,
    version: str,
    sha256: str,
    first_at: datetime,
    started_at: datetime,
    boxed: bool,
) -> dict[int, UnitState]:
    """The oracle: a checking unit's part in each rollout, by what it registered with, and when first and last."""
    connection = uow.connection
    images = {row.release_id: row.sha256 for row in connection.execute(select(release_images))}
    parts = {number: state for (number, whose), state in parts_of(connection).items() if whose == serial}
    live = connection.execute(select(rollouts).where(rollouts.c.state.in_(LIVE)))
    taken = False
    for row in sorted(live, key=lambda row: (row.started_at, row.id), reverse=True):
        part, running, group = parts.get(row.id), row.state == RolloutState.RUNNING, 0
        if part is UnitState.HELD_BACK:
            continue
        if part is None:
            where = _group(connection, row, serial, revision, version, first_at)
            if where == "held back" and running:
                parts[row.id] = UnitState.HELD_BACK
            if isinstance(where, str):
                continue
            group = where
        if taken and (part is None or part in (*BEFORE_TRIAL, UnitState.STAGED)):
            parts[row.id] = UnitState.SUPERSEDED
        if not taken and running and part in (None, UnitState.WAITING):
            if images[row.release_id] == sha256:
                parts[row.id] = UnitState.CONFIRMED
            elif not boxed and _may_begin(uow, row, serial, group, started_at):
                parts[row.id] = UnitState.ASSIGNED
        taken = True
    return parts


def _may_begin(uow: UnitOfWork, row: Any, serial: str, group: int, started_at: datetime) -> bool:
    """Whether the unit's moment in its group's ramp has come, some minutes after its start, and a slot is free."""
    pace = json.loads(row.plan or "{}").get("pace")
    if not pace:
        return True
    this = rollout_groups.c
    opened = uow.connection.execute(select(rollout_groups).where(this.rollout_id == row.id, this.number == group)).one()
    hours = (opened.units or 0) / pace["units_per_hour"] if "units_per_hour" in pace else 0
    point, since = _point(serial, f"RO-{row.id} pace"), max(opened.opened_at, row.since or row.created_at)
    moment = max(since + point * timedelta(hours=hours), started_at + point * timedelta(minutes=10))
    slots = uow.connection.execute(select(download_slots).where(download_slots.c.rollout_id == row.id)).all()
    taken = sum(each.expires_at > uow.now for each in slots)
    return uow.now >= moment and taken < pace.get("download_slots", taken + 1)


def _group(connection: Connection, row: Any, serial: str, revision: int, version: str, first_at: datetime) -> int | str:
    """Where a unit without a part stands: in an open group by number, or `held back`, `later` or `none`."""
    if not row.everyone:
        return "none"
    plan = json.loads(row.plan) if row.plan else {}
    if first_at > row.started_at and plan.get("joining") != "dynamic":
        return "none"
    if not plan:
        return 0
    facts, point = {"revision": revision, "version": version}, _point(serial, f"RO-{row.id}")
    if not _takes(plan.get("targets"), facts):
        return "none"
    if point >= 1 - plan.get("hold_back_percent", 0) / 100:
        return "held back"
    opened = len(connection.execute(select(rollout_groups).where(rollout_groups.c.rollout_id == row.id)).all())
    for number, group in enumerate(plan["group"]):
        if point < group.get("up_to_percent", 100) / 100 and _takes(group.get("filter"), facts):
            return number if number < opened else "later"
    raise AssertionError("the last group takes whoever is left")


def _takes(wanted: dict[str, list[object]] | None, facts: dict[str, object]) -> bool:
    return all(facts[key] in values for key, values in (wanted or {}).items())


def _point(serial: str, rollout: str) -> float:
    digest = hashlib.sha256(f"plugtone rollout\0{rollout}\0{serial}".encode()).digest()
    return int.from_bytes(digest[:8], "big") // 2**11 / 2**53
