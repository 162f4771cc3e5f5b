"""What people do with a unit: look at it, command it, configure it, quarantine or revoke it, scrap it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.command import Command
from fleet.domain.configuration import Channel, Configuration, Window
from fleet.domain.errors import InvalidError
from fleet.domain.heartbeat import Heartbeat
from fleet.domain.line_allowance import LineAllowance
from fleet.domain.reason import check_why
from fleet.domain.refurbishing import Round
from fleet.domain.unit import Custody, Trust, TrustEvent, Unit, after
from fleet.services.channels import change_channel
from fleet.services.downlinks import Downlinks, command_message, queue, queue_eviction
from fleet.services.line_levels import assess_line, set_line
from fleet.services.quarantine import clear
from fleet.services.scrapping import scrap as scrap_unit
from fleet.services.swap import kill_identity
from fleet.store.channels import ChannelRepository
from fleet.store.commands import CommandRepository
from fleet.store.configurations import ConfigurationRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.mac_addresses import MacAddressRepository
from fleet.store.refurbishings import RefurbishingRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import Readiness, UnitRepository
from fleet.store.voice_accounts import VoiceAccountRepository
from protocol.wire.enumerations import COMMANDS
from protocol.wire.mac import MacAddress

MAX_COMMANDS_SHOWN = 20
MAX_ARGUMENT = 0xFFFFFFFF
Change = Callable[[UnitOfWork, Unit], Unit]


@dataclass(frozen=True, slots=True)
class UnitDetail:
    """All that is known of a unit now."""

    unit: Unit
    configuration: Configuration
    heartbeat: Heartbeat | None
    readiness: Readiness | None
    commands: tuple[Command, ...]
    line: LineAllowance
    account_since: datetime | None = None  # the line's account at the registrar
    further_macs: tuple[MacAddress, ...] = ()
    runs_beta: bool = False
    refurbishing: Round | None = None  # the operator's own; an account sees none


class Units:
    """Units in the actor's scope."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks) -> None:
        self._transactions = transactions
        self._downlinks = downlinks

    def page(
        self,
        actor: Actor,
        limit: int,
        after_serial: str | None,
        custody: Custody | None = None,
        account_id: int | None = None,
    ) -> list[Unit]:
        """At most `limit` units with a serial number above `after_serial`."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            return UnitRepository(uow).page(limit, after_serial, custody, account_id)

    def get(self, actor: Actor, serial: str) -> UnitDetail:
        """One unit; NotFoundError outside the actor's scope."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            units = UnitRepository(uow)
            unit = units.get(serial)
            return UnitDetail(
                unit=unit,
                configuration=ConfigurationRepository(uow).of(serial),
                heartbeat=HeartbeatRepository(uow).of(serial),
                readiness=units.readiness(serial),
                commands=tuple(CommandRepository(uow).of(serial, MAX_COMMANDS_SHOWN)),
                line=assess_line(uow, unit),
                account_since=VoiceAccountRepository(uow).made_at(serial),
                runs_beta=ChannelRepository(uow).runs_beta(serial),
                refurbishing=RefurbishingRepository(uow).latest_of(serial),
                further_macs=tuple(each.mac for each in MacAddressRepository(uow).of_serial(serial)[1:]),
            )

    def by_mac(self, actor: Actor, mac: MacAddress) -> Unit:
        """The unit with that MAC."""
        actor.require(Permission.UNIT_READ)
        with self._transactions.read(actor) as uow:
            return UnitRepository(uow).by_mac(mac)

    def command(self, actor: Actor, serial: str, command: str, argument: int) -> Command:
        """Send a command of the wire's COMMANDS; its answer is read with the unit."""
        actor.require(Permission.UNIT_MANAGE)
        if command not in COMMANDS or not 0 <= argument <= MAX_ARGUMENT:
            raise InvalidError(f"commands are {', '.join(COMMANDS)} with an argument of 32 bits, got {command!r}")
        with self._transactions.begin(actor) as uow:
            unit = UnitRepository(uow).get(serial)
            sent = CommandRepository(uow).add(serial, command, argument)
            queue(uow, f"command:{sent.id}", command_message(sent))
            uow.audit(AuditAction.UNIT_COMMAND, serial, [command], unit.account_id)
            uow.commit()
            return sent

    def configure(
        self, actor: Actor, serial: str, channel: Channel, window: Window | None, administrator: str | None = None
    ) -> Configuration:
        """Change what the unit is told; it hears of it at once if it is connected, else when it comes on.

        `administrator`: on record for another channel; None: the account's only one.
        """
        actor.require(Permission.UNIT_MANAGE)
        with self._transactions.begin(actor) as uow:
            unit = UnitRepository(uow).hold(serial)
            configurations = ConfigurationRepository(uow)
            before = configurations.of(serial)
            uow.check_seen(serial, before.version)
            if channel is not before.channel:
                change_channel(uow, unit, channel, administrator)
            settings = configurations.save(before.changed(channel, window))
            if unit.trust is Trust.GOOD:  # a doubtful identity hears it when it is cleared
                self._downlinks.queue_configuration(uow, settings)
            uow.audit(AuditAction.UNIT_CONFIGURE, serial, ["channel", "window"], unit.account_id)
            uow.commit()
            return settings

    def quarantine(self, actor: Actor, serial: str, why: str) -> Unit:
        """Take line and configuration from a unit whose identity is in doubt, until it is cleared."""

        def change(uow: UnitOfWork, unit: Unit) -> Unit:
            unit = after(unit, TrustEvent.QUARANTINE)
            queue_eviction(uow, unit, "quarantined")
            return unit

        return self._change(actor, serial, why, AuditAction.UNIT_QUARANTINE, change)

    def clear(self, actor: Actor, serial: str, why: str) -> Unit:
        """End a quarantine: the unit is trusted again."""

        return self._change(actor, serial, why, AuditAction.UNIT_CLEAR, lambda uow, unit: clear(uow, unit, why))

    def revoke(self, actor: Actor, serial: str, why: str) -> Unit:
        """End the unit's identity for ever; only a new epoch lets it in again."""

        def change(uow: UnitOfWork, unit: Unit) -> Unit:
            return kill_identity(uow, after(unit, TrustEvent.REVOKE), "revoked", why)

        return self._change(actor, serial, why, AuditAction.UNIT_REVOKE, change)

    def scrap(self, actor: Actor, serial: str, why: str) -> Unit:
        """The end of a unit; its serial number and MAC are never given again."""

        return self._change(actor, serial, why, AuditAction.UNIT_SCRAP, lambda uow, unit: scrap_unit(uow, unit, why))

    def _change(self, actor: Actor, serial: str, why: str, action: AuditAction, change: Change) -> Unit:
        actor.require(Permission.UNIT_MANAGE)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            units = UnitRepository(uow)
            unit = units.save(change(uow, units.hold(serial)))
            set_line(uow, unit, self._downlinks)
            units.note(serial, action, why)
            uow.audit(action, serial, ["trust", "custody"], unit.account_id)
            uow.commit()
            return unit
