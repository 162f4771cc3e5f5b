"""The rig itself: its peers talk to each other, and its judges see what is broken on purpose."""

from __future__ import annotations

import struct
from array import array
from pathlib import Path

import pytest

from tests.peers.alignment import FRAME, align
from tests.peers.baresip import Baresip
from tests.peers.conftest import FAR
from tests.peers.far_end import FarEnd, Packet, encode, samples_of, write_pcap
from tests.peers.judge import Row, digits, faults, rows
from tests.peers.kamailio import Kamailio
from tests.peers.processes import PeerError, wait_until, wanted
from tests.peers.relay import Relay, Weather
from tests.peers.sipp import Sipp, sdp
from tests.stalls import tries

_PORT = 40000


def rtp(sequence: int, timestamp: int, payload: bytes, kind: int = 0, marker: bool = False) -> Packet:
    head = struct.pack(">BBHII", 0x80, kind | marker << 7, sequence & 0xFFFF, timestamp, 0xABCD)
    return Packet(sequence * 0.02, 30000, _PORT, head + payload)


def digit_packets(event: int, ends: int = 3) -> list[Packet]:
    """A digit of 100 ms after two frames of sound."""
    out = [rtp(1, 160, bytes(160)), rtp(2, 320, bytes(160))]
    for number in range(5 + ends):
        ended = number >= 5
        payload = struct.pack(">BBH", event, (0x80 if ended else 0) | 10, 160 * min(number + 1, 6))
        out.append(rtp(3 + number, 480, payload, 101, number == 0))
    return out


def judged(packets: list[Packet], path: Path) -> list[Row]:
    write_pcap(path, packets)
    return rows(path, _PORT)


def test_tshark_reads_a_digit_and_misses_its_end(tmp_path: Path) -> None:
    wanted("tshark")
    assert digits(judged(digit_packets(11), tmp_path / "whole")) == "#"
    for packets in (digit_packets(11, 2), digit_packets(11, 0), digit_packets(11)[:2] + digit_packets(11)[3:]):
        with pytest.raises(AssertionError):
            digits(judged(packets, tmp_path / "broken"))


def test_a_broken_sequence_or_time_stamp_is_seen(tmp_path: Path) -> None:
    wanted("tshark")
    whole = [rtp(number, 160 * number, bytes(160)) for number in range(20)]
    assert not faults(judged(whole, tmp_path / "whole"))
    assert faults(judged(whole[:7] + whole[8:], tmp_path / "lost"))
    assert faults(judged([*whole[:7], whole[6], *whole[7:]], tmp_path / "twice"))
    late = [rtp(number, 160 * number + (80 if number > 9 else 0), bytes(160)) for number in range(20)]
    assert faults(judged(late, tmp_path / "late"))


@pytest.mark.parametrize("law", [0, 8])
def test_speech_is_found_and_a_missing_frame_of_it_too(said: array[int], law: int) -> None:
    heard = array("h", [0] * 1234) + array("h", samples_of(encode(said, law), law))
    found = align(said, heard)
    assert (found.offset, found.missing) == (1234, [])
    assert found.frames > len(said) // FRAME // 2
    hole = 1234 + 20 * FRAME
    for broken in (
        heard[:hole] + heard[hole + FRAME :],
        heard[:hole] + array("h", [0] * FRAME) + heard[hole + FRAME :],
    ):
        assert align(said, broken).missing
    nowhere = align(said, array("h", reversed(heard)))
    assert (nowhere.offset, len(nowhere.missing)) == (None, nowhere.frames)


def test_the_relay_loses_and_delays_by_its_seed() -> None:
    def passed(seed: int) -> tuple[list[bytes], int]:
        with FarEnd() as one, FarEnd() as other, Relay(other.port, Weather(0.2, 0.0, 5.0, 2.0), seed) as relay:
            for number in range(100):
                one.send(bytes([number]), relay.near)
            wait_until(lambda: len(other.packets) + relay.lost == 100, "all packets")
            other.send(b"back", relay.far)
            wait_until(lambda: one.packets or relay.lost > 100 - len(other.packets), "an answer")
            return sorted(packet.data for packet in other.packets), relay.lost

    first, again, another = passed(1), passed(1), passed(2)
    assert first == again
    assert first != another
    assert 5 < first[1] < 40


def test_sipp_calls_baresip_through_kamailio_and_hears_it(
    kamailio: Kamailio, baresip: Baresip, said: array[int], tmp_path: Path
) -> None:
    for turn in tries():
        with FarEnd() as far:
            steps = "> INVITE sdp\n<? 100\n<? 180\n< 200\n> ACK\npause 700\n> BYE\n< 200"
            with Sipp(tmp_path / str(turn), steps, sdp(far.port), kamailio.port, FAR) as caller:
                far.wait_for(25)
                far.speak(encode(said[:8000], 0))
                caller.finish()
            wrong = faults(rows(far.write_pcap(tmp_path / "pcap"), far.port))
        heard = array("h", [sample for packet in far.packets for sample in samples_of(packet.payload, 0)])
        missing = align(said[: len(heard) - 4 * FRAME], heard).missing
        if not wrong and not missing:
            break
    assert not wrong
    assert not missing


def test_baresip_calls_sipp_through_kamailio(kamailio: Kamailio, baresip: Baresip, tmp_path: Path) -> None:
    mark = len(baresip.events)
    with FarEnd() as far:
        steps = "< INVITE\n> 180\n> 200 sdp\n< ACK\n< BYE\n> 200 dialog"
        with Sipp(tmp_path, steps, sdp(far.port)) as called:
            baresip.order("dial", f"sip:{called.number}@127.0.0.1:{kamailio.port}")
            baresip.wait_for("CALL_ESTABLISHED", mark)
            far.wait_for(5)
            baresip.order("hangup")
            called.finish()


def test_a_scenario_that_does_not_come_to_pass_fails(kamailio: Kamailio, tmp_path: Path) -> None:
    steps = "> INVITE sdp\n<? 100\n< 200\n> ACK"
    with Sipp(tmp_path, steps, sdp(_PORT), kamailio.port, "404404") as caller, pytest.raises(PeerError):
        caller.finish()
