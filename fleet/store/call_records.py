"""Call records within an actor's scope: an Administrator sees those of their own account, and of no other."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from fleet.domain.call_metering import MeteredCalls, MeteredDestination
from fleet.domain.call_record import (
    CallCodec,
    CallDirection,
    CallEnd,
    CallRecord,
    Figures,
    StartTakenFrom,
    Stay,
)
from fleet.domain.errors import NotFoundError
from fleet.domain.references import Noun, refer
from fleet.store.metered_destinations import LABEL, LABELLED, destination_of_row
from fleet.store.scope import in_scope
from fleet.store.tables.calls import call_records, metered_destinations
from fleet.store.tables.commerce import accounts, placements
from fleet.store.tables.equipment import identities, units
from fleet.store.unit_of_work import UnitOfWork

FIGURES: Final = tuple(field.name for field in fields(Figures))
FETCHED_ROWS: Final = 500
Place = tuple[datetime, int]  # of a call in a list: when it began, and its number
KEY: Final = ("serial", "epoch", "record_id", "started_s")
CallKey = tuple[str, int, int, int]  # the values of KEY


@dataclass(frozen=True, slots=True)
class Metering:
    """What a call is metered by, and for how many minutes."""

    destination: MeteredDestination
    minutes: int


@dataclass(frozen=True, slots=True)
class NewCall:
    """A record as it is taken in; `account_id` and `line` None: the unit was nobody's."""

    serial: str
    epoch: int
    record: CallRecord
    account_id: int | None
    line: int | None
    started_at: datetime
    start_taken_from: StartTakenFrom
    received_at: datetime
    metering: Metering | None = None

    @property
    def key(self) -> CallKey:
        """What the record is known by, however often it comes."""
        return self.serial, self.epoch, self.record.record_id, self.record.started_s


