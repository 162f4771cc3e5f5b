"""Commands to units and what became of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import BindParameter, bindparam, func, insert, select, update

from fleet.domain.command import Command
from fleet.store.scope import during_stay
from fleet.store.tables.equipment import commands
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import present_epoch

_SERIAL: BindParameter[str] = bindparam("of_serial")
_ADD = insert(commands).values(epoch=present_epoch(_SERIAL)).returning(commands.c.id)
_ANSWER = update(commands).where(
    commands.c.id == bindparam("of_id"),
    commands.c.serial == _SERIAL,
    commands.c.result.is_(None),
    commands.c.epoch == present_epoch(_SERIAL),
)
_NEWEST = (
    select(func.max(commands.c.id))
    .where(commands.c.serial == _SERIAL, commands.c.command.in_(bindparam("kinds", expanding=True)))
    .where(commands.c.asked_at > bindparam("since"), commands.c.epoch == present_epoch(_SERIAL))
    .group_by(commands.c.command)
)
_UNANSWERED = select(commands).where(commands.c.id.in_(_NEWEST), commands.c.result.is_(None)).order_by(commands.c.id)


class CommandRepository:
    """Reached through a unit the caller has already found in its scope, or by the gateway."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._connection = uow.connection
        self._now = uow.now
        self._actor = uow.actor

    def add(self, serial: str, command: str, argument: int) -> Command:
        """A new command, numbered for the wire."""
        asked = {"serial": serial, "command": command, "argument": argument, "asked_at": self._now}
        number = self._connection.execute(_ADD, {"of_serial": serial, **asked}).scalar_one()
        return Command(number, serial, command, argument, self._now)

    def answer(self, serial: str, command_id: int, result: str, detail: str) -> None:
        """Note the unit's answer to a command of its present epoch; a number it was never given changes nothing."""
        answer = {"result": result, "detail": detail, "answered_at": self._now}
        self._connection.execute(_ANSWER, {"of_serial": serial, "of_id": command_id, **answer})

    def unanswered(self, serial: str, kinds: Collection[str], since: datetime) -> list[Command]:
        """The latest of each of `kinds` asked after `since`, in this epoch, and not answered, in the order asked."""
        asked = {"of_serial": serial, "kinds": list(kinds), "since": since}
        return [
            Command(row.id, row.serial, row.command, row.argument, row.asked_at)
            for row in self._connection.execute(_UNANSWERED, asked)
        ]

    def of(self, serial: str, limit: int) -> list[Command]:
        """The unit's latest commands, newest first; to an account those of its own time."""
        query = select(commands).where(commands.c.serial == serial).order_by(commands.c.id.desc()).limit(limit)
        query = query.where(during_stay(self._actor, commands.c.serial, commands.c.asked_at))
        return [
            Command(row.id, row.serial, row.command, row.argument, row.asked_at, row.result, row.detail)
            for row in self._connection.execute(query)
        ]
