"""Channels stable and beta: chosen in an Administrator's name, recorded, and left cleanly (equipment rules 6, ToS 23).

- Beta is opted into by an Administrator of the unit's account, or by the operator with one on record; never otherwise.
- Whoever leaves is told at once where the unit goes from a beta release it runs. A job takes it there, and any other
  unit that runs a beta release off the channel, by a rollout that was approved with that release's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.channel_return import OnBeta, WayBack, way_back
from fleet.domain.configuration import Channel, Configuration
from fleet.domain.errors import ConflictError
from fleet.domain.release import Release
from fleet.domain.rollout import Rollout, UnitState
from fleet.domain.unit import Trust, Unit
from fleet.services.downlinks import Downlinks
from fleet.services.on_record import administrator_on_record
from fleet.services.rollout_steps import settle, start_approved
from fleet.store.channels import ChannelRepository
from fleet.store.configurations import ConfigurationRepository
from fleet.store.releases import ReleaseRepository
from fleet.store.rollout_gate import RolloutGateRepository
from fleet.store.rollouts import RolloutRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository
from fleet.updates.repository import Repository

BATCH_UNITS = 200
LEFT = "the unit left channel beta"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The unit's configuration, and where it goes from a beta release it should no longer run."""

    configuration: Configuration
    way_back: WayBack | None


class Channels:
    """Units in the actor's scope; the way back is the service's own doing."""

    def __init__(self, transactions: Transactions, downlinks: Downlinks, repository: Repository) -> None:
        self._transactions = transactions
        self._downlinks = downlinks
        self._repository = repository

    def choose(self, actor: Actor, serial: str, channel: Channel, administrator: str | None = None) -> Chosen:
        """Put the unit on that channel. `administrator`: on record for it; None: who acts, or the only one."""
        actor.require(Permission.CHANNEL_CHOOSE)
        with self._transactions.begin(actor) as uow:
            unit = UnitRepository(uow).hold(serial)
            configurations = ConfigurationRepository(uow)
            settings = configurations.of(serial)
            uow.check_seen(serial, settings.version)
            if channel is not settings.channel:
                change_channel(uow, unit, channel, administrator)
                settings = configurations.save(settings.changed(channel, settings.window))
                if unit.trust is Trust.GOOD:  # a doubtful identity hears it when it is cleared
                    self._downlinks.queue_configuration(uow, settings)
            back = None if channel is Channel.BETA else self._way_back(uow, serial)
            uow.commit()
            return Chosen(settings, back)

    def send_back(self, actor: Actor) -> int:
        """Start the way back of every unit that runs a beta release off the channel; how many units were sent."""
        sent, after = 0, ""
        while True:
            with self._transactions.begin(actor) as uow:
                found = ChannelRepository(uow).off_channel(after, BATCH_UNITS)
                sent += self._send_back(uow, found)
                uow.commit()
            if len(found) < BATCH_UNITS:
                return sent
            after = found[-1].serial

    def _way_back(self, uow: UnitOfWork, serial: str) -> WayBack | None:
        unit = ChannelRepository(uow).on_beta(serial)
        return None if unit is None else way_back(unit, [release for release, _ in self._rolled_out(uow).values()])

    def _send_back(self, uow: UnitOfWork, units: list[OnBeta]) -> int:
        if not units:
            return 0
        rolled_out = self._rolled_out(uow)
        releases = [release for release, _ in rolled_out.values()]
        goes: defaultdict[str, list[str]] = defaultdict(list)
        for unit in units:
            back = way_back(unit, releases)
            if back.release is not None:
                goes[back.release].append(unit.serial)
        store = RolloutRepository(uow)
        for version, serials in goes.items():
            release, origin = rolled_out[version]
            rollout = store.add(release.id, serials, len(serials), origin.author)
            uow.audit(AuditAction.ROLLOUT_CREATE, rollout.reference)
            start_approved(uow, rollout, origin.approver, f"units left channel beta; approved with {origin.reference}")
        return sum(map(len, goes.values()))

    def _rolled_out(self, uow: UnitOfWork) -> Mapping[str, tuple[Release, Rollout]]:
        """By version what units can be given, with the rollout it was last approved in; nothing that was retired."""
        listed, releases, store = self._repository.images(), ReleaseRepository(uow), RolloutRepository(uow)
        offered = [(releases.get(one), store.get(rollout)) for one, rollout in ChannelRepository(uow).offered().items()]
        return {
            release.version: (release, rollout)
            for release, rollout in offered
            if all(image.name in listed for image in release.images.values())
        }


def change_channel(uow: UnitOfWork, unit: Unit, channel: Channel, administrator: str | None) -> None:
    """What goes with a change of channel: who is on record for it, and the end of beta rollouts that are left."""
    if unit.account_id is None:
        raise ConflictError(f"no account has {unit.serial}: its Administrator chooses the channel")
    who = administrator_on_record(uow, unit.account_id, administrator)
    uow.audit(AuditAction.UNIT_CHOOSE_CHANNEL, unit.serial, [channel, who], unit.account_id)
    if channel is Channel.BETA:
        return
    store = RolloutRepository(uow)
    for rollout_id in ChannelRepository(uow).beta_parts(unit.serial):
        rollout = store.hold(rollout_id)
        store.move(rollout.id, unit.serial, UnitState.SUPERSEDED, LEFT)
        RolloutGateRepository(uow).give_back(rollout.id, unit.serial)
        settle(uow, store.get(rollout.id))