@dataclass(frozen=True, slots=True)
class Call:
    """A record as it is kept. `charge_key`: the charge event it went into."""

    id: int
    taken_in: NewCall
    charge_key: str | None

    @property
    def reference(self) -> str:
        """Its name to people: CL-1."""
        return refer(Noun.CALL, self.id)

    @property
    def place(self) -> Place:
        """Where it stands in a list."""
        return self.taken_in.started_at, self.id


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are asked for; None: any. They began at or after `since` and before `until`."""

    account_id: int | None = None
    serial: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    direction: CallDirection | None = None


@dataclass(frozen=True, slots=True)
class CallTotals:
    """What the answered calls of an account in a month come to, emergency calls left out."""

    calls: int
    outgoing_ms: int
    incoming_ms: int


_EPOCH_STAYS: Final = (
    select(placements.c.serial, placements.c.id, placements.c.account_id, placements.c.shipped_at, accounts.c.purged_at)
    .join(accounts, accounts.c.id == placements.c.account_id)
    .join(units, units.c.serial == placements.c.serial)
    .join(identities, and_(identities.c.serial == units.c.serial, identities.c.epoch == units.c.epoch))
    .where(placements.c.registered_at.is_not(None), placements.c.shipped_at >= identities.c.issued_at)
    .order_by(placements.c.id)
)


class CallRecordRepository:
    """Facts: what was taken in is only ever marked as charged."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._scope = in_scope(uow.actor, call_records.c.account_id)

    def stays(self, serials: Collection[str]) -> dict[str, list[Stay]]:
        """Where those units came on in their present identity, oldest first: what they tell now is of no other time."""
        found: dict[str, list[Stay]] = {}
        for row in self._connection.execute(_EPOCH_STAYS.where(placements.c.serial.in_(sorted(serials)))):
            found.setdefault(row.serial, []).append(
                Stay(row.id, row.account_id, row.shipped_at, purged=row.purged_at is not None)
            )
        return found

    def told_since(self, serials: Collection[str], since: datetime) -> dict[str, int]:
        """How many records of each of those units, if any, were taken in after that instant."""
        return {row.serial: row.told for row in self._connection.execute(told_since(serials, since))}

    def kept(self, keys: Collection[CallKey]) -> set[CallKey]:
        """Those of the records that are here already."""
        columns = tuple_(*(call_records.c[name] for name in KEY))
        query = select(*(call_records.c[name] for name in KEY)).where(columns.in_(sorted(keys)))
        return {tuple(row) for row in self._connection.execute(query)} if keys else set()

    def heard_since(self, serial: str, since: datetime) -> tuple[int, float]:
        """How many calls of the unit that began at `since` or later were measured, and the mean of their MOS, x 10."""
        table = call_records.c
        query = select(func.count(), func.sum(table.mos_tenths)).where(table.serial == serial, self._scope)
        count, total = self._connection.execute(query.where(table.started_at >= since, table.mos_tenths > 0)).one()
        return count, int(total) / count if count else 0.0

    def take_in(self, calls: Sequence[NewCall]) -> None:
        """Keep `calls`; one that is here already stays as it is."""
        if calls:
            dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
            statement = dialect.insert(call_records).on_conflict_do_nothing(index_elements=KEY)
            self._connection.execute(statement, [_values(call) for call in calls])

    def get(self, call_id: int) -> Call:
        """The call; NotFoundError if there is none in the actor's scope."""
        row = self._connection.execute(_QUERY.where(call_records.c.id == call_id, self._scope)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no call {refer(Noun.CALL, call_id)}")
        return _call(row)

    def page(self, wanted: CallFilter, limit: int, before: Place | None) -> list[Call]:
        """At most `limit` of the `wanted` calls before that place, the latest first."""
        table = call_records
        query = self._wanted(_QUERY, wanted).order_by(table.c.started_at.desc(), table.c.id.desc()).limit(limit)
        if before is not None:
            started_at, number = before
            earlier = and_(table.c.started_at == started_at, table.c.id < number)
            query = query.where(table.c.started_at <= started_at, or_(table.c.started_at < started_at, earlier))
        return [_call(row) for row in self._connection.execute(query)]

    def each(self, wanted: CallFilter, limit: int | None = None) -> Iterator[Call]:
        """The `wanted` calls, all or at most `limit`, the latest first, some at a time."""
        query = self._wanted(_QUERY, wanted).order_by(call_records.c.started_at.desc()).limit(limit)
        rows: Iterator[Row[Any]] = iter(self._connection.execute(query).yield_per(FETCHED_ROWS))
        return (_call(row) for row in rows)

    def totals(self, wanted: CallFilter) -> CallTotals:
        """What the `wanted` calls that were answered come to, but for emergency calls."""
        table = call_records
        out = func.sum(table.c.duration_ms).filter(table.c.direction == CallDirection.OUT)
        into = func.sum(table.c.duration_ms).filter(table.c.direction == CallDirection.IN)
        sums: Any = select(func.count(), out, into)
        count, outgoing, incoming = self._connection.execute(self._wanted(sums, wanted).where(*_USED)).one()
        return CallTotals(count, int(outgoing or 0), int(incoming or 0))

    def use_by_account(self, since: datetime, until: datetime) -> dict[int, int]:
        """The time of all answered calls of each account that has any, in ms, but for emergency calls."""
        table = call_records
        query = select(table.c.account_id, func.sum(table.c.duration_ms)).group_by(table.c.account_id)
        query = query.where(table.c.started_at >= since, table.c.started_at < until, *_USED, self._scope)
        rows = self._connection.execute(query.where(table.c.account_id.is_not(None)))
        return {account: int(total) for account, total in rows}

    def metered(self, wanted: CallFilter) -> list[MeteredCalls]:
        """The `wanted` calls that are metered, together by destination."""
        table = call_records
        minutes = func.sum(table.c.metered_minutes)
        query = self._wanted(select(table.c.metered_by, func.count(), minutes), wanted).group_by(table.c.metered_by)
        found = self._connection.execute(query.where(table.c.metered_by.is_not(None))).all()
        return self._together({number: (count, int(total)) for number, count, total in found})

    def uncharged(self, before: datetime, limit: int) -> list[tuple[int, datetime]]:
        """Accounts with metered calls before that instant that were not charged yet, and the first of each."""
        table = call_records
        query = select(table.c.account_id, func.min(table.c.started_at)).group_by(table.c.account_id)
        query = query.where(*_UNCHARGED, table.c.started_at < before, table.c.account_id.is_not(None), self._scope)
        rows = self._connection.execute(query.order_by(table.c.account_id).limit(limit))
        return [(account, first) for account, first in rows]

    def mark_charged(self, account_id: int, since: datetime, until: datetime, key: str) -> list[MeteredCalls]:
        """Mark the uncharged calls of that time as charged by `key`; what has it now, together by destination.

        Calls that came to no cent have it already: they are counted with what came later.
        """
        table = call_records
        theirs = (table.c.account_id == account_id, table.c.started_at >= since, table.c.started_at < until)
        open_or_nothing = or_(table.c.charge_key.is_(None), table.c.charge_key == key)
        due = (table.c.metered_by.is_not(None), open_or_nothing, *theirs, self._scope)
        marked = update(table).where(*due).values(charge_key=key)
        found: dict[int, tuple[int, int]] = {}
        for number, minutes in self._connection.execute(marked.returning(table.c.metered_by, table.c.metered_minutes)):
            count, total = found.get(number, (0, 0))
            found[number] = (count + 1, total + minutes)
        return self._together(found)

    def _together(self, found: Mapping[int, tuple[int, int]]) -> list[MeteredCalls]:
        table = metered_destinations
        query = select(table).where(table.c.id.in_(sorted(found))).order_by(table.c.prefix, table.c.effective_from)
        rows = self._connection.execute(query)
        return [MeteredCalls(destination_of_row(row), *found[row.id]) for row in rows]

    def _wanted(self, query: Select[Any], wanted: CallFilter) -> Select[Any]:
        table = call_records
        exact = {"account_id": wanted.account_id, "serial": wanted.serial, "direction": wanted.direction}
        for name, value in exact.items():
            if value is not None:
                query = query.where(table.c[name] == value)
        if wanted.since is not None:
            query = query.where(table.c.started_at >= wanted.since)
        if wanted.until is not None:
            query = query.where(table.c.started_at < wanted.until)
        return query.where(self._scope)


def told_since(serials: Collection[str], since: datetime) -> Select[tuple[str, int]]:
    """Of each unit how many records were taken in after that instant; an index answers it."""
    table = call_records
    query = select(table.c.serial, func.count().label("told")).group_by(table.c.serial)
    return query.where(table.c.serial.in_(sorted(serials)), table.c.received_at > since)


_USED: Final[tuple[ColumnElement[bool], ...]] = (call_records.c.duration_ms > 0, ~call_records.c.emergency)
_UNCHARGED: Final = (call_records.c.metered_by.is_not(None), call_records.c.charge_key.is_(None))
_QUERY: Final = select(call_records, *LABELLED).outerjoin(
    metered_destinations, metered_destinations.c.id == call_records.c.metered_by
)


def _values(call: NewCall) -> dict[str, Any]:
    record, metering = call.record, call.metering
    return {
        "serial": call.serial,
        "epoch": call.epoch,
        "record_id": record.record_id,
        "started_s": record.started_s,
        "account_id": call.account_id,
        "line_id": call.line,
        "started_at": call.started_at,
        "start_taken_from": call.start_taken_from,
        "received_at": call.received_at,
        "direction": record.direction,
        "number": record.number,
        "setup_ms": record.setup_ms,
        "duration_ms": record.duration_ms,
        "ended_by": record.ended_by,
        "status": record.status,
        "codec": record.codec,
        "secured": record.secured,
        "emergency": record.emergency,
        **asdict(record.figures),
        "metered_by": None if metering is None else metering.destination.id,
        "metered_minutes": 0 if metering is None else metering.minutes,
        "charge_key": None,
    }


def _call(row: Row[Any]) -> Call:
    record = CallRecord(
        record_id=row.record_id,
        started_s=row.started_s,
        direction=CallDirection(row.direction),
        number=row.number,
        setup_ms=row.setup_ms,
        duration_ms=row.duration_ms,
        ended_by=CallEnd(row.ended_by),
        status=row.status,
        codec=CallCodec(row.codec),
        secured=row.secured,
        emergency=row.emergency,
        figures=Figures(**{name: getattr(row, name) for name in FIGURES}),
    )
    metering = None
    if row.metered_by is not None:
        metering = Metering(destination_of_row(row, LABEL), row.metered_minutes)
    taken_in = NewCall(
        serial=row.serial,
        epoch=row.epoch,
        record=record,
        account_id=row.account_id,
        line=row.line_id,
        started_at=row.started_at,
        start_taken_from=StartTakenFrom(row.start_taken_from),
        received_at=row.received_at,
        metering=metering,
    )
    return Call(row.id, taken_in, row.charge_key)
