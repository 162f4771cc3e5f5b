"""Rollouts by groups: their plans, the groups that were opened, watched units, and what was seen of them.

Counts move with every watch, so that deciding reads a row for each group and revision, never the units.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Row, Select, and_, bindparam, func, insert, literal, select, update

from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, number_of, refer
from fleet.domain.rollout import ENDS, REACHED, Fit, UnitState
from fleet.domain.rollout_course import Course, GroupStanding
from fleet.domain.rollout_evidence import Arm, Evidence, Window
from fleet.domain.rollout_gate import Opening
from fleet.domain.rollout_groups import FIELDS, Filter, UnitFacts
from fleet.domain.rollout_plan import read_course, write_course
from fleet.domain.rollout_watch import Signal, Watch, line_up
from fleet.store.assignments import fitting_in_service
from fleet.store.rollouts import STARTED
from fleet.store.tables.equipment import configurations, heartbeats, units
from fleet.store.tables.rollouts import (
    rollout_evidence,
    rollout_groups,
    rollout_units,
    rollout_watches,
    rollout_windows,
    rollouts,
    running_images,
)
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.upsert import upsert
from protocol.wire.enumerations import LINE_STATES

STABLE = "stable"  # the channel of a unit without a configuration


@dataclass(frozen=True, slots=True)
class Watched:
    """A unit's watch as it is kept: whose, in which window, and what is known of the unit since."""

    serial: str
    number: int
    revision: str
    running: bool
    failed: bool
    ends_at: datetime
    watch: Watch


