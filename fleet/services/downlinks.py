"""What the fleet says to units about themselves: the answer to a registration, their configuration, revocation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from uuid import uuid4

from fleet.domain.admission import RETRY_S, Admission
from fleet.domain.command import Command
from fleet.domain.configuration import Configuration, Window
from fleet.domain.line_allowance import IN_SERVICE
from fleet.domain.unit import Unit
from fleet.services.unit_messages import Outgoing
from fleet.store.unit_of_work import UnitOfWork
from protocol.wire.enumerations import CHANNELS, COMMANDS, LINE_LEVELS, REGISTER_RESULTS


@dataclass(frozen=True, slots=True)
class Downlinks:
    """Builds messages from the operator's settings; `window` is the maintenance window of units without their own,
    `mirrors` serve the same update files as the fleet."""

    heartbeat_s: int
    zone: tzinfo
    window: Window
    mirrors: tuple[tuple[str, int], ...] = ()  # (host, port) of further update servers

    def registered(self, serial: str, admission: Admission, config_version: int, now: datetime) -> Outgoing:
        """The answer to a `register`."""
        values = {
            "result": REGISTER_RESULTS.index(admission),
            "config_version": config_version,
            "retry_s": RETRY_S[admission],
            "clock_s": int(now.timestamp()),
        }
        return Outgoing(serial, "registered", values)

    def configuration(self, settings: Configuration, now: datetime) -> Outgoing:
        """The unit's configuration, its window as UTC instants. `voice` is added when it leaves (voice_accounts.py)."""
        begins, ends = (settings.window or self.window).around(now, self.zone)
        values = {
            "config_version": settings.version,
            "heartbeat_s": self.heartbeat_s,
            "channel": CHANNELS.index(settings.channel),
            "maintenance_from_s": int(begins.timestamp()),
            "maintenance_until_s": int(ends.timestamp()),
            "line_allowed": int(settings.line_level in IN_SERVICE),
            "update_mirrors": [{"host": host, "port": port} for host, port in self.mirrors],
            "line_level": LINE_LEVELS.index(settings.line_level),
        }
        return Outgoing(settings.serial, "configuration", values)

    def queue_configuration(self, uow: UnitOfWork, settings: Configuration) -> None:
        """Tell the unit its configuration after the commit; a version is told once."""
        queue(uow, f"configuration:{settings.serial}:{settings.version}", self.configuration(settings, uow.now))


def command_message(command: Command) -> Outgoing:
    """A command as the wire has it."""
    values = {
        "command_id": command.id,
        "command": COMMANDS.index(command.command),
        "argument": command.argument,
    }
    return Outgoing(command.serial, "command", values)


def queue(uow: UnitOfWork, key: str, message: Outgoing) -> None:
    """Send `message` after the commit; the gateway takes it from the outbox."""
    uow.send("command", key, {"serial": message.serial, "name": message.name, "values": dict(message.values)})


def queue_eviction(uow: UnitOfWork, unit: Unit, reason: str) -> None:
    """Throw the unit's live connection out after the commit; on its next attempt the records as they are now decide."""
    evict(uow, unit.serial, unit.epoch, reason)


def evict(uow: UnitOfWork, serial: str, epoch: int, reason: str) -> None:
    """The same for a unit of which no more is known than the epoch it is in."""
    key = f"{serial}:{epoch}:{reason}:{uuid4()}"  # each eviction is a message of its own
    uow.send("revoke", key, {"serial": serial, "epoch": epoch})
