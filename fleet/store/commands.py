"""Commands to units and what became of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import func, insert, select, update

from fleet.domain.command import Command
from fleet.store.scope import during_stay
from fleet.store.tables.equipment import commands
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import present_epoch


class CommandRepository:
    """Reached through a unit the caller has already found in its scope, or by the gateway."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._actor = uow.actor

    def add(self, serial: str, command: str, argument: int) -> Command:
        """A new command, numbered for the wire."""
        asked = {"serial": serial, "command": command, "argument": argument, "asked_at": self._now}
        values = asked | {"epoch": present_epoch(serial)}
        number = self._connection.execute(insert(commands).values(values).returning(commands.c.id)).scalar_one()
        return Command(number, serial, command, argument, self._now)

    def answer(self, serial: str, command_id: int, result: str, detail: str) -> None:
        """Note the unit's answer to a command of its present epoch; a number it was never given changes nothing."""
        self._connection.execute(
            update(commands)
            .where(commands.c.id == command_id, commands.c.serial == serial, commands.c.result.is_(None))
            .where(commands.c.epoch == present_epoch(serial))
            .values(result=result, detail=detail, answered_at=self._now)
        )

    def unanswered(self, serial: str, kinds: Collection[str], since: datetime) -> list[Command]:
        """The latest of each of `kinds` asked after `since`, in this epoch, and not answered, in the order asked."""
        newest = (
            select(func.max(commands.c.id))
            .where(commands.c.serial == serial, commands.c.command.in_(kinds), commands.c.asked_at > since)
            .where(commands.c.epoch == present_epoch(serial))
            .group_by(commands.c.command)
        )
        query = select(commands).where(commands.c.id.in_(newest), commands.c.result.is_(None)).order_by(commands.c.id)
        return [
            Command(row.id, row.serial, row.command, row.argument, row.asked_at)
            for row in self._connection.execute(query)
        ]

    def of(self, serial: str, limit: int) -> list[Command]:
        """The unit's latest commands, newest first; to an account those of its own time."""
        query = select(commands).where(commands.c.serial == serial).order_by(commands.c.id.desc()).limit(limit)
        query = query.where(during_stay(self._actor, commands.c.serial, commands.c.asked_at))
        return [
            Command(row.id, row.serial, row.command, row.argument, row.asked_at, row.result, row.detail)
            for row in self._connection.execute(query)
        ]
