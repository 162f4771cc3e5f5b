"""Units, within an actor's scope."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, ScalarSelect, bindparam, insert, select, update

from fleet.domain.audit import AuditAction
from fleet.domain.errors import NotFoundError
from fleet.domain.ownership import Ownership
from fleet.domain.unit import Custody, Service, Trust, Unit, UnitCondition
from fleet.store.scope import during_stay, in_scope
from fleet.store.tables.equipment import stock_records, unit_notes, units
from fleet.store.tables.inventory import mac_addresses
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.mac import MacAddress


@dataclass(frozen=True, slots=True)
class Readiness:
    """When a unit was last ready, how long it took to be configured, and how much of that was its TLS handshakes."""

    at: datetime
    configured_ms: int
    tls_ms: int


class UnitRepository:
    """An Administrator sees the units placed at their account."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._actor = uow.actor
        self._scope = in_scope(uow.actor, units.c.account_id)

    def get(self, serial: str) -> Unit:
        """The unit; NotFoundError if there is none in the actor's scope."""
        return self._one(units.c.serial == serial, serial)

    def hold(self, serial: str) -> Unit:
        """The unit, locked until this transaction ends, for a change that depends on its state."""
        return self._one(units.c.serial == serial, serial, lock=True)

    def hold_all(self, serials: Collection[str]) -> None:
        """Lock these units, those that there are, until this transaction ends: in the order of their numbers."""
        query = select(units.c.serial).where(units.c.serial.in_(sorted(serials)), self._scope).order_by(units.c.serial)
        self._connection.execute(query.with_for_update(key_share=True)).all()

    def by_mac(self, mac: MacAddress) -> Unit:
        """The unit with that MAC, its base MAC or a further one."""
        base = select(units).where(units.c.mac == int(mac), self._scope)
        row = self._connection.execute(base).one_or_none()
        if row is not None:
            return unit_of(row)
        further = select(mac_addresses.c.serial).where(mac_addresses.c.mac == int(mac))
        return self._one(units.c.serial == further.scalar_subquery(), str(mac))

    def by_board_uid(self, board_uid: bytes) -> Unit | None:
        """The unit made of that board, if it was made already."""
        row = self._connection.execute(select(units).where(units.c.board_uid == board_uid, self._scope)).one_or_none()
        return None if row is None else unit_of(row)

    def page(
        self, limit: int, after: str | None, custody: Custody | None = None, account_id: int | None = None
    ) -> list[Unit]:
        """At most `limit` units with a serial number above `after`."""
        query = select(units).where(self._scope)
        if after is not None:
            query = query.where(units.c.serial > after)
        if custody is not None:
            query = query.where(units.c.custody == custody)
        if account_id is not None:
            query = query.where(units.c.account_id == account_id)
        return [unit_of(row) for row in self._connection.execute(query.order_by(units.c.serial).limit(limit))]

    def hold_unplaced(self, serial: str) -> Unit | None:
        """The unit, locked, if it is placed with nobody: whoever holds it may be about to claim it, so no scope."""
        query = select(units).where(units.c.serial == serial, units.c.account_id.is_(None)).with_for_update()
        row = self._connection.execute(query).one_or_none()
        return None if row is None else unit_of(row)

    def claim_code_sha256(self, unit: Unit) -> str:
        """The hash of the code on the unit's present label; empty if it has none."""
        query = select(stock_records.c.claim_code_sha256).where(
            stock_records.c.serial == unit.serial, stock_records.c.epoch == unit.epoch
        )
        return self._connection.scalar(query) or ""

    def first_in_stock(self, board: str) -> Unit:
        """The trusted unit of `board` with the lowest serial number in stock that nobody else is taking, locked."""
        query = (
            select(units)
            .where(units.c.board == board, units.c.custody == Custody.IN_STOCK, units.c.trust == Trust.GOOD)
            .where(self._scope)
            .order_by(units.c.serial)
            .limit(1)
        )
        row = self._connection.execute(query.with_for_update(skip_locked=True)).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no unit of board {board!r} in stock")
        return unit_of(row)

    def add(self, unit: Unit, mac_block_id: int) -> None:
        """Store a new unit."""
        self._connection.execute(
            insert(units).values(
                serial=unit.serial,
                mac=int(unit.mac),
                mac_block_id=mac_block_id,
                board_uid=unit.board_uid,
                made_at=self._now,
                **_changing(unit),
            )
        )

    def bind_board(self, unit: Unit, board_uid: bytes) -> Unit:
        """Note which board a unit is that was known by its label alone."""
        self._connection.execute(update(units).where(units.c.serial == unit.serial).values(board_uid=board_uid))
        return replace(unit, board_uid=board_uid)

    def save(self, unit: Unit) -> Unit:
        """Store what may change of a unit."""
        self._connection.execute(_CHANGE, {"of_serial": unit.serial, **_changing(unit)})
        return unit

    def record_registration(self, serial: str, at: datetime) -> None:
        """Note when the unit last registered."""
        self._connection.execute(_CHANGE, {"of_serial": serial, "registered_at": at})

    def last_heard(self, serial: str) -> datetime | None:
        """When the unit last registered, from wherever."""
        at: datetime | None = self._connection.scalar(select(units.c.registered_at).where(units.c.serial == serial))
        return at

    def record_ready(self, serial: str, ready: Readiness) -> None:
        """Note the unit's last service_ready."""
        values = {"ready_at": ready.at, "configured_ms": ready.configured_ms, "tls_ms": ready.tls_ms}
        self._connection.execute(_CHANGE, {"of_serial": serial, **values})

    def forget_readiness(self, serial: str) -> None:
        """What the unit did last under an identity that is dead says nothing of it now."""
        values = dict.fromkeys(("registered_at", "ready_at", "configured_ms", "tls_ms"))
        self._connection.execute(_CHANGE, {"of_serial": serial, **values})

    def readiness(self, serial: str) -> Readiness | None:
        """The unit's last service_ready."""
        columns = units.c.ready_at, units.c.configured_ms, units.c.tls_ms
        query = select(*columns).where(units.c.serial == serial, self._scope)
        row = self._connection.execute(
            query.where(during_stay(self._actor, units.c.serial, units.c.ready_at))
        ).one_or_none()
        return None if row is None or row.ready_at is None else Readiness(row.ready_at, row.configured_ms, row.tls_ms)

    def add_stock_record(
        self,
        unit: Unit,
        self_test: Sequence[Mapping[str, Any]],
        label: str,
        claim_code_sha256: str,
        bench: Mapping[str, Any],
    ) -> None:
        """Keep what the station found: once for each epoch."""
        self._connection.execute(
            insert(stock_records).values(
                serial=unit.serial,
                epoch=unit.epoch,
                version=unit.version,
                release_counter=unit.release_counter,
                self_test=json.dumps(list(self_test)),
                label=label,
                claim_code_sha256=claim_code_sha256,
                stocked_at=self._now,
                **bench,
            )
        )

    def replace_label(self, unit: Unit, label: str, claim_code_sha256: str) -> None:
        """The unit has another label from now on: the code on the one before claims nothing."""
        condition = (stock_records.c.serial == unit.serial) & (stock_records.c.epoch == unit.epoch)
        values = {"label": label, "claim_code_sha256": claim_code_sha256}
        self._connection.execute(update(stock_records).where(condition).values(values))

    def note(self, serial: str, action: AuditAction, why: str) -> None:
        """Keep the reason somebody gave for an act on the unit."""
        values = {"serial": serial, "action": action, "why": why, "actor": self._actor.reference, "at": self._now}
        self._connection.execute(insert(unit_notes).values(values))

    def has_stock_record(self, unit: Unit) -> bool:
        """Whether the unit was stocked in its present epoch."""
        query = select(stock_records.c.id).where(
            stock_records.c.serial == unit.serial, stock_records.c.epoch == unit.epoch
        )
        return self._connection.execute(query).first() is not None

    def _one(self, condition: ColumnElement[bool], name: str, lock: bool = False) -> Unit:
        query = select(units).where(condition, self._scope).order_by(units.c.serial).limit(1)
        row = self._connection.execute(query.with_for_update(key_share=True) if lock else query).one_or_none()
        if row is None:
            raise NotFoundError(f"there is no unit {name}")
        return unit_of(row)


