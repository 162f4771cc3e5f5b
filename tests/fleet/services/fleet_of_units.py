"""Units in service, straight into the tables, and the messages they send: for tests of what they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert

from fleet.domain.unit import Custody, Service, Trust
from fleet.services.build import Services
from fleet.services.ingest import GATEWAY
from fleet.services.unit_messages import Outgoing
from fleet.store.tables.equipment import mac_blocks, units
from protocol.wire.enumerations import UPDATE_REASONS, UPDATE_STATES
from protocol.wire.messages import Message, layout_of, pack, unpack
from protocol.wire.serial_number import make_serial

HEARTBEAT = dict.fromkeys((field[0] for field in layout_of("heartbeat")[3]), 0)


def serial_of(number: int) -> str:
    return str(make_serial(number))


def put_in_service(services: Services, count: int, at: datetime) -> list[str]:
    """`count` placed units of board simulated; their serial numbers."""
    serials = [serial_of(number) for number in range(1, count + 1)]
    with services.transactions.begin(GATEWAY) as uow:
        uow.connection.execute(
            insert(mac_blocks).values(id=1, registry="MA-S", first=0, size=4096, note="", added_at=at)
        )
        rows = [
            {
                "serial": serial,
                "mac": number,
                "mac_block_id": 1,
                "board": "simulated",
                "hardware_revision": 1,
                "board_uid": number.to_bytes(8, "big"),
                "epoch": 1,
                "custody": Custody.AT_ACCOUNT,
                "service": Service.PLACED,
                "trust": Trust.GOOD,
                "made_at": at,
            }
            for number, serial in enumerate(serials)
        ]
        uow.connection.execute(insert(units), rows)
        uow.commit()
    return serials


@dataclass
class FakeUnit:
    """What a unit says and hears; it does nothing by itself."""

    services: Services
    serial: str
    sha256: bytes = bytes(32)
    counter: int = 1
    heard: list[Outgoing] = field(default_factory=list)

    def register(self, **changed: Any) -> list[Outgoing]:
        values: dict[str, Any] = {
            "serial": self.serial,
            "mac": bytes(6),
            "epoch": 1,
            "board": "simulated",
            "hardware_revision": 1,
            "version": "1.0.0",
            "release_counter": self.counter,
            "image_sha256": self.sha256,
            "slot": 0,
            "abi": 6,
            "boot_reason": 0,
            "free_heap_bytes": 0,
            "clock_s": 0,
        }
        return self._check_in("register", values | changed)

    def heartbeat(self) -> list[Outgoing]:
        return self._check_in("heartbeat", HEARTBEAT)

    def report(self, state: str, reason: str = "none", assignment: int | None = None, detail: str = "") -> None:
        values = {
            "assignment": self.sequence if assignment is None else assignment,
            "state": UPDATE_STATES.index(state),
            "reason": UPDATE_REASONS.index(reason),
            "target_counter": 0,
            "target_sha256": bytes(32),
            "release_counter": self.counter,
            "detail": detail,
            "clock_s": 0,
        }
        with self.services.transactions.begin(GATEWAY) as uow:
            self.services.unit_updates.record_report(uow, self.serial, _travelled("update_report", values))
            uow.commit()

    @property
    def sequence(self) -> int:
        """The assignment of the last check_update heard."""
        return int(self.heard[-1].values["argument"])

    def _check_in(self, name: str, values: dict[str, Any]) -> list[Outgoing]:
        with self.services.transactions.begin(GATEWAY) as uow:
            answers = self.services.unit_updates.check_in_all(uow, {self.serial: _travelled(name, values)})
            uow.commit()
        for answer in answers:
            pack(answer.name, dict(answer.values))
        self.heard += answers
        return answers


def beat_together(services: Services, fleet: Sequence[FakeUnit]) -> None:
    """Heartbeats of all of them in one batch."""
    with services.transactions.begin(GATEWAY) as uow:
        messages = {unit.serial: _travelled("heartbeat", HEARTBEAT) for unit in fleet}
        services.unit_updates.check_in_all(uow, messages)
        uow.commit()


def _travelled(name: str, values: dict[str, Any]) -> Message:
    message: Message = unpack(pack(name, values))
    return message
