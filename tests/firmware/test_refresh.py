"""A unit's look at metadata that holds nothing new is over soon: in service, and after a restart."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from protocol.wire.enumerations import COMMANDS
from tests.firmware.adapter.update.repository import BendableRepository
from tests.firmware.loopback_fleet import loopback_fleet
from tests.firmware.plugged_unit import PluggedUnit
from tests.firmware.ports.unix.update_server import UpdateServer

SERIAL = "PT000000018"
MAX_WORK_MS = 200  # UPDATE, Done when 5
RELEASES = 15  # in the board's role: close to the 8 KiB that a unit takes
WAIT_S = 30


class TimingServer(UpdateServer):
    """Knows of each connection how long it lasted, and how long the unit computed meanwhile, in ms."""

    unit_pid = 0

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.visits: list[tuple[float, float]] = []

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        began_s, began_ns = time.perf_counter(), self._computed_ns()
        super().process_request_thread(request, client_address)
        self.visits.append(((time.perf_counter() - began_s) * 1e3, (self._computed_ns() - began_ns) / 1e6))

    def _computed_ns(self) -> int:
        """CPU time of the unit's process: the machine may be busy with other tests."""
        return int(Path(f"/proc/{self.unit_pid}/schedstat").read_text().split()[0])

    def visit(self, count: int) -> tuple[float, float]:
        """The connection of that number, once it is over."""
        until = time.monotonic() + WAIT_S
        while len(self.visits) < count:
            assert time.monotonic() < until, "the unit did not look for updates"
            time.sleep(0.01)
        return self.visits[count - 1]


def repository() -> BendableRepository:
    now = datetime.now(UTC).replace(microsecond=0)
    made = BendableRepository()
    for number in range(RELEASES):
        made.add_image(f"1.{number}.0", number + 1, payload=bytes([number]) * 100)
    made.renew(now)
    made.assign_to(SERIAL, None, now)
    return made


def test_a_look_at_nothing_new_takes_less_than_the_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = repository()
    with loopback_fleet(tmp_path) as fleet, TimingServer(files.files, tmp_path, fleet.servers) as server:
        unit = PluggedUnit.create(tmp_path / "unit", fleet, SERIAL, updates=(server.server_port, files.first_root))

        def look(number: int) -> tuple[float, float]:
            fleet.send(SERIAL, "command", command_id=number, command=COMMANDS.index("check_update"), argument=0)
            found = server.visit(number)
            fleet.wait_for("register")  # by the next session: the look had interrupted one
            return found

        def start() -> None:
            unit.start()
            server.unit_pid = unit.pid
            fleet.wait_for("service_ready")
            unit.wait(lambda pins: pins.get("update_state") == "idle")

        start()
        look(1)
        again = [look(2), look(3), look(4)]
        unit.cut_power()
        start()
        first = look(5)
        unit.cut_power()
    with capsys.disabled():
        print(
            f"\nlook at nothing new, ms (computing): {first[0]:.0f} ({first[1]:.0f}) after a restart, then "
            + ", ".join(f"{whole:.0f} ({work:.0f})" for whole, work in again)
        )
    assert min(work for _, work in again) < MAX_WORK_MS
    assert first[1] < MAX_WORK_MS
