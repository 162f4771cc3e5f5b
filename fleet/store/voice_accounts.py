"""Lines' accounts at the registrar; what is secret of them leaves this module opened, and enters the table sealed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, delete, func, insert, or_, select

from fleet.domain.line_allowance import LineLevel
from fleet.domain.voice_account import AccountKey, VoiceAccount, new_password, new_tag
from fleet.store.sealing import Seal, SealError
from fleet.store.tables.equipment import configurations
from fleet.store.tables.telephony import phone_numbers
from fleet.store.tables.voice import voice_accounts
from fleet.store.unit_of_work import UnitOfWork

_END = delete(voice_accounts).where(voice_accounts.c.serial == bindparam("of_serial"))


class VoiceAccountRepository:
    """Reached through a unit the caller has already found in its scope, or by the machinery."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._seal = uow.seal

    @property
    def sealed_by(self) -> str:
        """The key that new passwords are sealed under."""
        return self._key().id

    def find(self, serial: str) -> tuple[str, AccountKey] | None:
        """The tag of the unit's account and what it is for; None if it has none."""
        row = self._connection.execute(select(voice_accounts).where(voice_accounts.c.serial == serial)).one_or_none()
        return None if row is None else (row.tag, AccountKey(row.epoch, row.number_id, row.sealed_by))

    def made_at(self, serial: str) -> datetime | None:
        """Since when the unit has the account it has."""
        return self._connection.scalar(select(voice_accounts.c.made_at).where(voice_accounts.c.serial == serial))

    def make(self, serial: str, key: AccountKey) -> str:
        """A new account in place of the unit's old one, and of whoever had the number; its tag."""
        table, tag = voice_accounts, new_tag()
        gone = table.c.serial == serial
        if key.number_id is not None:
            gone = or_(gone, table.c.number_id == key.number_id)
        self._connection.execute(delete(table).where(gone))
        row = {
            "serial": serial,
            "tag": tag,
            "epoch": key.epoch,
            "number_id": key.number_id,
            "password": self._key().close(new_password(), f"{serial}:{tag}"),
            "sealed_by": key.sealed_by,
            "made_at": self._now,
        }
        self._connection.execute(insert(table).values(row))
        return tag

    def end(self, serial: str) -> bool:
        """The unit has no account any more; False if it had none."""
        return self._connection.execute(_END, {"of_serial": serial}).rowcount > 0

    def of(self, serials: Collection[str]) -> dict[str, VoiceAccount]:
        """The accounts of those units, by serial; one under a lost key is left out, and made anew at registration."""
        query = _query().where(voice_accounts.c.serial.in_(serials), voice_accounts.c.sealed_by == self.sealed_by)
        return {row.serial: self._opened(row) for row in self._connection.execute(query)}

    def batches(self, size: int, serial: str | None = None) -> Iterator[list[tuple[VoiceAccount, LineLevel]]]:
        """Every account, or that of one unit, and what its line may do, as they were when the first one was read.

        SealError if the key does not open one: a list with a part of the lines would take the others from the air.
        """
        table = voice_accounts
        query = _query().add_columns(configurations.c.line_level)
        query = query.join(configurations, configurations.c.serial == table.c.serial).order_by(table.c.serial)
        if serial is not None:
            query = query.where(table.c.serial == serial)
        rows = self._connection.execute(query.execution_options(yield_per=size))
        for batch in rows.partitions():
            yield [(self._opened(row), LineLevel(row.line_level)) for row in batch]

    def behind(self, profile: int, limit: int, after: str) -> list[str]:
        """At most `limit` serial numbers above `after` of units with a line and another profile, or a lost key's."""
        query = select(configurations.c.serial).where(self._behind(profile), configurations.c.serial > after)
        return list(self._connection.scalars(query.order_by(configurations.c.serial).limit(limit)))

    def count_behind(self, profile: int) -> int:
        """How many those are."""
        query = select(func.count()).select_from(configurations).where(self._behind(profile))
        return self._connection.scalar(query) or 0

    def _behind(self, profile: int) -> ColumnElement[bool]:
        has, lost = configurations.c.voice_profile, voice_accounts.c.sealed_by != self.sealed_by
        others = and_(configurations.c.line_level != LineLevel.NONE, or_(has.is_(None), has != profile))
        return or_(others, configurations.c.serial.in_(select(voice_accounts.c.serial).where(lost)))

    def _opened(self, row: Row[Any]) -> VoiceAccount:
        password = self._key().open(row.password, f"{row.serial}:{row.tag}")
        return VoiceAccount(row.serial, row.tag, row.number or row.serial, password)

    def _key(self) -> Seal:
        if self._seal is None:
            raise SealError("these transactions were made without a key: voice accounts are not their business")
        return self._seal


def _query() -> Select[Any]:
    table = voice_accounts
    columns = (table.c.serial, table.c.tag, table.c.password, phone_numbers.c.number)
    return select(*columns).join(phone_numbers, phone_numbers.c.id == table.c.number_id, isouter=True)