class RolloutGroupRepository:
    """Belongs to the operator, as rollouts do."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now

    # --- The plan and its groups ---

    def course(self, rollout_id: int) -> Course:
        """How a rollout by groups was planned."""
        plan = self._connection.scalar(_PLAN, {"of_rollout": rollout_id})
        if plan is None:
            raise NotFoundError(f"{refer(Noun.ROLLOUT, rollout_id)} has no plan; it goes to all its units at once")
        return read_course(json.loads(plan))

    def plan(self, rollout_id: int, course: Course) -> None:
        """Keep that plan."""
        values = {"plan": json.dumps(write_course(course))}
        self._connection.execute(update(rollouts).where(rollouts.c.id == rollout_id).values(values))

    def unended(self) -> list[int]:
        """The rollouts by groups that are not at their end."""
        query = select(rollouts.c.id).where(rollouts.c.plan.is_not(None), rollouts.c.state.not_in(ENDS))
        return list(self._connection.execute(query.order_by(rollouts.c.id)).scalars())

    def watching(self) -> list[int]:
        """The rollouts by groups in which units are watched: those that were started and are not at their end."""
        return list(self._connection.execute(_WATCHING).scalars())

    def open_group(self, rollout_id: int, number: int, units: int | None) -> None:
        """Let the group of that number, of about so many units, have the release."""
        values = {"rollout_id": rollout_id, "number": number, "opened_at": self._now, "accepted": False, "units": units}
        self._connection.execute(insert(rollout_groups).values(values))

    def openings(self, rollout_id: int, since: datetime) -> list[Opening]:
        """Those that were opened, in order; the rollout runs without a pause since `since`."""
        rows = self._connection.execute(_OPENINGS, {"of_rollout": rollout_id})
        return [Opening(max(row.opened_at, since), row.units) for row in rows]

    def mark_group(self, rollout_id: int, number: int, **fields: Any) -> None:
        """Note `ripe_at` or `accepted` of an open group."""
        this = (rollout_groups.c.rollout_id == rollout_id) & (rollout_groups.c.number == number)
        self._connection.execute(update(rollout_groups).where(this).values(fields))

    def count_open(self, rollout_id: int) -> int:
        """How many groups were opened."""
        query = select(func.count()).where(rollout_groups.c.rollout_id == rollout_id)
        return int(self._connection.execute(query).scalar_one())

    def groups(self, rollout_id: int) -> list[GroupStanding]:
        """Those that were opened, in order; a unit counts in the group that was open when its watch began."""
        windows = self._windows(rollout_id)
        query = select(rollout_groups).where(rollout_groups.c.rollout_id == rollout_id)
        return [
            GroupStanding(
                opened_at=row.opened_at,
                assigned=sum(window.treated for window in windows if window.number == row.number),
                confirmed=sum(window.confirmed for window in windows if window.number == row.number),
                failed=sum(window.treated_failed for window in windows if window.number == row.number),
                ripe_at=row.ripe_at,
                accepted=row.accepted,
            )
            for row in self._connection.execute(query.order_by(rollout_groups.c.number))
        ]

    # --- Watches ---

    def facts(self, serials: Collection[str]) -> dict[str, UnitFacts]:
        """What a plan may ask of those units; of those that registered."""
        rows = self._connection.execute(_FACTS_OF, {"of_serials": list(serials)})
        return {row.serial: _facts(row) for row in rows}

    def count_targets(
        self, fits: Collection[Fit], filters: Collection[Filter], heard_since: datetime | None = None
    ) -> int:
        """How many trusted units in service could run an image of one of `fits` and pass every filter, now.

        `heard_since`: only those that sent a heartbeat since then.
        """
        query = fitting_in_service(_FACTS, fits).where(*(_taken(each) for each in filters))
        if heard_since is not None:
            heard = select(heartbeats.c.serial).where(heartbeats.c.received_at >= heard_since)
            query = query.where(units.c.serial.in_(heard))
        return int(self._connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())

    def watch(
        self, rollout_id: int, serial: str, number: int, revision: str, ends_at: datetime, held_back: bool
    ) -> bool:
        """Begin the unit's watch in that window; False if it is under way, or was in that window already."""
        before = self.watched(rollout_id, serial)
        if before is not None and (before.running or before.number >= number):
            return False
        row = {"rollout_id": rollout_id, "serial": serial, "number": number, "revision": revision}
        row |= {"held_back": held_back, "began_at": self._now, "ends_at": ends_at, "running": True, "signal": None}
        row |= {"lost_registrations": 0}
        upsert(self._connection, rollout_watches, [row])
        self._count(rollout_id, number, revision, "held_back" if held_back else "treated")
        return True

    def windows_of(
        self, rollouts_: Collection[int], serials: Collection[str]
    ) -> dict[tuple[int, str], tuple[int, bool]]:
        """By rollout and unit the window of its last watch, and whether that is running; of those that had one."""
        rows = self._connection.execute(_WINDOWS_OF, {"of_rollouts": list(rollouts_), "of_serials": list(serials)})
        return {(row.rollout_id, row.serial): (row.number, row.running) for row in rows}

    def watched(self, rollout_id: int, serial: str) -> Watched | None:
        """The unit's watch, if it ever had one."""
        row = self._connection.execute(_WATCHED, {"of_rollout": rollout_id, "of_serial": serial}).one_or_none()
        return None if row is None else _watched(row)

    def due(self, rollout_id: int, limit: int) -> list[Watched]:
        """At most `limit` running watches whose time is over."""
        this = rollout_watches.c
        query = _WATCHES.where(this.rollout_id == rollout_id, this.running, this.ends_at <= self._now)
        return [_watched(row) for row in self._connection.execute(query.order_by(this.ends_at).limit(limit))]

    def running(self, rollouts_: Collection[int], serials: Collection[str]) -> list[tuple[int, Watched]]:
        """The watches of those units that are running in one of those rollouts, and in which."""
        if not rollouts_ or not serials:
            return []
        rows = self._connection.execute(_RUNNING, {"of_rollouts": list(rollouts_), "of_serials": list(serials)})
        return [(row.rollout_id, _watched(row)) for row in rows]

    def count_lost(self, rollout_id: int, serial: str) -> None:
        """The watched unit's line lost its registration once more."""
        this = (rollout_watches.c.rollout_id == rollout_id) & (rollout_watches.c.serial == serial)
        lost = {"lost_registrations": rollout_watches.c.lost_registrations + 1}
        self._connection.execute(update(rollout_watches).where(this).values(lost))

    def end(self, rollout_id: int, watched: Watched, failed_by: Signal | None, running: bool = False) -> None:
        """Note how the watch stands: that the unit failed, or that it is over."""
        values: dict[str, object] = {"of_rollout": rollout_id, "of_serial": watched.serial, "running": running}
        if failed_by is not None and not watched.failed:
            values["signal"] = failed_by
            failed = "held_back_failed" if watched.watch.state is None else "treated_failed"
            self._count(rollout_id, watched.number, watched.revision, failed)
            if watched.watch.state in REACHED:
                self._count(rollout_id, watched.number, watched.revision, "confirmed", -1)
        self._connection.execute(_CHANGE_WATCH, values)

    def confirm(self, rollout_id: int, watched: Watched) -> None:
        """Count the unit among those that confirmed."""
        self._count(rollout_id, watched.number, watched.revision, "confirmed")

    # --- Evidence ---

    def evidence(self, rollout_id: int) -> dict[str, Evidence]:
        """What has been seen of every revision that is judged."""
        query = select(rollout_evidence).where(rollout_evidence.c.rollout_id == rollout_id)
        return {row.revision: _read_evidence(row.seen) for row in self._connection.execute(query)}

    def look(self, rollout_id: int) -> None:
        """Look at every window as it stands now, and keep what is seen."""
        before = self.evidence(rollout_id)
        after = dict(before)
        for row in self._windows(rollout_id):
            arms = Arm(row.treated, row.treated_failed), Arm(row.held_back, row.held_back_failed)
            after[row.revision] = after.get(row.revision, Evidence()).look(row.number, *arms)
        self._keep(rollout_id, {name: seen for name, seen in after.items() if seen != before.get(name)})

    def revisions_of(self, fits: Collection[Fit]) -> list[str]:
        """The hardware revisions, by name, of trusted units in service that could run an image of one of `fits`."""
        run = running_images.c
        query = select(run.board, run.hardware_revision).join(units, units.c.serial == run.serial).distinct()
        rows = self._connection.execute(fitting_in_service(query, fits))
        return sorted(revision_name(row.board, row.hardware_revision) for row in rows)

    def revisions(self, rollout_id: int) -> set[str]:
        """Those that are judged, each by itself."""
        return set(self._connection.execute(_REVISIONS, {"of_rollout": rollout_id}).scalars())

    def name_revisions(self, rollout_id: int, revisions: Collection[str]) -> None:
        """Note which revisions are judged, each by itself."""
        self._keep(rollout_id, dict.fromkeys(revisions, Evidence()))

    def _keep(self, rollout_id: int, evidence: Mapping[str, Evidence]) -> None:
        rows = [
            {"rollout_id": rollout_id, "revision": revision, "seen": _write_evidence(seen)}
            for revision, seen in evidence.items()
        ]
        upsert(self._connection, rollout_evidence, rows)

    def _windows(self, rollout_id: int) -> list[Row[Any]]:
        query = select(rollout_windows).where(rollout_windows.c.rollout_id == rollout_id)
        return list(self._connection.execute(query.order_by(rollout_windows.c.number, rollout_windows.c.revision)))

    def _count(self, rollout_id: int, number: int, revision: str, what: str, change: int = 1) -> None:
        key = {"of_rollout": rollout_id, "of_number": number, "of_revision": revision}
        if not self._connection.execute(_COUNT[what], {**key, "change": change}).rowcount:
            row = {"rollout_id": rollout_id, "number": number, "revision": revision}
            counts = dict.fromkeys(_COUNT, 0)
            self._connection.execute(insert(rollout_windows).values(**row, **counts | {what: change}))


