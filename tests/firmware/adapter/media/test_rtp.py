"""RTP as it comes in: headers, numbers, sources, and what is counted (RFC 3550)."""

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.media.rtp import CLOCK_MASK, Reception, since
from tests.firmware.adapter.media.sounds import rtp

PAYLOAD = bytes(range(160))
PEER, OTHER = 0x11223344, 0x55667788


def take(reception: Reception, packet: bytes, now_ms: int = 0) -> int:
    kind: int = reception.accept(packet, len(packet), now_ms)
    return kind


def numbered(reception: Reception, *numbers: int, ssrc: int = PEER) -> list[int]:
    """The numbers of those packets that were taken."""
    return [number for number in numbers if take(reception, rtp(number, 160 * number, PAYLOAD, ssrc=ssrc)) == 0]


@settings(deadline=None)
@given(
    csrc=st.integers(0, 15), words=st.none() | st.integers(0, 20), padding=st.integers(0, 255),
    payload=st.binary(max_size=200), kind=st.integers(0, 71), marker=st.booleans(), timestamp=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_the_payload_is_found_behind_sources_and_extension_and_before_padding(
    csrc: int, words: int | None, padding: int, payload: bytes, kind: int, marker: bool, timestamp: int
) -> None:
    first = 0x80 | csrc | (0x10 if words is not None else 0) | (0x20 if padding else 0)
    packet = struct.pack(">BBHII", first, kind | marker << 7, 7, timestamp, PEER) + b"CSRC" * csrc
    if words is not None:
        packet += struct.pack(">HH", 0xBEDE, words) + b"EXTN" * words
    packet += payload
    if padding:
        packet += bytes(padding - 1) + bytes([padding])
    reception = Reception()
    assert take(reception, packet) == kind
    assert packet[reception.start : reception.stop] == payload
    assert (reception.marker, reception.timestamp) == (marker, timestamp & CLOCK_MASK)


@settings(deadline=None)
@given(packet=st.binary(max_size=80), length=st.integers(0, 100))
def test_no_bytes_lead_outside_of_the_packet(packet: bytes, length: int) -> None:
    reception = Reception()
    if reception.accept(packet, length, 0) >= 0:
        assert 12 <= reception.start <= reception.stop <= length <= len(packet)


@pytest.mark.parametrize(
    ("what", "packet"),
    [
        ("too short for a header", rtp(1, 1, b"")[:11]),
        ("version 1", b"\x40" + rtp(1, 1, PAYLOAD)[1:]),
        ("sources that are not there", b"\x8f" + rtp(1, 1, b"abc")[1:]),
        ("an extension whose head is not there", b"\x90" + rtp(1, 1, b"abc")[1:]),
        ("an extension longer than the packet", b"\x90" + rtp(1, 1, b"\xbe\xde\x00\x02abcd")[1:]),
        ("padding of no bytes", b"\xa0" + rtp(1, 1, b"abc\x00")[1:]),
        ("padding longer than the payload", b"\xa0" + rtp(1, 1, b"abc\x05")[1:]),
        ("RTCP on the same port", rtp(1, 1, PAYLOAD, 72, True)),
    ],
)
def test_what_is_no_packet_is_not_taken_and_counts_for_nothing(what: str, packet: bytes) -> None:
    reception = Reception()
    assert take(reception, packet) == -1, what
    assert (reception.received, reception.peer_ssrc) == (0, 0)


def test_numbers_are_extended_over_the_wrap_and_loss_is_counted() -> None:
    reception = Reception()
    assert numbered(reception, 65533, 65534, 1, 2, 0) == [65533, 65534, 1, 2, 0]  # 65535 is lost, 0 comes late
    assert (reception.first, reception.highest, reception.received, reception.lost) == (65533, 65538, 5, 1)


@settings(deadline=None)
@given(st.lists(st.integers(-40, 40), max_size=60), st.integers(0, 65535))
def test_any_order_and_any_doubles_are_counted_as_the_set_of_numbers_they_are(steps: list[int], first: int) -> None:
    reception = Reception()
    sent = [first] + [first + n + max(0, step) for n, step in enumerate(steps, 1)]
    taken = numbered(reception, *sent)
    whole = {number for number in sent if number >= first}
    assert sorted(taken) == sorted(set(sent))
    assert reception.highest == max(whole)
    assert reception.lost == max(whole) - first + 1 - len(whole)


def test_a_packet_that_comes_twice_is_taken_once() -> None:
    assert numbered(Reception(), 5, 5, 6, 5, 6, 7) == [5, 6, 7]


def test_a_peer_that_numbers_anew_is_believed_at_the_second_packet_in_a_row() -> None:
    reception = Reception()
    assert numbered(reception, 100, 101, 40000, 102, 103) == [100, 101, 102, 103]  # a stray one
    assert numbered(reception, 50000, 50001, 50002) == [50001, 50002]
    assert (reception.first, reception.highest, reception.lost, reception.received) == (50001, 50002, 0, 6)


def test_another_source_takes_over_after_three_packets_in_a_row_and_a_stray_one_does_not() -> None:
    reception = Reception()
    numbered(reception, 1, 2)
    assert numbered(reception, 900, ssrc=OTHER) == []
    assert numbered(reception, 3, 4) == [3, 4]
    assert numbered(reception, 901, 902, ssrc=OTHER) == []
    assert numbered(reception, 903, 904, ssrc=OTHER) == [903, 904]
    assert (reception.peer_ssrc, reception.source_received, reception.received) == (OTHER, 2, 6)
    assert (reception.first, reception.highest, reception.lost) == (903, 904, 0)


def test_two_sources_that_alternate_do_not_take_turns() -> None:
    reception = Reception()
    for number in range(50):
        assert numbered(reception, number) == [number]
        assert numbered(reception, 7000 + number, ssrc=OTHER) == []


def test_jitter_is_that_of_the_rfc() -> None:
    reception = Reception()
    arrivals_ms = [0, 25, 38, 60, 95, 100]
    expected = transit = 0.0
    for number, at_ms in enumerate(arrivals_ms):
        take(reception, rtp(number, 160 * number, PAYLOAD), at_ms)
        before, transit = transit, 8 * at_ms - 160 * number
        if number:
            expected += (abs(transit - before) - expected) / 16  # A.8
    assert abs(reception.jitter / 16 - expected) < 1
    assert reception.jitter_max >= reception.jitter


def test_a_clock_that_is_set_anew_is_no_jitter() -> None:
    reception = Reception()
    take(reception, rtp(1, 0, PAYLOAD), 0)
    take(reception, rtp(2, 3_000_000, PAYLOAD), 20)
    assert reception.jitter == 0


@settings(deadline=None)
@given(st.integers(0, CLOCK_MASK), st.integers(-(1 << 27), (1 << 27) - 1))
def test_since_is_the_shorter_way_round(start: int, step: int) -> None:
    assert since((start + step) & CLOCK_MASK, start) == step
