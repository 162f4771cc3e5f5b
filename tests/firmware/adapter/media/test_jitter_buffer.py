"""When codes are played: in their place or not at all, soon, and never late for long."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.media.jitter_buffer import (
    FRAME_SAMPLES,
    LATE_SAMPLES,
    MAX_DELAY_SAMPLES,
    RING_SAMPLES,
    START_SAMPLES,
    JitterBuffer,
)
from adapter.media.rtp import CLOCK_MASK
from tests.firmware.adapter.media.sounds import source, tone
from tests.firmware.adapter.media.virtual_call import Call, Network


def code(timestamp: int) -> int:
    """The code that belongs there: another one in each millisecond of a while."""
    return (timestamp // 8 * 37 + timestamp % 8) & 0xFF


def packet(timestamp: int, count: int) -> bytes:
    return bytes(code(timestamp + i & CLOCK_MASK) for i in range(count))


def put(buffer: JitterBuffer, timestamp: int, count: int = FRAME_SAMPLES, follows: bool = True) -> None:
    data = packet(timestamp & CLOCK_MASK, count)
    buffer.put(data, 0, len(data), timestamp & CLOCK_MASK, follows)


def play(buffer: JitterBuffer) -> list[int | None]:
    """The next frame's codes, None for what is missing."""
    out: list[int | None] = []
    while len(out) < FRAME_SAMPLES:
        count = buffer.run(len(out), FRAME_SAMPLES - len(out))
        for _ in range(abs(count)):
            at = (buffer.play + len(out)) % RING_SAMPLES
            out.append(buffer.ring[at] if count > 0 else None)
    buffer.advance(FRAME_SAMPLES)
    return out


@pytest.mark.parametrize("count", [40, 80, 160, 240, 480])
@pytest.mark.parametrize("start", [0, 5, CLOCK_MASK - 700])
def test_packets_of_any_length_are_played_in_order_over_the_wrap_of_the_clock(count: int, start: int) -> None:
    buffer = JitterBuffer()
    played: list[int | None] = []
    sent = start
    for frame in range(40):
        while sent - start < (frame + 1) * FRAME_SAMPLES:
            put(buffer, sent, count)
            sent += count
        played += play(buffer)
    assert played[:START_SAMPLES] == [None] * START_SAMPLES
    assert played[START_SAMPLES:] == list(packet(start, len(played) - START_SAMPLES))
    assert (buffer.late, buffer.discarded) == (0, 0)


arrivals = st.lists(
    st.tuples(st.integers(0, 60), st.sampled_from([80, 160, 240]), st.integers(0, 5), st.booleans()), max_size=120
)


@settings(max_examples=150, deadline=None)
@given(arrivals, st.integers(0, CLOCK_MASK))
def test_whatever_comes_when_it_will_each_code_is_played_in_its_place_or_not_at_all(
    events: list[tuple[int, int, int, bool]], start: int
) -> None:
    buffer = JitterBuffer()
    anchor = None
    for number, count, frames, follows in events:
        timestamp = start + 80 * number & CLOCK_MASK
        before = buffer.discarded
        put(buffer, timestamp, count, follows)
        if anchor is None or (buffer.play == 0 and buffer.discarded == before + 1):
            anchor = buffer._anchor
        for _ in range(frames):
            place = buffer.play + buffer._anchor
            for i, played in enumerate(play(buffer)):
                assert played is None or played == code(place + i & CLOCK_MASK)
        assert 0 <= buffer.delay_ms <= RING_SAMPLES // 8


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, CLOCK_MASK), st.integers(0, 1500), st.integers(0, 30)), max_size=60))
def test_any_timestamps_and_lengths_are_borne(events: list[tuple[int, int, int]]) -> None:
    buffer = JitterBuffer()
    for timestamp, count, frames in events:
        buffer.put(bytes(count), 0, count, timestamp, False)
        for _ in range(frames):
            play(buffer)
        assert len(buffer.ring) == RING_SAMPLES
        assert abs(buffer.wish()) <= RING_SAMPLES


def test_a_late_packet_moves_the_place_back_at_once_and_is_still_played() -> None:
    buffer = JitterBuffer()
    put(buffer, 0)
    for _ in range(5):  # two frames of silence, the packet, and two that are not there
        play(buffer)
    put(buffer, 160)
    assert (buffer.late, buffer.discarded) == (1, 0)
    assert buffer.run(0, RING_SAMPLES) == -LATE_SAMPLES
    assert play(buffer) == [None] * LATE_SAMPLES
    assert play(buffer) == list(packet(160, 160))


def test_a_late_packet_that_is_one_of_the_past_is_not_played_again() -> None:
    buffer = JitterBuffer()
    for number in (0, 1, 3, 4, 5):
        put(buffer, 160 * number, follows=number != 3)
    for _ in range(6):
        play(buffer)
    put(buffer, 320, follows=False)
    assert (buffer.late, buffer.discarded) == (1, 1)
    assert buffer.wish() < 0  # by and by
    assert play(buffer) == list(packet(640, 160))


def test_a_clock_that_jumps_is_followed_at_the_third_packet() -> None:
    buffer = JitterBuffer()
    for number in range(10):
        put(buffer, 160 * number)
        play(buffer)
    for number in range(4):
        put(buffer, 5_000_000 + 160 * number)
    assert buffer.discarded == 3 - 1 + 1  # the third counts too, though it is played
    heard = [sample for _ in range(4) for sample in play(buffer) if sample is not None]
    assert heard == list(packet(5_000_320, 320))


