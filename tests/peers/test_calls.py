"""Calls of the unit through kamailio, both ways: what each end says is what the other one hears."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

from tests.peers.alignment import align
from tests.peers.baresip import Baresip
from tests.peers.conftest import FAR, FAR_A_LAW, FAR_FAST, FAR_SLOW, SPEECH_S
from tests.peers.far_end import FarEnd, encode
from tests.peers.judge import faults, rows
from tests.peers.kamailio import Kamailio
from tests.peers.processes import HOST, wait_until
from tests.peers.sipp import Sipp, sdp
from tests.peers.unit import NUMBER, Unit

ANSWERS = "< INVITE\n> 180\n> 200 sdp\n< ACK\n< BYE\n> 200 dialog"
CALLS = "> INVITE sdp\n<? 100\n<? 180\n< 200\n> ACK\n< BYE\n> 200 dialog"


def pcm(data: bytes) -> array[int]:
    return array("h", data)


def speak_both_ways(unit: Unit, baresip: Baresip, said: array[int], after: int) -> None:
    """Each end hears the other one, every frame of it; then the unit hangs up."""
    baresip.wait_for("CALL_RTPESTAB", after)
    unit.phone.record()
    unit.phone.say(said.tobytes())
    assert unit.phone.done(SPEECH_S + 5)
    unit.phone.wait_for(lambda: False, 0.2)
    recorded = pcm(unit.phone.recorded())
    mark = len(baresip.events)
    unit.hang_up()
    baresip.wait_for("CALL_CLOSED", mark)
    found = align(said, baresip.heard_last())
    assert not found.missing, found
    theirs = align(said, recorded)  # through a jitter buffer, which may grow and shrink
    assert len(theirs.missing) <= theirs.frames // 20, theirs


@pytest.mark.parametrize(("number", "law"), [(FAR, 0), (FAR_A_LAW, 8)])
def test_a_call_to_baresip_carries_speech_both_ways(
    unit: Unit, baresip: Baresip, said: array[int], mark: int, number: str, law: int
) -> None:
    before = len(baresip.events)
    unit.dial(number)
    speak_both_ways(unit, baresip, said, before)
    record = unit.record(mark)
    assert (record["ended_by"], record["status"], record["codec"]) == ("us", 200, 2 if law else 1)
    assert (record["packets_lost"], record["packets_discarded"]) == (0, 0)


@pytest.mark.parametrize(("ptime_ms", "number"), [(10, FAR_FAST), (30, FAR_SLOW)])
def test_a_call_of_another_packet_time_carries_speech(
    kamailio: Kamailio, baresip: Baresip, said: array[int], tmp_path: Path, ptime_ms: int, number: str
) -> None:
    with Unit(tmp_path, [kamailio], "5206", ptime_ms=ptime_ms) as unit:
        unit.wait_line("registered")
        before = len(baresip.events)
        unit.dial(number)
        speak_both_ways(unit, baresip, said, before)


def test_a_call_from_baresip_rings_and_carries_speech(
    kamailio: Kamailio, unit: Unit, baresip: Baresip, said: array[int], mark: int
) -> None:
    before = len(baresip.events)
    baresip.order("dial", f"sip:{NUMBER}@{HOST}:{kamailio.port}")
    unit.answer()
    speak_both_ways(unit, baresip, said, before)
    assert (unit.record(mark)["direction"], unit.record(mark)["number"]) == (1, FAR)


@pytest.mark.parametrize(
    ("formats", "codec"),
    [("8", 2), ("0", 1), ("9 96 8 13 0 101", 2), ("101 18 0 8", 1), ("111 0", 1)],
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


@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
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
    with FarEnd() as far:
        steps = "< INVITE\n> 183 sdp\npause 1500\n> 200 sdp\n< ACK\n< BYE\n> 200 dialog"
        with Sipp(tmp_path, steps, sdp(far.port)) as called:
            unit.dial(called.number)
            far.wait_for(1)
            unit.phone.record()
            far.speak(encode(list(said[:8000]), 0))
            unit.phone.wait_for(lambda: len(unit.phone.recorded()) >= 2 * 9600, 3)
            early = pcm(unit.phone.recorded())
            assert "ACK " not in called.messages
            wait_until(lambda: "ACK " in called.messages, "the answer")
            unit.hang_up()
            called.finish()
        found = align(said[:8000], early)
        assert len(found.missing) <= 2, found
