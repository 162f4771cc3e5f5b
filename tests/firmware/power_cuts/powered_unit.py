"""A whole unit in this process: boot as boot.py does it, the parts as main.py makes them, and one life after another.

Real are the boot rule and the slot check, slots, boot record, journal, settings, reports, event log, identity, the
metadata's files on littlefs, the session and all cryptography. The fleet, the time and the entropy are the test's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapter.event_log import EventLog
from adapter.identity import LOCKED, IdentityStore
from adapter.records import RecordPair
from adapter.reports import Reports
from adapter.settings import SCHEMA, STEPS, Settings
from adapter.slot_check import select
from adapter.update import keys
from adapter.update.assignment import UnitFacts
from adapter.update.errors import NetworkError
from adapter.update.session import TRIAL_DEADLINE_MS, UpdateSession
from ports.unix.slots import Slots
from protocol.wire.boot_record import BootRecord
from protocol.wire.enumerations import BOOT_REASONS, EVENTS, UPDATE_STATES
from protocol.wire.messages import pack, unpack
from tests.firmware.adapter.update.repository import ABI, BOARD, NOW_S, SERIAL
from tests.firmware.power_cuts import stand_ins
from tests.firmware.power_cuts.fleet_side import Fleet
from tests.firmware.power_cuts.nor_flash import NorFlash

REVISION = 2
# A schema that there is not yet: what it adds is lost on the way back, and made anew on the way forward.
_ADDED_BYTES = 8
_THIRD = (lambda added: added + bytes(_ADDED_BYTES), lambda added: added[:-_ADDED_BYTES])
HEAP_BYTES = 200_000
MAX_LIVES = 14  # a unit that has not come to rest by then never will
MAX_ROUNDS = 12  # of one life
REPORTS_AT_A_TIME = 4


class SettingsOf(Settings):
    """The settings as a release of that schema has them: the first knows no configuration, the third has more."""

    def __init__(self, schema: int, partition: Any, slot: int) -> None:
        super().__init__(partition, slot, (*STEPS, _THIRD)[: schema - 1])

    def keep_configuration(self, message: bytes) -> None:
        if self.schema == SCHEMA:
            super().keep_configuration(message)
        elif self.schema > SCHEMA and message != self.configuration:
            self._added = len(message).to_bytes(2, "big") + message + self._added[-_ADDED_BYTES:]
            self._write()


class BrickedError(Exception):
    """No slot boots, or the unit never comes to rest."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How this unit's world goes: what each image does on trial, by version, and in which order things happen.

    `trials`: good, self_test, unreachable, crash, watchdog. `answered_first`: the fleet answers before the self-test
    is through. `late_reports`: reports go out a round later, so that some wait while the unit arms.
    `other_reports`: results of commands that are kept in each start.
    """

    trials: dict[str, str] = field(default_factory=dict)
    answered_first: bool = False
    late_reports: bool = False
    other_reports: int = 0


class PoweredUnit:
    """One start of the unit, up to where main would begin to work; BrickedError if nothing boots.

    It may start without its file system (`mounts`), if it is not to work.
    """

    def __init__(
        self, flash: NorFlash, fleet: Fleet, first_root: bytes, manners: Manners, cause: str, mounts: bool = True
    ) -> None:
        self.flash, self.fleet, self.manners = flash, fleet, manners
        fleet.starts += 1
        keys.good.clear()  # what the firmware remembers of this start only
        self._boot(cause)
        self.settings = SettingsOf(self.header.data_schema, flash.partition("settings"), self.slot)
        self.events = EventLog(flash.partition("event_log"))
        self.reports = Reports(self.settings)
        self.files = stand_ins.metadata_files().MetadataFiles(flash.partition("data")) if mounts else None
        slots = Slots(flash, self.slot)
        facts = UnitFacts(SERIAL, BOARD, REVISION, ABI, slots.other.size, HEAP_BYTES)
        self.session: Any = UpdateSession(
            facts, (self.sha256, self.header.release_counter, self.header.version), slots, self.files,
            RecordPair(flash.partition("journal")), first_root, self.settings, self.settings.raise_floor,
        )  # fmt: skip
        self._sequence = 0
        self._transfers = 0
        self._heard = -1
        self.told_s = 0  # the time that the fleet told in this start

    def _boot(self, cause: str) -> None:
        why: list[str] = []
        pair = RecordPair(self.flash.partition("boot_record"))
        found = select(self.flash, pair, BOARD, REVISION, ABI, BOOT_REASONS.index(cause), why.append)
        if found is None:
            raise BrickedError("nothing boots: " + "; ".join(why))
        self.slot, self.header, self.sha256 = found.slot, found.header, found.sha256
        self.on_trial = found.choice.record.trial != 0
        self.boot_record: BootRecord = found.choice.record
        self.identity = IdentityStore(self.flash.partition("identity")).load()
        if self.identity is not None and self.identity.stage == LOCKED:
            self.flash.seal("identity")

    # One life.

    def live(self) -> str | None:
        """To the next restart; the reset's cause, or None once the unit has come to rest."""
        self._log("boot", 0)
        manner = self.manners.trials.get(self.header.version, "good") if self.on_trial else "good"
        if manner in ("crash", "watchdog"):
            return manner
        steps = [lambda: self._self_test(manner)]
        if manner != "unreachable":
            steps.append(self._configured)
        for step in reversed(steps) if self.manners.answered_first else steps:
            step()
        for _ in range(MAX_ROUNDS):
            if self._round(manner != "unreachable"):
                return "restart"
            if self.session.poll(TRIAL_DEADLINE_MS if manner == "unreachable" else 0, True, NOW_S):
                return "restart"
            if self._is_quiet():
                return None
        raise BrickedError(f"not at rest after {MAX_ROUNDS} rounds: {self.session.state}, {len(self.reports)} reports")

    def _self_test(self, manner: str) -> None:
        if not self.on_trial:
            self.reports.adopt(self.settings.left_behind())
            self.settings.forget_left_behind()
            return
        failed = ["led"] if manner == "self_test" else []
        if not self.settings.try_steps():
            failed.append("settings")
        self.session.self_test(not failed, ", ".join(failed))

    def _configured(self) -> None:
        self.told_s = self.fleet.time_s
        self.settings.raise_floor(self.told_s)
        for _ in range(self.manners.other_reports):
            self._keep_message("command_result", {"command_id": self.fleet.starts, "result": 0, "detail": "x" * 40})
        self.session.fleet_answered()

    def _round(self, reachable: bool) -> bool:
        """Reports, a check and its work, as updater.py goes about them; True if the unit is to restart."""
        if reachable and self.manners.late_reports:
            self._send_reports()
        self._take_reports()
        if not reachable:
            return False
        if self.session.poll(0, False, NOW_S):
            return True
        if not self.manners.late_reports:
            self._send_reports()
        self._heard = len(self.fleet.received)
        self.settings.keep_configuration(self.fleet.configuration)
        self.session.check()
        if self.session.wants_work:
            try:
                self._transfers = self.fleet.serve(self.session.work(NOW_S), self.session.received, self._transfers)
            except NetworkError:
                self._transfers += 1
        self._take_reports()
        if not self.manners.late_reports:
            self._send_reports()
        return False

    def _take_reports(self) -> None:
        while self.session.take_report(self._keep):
            self._log("update_state", UPDATE_STATES.index(self.session.state))

    def _is_quiet(self) -> bool:
        asked = len(self.fleet.received) == self._heard  # since the fleet may last have changed its mind
        return asked and self.session.state == "idle" and not self.session.wants_work and not len(self.reports)

    def _keep(self, values: dict[str, Any]) -> None:
        self._keep_message("update_report", {**values, "clock_s": NOW_S})

    def _keep_message(self, name: str, values: dict[str, Any]) -> None:
        """From the return of `add` on, no cut may lose this report."""
        self._sequence += 1
        self.reports.add(pack(name, values, self.fleet.starts, self._sequence))
        self.fleet.kept.append((self.fleet.starts, self._sequence))

    def _send_reports(self) -> None:
        self.reports.connection_lost()  # all that wait are due
        for packed in self.reports.due(0, REPORTS_AT_A_TIME):
            message = unpack(packed)
            self.fleet.take(message)
            self.reports.acknowledge(message.boot_id, message.sequence)

    def _log(self, event: str, value: int) -> None:
        self.events.append(EVENTS.index(event), value, NOW_S, 0)


def live_until_quiet(
    flash: NorFlash, fleet: Fleet, first_root: bytes, manners: Manners, cause: str = "power_on"
) -> PoweredUnit:
    """Start after start until the unit rests; its last start."""
    for _ in range(MAX_LIVES):
        unit = PoweredUnit(flash, fleet, first_root, manners, cause)
        following = unit.live()
        if following is None:
            return unit
        cause = following
    raise BrickedError(f"no rest after {MAX_LIVES} starts; image {unit.header.version}, {unit.session.state}")
