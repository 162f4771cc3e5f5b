"""Calls of the unit through kamailio, both ways: what each end says is what the other one hears."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.peers.alignment import align
from tests.peers.baresip import Baresip
from tests.peers.conftest import FAR, FAR_A_LAW, FAR_FAST, FAR_SLOW
from tests.peers.far_end import FarEnd, encode
from tests.peers.judge import faults, rows
from tests.peers.kamailio import Kamailio
from tests.peers.processes import HOST, wait_until
from tests.peers.sipp import Sipp, sdp
from tests.peers.unit import NUMBER, Unit

TRIES = 8
_JUDGED = 2  # calls on a machine that kept time
ANSWERS = "< INVITE\n> 180\n> 200 sdp\n< ACK\n< BYE\n> 200 dialog"
CALLS = "> INVITE sdp\n<? 100\n<? 180\n< 200\n> ACK\n< BYE\n> 200 dialog"


def carries_speech(connect: Callable[[], None], unit: Unit, baresip: Baresip, said: array[int]) -> None:
    """In a call that `connect` makes each end hears the other one, baresip every frame; then the unit hangs up.

    A machine that had no time for it meanwhile is given another call. So is baresip, once: it plays without a jitter
    buffer and loses a frame of its own now and then; that all are on the wire stands in the tests with FarEnd.
    """
    judged = 0
    for _ in range(TRIES):
        before = len(baresip.events)
        connect()
        baresip.wait_for("CALL_RTPESTAB", before)
        unit.phone.record()
        judged += unit.say(said)
        recorded = array("h", unit.phone.recorded())
        unit.hang_up()
        baresip.wait_for("CALL_CLOSED", before)
        there = align(said, baresip.heard_last())
        here = align(said, recorded)  # through a jitter buffer, which may grow and shrink
        if judged == _JUDGED or (not there.missing and len(here.missing) <= here.frames // 10):
            break
        unit.rest()
    assert not there.missing, there
    assert len(here.missing) <= here.frames // 10, here


@pytest.mark.parametrize(("number", "law"), [(FAR, 0), (FAR_A_LAW, 8)])
def test_a_call_to_baresip_carries_speech_both_ways(
    unit: Unit, baresip: Baresip, said: array[int], mark: int, number: str, law: int
) -> None:
    carries_speech(lambda: unit.dial(number), unit, baresip, said)
    record = unit.record(mark)
    assert (record["ended_by"], record["status"], record["codec"]) == ("us", 200, 2 if law else 1)
    assert record["packets_lost"] == 0


@pytest.mark.parametrize(("ptime_ms", "number"), [(10, FAR_FAST), (30, FAR_SLOW)])
def test_a_call_of_another_packet_time_carries_speech(
    kamailio: Kamailio, baresip: Baresip, said: array[int], tmp_path: Path, ptime_ms: int, number: str
) -> None:
    with Unit(tmp_path, [kamailio], "5206", ptime_ms=ptime_ms) as unit:
        unit.wait_line("registered")
        carries_speech(lambda: unit.dial(number), unit, baresip, said)


def test_a_call_from_baresip_rings_and_carries_speech(
    kamailio: Kamailio, unit: Unit, baresip: Baresip, said: array[int], mark: int
) -> None:
    def connect() -> None:
        baresip.order("dial", f"sip:{NUMBER}@{HOST}:{kamailio.port}")
        unit.answer()

    carries_speech(connect, unit, baresip, said)
    assert (unit.record(mark)["direction"], unit.record(mark)["number"]) == (1, FAR)


@pytest.mark.parametrize(
    ("formats", "codec"),
    [("9 96 8 13 0 101", 2), ("101 18 0 8", 1), ("111 0", 1)],
)
def test_a_peer_may_offer_its_codecs_in_any_order(
    kamailio: Kamailio, unit: Unit, mark: int, tmp_path: Path, formats: str, codec: int
) -> None:
    with FarEnd() as far:
        named = [f"a=rtpmap:{code} {name}" for code, name in ((96, "opus/48000/2"), (111, "pcmu/8000"))]
        with Sipp(tmp_path, CALLS, sdp(far.port, formats, more=named), kamailio.port, NUMBER) as caller:
            unit.answer()
            packets = far.wait_for(20)
            unit.hang_up()
            caller.finish()
        first = next(code for code in formats.split() if code in {"0", "8"})
        assert {packet.payload_type for packet in packets} == {int(first)}
        assert not faults(rows(far.write_pcap(tmp_path / "pcap"), far.port))
    assert unit.record(mark)["codec"] == codec


@pytest.mark.parametrize("ptime_ms", [10, 30])
def test_a_peer_gets_the_packets_it_asks_for(unit: Unit, mark: int, tmp_path: Path, ptime_ms: int) -> None:
    with FarEnd() as far, Sipp(tmp_path, ANSWERS, sdp(far.port, ptime_ms=ptime_ms)) as called:
        unit.dial(called.number)
        packets = far.wait_for(20)
        unit.hang_up()
        called.finish()
        assert {len(packet.payload) for packet in packets} == {8 * ptime_ms}
        assert not faults(rows(far.write_pcap(tmp_path / "pcap"), far.port), 8 * ptime_ms)


@pytest.mark.parametrize(("codecs", "law"), [("PCMU", 0), ("PCMA", 8)])
def test_a_unit_with_one_law_calls_with_that(kamailio: Kamailio, tmp_path: Path, codecs: str, law: int) -> None:
    with Unit(tmp_path, [kamailio], "5207", codecs=codecs) as unit, FarEnd() as far:
        unit.wait_line("registered")
        with Sipp(tmp_path / "sipp", ANSWERS, sdp(far.port, f"{law} 101")) as called:
            unit.dial(called.number)
            assert {packet.payload_type for packet in far.wait_for(10)} == {law}
            unit.hang_up()
            called.finish()


def test_nothing_in_common_is_refused(kamailio: Kamailio, unit: Unit, mark: int, tmp_path: Path) -> None:
    steps = "> INVITE sdp\n<? 100\n< 488\n> ACK"
    with Sipp(tmp_path, steps, sdp(9, "9 18"), kamailio.port, NUMBER) as caller:
        caller.finish()
    assert not unit.phone.ringing


def test_early_media_is_heard_before_the_answer(unit: Unit, said: array[int], mark: int, tmp_path: Path) -> None:
    """A machine that had no time for it meanwhile is given another call."""
    for number in range(TRIES):
        on_time, early = early_media(unit, said[:8000], tmp_path / str(number))
        missing = align(said[:8000], early).missing if early else [-1]
        if on_time or len(missing) <= 2:
            break
        unit.rest()
    assert len(missing) <= 2, missing


def early_media(unit: Unit, said: array[int], folder: Path) -> tuple[bool, array[int]]:
    """Whether all were on time, and what the unit heard of `said` before the answer; the call is over then."""
    steps = "< INVITE\n> 183 sdp\npause 1300\n> 200 sdp\n< ACK\n< BYE\n> 200 dialog"
    with FarEnd() as far, Sipp(folder, steps, sdp(far.port)) as called:
        unit.dial(called.number)
        far.wait_for(1)
        before = unit.watch()
        unit.phone.record()
        far.speak(encode(said, 0))
        unit.phone.wait_for(lambda: len(unit.phone.recorded()) >= 2 * 9600, 3)
        early = array("h", unit.phone.recorded())
        answered = "ACK " in called.messages
        on_time = unit.on_time(before)
        assert not (answered and on_time)
        wait_until(lambda: "ACK " in called.messages, "the answer")
        unit.hang_up()
        called.finish()
    return on_time, array("h") if answered else early