_FACTS = (
    select(
        units.c.serial,
        running_images.c.board,
        running_images.c.hardware_revision.label("revision"),
        running_images.c.version,
        func.coalesce(configurations.c.channel, STABLE).label("channel"),
        units.c.account_id.label("account"),
        units.c.condition,
    )
    .select_from(running_images.join(units, units.c.serial == running_images.c.serial))
    .outerjoin(configurations, configurations.c.serial == units.c.serial)
)
_WATCHES = (
    select(
        rollout_watches, rollout_units.c.state, heartbeats.c.received_at, heartbeats.c.line_state, units.c.registered_at
    )
    .select_from(rollout_watches.join(units, units.c.serial == rollout_watches.c.serial))
    .outerjoin(heartbeats, heartbeats.c.serial == rollout_watches.c.serial)
    .outerjoin(
        rollout_units,
        (rollout_units.c.rollout_id == rollout_watches.c.rollout_id)
        & (rollout_units.c.serial == rollout_watches.c.serial),
    )
)
_THIS_WATCH = (rollout_watches.c.rollout_id == bindparam("of_rollout")) & (
    rollout_watches.c.serial == bindparam("of_serial")
)
_WATCHED = _WATCHES.where(_THIS_WATCH)
_CHANGE_WATCH = update(rollout_watches).where(_THIS_WATCH)
_SERIALS: BindParameter[str] = bindparam("of_serials", expanding=True)
_THESE_WATCHES = rollout_watches.c.rollout_id.in_(
    bindparam("of_rollouts", expanding=True)
) & rollout_watches.c.serial.in_(_SERIALS)
_RUNNING = _WATCHES.where(_THESE_WATCHES, rollout_watches.c.running).order_by(
    rollout_watches.c.rollout_id, rollout_watches.c.serial
)
_WINDOWS_OF = select(
    rollout_watches.c.rollout_id, rollout_watches.c.serial, rollout_watches.c.number, rollout_watches.c.running
).where(_THESE_WATCHES)
_FACTS_OF: Select[Any] = _FACTS.where(units.c.serial.in_(_SERIALS))
_PLAN = select(rollouts.c.plan).where(rollouts.c.id == bindparam("of_rollout"))
_WATCHING = (
    select(rollouts.c.id).where(rollouts.c.plan.is_not(None), rollouts.c.state.in_(STARTED)).order_by(rollouts.c.id)
)
_OPENINGS = (
    select(rollout_groups.c.opened_at, rollout_groups.c.units)
    .where(rollout_groups.c.rollout_id == bindparam("of_rollout"))
    .order_by(rollout_groups.c.number)
)
_REVISIONS = select(rollout_evidence.c.revision).where(rollout_evidence.c.rollout_id == bindparam("of_rollout"))
_COUNT = {
    what: update(rollout_windows)
    .where(
        rollout_windows.c.rollout_id == bindparam("of_rollout"),
        rollout_windows.c.number == bindparam("of_number"),
        rollout_windows.c.revision == bindparam("of_revision"),
    )
    .values({what: rollout_windows.c[what] + bindparam("change")})
    for what in ("treated", "confirmed", "treated_failed", "held_back", "held_back_failed")
}


