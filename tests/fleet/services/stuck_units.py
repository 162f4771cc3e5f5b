"""A fleet on which units are brought to a standstill: each speaks through the gateway, people act by the services."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from fleet.domain.access import Actor, Role
from fleet.domain.account import Account
from fleet.domain.rollout import Rollout
from fleet.domain.treatment import SOFTLY, Treatment
from fleet.domain.unit import Unit
from fleet.domain.update_cause import Cause
from fleet.services.build import Services
from fleet.services.ingest import Delivery
from protocol.wire.enumerations import EVENTS, LINE_STATES, UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import pack
from protocol.wire.topics import up_topic
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.release_owners import Owners, make_image
from tests.fleet.services.equipment import Warehouse, heartbeat, register_values
from tools.release.delta import make_delta
from tools.release.record import ReleaseFacts
from tools.release.sign import sign_image

MANAGER = someone(Role.RELEASE_MANAGER)
APPROVER = Actor(MANAGER.kind, "PE-901", someone(Role.APPROVER).permissions)
ADMIN = someone(Role.ADMIN)
KIND = {"register": "register", "heartbeat": "heartbeat"}


@dataclass
class Adapter:
    """A unit in somebody's home: it speaks through the gateway and does nothing by itself."""

    services: Services
    clock: Clock
    unit: Unit
    sequence: int = 0
    assignment: int = 0
    registered: dict[str, Any] = field(default_factory=dict)

    @property
    def serial(self) -> str:
        return self.unit.serial

    def register(self, **changed: Any) -> None:
        self._say("register", register_values(self.unit) | {"clock_s": self._now_s()} | changed)

    def beat(self, clock_off_s: int = 0, update: str = "idle", line: str = "registered") -> None:
        values = dict(heartbeat(1, 60).values)
        values |= {"update_state": UPDATE_STATES.index(update), "line_state": LINE_STATES.index(line)}
        self._say("heartbeat", values | {"clock_s": self._now_s() + clock_off_s})

    def report(self, state: str, reason: str = "none", detail: str = "") -> None:
        values = {"assignment": self.assignment, "state": UPDATE_STATES.index(state)}
        values |= {"reason": UPDATE_REASONS.index(reason), "detail": detail, "clock_s": self._now_s()}
        rest = {"target_counter": 2, "target_sha256": bytes(32), "release_counter": 1}
        self._say("update_report", values | rest)

    def log(self, event: str) -> None:
        line = {"clock_s": self._now_s(), "event": EVENTS.index(event), "value": 1}
        self._say("events", {"events": [line]})

    def _now_s(self) -> int:
        return int(self.clock.now.timestamp())

    def _say(self, name: str, values: dict[str, Any]) -> None:
        self.sequence += 1
        payload = pack(name, values, boot_id=7, sequence=self.sequence)
        delivery = Delivery(up_topic(self.serial, KIND.get(name, "report")), payload, self.clock.now)
        for answer in self.services.ingest.handle([delivery]):
            if answer.name == "command" and answer.serial == self.serial:
                self.assignment = int(answer.values["argument"])


class Stage:
    """The fleet, and who was made to stand still for what."""

    def __init__(self, services: Services, clock: Clock, owners: Owners) -> None:
        self.services, self.clock = services, clock
        self.warehouse = Warehouse(services, ADMIN)
        self.warehouse.load_block()
        self.expected: list[tuple[Cause, Adapter | Unit]] = []
        self.online: list[tuple[Adapter, dict[str, Any]]] = []  # who goes on, with which heartbeats
        self._publish(owners)

    def home(self, account: Account, board: str = "simulated", **registered: Any) -> Adapter:
        """A unit at the account that is plugged in."""
        unit = self.warehouse.stock(board)
        self.warehouse.send(account, unit)
        adapter = Adapter(self.services, self.clock, unit)
        adapter.register(**registered)
        return adapter

    def stuck(self, cause: Cause, who: Adapter | Unit, beat: dict[str, Any] | None = None) -> None:
        """That unit stands still for that cause; `beat`: what it goes on saying."""
        self.expected.append((cause, who))
        if isinstance(who, Adapter) and beat is not None:
            self.online.append((who, beat))

    def roll_out(
        self,
        release: str,
        *units: Adapter,
        plan: dict[str, Any] | None = None,
        treatment: Treatment = SOFTLY,
        started: bool = True,
    ) -> Rollout:
        """A rollout to those units, or by a plan."""
        serials = None if plan is not None else [unit.serial for unit in units]
        rollout = self.services.rollouts.create(MANAGER, release, serials, 100, treatment=treatment, plan=plan)
        self.services.rollouts.approve(APPROVER, rollout.id)
        return self.services.rollouts.start(MANAGER, rollout.id) if started else rollout

    def _publish(self, owners: Owners) -> None:
        owners.initialise()
        modules = b"".join(sha256(bytes([block])).digest() for block in range(64))  # nothing deflates them
        owners.sign("1.0.0", 1, payload=modules)
        image = make_image("2.0.0", 2, payload=modules + b"more")
        self.image_sha256 = sha256(image).digest()
        sign_image(owners.bundle, owners.keys, image, START, make_delta=make_delta)
        beta = make_image("3.0.0", 3, payload=b"beta")
        sign_image(owners.bundle, owners.keys, beta, START, facts=ReleaseFacts(beta=True))
        self.services.releases.publish(MANAGER, owners.bundle.files_after({}), owners.bundle.payloads_after({}))
