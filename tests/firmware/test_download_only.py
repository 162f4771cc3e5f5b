"""A whole unit loads what it is only to load, keeps it through a power cut, and restarts into it by a later order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from fleet.domain.treatment import Mode, Treatment
from fleet.updates.director import Director
from protocol.wire.enumerations import COMMANDS, UPDATE_STATES
from protocol.wire.messages import Message
from protocol.wire.release import target_name
from tests.firmware.adapter.update.repository import BOARD, BendableRepository
from tests.firmware.loopback_fleet import LoopbackFleet, loopback_fleet
from tests.firmware.plugged_unit import PluggedUnit
from tests.firmware.ports.unix.update_server import UpdateServer
from tests.firmware.updating_board import RESTART_STATUS, SERIAL, repository
from tools.release.build import build_image

NAME = target_name(BOARD, "1.0.1")


def order(served: BendableRepository, sequence: int, mode: Mode) -> None:
    """The fleet's order, as it signs it now."""
    now = datetime.now(UTC).replace(microsecond=0)
    times = Treatment(mode).order_times(now)
    director, image = Director(served.keys["director"][0]), served.assigned_image(NAME)
    served.files[f"director/{SERIAL}.json"] = director.sign(SERIAL, sequence, image, now, *times)


def check(fleet: LoopbackFleet, number: int) -> None:
    """Has the unit look for its order."""
    fleet.send(SERIAL, "command", command_id=number, command=COMMANDS.index("check_update"), argument=0)


def report_of(fleet: LoopbackFleet, wanted: str) -> Message:
    """The unit's next report of that state."""
    report = fleet.wait_for("update_report")
    while UPDATE_STATES[report["state"]] != wanted:
        report = fleet.wait_for("update_report")
    return report


def test_download_only(tmp_path: Path) -> None:
    base, image = build_image(BOARD, "1.0.0", 1), build_image(BOARD, "1.0.1", 2)
    served = repository(base, image, by_delta=False)
    with loopback_fleet(tmp_path) as fleet, UpdateServer(served.files, tmp_path, fleet.servers) as server:
        updates = (server.server_port, served.first_root)
        unit = PluggedUnit.create(tmp_path / "unit", fleet, SERIAL, updates=updates, image=base)
        try:
            order(served, 1, Mode.DOWNLOAD_ONLY)
            unit.start()
            fleet.wait_for("service_ready")
            check(fleet, 1)
            assert report_of(fleet, "staged")["assignment"] == 1
            unit.wait(lambda pins: pins.get("update_state") == "staged")
            unit.cut_power()
            unit.start()
            assert fleet.wait_for("register")["version"] == "1.0.0"
            fleet.wait_for("service_ready")
            order(served, 2, Mode.FORCED)
            check(fleet, 2)
            assert unit.wait_exit() == RESTART_STATUS
            unit.start("restart")
            assert fleet.wait_for("register")["version"] == "1.0.1"
            assert report_of(fleet, "staged")["assignment"] == 2
            assert report_of(fleet, "confirmed")["assignment"] == 2
        finally:
            unit.cut_power()
    assert sum(path.endswith(f".{NAME}") for path, _ in server.asked) == 1, "the image is loaded once"
