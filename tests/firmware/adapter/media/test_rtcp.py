"""RTCP: what we report and when, what we learn, and that no datagram harms us, on both interpreters."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapter.media.rtcp import MAX_PACKET_BYTES, Rtcp
from tests.conftest import RunMicroPython
from tests.firmware.adapter.media import rtcp_packets as packets
from tests.firmware.adapter.media.streams import CountedStream
from tests.firmware.fuzzing.mutations import BYTE_WAYS

OURS, THEIRS = 0x11111111, 0x22222222
SEED = 20261123


def seeded(seed: int = 1) -> Callable[[int], bytes]:
    return random.Random(seed).randbytes


def made(stream: CountedStream | None = None, number: int = 0x8000) -> tuple[CountedStream, Rtcp]:
    """`number` is what every draw of an interval gives: 0x8000 is the mean."""
    stream = stream or CountedStream()
    return stream, Rtcp(stream, lambda n: number.to_bytes(2, "big") if n == 2 else bytes(range(n)))


def report(rtcp: Rtcp, now_ms: int) -> packets.Parsed:
    length = rtcp.poll(now_ms)
    assert length
    return packets.parse(bytes(rtcp.packet[:length]))


def feed(rtcp: Rtcp, data: bytes, now_ms: int = 0) -> bool:
    return rtcp.feed(bytearray(data), len(data), now_ms)


def ntp(now_ms: int) -> int:
    return (now_ms << 32) // 1000


# When


@pytest.mark.parametrize(("number", "interval_ms"), [(0, 2052), (0x8000, 4104), (0xFFFF, 6155)])
def test_reports_come_half_an_interval_after_the_start_then_one_apart(number: int, interval_ms: int) -> None:
    _, rtcp = made(number=number)
    times = [now_ms for now_ms in range(1000, 30_000) if rtcp.poll(now_ms)]
    assert times[0] == pytest.approx(1000 + interval_ms // 2, abs=1)
    gaps = {later - earlier for earlier, later in pairwise(times)}
    assert gaps == {interval_ms}


def test_intervals_are_drawn_anew_between_half_and_one_and_a_half_of_5_s_over_e_minus_1_5() -> None:
    stream = CountedStream()
    rtcp = Rtcp(stream, seeded())
    times = [now_ms for now_ms in range(0, 1_500_000, 10) if rtcp.poll(now_ms)]
    gaps = [later - earlier for earlier, later in pairwise(times[1:])]
    assert 2050 <= min(gaps) < 2200
    assert 6000 < max(gaps) <= 6170
    assert sum(gaps) / len(gaps) == pytest.approx(4104, rel=0.05)


# What we say


def test_a_report_says_who_we_are_what_we_sent_and_how_we_hear() -> None:
    stream, rtcp = made()
    stream.hear("." * 90 + "x" * 10)
    stream.speak(100, 2000)
    stream.reception.jitter = 80 << 4
    assert feed(rtcp, packets.sender_report(THEIRS, 0x0001_2345_6789_ABCD), 1000)
    rtcp.poll(0)
    found = report(rtcp, 2052)
    assert found.kinds == [200, 202, 207]
    values = found.values
    assert values["ssrc"] == OURS
    assert (values["packets"], values["octets"]) == (100, 16000)
    assert values["ntp"] == pytest.approx(ntp(2052), abs=2)
    assert values["timestamp"] == 16000 + 8 * 52
    assert values["cname"] == bytes(range(12)).hex().encode()
    fraction = 10 * 256 // 100
    since = 1052 * 65536 // 1000
    assert values["blocks"] == [(THEIRS, fraction, b"\0\0\x0a", 100, 80, 0x2345_6789, since)]
    assert (values["about"], values["loss"], values["burst_ms"]) == (THEIRS, 25, 200)
    assert (values["gmin"], values["config"], values["nominal_ms"], values["maximum_ms"]) == (16, 0xF0, 40, 60)
    assert 50 < values["r"] < 90
    assert 20 < values["mos_cq"] <= values["mos_lq"] < 45


def test_before_anything_was_heard_there_is_no_block_and_without_anything_sent_a_receiver_report() -> None:
    _, rtcp = made(CountedStream(peer_ssrc=0))
    rtcp.poll(0)
    found = report(rtcp, 3000)
    assert found.kinds == [201, 202]
    assert found.values["blocks"] == []


def test_who_has_not_sent_since_the_last_report_makes_a_receiver_report() -> None:
    stream, rtcp = made()
    stream.speak(10, 100)
    rtcp.poll(0)
    assert report(rtcp, 3000).kinds[0] == 200
    assert report(rtcp, 8000).kinds[0] == 201
    stream.speak(1, 8020)
    assert report(rtcp, 13_000).kinds[0] == 200


def test_the_fraction_lost_is_that_since_the_last_report_and_the_number_that_of_all() -> None:
    stream, rtcp = made()
    rtcp.poll(0)
    stream.hear("x." * 50)
    assert report(rtcp, 3000).values["blocks"][0][1:3] == (128, b"\0\0\x32")
    stream.hear("." * 100)
    assert report(rtcp, 8000).values["blocks"][0][1:3] == (0, b"\0\0\x32")


def test_packets_that_come_twice_make_the_number_negative_and_the_fraction_zero() -> None:
    stream, rtcp = made()
    stream.hear("." * 10)
    stream.reception.source_received += 3
    rtcp.poll(0)
    assert report(rtcp, 3000).values["blocks"][0][1:3] == (0, b"\xff\xff\xfd")


def test_another_source_is_counted_from_its_own_beginning() -> None:
    stream, rtcp = made()
    stream.hear("x." * 50)
    rtcp.poll(0)
    report(rtcp, 3000)
    stream.reception.peer_ssrc, stream.reception.source_received = 0x33333333, 10
    stream.reception.first, stream.reception.highest = 500, 509
    assert report(rtcp, 8000).values["blocks"][0][:4] == (0x33333333, 0, b"\0\0\0", 509)


def test_a_report_about_another_source_is_not_taken_for_the_last_of_this_one() -> None:
    stream, rtcp = made()
    stream.hear("....")
    feed(rtcp, packets.sender_report(0x99999999, 1 << 40), 10)
    rtcp.poll(0)
    assert report(rtcp, 3000).values["blocks"][0][5:] == (0, 0)


def test_the_goodbye_follows_a_last_report() -> None:
    stream, rtcp = made()
    stream.speak(10, 100)
    length = rtcp.close(3000)
    found = packets.parse(bytes(rtcp.packet[:length]))
    assert found.kinds == [200, 202, 207, 203]
    assert found.values["bye"] == (OURS,)


def test_who_has_said_nothing_says_no_goodbye() -> None:
    _, rtcp = made(CountedStream(peer_ssrc=0))
    assert rtcp.close(3000) == 0


def test_a_source_that_has_left_is_no_longer_reported() -> None:
    stream, rtcp = made()
    stream.hear("....")
    rtcp.poll(0)
    feed(rtcp, packets.receiver_report(THEIRS) + packets.goodbye(THEIRS))
    assert report(rtcp, 3000).values["blocks"] == []


def test_another_sources_goodbye_changes_nothing() -> None:
    stream, rtcp = made()
    stream.hear("....")
    rtcp.poll(0)
    feed(rtcp, packets.receiver_report(THEIRS) + packets.goodbye(0x99999999))
    assert len(report(rtcp, 3000).values["blocks"]) == 1


# What we learn


def test_two_ends_measure_the_round_trip_between_them() -> None:
    # 30 ms there, 45 ms back.
    here, near = made(CountedStream(OURS, THEIRS))
    there, far = made(CountedStream(THEIRS, OURS))
    for stream in (here, there):
        stream.hear("." * 10)
    on_the_way: list[tuple[int, Rtcp, bytes]] = []
    for now_ms in range(40_000):
        far_now_ms = now_ms + 7_654_321  # its clock knows nothing of ours
        here.speak(1, now_ms)
        there.speak(1, far_now_ms)
        if length := near.poll(now_ms):
            on_the_way.append((now_ms + 30, far, bytes(near.packet[:length])))
        if length := far.poll(far_now_ms):
            on_the_way.append((now_ms + 45, near, bytes(far.packet[:length])))
        for due, to, data in list(on_the_way):
            if due == now_ms:
                assert feed(to, data, far_now_ms if to is far else now_ms)
                on_the_way.remove((due, to, data))
    assert near.round_trip_ms == pytest.approx(75, abs=1)
    assert far.round_trip_ms == pytest.approx(75, abs=1)
    assert near.peer_delay_ms == far.peer_delay_ms == 60


def test_the_round_trip_is_the_mean_and_one_that_is_negative_or_absurd_does_not_spoil_it() -> None:
    _, rtcp = made()

    def learn(trip_ms: int) -> None:
        last = (10_000 - 500 - trip_ms) * 65536 // 1000 & 0xFFFFFFFF
        feed(rtcp, packets.receiver_report(THEIRS, packets.block(OURS, last, 500 * 65536 // 1000)), 10_000)

    learn(100)
    assert rtcp.round_trip_ms in (99, 100)
    learn(200)
    assert rtcp.round_trip_ms in (149, 150)
    learn(60_000)
    assert rtcp.round_trip_ms in (149, 150)
    learn(-1)  # its clock is coarser than ours: no time at all
    assert rtcp.round_trip_ms in (99, 100)


def test_what_is_said_of_others_is_not_ours() -> None:
    _, rtcp = made()
    about_another = packets.receiver_report(THEIRS, packets.block(0x99999999, 1, 1))
    assert feed(rtcp, about_another + packets.voip_metrics(THEIRS, 0x99999999, 10, 70), 10_000)
    assert (rtcp.round_trip_ms, rtcp.peer_delay_ms) == (0, 0)


# What is no RTCP

GOOD = packets.sender_report(THEIRS, 5 << 32, packets.block(OURS, 9, 9)) + packets.description(THEIRS, b"name@host")
EXTENDED = GOOD + packets.voip_metrics(THEIRS, OURS, 20, 70) + packets.goodbye(THEIRS)
BAD = {
    "nothing": b"",
    "four bytes": b"\x80\xc9\0\0",
    "no multiple of four": GOOD + b"\0",
    "another version": bytes([GOOD[0] & 0x3F | 0x40]) + GOOD[1:],
    "description first": packets.description(THEIRS, b"name"),
    "padding in the first": bytes([GOOD[0] | 0x20]) + GOOD[1:],
    "padding in the middle": GOOD + packets.packet(204, 0, bytes(8), padding=True) + packets.goodbye(THEIRS),
    "a length beyond the end": GOOD[:-4],
    "a length short of the end": GOOD + bytes(4),
    "too long": GOOD + packets.packet(204, 0, bytes(MAX_PACKET_BYTES - len(GOOD))),
    "a report without a sender": b"\x80\xc9\0\0" + packets.goodbye(THEIRS),
}


def state_of(rtcp: Rtcp) -> dict[str, Any]:
    return {name: value for name, value in vars(rtcp).items() if not callable(value) and name != "_stream"}


@pytest.mark.parametrize("what", BAD)
def test_what_rfc_3550_drops_changes_nothing(what: str) -> None:
    stream, rtcp = made()
    stream.hear("....")
    before = state_of(rtcp)
    assert not feed(rtcp, BAD[what], 5000)
    assert state_of(rtcp) == before


@pytest.mark.parametrize(
    "more",
    [b"", packets.packet(204, 0, b"\0\0\0\0APP!"), packets.packet(205, 1, bytes(8)),
        packets.packet(207, 0, bytes(4) + bytes((7, 0, 0, 8)) + bytes(4)),
     packets.packet(207, 0, bytes(4) + bytes((1, 0, 255, 255)) + bytes(4)), packets.goodbye(),
     packets.packet(203, 31, bytes(4)), packets.packet(200, 31, bytes(4)), packets.packet(201, 31, bytes(8)),
     packets.packet(204, 0, bytes(4), padding=True)],
)  # fmt: skip
def test_packets_that_promise_more_than_they_hold_or_that_we_do_not_know_are_passed_over(more: bytes) -> None:
    stream, rtcp = made()
    stream.hear("....")
    assert feed(rtcp, GOOD + more, 5000)


@given(st.binary(max_size=200))
def test_any_bytes_are_taken_or_not_and_nothing_else(data: bytes) -> None:
    _, rtcp = made()
    assert feed(rtcp, data, 1000) in (True, False)


def mutants(seed: int, count: int) -> list[bytes]:
    chance = random.Random(f"rtcp/{seed}")
    found = []
    for _ in range(count):
        data = EXTENDED
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = chance.choice(BYTE_WAYS)(data, [GOOD, EXTENDED], chance)
        found.append(data[: len(data) & ~3] if chance.random() < 0.7 else data)
    return found


SCRIPT = """
import sys
from binascii import unhexlify
from adapter.media.quality import Bursts
from adapter.media.rtcp import Rtcp
class Reception:
    peer_ssrc, first, highest, source_received, received, lost = 0x22222222, 1, 9, 8, 8, 1
    jitter = jitter_max = 100
