"""The races and refusals of calls: CANCEL, BYE from both ends, hold from either, 491, busy; each ends as it should."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.peers.far_end import FarEnd
from tests.peers.kamailio import Kamailio
from tests.peers.processes import wait_until
from tests.peers.sipp import Sipp, sdp
from tests.peers.test_calls import ANSWERS
from tests.peers.unit import DIAL_TONE, NUMBER, Unit

_QUIET_S = 0.4


def sent(messages: str, what: str) -> int:
    """How often a line that begins so is in sipp's messages."""
    return sum(line.startswith(what) for line in messages.splitlines())


def test_a_call_given_up_before_it_rings_is_cancelled(unit: Unit, mark: int, tmp_path: Path) -> None:
    with Sipp(tmp_path, "< INVITE\n> 100\n< CANCEL\n> 200\n> 487 first\n< ACK") as called:
        unit.dial(called.number)
        wait_until(lambda: "INVITE" in called.messages, "the INVITE")
        unit.hang_up()
        called.finish()
    assert unit.record(mark)["ended_by"] == "cancelled"


def test_a_call_given_up_while_it_rings_is_cancelled(unit: Unit, mark: int, tmp_path: Path) -> None:
    steps = "< INVITE\n> 180\n< CANCEL\n> 200\n> 487 first\n< ACK"
    with Sipp(tmp_path, steps) as called:
        unit.dial(called.number)
        unit.hears(440, 480)
        unit.hang_up()
        called.finish()
    assert (unit.record(mark)["ended_by"], unit.record(mark)["duration_ms"]) == ("cancelled", 0)


def test_a_caller_who_gives_up_stops_the_bell(kamailio: Kamailio, unit: Unit, mark: int, tmp_path: Path) -> None:
    steps = "> INVITE sdp\n<? 100\n< 180\npause 300\n> CANCEL\n< 200\n< 487\n> ACK refused"
    with Sipp(tmp_path, steps, sdp(9), kamailio.port, NUMBER) as caller:
        assert unit.phone.wait_for(lambda: unit.phone.ringing, 3)
        caller.finish()
    assert unit.phone.wait_for(lambda: not unit.phone.ringing, 1)
    assert unit.record(mark)["ended_by"] == "cancelled"


def test_both_ends_hang_up_at_once(unit: Unit, mark: int, tmp_path: Path) -> None:
    """The peer's BYE leaves before it answers ours, as if the two had crossed."""
    steps = "< INVITE\n> 180\n> 200 sdp\n< ACK\n< BYE\n> BYE\n< 200\n> 200 kept"
    with FarEnd() as far, Sipp(tmp_path, steps, sdp(far.port)) as called:
        unit.dial(called.number)
        far.wait_for(5)
        unit.hang_up()
        called.finish()
    assert unit.record(mark)["ended_by"] == "us"


def test_a_peer_that_hangs_up_leaves_a_tone(unit: Unit, mark: int, tmp_path: Path) -> None:
    steps = "< INVITE\n> 180\n> 200 sdp\n< ACK\npause 200\n> BYE\n< 200"
    with FarEnd() as far, Sipp(tmp_path, steps, sdp(far.port)) as called:
        unit.dial(called.number)
        called.finish()
    assert unit.record(mark)["ended_by"] == "peer"


@pytest.mark.parametrize("direction", ["hold", "inactive"])
def test_a_peer_holds_and_resumes(unit: Unit, mark: int, tmp_path: Path, direction: str) -> None:
    steps = (
        f"< INVITE\n> 180\n> 200 sdp\n< ACK\npause 300\n> INVITE {direction}\n<? 100\n< 200\n> ACK\npause 500\n"
        "> INVITE sdp\n<? 100\n< 200\n> ACK\npause 300\n> BYE\n< 200"
    )
    with FarEnd() as far, Sipp(tmp_path, steps, sdp(far.port)) as called:
        unit.dial(called.number)
        called.finish()
        held = ("a=sendonly", "a=recvonly") if direction == "hold" else ("a=inactive",)
        assert sum(sent(called.messages, line) for line in held) == 2  # the peer's, and our answer
        times = [packet.at_s for packet in far.packets]
        gaps = [after - before for before, after in pairwise(times)]
        assert max(gaps) > _QUIET_S  # nothing was sent while we were held
        assert times[-1] - times[0] > max(gaps) + 0.3  # and something before and after


