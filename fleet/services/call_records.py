"""What units tell of calls is taken in, a batch at once: each record once, for whose the unit was then (ER 7).

- A record is of the account and line that the unit served when the call began, by its present identity alone: what a
  unit tells is never shown to an account it had before, or comes to later.
- A unit tells of at most MAX_RECORDS_A_DAY calls in a day, so that a stolen key fills no database. What it tells beyond
  is acknowledged like all else, or it would come for ever, and is not kept; the audit log has it once a day.
- What a call is metered by is decided here, by the table as it stood on the day of the call, and stays.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from fleet.domain.audit import AuditAction
from fleet.domain.call_metering import MeteredDestination, destination_of, metered_number, minutes_begun, prefixes_of
from fleet.domain.call_record import (
    CallCodec,
    CallDirection,
    CallEnd,
    CallRecord,
    Figures,
    StartTakenFrom,
    Stay,
    call_start,
    kept_number,
    stay_at,
)
from fleet.domain.dialled_number import is_emergency
from fleet.domain.errors import NotFoundError
from fleet.domain.local_dates import local_date
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.store.audit import AuditRepository
from fleet.store.call_records import FIGURES, CallRecordRepository, Metering, NewCall
from fleet.store.ingest import IngestStore
from fleet.store.metered_destinations import MeteredDestinationRepository
from fleet.store.placements import PlacementRepository
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.enumerations import CALL_CODECS, CALL_DIRECTIONS, CALL_ENDS

DAY: Final = timedelta(days=1)
MAX_RECORDS_A_DAY: Final = 2000  # a line that begins a call every 43 s, day and night
_TOLD_AS_KEPT = ("record_id", "started_s", "setup_ms", "duration_ms", "status")


class CallRecords:
    """The gateway's side of call records. `zone`: the operator's."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone

    def take_in(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        """Keep the records of `batch`, those that are kept already as they are; NotFoundError for an unknown unit.

        Nothing to answer: the acknowledgement is that of every critical report.
        """
        repository = CallRecordRepository(uow)
        serials = {incoming.serial for incoming in batch}
        stays, epochs = repository.stays(serials), IngestStore(uow.connection).present_epochs(serials)
        lines, rates = _Lines(uow), _rates(uow, batch)
        calls = []
        for incoming in batch:
            if incoming.serial not in epochs:
                raise NotFoundError(f"there is no unit {incoming.serial}: its call is kept for people")
            record = told_record(incoming.message.values)
            theirs = stays.get(incoming.serial, [])
            at, taken_from = _start(incoming, theirs)
            # Of a start nobody heard of, the time alone tells that it was not at an account before.
            told = incoming.heard or taken_from is StartTakenFrom.UNIT
            stay = stay_at(theirs, at) if told else None
            calls.append(
                NewCall(
                    serial=incoming.serial,
                    epoch=epochs[incoming.serial],
                    record=replace(record, number="") if stay is not None and stay.purged else record,
                    account_id=None if stay is None else stay.account_id,
                    line=None if stay is None else lines.of(stay.placement),
                    started_at=at,
                    start_taken_from=taken_from,
                    received_at=incoming.received_at,
                    metering=None if stay is None else self._metering(record, at, rates),
                )
            )
        repository.take_in(_within_bounds(uow, repository, calls))
        return []

    def _metering(self, record: CallRecord, at: datetime, rates: Collection[MeteredDestination]) -> Metering | None:
        number = metered_number(record)
        found = None if number is None else destination_of(number, local_date(at, self._zone), rates)
        return None if found is None else Metering(found, minutes_begun(record.duration_ms))


def _within_bounds(uow: UnitOfWork, repository: CallRecordRepository, calls: Sequence[NewCall]) -> list[NewCall]:
    """`calls` but for those a unit has no room for; gateways that take in at once may go over by a batch each."""
    since, counts = uow.now - DAY, Counter(call.serial for call in calls)
    told = repository.told_since(counts, since)
    crowded = {serial for serial, count in counts.items() if told.get(serial, 0) + count > MAX_RECORDS_A_DAY}
    kept = repository.kept({call.key for call in calls if call.serial in crowded})
    taken, refused = [], dict[str, int | None]()
    for call in calls:
        if call.serial not in crowded:
            taken.append(call)
        elif call.key not in kept:
            if told.get(call.serial, 0) >= MAX_RECORDS_A_DAY:
                refused[call.serial] = call.account_id
                continue
            told[call.serial] = told.get(call.serial, 0) + 1
            kept.add(call.key)
            taken.append(call)
    for serial, account_id in refused.items():
        if not AuditRepository(uow).has(AuditAction.CALL_REFUSE, serial, since):
            uow.audit(AuditAction.CALL_REFUSE, serial, ["record_id"], account_id)
    return taken


class _Lines:
    """The line of each placement a batch names, looked up once."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._placements = PlacementRepository(uow)
        self._known: dict[int, int] = {}

    def of(self, placement: int) -> int:
        if placement not in self._known:
            self._known[placement] = self._placements.line_of(self._placements.get(placement))
        return self._known[placement]


def told_record(values: dict[str, Any]) -> CallRecord:
    """A record as the wire has it."""
    number, direction = kept_number(values["number"]), CallDirection(CALL_DIRECTIONS[values["direction"]])
    dialled = direction is CallDirection.OUT and is_emergency(number)  # who calls us from "911" only says so
    return CallRecord(
        **{name: values[name] for name in _TOLD_AS_KEPT},
        direction=direction,
        number=number,
        ended_by=CallEnd(CALL_ENDS[values["ended_by"]]),
        codec=CallCodec(CALL_CODECS[values["codec"]]),
        secured=bool(values["secured"]),
        emergency=bool(values["emergency"]) or dialled,
        figures=Figures(**{name: values[name] for name in FIGURES}),
    )


def _start(incoming: Incoming, stays: Sequence[Stay]) -> tuple[datetime, StartTakenFrom]:
    message, received_at = incoming.message, incoming.received_at
    not_before = stays[0].shipped_at if stays else received_at
    return call_start(message["started_s"], message["clock_s"], received_at, not_before)


def _rates(uow: UnitOfWork, batch: Sequence[Incoming]) -> list[MeteredDestination]:
    """The rows of the table that any call of `batch` may be metered by."""
    numbers = {metered_number(told_record(incoming.message.values)) for incoming in batch}
    prefixes = {prefix for number in numbers if number is not None for prefix in prefixes_of(number)}
    return MeteredDestinationRepository(uow).under(prefixes)