def revision_name(board: str, revision: int) -> str:
    """A hardware revision as people know it."""
    return f"{board} revision {revision}"


def _taken(wanted: Filter) -> Any:
    conditions = []
    for field in FIELDS:
        values: Collection[Any] = getattr(wanted, field)
        if values and field == "account":
            values = [number_of(Noun.ACCOUNT, value) for value in values]
        if values:
            column = _FACTS.selected_columns[field]
            conditions.append(column.in_(values))
    return and_(literal(True), *conditions)


def _facts(row: Row[Any]) -> UnitFacts:
    account = "" if row.account is None else refer(Noun.ACCOUNT, row.account)
    return UnitFacts(row.serial, row.board, row.revision, row.version, row.channel, account, row.condition)


def _watched(row: Row[Any]) -> Watched:
    heard_at = max(at for at in (row.received_at, row.registered_at, row.began_at) if at is not None)
    state = None if row.held_back else UnitState(row.state)
    down = row.line_state is not None and line_up(LINE_STATES[row.line_state]) is False
    watch = Watch(row.began_at, state, heard_at, lost_registrations=row.lost_registrations, line_down=down)
    return Watched(row.serial, row.number, row.revision, row.running, row.signal is not None, row.ends_at, watch)


def _write_evidence(evidence: Evidence) -> str:
    windows = {
        str(number): {"arms": [[arm.watched, arm.failed] for arm in _arms(window)], "stakes": window.stakes}
        for number, window in evidence.windows.items()
    }
    return json.dumps({"scores": evidence.scores, "charges": evidence.charges, "windows": windows})


def _arms(window: Window) -> tuple[Arm, Arm, Arm, Arm]:
    return window.treated, window.held_back, window.bet_treated, window.bet_held_back


def _read_evidence(text: str) -> Evidence:
    data: Mapping[str, Any] = json.loads(text)
    windows: dict[Hashable, Window] = {}
    for number, window in data["windows"].items():
        treated, held_back, bet_treated, bet_held_back = (Arm(*arm) for arm in window["arms"])
        stakes = tuple(window["stakes"]) if window["stakes"] else None
        windows[int(number)] = Window(treated, held_back, bet_treated, bet_held_back, stakes)
    return Evidence(tuple(data["scores"]), tuple(data["charges"]), windows)
