"""The unit registers with kamailio, whatever kamailio says to it first, and with the next one when it dies."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from tests.peers.far_end import FarEnd
from tests.peers.kamailio import BRIEF_S, NONCE_S, Kamailio
from tests.peers.processes import wait_until
from tests.peers.sipp import Sipp, sdp
from tests.peers.unit import Unit

SWITCH_S = 10.0
ASKED_S = 28.0  # so long a registrar that is not needed may go unasked (adapter/sip/registration.py)


def test_the_right_password_registers_after_one_challenge(kamailio: Kamailio, tmp_path: Path) -> None:
    with Unit(tmp_path, [kamailio], "5201") as unit:
        unit.wait_line("registered")
    assert kamailio.answers("REGISTER", "5201")[:2] == ["401", "200"]


def test_a_wrong_password_is_not_tried_again_and_again(kamailio: Kamailio, tmp_path: Path) -> None:
    with Unit(tmp_path, [kamailio], "5202", password="other") as unit:
        unit.wait_line("failed")
        time.sleep(0.5)
        assert kamailio.answers("REGISTER", "5202") == ["401", "401"]
        assert not any("registered" in str(event) for event in unit.events)


def test_a_stale_nonce_is_replaced_without_losing_the_line(kamailio: Kamailio, tmp_path: Path) -> None:
    """The cable makes it register anew, with a nonce that has grown too old meanwhile."""
    with Unit(tmp_path, [kamailio], "5203") as unit:
        unit.wait_line("registered")
        time.sleep(NONCE_S + 1.2)
        unit.set_ethernet(False)
        time.sleep(0.3)
        mark = len(unit.events)
        unit.set_ethernet(True)
        unit.wait_line("registered", after=mark)
    assert kamailio.answers("REGISTER", "5203")[:4] == ["401", "200", "401 stale", "200"]


def test_a_registration_that_is_too_brief_is_asked_for_longer(kamailio: Kamailio, tmp_path: Path) -> None:
    with Unit(tmp_path, [kamailio], "brief", registration_s=BRIEF_S // 2) as unit:
        unit.wait_line("registered")
    told = kamailio.answers("REGISTER", "brief")
    assert "423" in told
    assert told[told.index("423") :].count("200") >= 1


def test_who_is_barred_is_told_so_and_stays_quiet(kamailio: Kamailio, tmp_path: Path) -> None:
    with Unit(tmp_path, [kamailio], "barred") as unit:
        unit.wait_line("failed")
        time.sleep(0.5)
        assert kamailio.answers("REGISTER", "barred") == ["401", "403"]


def test_a_call_goes_by_the_second_registrar_within_10_s_of_the_first_one_killed(
    kamailio: Kamailio, tmp_path: Path
) -> None:
    with Kamailio(tmp_path / "first") as first, Unit(tmp_path / "unit", [first, kamailio], "5204") as unit:
        unit.wait_line("registered")
        first.stop(signal.SIGKILL)
        killed_s = time.monotonic()
        with (
            FarEnd() as far,
            Sipp(tmp_path, "< INVITE\n> 180\n> 200 sdp\n< ACK\n< BYE\n> 200 dialog", sdp(far.port)) as called,
        ):
            unit.dial(called.number)
            far.wait_for(5, SWITCH_S)
            assert time.monotonic() - killed_s < SWITCH_S
            unit.hang_up()
            called.finish()
    assert "200" in kamailio.answers("REGISTER", "5204")


def test_a_registrar_killed_while_nobody_calls_is_missed_and_the_line_is_served_all_the_time(
    kamailio: Kamailio, tmp_path: Path
) -> None:
    with Kamailio(tmp_path / "first") as first, Unit(tmp_path / "unit", [first, kamailio], "5205") as unit:
        unit.wait_line("registered")
        first.stop(signal.SIGKILL)
        wait_until(lambda: "200" in kamailio.answers("REGISTER", "5205"), "the other registrar", ASKED_S + SWITCH_S)
        assert [event["line"]["state"] for event in unit.events if "line" in event][-1] == "registered"
        assert not any("failed" in str(event) for event in unit.events)