def test_what_was_waiting_when_the_peer_begins_anew_is_not_played() -> None:
    buffer = JitterBuffer()
    for number in range(8):
        put(buffer, 160 * number)
    buffer.reset()
    put(buffer, 7777)
    assert play(buffer) + play(buffer) == [None] * 320
    assert play(buffer) == list(packet(7777, 160))
    assert play(buffer) == [None] * 160


def test_single_packets_from_elsewhere_move_nothing() -> None:
    buffer = JitterBuffer()
    for number in range(40):
        put(buffer, 160 * number)
        if number % 8 == 7:
            put(buffer, 5_000_000 + 160 * number)
        play(buffer)
    assert (buffer.discarded, buffer.play) == (5, 160 * 40)


def test_after_a_long_silence_the_next_packet_begins_anew() -> None:
    buffer = JitterBuffer()
    put(buffer, 0)
    for _ in range(40):
        play(buffer)
    put(buffer, 160)  # the peer's clock stood still
    assert (buffer.late, buffer.play) == (0, 0)


def test_what_the_peer_did_not_send_is_not_missing() -> None:
    buffer = JitterBuffer()
    put(buffer, 0)
    buffer.pause(160)
    for _ in range(5):
        play(buffer)
    assert buffer.is_quiet(0)
    put(buffer, 160 * 6, follows=True)
    assert buffer.is_quiet(0)
    while buffer.run(0, 160) < 0:
        assert buffer.is_quiet(0)
        play(buffer)
    assert play(buffer) == list(packet(960, 160))
    assert not buffer.is_quiet(0)
    assert buffer.late == 0


# In virtual time, with the whole stream.

SAID = b"".join(bytes(tone(number, 150)) for number in range(1500))  # 30 s


def steady(**network: float) -> Call:
    return Call(SAID, Network(source(5), **network))


@pytest.mark.parametrize("ptime_ms", [10, 20, 30])
@pytest.mark.parametrize("seed", range(3))
def test_jitter_of_40_ms_either_way_adds_at_most_80_ms_and_few_frames_are_late(ptime_ms: int, seed: int) -> None:
    still = Call(SAID[: 320 * 300], Network(source(seed)), ptime_ms=ptime_ms)
    call = Call(SAID, Network(source(seed), 0.0, 40), ptime_ms=ptime_ms)
    buffer = call.ear.buffer
    assert max(call.delays_ms[100:]) - still.delays_ms[-50] <= 80
    assert buffer.late < 0.005 * call.ear.reception.received
    assert buffer.discarded < 0.002 * call.ear.reception.received


@pytest.mark.parametrize("skew", [0.001, -0.001, 0.0002, -0.0002])
def test_clocks_that_run_at_different_speeds_cost_no_frame(skew: float) -> None:
    call = Call(SAID, Network(source(1)), skew=skew)
    assert (call.ear.buffer.late, call.ear.buffer.discarded) == (0, 0)
    assert 15 <= call.ear.buffer.delay_ms <= 50


def test_the_delay_comes_down_slowly_after_a_bad_while() -> None:
    class Storm(Network):
        def arrivals(self, packet: bytes, sent_ms: float) -> list[float]:
            self._jitter_ms = 60 if 5000 < sent_ms < 10000 else 0
            return super().arrivals(packet, sent_ms)

    call = Call(SAID, Storm(source(3)))
    at_10_s, at_12_s, at_28_s = (sum(call.delays_ms[50 * s : 50 * s + 10]) / 10 for s in (10, 12, 28))
    before = call.delays_ms[200]
    assert at_10_s >= before + 20
    assert at_12_s >= at_28_s + 15  # not at once
    assert at_28_s <= before + 5
    assert call.ear.buffer.delay_max_ms * 8 <= MAX_DELAY_SAMPLES


def test_one_packet_that_was_held_up_does_not_keep_the_delay_high() -> None:
    class HeldUp(Network):
        def arrivals(self, packet: bytes, sent_ms: float) -> list[float]:
            return [sent_ms + (150 if sent_ms == 5000 else 50)]

    call = Call(SAID, HeldUp(source(3)))
    assert call.ear.buffer.late == 1
    assert sum(call.delays_ms[-60:-50]) / 10 <= call.delays_ms[200] + 20


def test_a_burst_after_an_outage_is_played_from_where_it_is_worth_it() -> None:
    class Outage(Network):
        def arrivals(self, packet: bytes, sent_ms: float) -> list[float]:
            return [max(sent_ms, 5600 if 5000 < sent_ms < 5600 else 0) + 50]

    call = Call(SAID, Outage(source(3)))
    assert max(call.delays_ms[300:]) <= 50 + 250
    assert sum(call.delays_ms[-60:-50]) / 10 <= call.delays_ms[200] + 25


def test_doubled_packets_change_nothing() -> None:
    class Twice(Network):
        def arrivals(self, packet: bytes, sent_ms: float) -> list[float]:
            return [sent_ms + 50, sent_ms + 50 + 130]

    once, twice = steady(), Call(SAID, Twice(source(5)))
    assert twice.heard == once.heard
    assert (twice.ear.buffer.late, twice.ear.reception.lost) == (0, 0)
