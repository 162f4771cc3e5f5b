"""The whole unit, boot and fleet and all, with kamailio as its provider: a call outlives what happens around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocol.wire.enumerations import CALL_ENDS, COMMANDS
from tests.firmware.loopback_fleet import LoopbackFleet, loopback_fleet
from tests.firmware.plugged_unit import PluggedUnit
from tests.firmware.ports.unix.update_server import UpdateServer
from tests.firmware.updating_board import BOARD, RESTART_STATUS, SERIAL, repository
from tests.firmware.voice_accounts import account
from tests.peers.far_end import FarEnd, encode
from tests.peers.judge import faults, rows
from tests.peers.kamailio import Kamailio
from tests.peers.processes import wait_until
from tests.peers.sipp import Sipp, sdp
from tests.peers.test_calls import ANSWERS
from tests.peers.unit import DIAL_PLAN, DIAL_TONE
from tools.release.build import build_image
from tools.sim.phone import Phone

USER = "5220"
_SHORTEST_S = 10  # that the unit takes a registration for
_SPEECH_S = 14


@pytest.fixture
def kamailio_for_10_s(tmp_path: Path, kamailio: Kamailio) -> Iterator[Kamailio]:
    with Kamailio(tmp_path / "kamailio", _SHORTEST_S) as running:
        yield running


def test_a_call_outlives_the_fleet_the_broker_an_update_and_a_re_registration(
    kamailio_for_10_s: Kamailio, tmp_path: Path
) -> None:
    proxy = kamailio_for_10_s
    base, image = build_image(BOARD, "1.0.0", 1), build_image(BOARD, "1.1.0", 2)
    served = repository(base, image, by_delta=False)
    with loopback_fleet(tmp_path) as fleet, UpdateServer(served.files, tmp_path, fleet.servers) as server:
        fleet.heartbeat_s = 10
        fleet.voice, fleet.line_level = [account(USER, proxy.port, dial_plan=DIAL_PLAN)], "full"
        updates = (server.server_port, served.first_root)
        unit = PluggedUnit.create(tmp_path / "unit", fleet, SERIAL, updates=updates, image=base)
        try:
            unit.start()
            with Phone(unit.directory) as phone, FarEnd() as far:
                call_through_it_all(fleet, unit, phone, far, proxy, tmp_path)
        finally:
            unit.cut_power()


def call_through_it_all(
    fleet: LoopbackFleet, unit: PluggedUnit, phone: Phone, far: FarEnd, proxy: Kamailio, folder: Path
) -> None:
    phone.attach()
    fleet.wait_for("service_ready")
    with Sipp(folder / "sipp", ANSWERS, sdp(far.port)) as called:
        phone.lift()
        assert phone.wait_for(lambda: phone.tones() == DIAL_TONE, 5)
        phone.dial(called.number, 40, 40)
        far.wait_for(5)
        far.speak(encode([0] * (8000 * _SPEECH_S), 0))
        fleet.send(SERIAL, "command", command_id=1, command=COMMANDS.index("check_update"), argument=0)
        registered = proxy.answers("REGISTER", USER).count("200")
        wait_until(lambda: len(far.packets) > 50, "a second of the call")
        fleet.stop_broker()
        wait_until(lambda: proxy.answers("REGISTER", USER).count("200") > registered, "a re-registration", 12)
        fleet.start_broker()
        far.wait_for(len(far.packets) + 50)
        phone.hang_up()
        called.finish()
    assert not faults(rows(far.write_pcap(folder / "pcap"), far.port))
    assert unit.wait_exit() == RESTART_STATUS  # for the update, which has waited
    unit.start("restart")
    record = fleet.wait_for("call_record", 30)  # before the restart, or after it: it is kept
    assert (CALL_ENDS[record["ended_by"]], record["packets_lost"], record["status"]) == ("us", 0, 200)
