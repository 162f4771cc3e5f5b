"""What a unit's messages change: registration, heartbeats, activation, command results.

All four run in the gateway's transaction and never commit. The gateway has already matched the sender
to its certificate: `incoming.serial` is the certificate's, and the messages' own values are claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from fleet.domain.admission import RETRY_S, Admission, admit, false_claims
from fleet.domain.audit import AuditAction
from fleet.domain.command import Command
from fleet.domain.line_allowance import IN_SERVICE
from fleet.domain.placement import Placement
from fleet.domain.term import Activated, Registered
from fleet.domain.unit import Custody, CustodyEvent, Service, ServiceEvent, Unit, after
from fleet.services.blind_returns import note_arrival
from fleet.services.cancellation_quotes import requote_pending
from fleet.services.clone_watch import watch_heartbeats, watch_registration
from fleet.services.downlinks import Downlinks, command_message
from fleet.services.line_levels import assess_line, store_line
from fleet.services.locations import bind_network
from fleet.services.settlement import settle
from fleet.services.swap import record_delivery, swap_or_wait, take_over
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.store.audit import AuditRepository
from fleet.store.commands import CommandRepository
from fleet.store.configurations import ConfigurationRepository
from fleet.store.heartbeats import HeartbeatRepository
from fleet.store.placements import PlacementRepository
from fleet.store.terms import TermEventRepository
from fleet.store.unit_of_work import UnitOfWork
from fleet.store.units import Readiness, UnitRepository
from fleet.store.voice_profiles import VoiceProfileRepository
from fleet.store.waiting_swaps import WaitingSwapRepository
from protocol.wire.enumerations import COMMAND_RESULTS, LINE_STATES
from protocol.wire.mac import MacAddress

# A unit that restarts must not hear `restart` again; `check_update` is told again by its rollout.
TOLD_AGAIN = ("identify", "self_test", "send_events")
# The line is at the registrar; a line for emergency calls alone is not service available (docs/decisions/0012, 0013).
ON_THE_AIR = frozenset({"registered", "in_call"})
TOLD_AGAIN_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Registration:
    """The unit's side of the fleet; built once with what it answers by."""

    downlinks: Downlinks

    def register(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        """Answer a `register`: `registered`, and if accepted `configuration`. The first after shipping is receipt."""
        units, message = UnitRepository(uow), incoming.message
        unit = watch_registration(uow, units.hold(incoming.serial), incoming)
        claims = message["serial"], MacAddress(message["mac"]), message["epoch"], message["board"]
        admission = admit(unit, *claims)
        if admission is Admission.BAD_IDENTITY:
            _record_refusal(uow, unit, false_claims(unit, *claims))
        if admission is not Admission.ACCEPTED:
            return [self.downlinks.registered(unit.serial, admission, 0, uow.now)]
        unit = replace(unit, version=message["version"], release_counter=message["release_counter"])
        placement = PlacementRepository(uow).open_of(unit.serial)
        if placement is not None and unit.custody is Custody.SHIPPED:
            unit = after(unit, CustodyEvent.ARRIVE)
            note_arrival(uow, unit.serial, incoming.received_at)
        if placement is not None and placement.registered_at is None:
            unit = _first_registration(uow, unit, placement, incoming, self.downlinks)
        units.save(unit)
        units.record_registration(unit.serial, incoming.received_at)
        if placement is not None:
            bind_network(uow, placement)
        store_line(uow, unit)
        settings = ConfigurationRepository(uow).of(unit.serial)
        return [
            self.downlinks.registered(unit.serial, admission, settings.version, uow.now),
            self.downlinks.configuration(settings, uow.now),
            *(command_message(command) for command in _missed(uow, unit.serial)),
        ]

    def heartbeat(self, uow: UnitOfWork, batch: Sequence[Incoming]) -> list[Outgoing]:
        """Store the latest `heartbeat` of each unit in one statement; `configuration` to those that run an old one."""
        latest = {
            incoming.serial: {**incoming.message.values, "serial": incoming.serial, "received_at": incoming.received_at}
            for incoming in batch
        }
        HeartbeatRepository(uow).save(list(latest.values()))
        watch_heartbeats(uow, batch)
        waiting = WaitingSwapRepository(uow).of_old(list(latest))
        taken = [take_over(uow, each, self.downlinks) for each in waiting]
        stale = ConfigurationRepository(uow).not_yet_at(list(latest))
        told = {settings.serial: settings for settings in (*taken, *stale) if settings is not None}
        return [self.downlinks.configuration(settings, uow.now) for settings in told.values()]

    def service_ready(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        """Activation: online, registered here and at the registrar, service available (ER 1, ToS 1.3). No answer."""
        units, placements, at = UnitRepository(uow), PlacementRepository(uow), incoming.received_at
        unit, placement = units.hold(incoming.serial), placements.open_of(incoming.serial)
        message, voice = incoming.message, ConfigurationRepository(uow).of(unit.serial).voice
        if voice is not None and LINE_STATES[message["line_state"]] not in ON_THE_AIR:
            return []  # it has an account, and is not at the registrar with it: it says so again when it is
        units.record_ready(unit.serial, Readiness(at, message["configured_ms"], message["tls_ms"]))
        if placement is None or placement.registered_at is None or unit.service is not Service.PLACED:
            return []
        if assess_line(uow, unit).level not in IN_SERVICE:
            return []
        if voice is None and VoiceProfileRepository(uow).version():
            return []  # the account that its line is to have is on its way: it says so again with that
        account_id = placement.opened.account_id
        units.save(after(unit, ServiceEvent.ACTIVATE))
        placements.mark_activated(placement.id, at)
        TermEventRepository(uow).record(account_id, Activated(placement.id, at))
        uow.audit(AuditAction.UNIT_ACTIVATE, unit.serial, ["service"], account_id)
        return []

    def command_result(self, uow: UnitOfWork, incoming: Incoming) -> list[Outgoing]:
        """Store what became of a command. Nothing to answer."""
        message = incoming.message
        result = COMMAND_RESULTS[message["result"]]
        CommandRepository(uow).answer(incoming.serial, message["command_id"], result, message["detail"])
        return []


def _record_refusal(uow: UnitOfWork, unit: Unit, claims: Sequence[str]) -> None:
    """Evidence of a clone; one that asks more often than it was told to is not recorded each time."""
    since = uow.now - timedelta(seconds=RETRY_S[Admission.BAD_IDENTITY])
    if not AuditRepository(uow).has(AuditAction.UNIT_REFUSE, unit.serial, since):
        uow.audit(AuditAction.UNIT_REFUSE, unit.serial, claims, unit.account_id)


def _missed(uow: UnitOfWork, serial: str) -> list[Command]:
    """Commands a unit that was away did not hear; it carries each number out once a start."""
    return CommandRepository(uow).unanswered(serial, TOLD_AGAIN, uow.now - TOLD_AGAIN_FOR)


def _first_registration(
    uow: UnitOfWork, unit: Unit, placement: Placement, incoming: Incoming, downlinks: Downlinks
) -> Unit:
    """The unit came on from its account for the first time: it was received, and a replacement takes over."""
    at, opened, zone = incoming.received_at, placement.opened, downlinks.zone
    PlacementRepository(uow).mark_registered(placement.id, at)
    TermEventRepository(uow).record(opened.account_id, Registered(placement.id, at))
    record_delivery(uow, placement, at)
    if opened.replaces is not None:
        swap_or_wait(uow, placement, at, downlinks)
    uow.audit(AuditAction.UNIT_REGISTER, unit.serial, ["custody", "registered_at"], opened.account_id)
    settle(uow, opened.account_id, zone)
    requote_pending(uow, opened.account_id, zone)
    return unit
