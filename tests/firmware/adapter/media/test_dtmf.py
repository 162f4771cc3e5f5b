"""Digits as events: what is sent for a key, and what is heard through loss (RFC 4733)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.media import dtmf
from adapter.media.dtmf import Digits
from adapter.media.stream import Stream
from tests.firmware.adapter.media.rtp_judge import Judge
from tests.firmware.adapter.media.sounds import packets, source, tone

EVENT = 101
KEYS = "0123456789*#ABCD"


def pressed(keys: str, down_frames: int, pause_frames: int, ptime_ms: int = 20, tail_frames: int = 20) -> list[bytes]:
    """All packets of a mouth at whose telephone `keys` are pressed one after the other."""
    mouth = Stream("PCMU", ptime_ms, (EVENT, EVENT), source(7))
    out = []
    number = 0
    for key in keys:
        for frame in range(down_frames + pause_frames):
            if frame in (0, down_frames):
                mouth.digit(key, frame == 0)
            out += packets(mouth, tone(number), 20 * number)
            number += 1
    for _ in range(tail_frames):
        out += packets(mouth, tone(number), 20 * number)
        number += 1
    return out


def heard(sent: list[bytes]) -> str:
    ear = Stream("PCMU", 20, (EVENT, EVENT), source(8))
    pcm = bytearray(320)
    for number, packet in enumerate(sent):
        ear.push(packet, len(packet), 20 * number)
        ear.pull(pcm)
    digits: str = ear.digits
    return digits


@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
@pytest.mark.parametrize(("down", "pause"), [(1, 1), (2, 3), (5, 5), (50, 2)])
def test_all_keys_are_sent_as_the_rfc_has_them_and_heard_once_each(ptime_ms: int, down: int, pause: int) -> None:
    sent = pressed(KEYS, down, pause, ptime_ms, tail_frames=100)
    judge = Judge(sent, EVENT)
    assert judge.faults == []
    assert judge.digits == heard(sent) == KEYS
    assert judge.shortest >= 320  # 40 ms, what a receiver needs (Q.24)


def test_the_first_packet_has_the_marker_and_the_end_comes_three_times() -> None:
    events = [packet for packet in pressed("5", 6, 4) if packet[1] & 0x7F == EVENT]
    assert [packet[1] >> 7 for packet in events] == [1, *[0] * 8]
    assert [packet[13] >> 7 for packet in events] == [0] * 6 + [1] * 3
    assert [int.from_bytes(packet[14:16], "big") for packet in events] == [160, 320, 480, 640, 800, 960, *[1120] * 3]
    assert len({packet[4:8] for packet in events}) == 1


def test_a_key_held_for_long_goes_on_in_segments_and_is_one_digit() -> None:
    sent = pressed("9", 1000, 2)
    judge = Judge(sent, EVENT)
    assert judge.faults == []
    assert judge.digits == heard(sent) == "9"
    assert judge.segments == 3  # 20 s, of 8.19 s each


@settings(deadline=None)
@given(lost=st.sets(st.integers(0, 5), max_size=5), ends=st.sets(st.integers(6, 8), max_size=3))
def test_a_digit_is_heard_once_whatever_is_lost_of_it(lost: set[int], ends: set[int]) -> None:
    sent = pressed("44", 6, 6)
    first = next(at for at, packet in enumerate(sent) if packet[1] & 0x7F == EVENT)
    gone = {first + at for at in lost | ends}
    assert heard([packet for at, packet in enumerate(sent) if at not in gone]) == "44"


@settings(deadline=None)
@given(st.permutations(range(9)))
def test_a_digit_whose_packets_come_in_any_order_is_heard_once(order: list[int]) -> None:
    sent = pressed("8", 6, 3)
    first = next(at for at, packet in enumerate(sent) if packet[1] & 0x7F == EVENT)
    mixed = sent[:first] + [sent[first + at] for at in order] + sent[first + 9 :]
    assert heard(mixed) == "8"


def test_the_end_of_a_digit_that_comes_after_the_next_one_began_is_no_digit() -> None:
    sent = pressed("12", 4, 4)
    events = [at for at, packet in enumerate(sent) if packet[1] & 0x7F == EVENT]
    late = sent.pop(events[5])  # an end of the 1
    assert late[12] == 1
    sent.insert(events[8], late)
    assert sent[events[8] - 1][12] == 2
    assert heard(sent) == "12"


@pytest.mark.parametrize(
    ("ended", "marker", "expected"), [(False, False, ""), (True, False, "4"), (False, True, "4"), (True, True, "4")]
)
def test_what_follows_at_once_is_another_digit_if_the_one_before_ended_or_it_has_a_marker(
    ended: bool, marker: bool, expected: str
) -> None:
    digits = Digits()
    assert digits.feed(bytes([4, 10, 0, 160]), 0, 4, 1000, True) == "4"
    assert digits.feed(bytes([4, 10 | ended << 7, 3, 32]), 0, 4, 1000, False) == ""
    assert digits.feed(bytes([4, 10, 0, 160]), 0, 4, 1800, marker) == expected


def test_keys_that_are_none_and_more_than_can_wait_are_left_out() -> None:
    digits = Digits()
    for key in ("", "E", "12", "x"):
        digits.digit(key, True)
    assert not digits.active
    for key in KEYS + "123":
        digits.digit(key, True)
        digits.digit(key, False)
    packet = bytearray(4)
    sent = set()
    while digits.active:
        digits.fill(packet, 0)
        sent.add(packet[0])
    assert sent == set(range(16))


def test_a_peer_that_takes_no_events_gets_sound() -> None:
    mouth = Stream("PCMU", 20, (0, EVENT), source(7))
    mouth.digit("5", True)
    (packet,) = packets(mouth, tone(0), 0)
    assert packet[1] & 0x7F == 0


def test_payloads_that_are_too_short_or_of_other_events_are_no_digits() -> None:
    digits = Digits()
    for payload in (b"", b"\x05\x0a\x00", b"\x10\x0a\x00\xa0", b"\xff\x0a\x00\xa0"):
        assert digits.feed(payload, 0, len(payload), 0, True) == ""


# What the checks above are for: each way to get it wrong is seen.


def without_end(self: Digits, packet: bytearray, at: int) -> None:
    FILL(self, packet, at)
    packet[at + 1] &= 0x7F


def new_timestamp(self: Digits, packet: bytearray, at: int) -> None:
    FILL(self, packet, at)
    self.first = True


FILL = Digits.fill


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [(without_end, "has no end"), (new_timestamp, "has no end")],
)
def test_a_missing_end_and_a_moving_start_are_seen(monkeypatch: pytest.MonkeyPatch, wrong: object, fault: str) -> None:
    monkeypatch.setattr(Digits, "fill", wrong)
    assert any(fault in each for each in Judge(pressed("5", 6, 6), EVENT).faults)


def test_too_few_ends_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dtmf, "_END_PACKETS", 2)
    assert Judge(pressed("5", 6, 6), EVENT).faults == ["digit 5 has 2 ends"]
