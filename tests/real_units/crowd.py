"""Simulated units of a fleet service that runs: they live in a thread, in real time, and are judged as in rehearsals.

What they say goes through the gateway's own ingest, in this process, into the database of the running service.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fleet.domain.rollout import Running
from fleet.rehearsal.behaviour import Fate
from fleet.rehearsal.judge import Judge
from fleet.rehearsal.order import Order
from fleet.rehearsal.service import MANAGER
from fleet.rehearsal.unit_model import UnitModel
from fleet.rehearsal.unit_session import ABI
from fleet.services.build import Services, build_services
from fleet.services.ingest import Delivery
from fleet.services.jobs import SCHEDULER
from fleet.settings import Settings
from fleet.store.simulated_units import SimulatedUnit, add_simulated
from protocol.wire.messages import Message, pack, unpack
from protocol.wire.topics import up_topic
from tools.demo.story import SETTINGS

TICK_S: Final = 0.5
BEAT_S: Final = 5


def services_in(data_dir: Path) -> Services:
    """The services of the fleet service that runs in that folder, once more."""
    settings = {name: int(value) if value.isdigit() else value for name, value in SETTINGS.items()}
    return build_services(Settings(data_dir=data_dir, **settings))  # type: ignore[arg-type]


class Crowd:
    """`units` by serial number, in service already. `error` ended the thread early: a broken rule, or a fault."""

    def __init__(self, services: Services, units: Mapping[str, UnitModel]) -> None:
        self.services, self.units = services, units
        self.error: BaseException | None = None
        self.judge = Judge({})
        self._rollout, self._release = 0, frozenset[str]()
        self._ended = threading.Event()
        self._sequence = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        with services.transactions.begin(SCHEDULER) as uow:
            add_simulated(uow, [_row(unit) for unit in units.values()])
            uow.commit()

    def begin(self, judge: Judge, rollout: int, release: frozenset[str]) -> None:
        """They live from now on; `judge` watches them in that rollout of a release with those images."""
        self.judge, self._rollout, self._release = judge, rollout, release
        self._thread.start()

    def end(self) -> None:
        """Nothing is said any more; raises what ended them early."""
        self._ended.set()
        self._thread.join()
        self.check()

    def check(self) -> None:
        """Raises what ended them early."""
        if self.error is not None:
            raise self.error

    def gone(self, serial: str) -> bool:
        """Whether that is a simulated unit of which nothing will be heard any more."""
        unit = self.units.get(serial)
        return unit is not None and unit.fate is Fate.GOES_DARK and not unit.powered

    def _run(self) -> None:
        try:
            while not self._ended.wait(TICK_S):
                self._tick(int(time.time()))
        except BaseException as error:
            self.error = error

    def _tick(self, now_s: int) -> None:
        said: list[tuple[str, Message]] = []
        for serial, unit in self.units.items():
            if unit.next_s <= now_s:
                said += [(serial, message) for message in unit.wake(now_s)]
        while said:
            answers = self.services.ingest.handle([_delivery(serial, message) for serial, message in said])
            for serial, message in said:
                self.judge.reported(serial, message)
                if message.name == "heartbeat":
                    self.units[serial].beat_at(now_s + BEAT_S)
            said = []
            for answer in answers:
                self._sequence += 1
                message = unpack(pack(answer.name, dict(answer.values), 1, self._sequence))
                self.judge.commanded(answer.serial, message)
                said += [(answer.serial, each) for each in self.units[answer.serial].hear(now_s, message)]
            for serial in dict.fromkeys(answer.serial for answer in answers):
                said += [(serial, each) for each in self._ask_director(serial, now_s)]
        for unit in self.units.values():
            self.judge.restarted(unit)

    def _ask_director(self, serial: str, now_s: int) -> list[Message]:
        unit = self.units[serial]
        if not unit.wants_order:
            return []
        document = self.services.unit_updates.assignment(serial)
        if document is not None:
            self.judge.opened = len(self.services.rollouts.standing(MANAGER, self._rollout).groups)
            self.judge.ordered(serial, Order.read(document), self._release)
        return unit.take_order(now_s, document)


def _delivery(serial: str, message: Message) -> Delivery:
    kind = message.name if message.name in ("register", "heartbeat") else "report"
    packed = pack(message.name, message.values, message.boot_id, message.sequence)
    return Delivery(up_topic(serial, kind), packed, datetime.now(UTC))


def _row(unit: UnitModel) -> SimulatedUnit:
    image, hardware = unit.image, unit.hardware
    running = Running(hardware.board, hardware.revision, ABI, image.version, image.release_counter, image.sha256)
    return SimulatedUnit(hardware.serial, int.from_bytes(hardware.mac, "big"), running, unit.session.boot_id)