_CHANGE = update(units).where(units.c.serial == bindparam("of_serial"))


def present_epoch(serial: str | BindParameter[str]) -> ScalarSelect[int]:
    """The unit's epoch, for a statement that stores or compares it."""
    return select(units.c.epoch).where(units.c.serial == serial).scalar_subquery()


def _changing(unit: Unit) -> dict[str, Any]:
    return {
        "board": unit.board,
        "hardware_revision": unit.hardware_revision,
        "epoch": unit.epoch,
        "custody": unit.custody,
        "service": unit.service,
        "trust": unit.trust,
        "account_id": unit.account_id,
        "version": unit.version,
        "release_counter": unit.release_counter,
        "condition": unit.condition,
        "ownership": unit.ownership,
    }


def unit_of(row: Row[Any]) -> Unit:
    """The unit of a row of its table."""
    return Unit(
        serial=row.serial,
        mac=MacAddress.from_int(row.mac),
        board=row.board,
        hardware_revision=row.hardware_revision,
        board_uid=row.board_uid,
        epoch=row.epoch,
        custody=Custody(row.custody),
        service=Service(row.service),
        trust=Trust(row.trust),
        account_id=row.account_id,
        version=row.version,
        release_counter=row.release_counter,
        condition=UnitCondition(row.condition),
        ownership=Ownership(row.ownership),
    )