class Buffer:
    discarded, delay_ms, delay_max_ms = 0, 40, 60
class Stream:
    ssrc, sent, sent_octets, timestamp_ms, ptime_ms = 0x11111111, 9, 1440, 0, 20
    reception, buffer, packet = Reception, Buffer, (1440).to_bytes(8, "big")
stream = Stream()
stream.bursts = Bursts()
for played in range(9):
    stream.bursts.packet(played != 4)
for line in sys.stdin:
    data = unhexlify(line.strip())
    rtcp = Rtcp(stream, lambda n: bytes(n))
    took = rtcp.feed(bytearray(data), len(data), 5000)
    length = rtcp.close(7000)
    print(took, rtcp.round_trip_ms, rtcp.peer_delay_ms, bytes(rtcp.packet[:length]).hex())
"""


def test_both_interpreters_make_the_same_of_every_mutant(micropython: RunMicroPython) -> None:
    told = mutants(SEED, 1500)
    printed = micropython(SCRIPT, stdin="".join(data.hex() + "\n" for data in told)).splitlines()
    taken = 0
    for data, line in zip(told, printed, strict=True):
        stream = CountedStream()
        stream.hear("....x....")
        stream.speak(9, 0)
        stream.reception.jitter = stream.reception.jitter_max = 100
        rtcp = Rtcp(stream, bytes)
        took = rtcp.feed(bytearray(data), len(data), 5000)
        length = rtcp.close(7000)
        assert line == f"{took} {rtcp.round_trip_ms} {rtcp.peer_delay_ms} {bytes(rtcp.packet[:length]).hex()}"
        packets.parse(bytes(rtcp.packet[:length]))
        taken += took
    assert 100 < taken < 1400