def test_the_unit_holds_by_a_tap_of_the_hook_and_resumes_by_another(unit: Unit, mark: int, tmp_path: Path) -> None:
    steps = (
        "< INVITE\n> 180\n> 200 sdp\n< ACK\n< INVITE\n> 200 dialog sdp\n< ACK\n< INVITE\n> 200 dialog sdp\n< ACK\n"
        "< BYE\n> 200 dialog"
    )
    with FarEnd() as far, Sipp(tmp_path, steps, sdp(far.port)) as called:
        unit.dial(called.number)
        far.wait_for(5)
        unit.phone.flash()
        unit.hears(*DIAL_TONE)
        assert sent(called.messages, "a=sendonly") + sent(called.messages, "a=inactive") == 1
        unit.phone.flash()
        wait_until(lambda: sent(called.messages, "ACK ") == 3, "the call goes on")
        count = len(far.packets)
        far.wait_for(count + 10)
        unit.hang_up()
        called.finish()


def test_a_peer_that_is_busy_with_the_call_is_asked_again(
    kamailio: Kamailio, unit: Unit, mark: int, tmp_path: Path
) -> None:
    """491 to our hold: the unit waits as RFC 3261 14.1 has it for who was called, and holds then."""
    steps = (
        "> INVITE sdp\n<? 100\n<? 180\n< 200\n> ACK\n< INVITE\n> 491 dialog\n< ACK\n< INVITE\n> 200 dialog sdp\n< ACK\n"
        "< INVITE\n> 200 dialog sdp\n< ACK\n< BYE\n> 200 dialog"
    )
    with FarEnd() as far, Sipp(tmp_path, steps, sdp(far.port), kamailio.port, NUMBER) as caller:
        unit.answer()
        far.wait_for(5)
        unit.phone.flash()
        wait_until(lambda: sent(caller.messages, "a=sendonly") == 2, "the second offer")
        wait_until(lambda: sent(caller.messages, "ACK ") == 3, "its answer")
        unit.phone.flash()
        wait_until(lambda: sent(caller.messages, "ACK ") == 4, "the call goes on")
        unit.hang_up()
        caller.finish()


def test_two_offers_that_cross_are_refused_with_491(unit: Unit, mark: int, tmp_path: Path) -> None:
    """The peer's re-INVITE leaves while ours waits for its answer."""
    steps = (
        "< INVITE\n> 180\n> 200 sdp\n< ACK\n< INVITE\n> INVITE sdp\n<? 100\n< 491\n> ACK refused\n"
        "> 200 kept sdp\n< ACK\n< INVITE\n> 200 dialog sdp\n< ACK\n< BYE\n> 200 dialog"
    )
    with FarEnd() as far, Sipp(tmp_path, steps, sdp(far.port)) as called:
        unit.dial(called.number)
        far.wait_for(5)
        unit.phone.flash()
        wait_until(lambda: sent(called.messages, "ACK ") == 3, "both are settled")
        unit.phone.flash()
        wait_until(lambda: sent(called.messages, "ACK ") == 4, "the call goes on")
        unit.hang_up()
        called.finish()


@pytest.mark.parametrize(("status", "ended_by"), [("486", "busy"), ("603", "refused"), ("500", "network")])
def test_a_refusal_is_recorded_as_what_it_is(unit: Unit, mark: int, tmp_path: Path, status: str, ended_by: str) -> None:
    with Sipp(tmp_path, f"< INVITE\n> {status}\n< ACK") as called:
        unit.dial(called.number)
        called.finish()
    record = unit.record(mark)
    assert (record["status"], record["ended_by"]) == (int(status), ended_by)


def test_a_number_nobody_has_ends_at_once(unit: Unit, mark: int) -> None:
    unit.dial("404404")
    assert (unit.record(mark)["status"], unit.record(mark)["ended_by"]) == (404, "refused")


def test_911_goes_through(kamailio: Kamailio, unit: Unit, mark: int, tmp_path: Path) -> None:
    with FarEnd() as far, Sipp(tmp_path, ANSWERS, sdp(far.port), port=kamailio.emergency_port) as called:
        unit.dial("911")
        far.wait_for(5)
        unit.hang_up()
        called.finish()
    assert unit.record(mark)["emergency"] == 1
