"""A call goes on, without a gap in it, while the line is registered anew."""

from __future__ import annotations

from pathlib import Path

from tests.peers.far_end import FarEnd
from tests.peers.judge import faults, rows
from tests.peers.kamailio import Kamailio
from tests.peers.processes import wait_until
from tests.peers.sipp import Sipp, sdp
from tests.peers.test_calls import ANSWERS
from tests.peers.unit import Unit

_SHORTEST_S = 10  # that the unit takes a registration for


def test_a_call_goes_on_while_the_line_is_registered_anew(tmp_path: Path) -> None:
    with Kamailio(tmp_path / "kamailio", _SHORTEST_S) as kamailio, Unit(tmp_path / "unit", [kamailio], "5208") as unit:
        unit.wait_line("registered")
        with FarEnd() as far:
            with Sipp(tmp_path, ANSWERS, sdp(far.port)) as called:
                unit.dial(called.number)
                far.wait_for(5)
                times = kamailio.answers("REGISTER", "5208").count("200")
                wait_until(lambda: kamailio.answers("REGISTER", "5208").count("200") > times, "a registration anew", 11)
                far.wait_for(len(far.packets) + 10)
                unit.hang_up()
                called.finish()
            assert not faults(rows(far.write_pcap(tmp_path / "pcap"), far.port))
