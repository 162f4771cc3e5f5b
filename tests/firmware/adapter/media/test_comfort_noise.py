"""Comfort noise is as loud as the peer says, and random enough not to hum (RFC 3389)."""

import math
from array import array

import pytest

from adapter.media.comfort_noise import ComfortNoise
from adapter.media.stream import Stream
from tests.firmware.adapter.media.sounds import rtp, samples, source

SAMPLES = 8000


def noise(level: int) -> list[int]:
    line = array("h", bytes(2 * SAMPLES))
    generator = ComfortNoise()
    generator.feed(bytes([level]), 0, 1)
    for at in range(0, SAMPLES, 160):
        generator.fill(line, at, 160)
    return list(line)


@pytest.mark.parametrize("level", [6, 20, 35, 50, 65])
def test_the_noise_has_the_level_in_db_below_overload(level: int) -> None:
    effective = math.sqrt(sum(sample * sample for sample in noise(level)) / SAMPLES)
    assert 20 * math.log10(32768 / effective) == pytest.approx(level, abs=1.0)


def test_the_loudest_noise_does_not_overflow_and_127_is_silence() -> None:
    assert 30000 < max(noise(0)) <= 32767
    assert set(noise(127)) == {0}


def test_the_noise_does_not_repeat_within_a_second() -> None:
    line = noise(30)
    power = sum(sample * sample for sample in line)
    for lag in (1, 2, 8, 80, 160, 320, 4000):
        assert abs(sum(line[i] * line[i - lag] for i in range(lag, SAMPLES))) < 0.1 * power


def test_a_peer_that_falls_silent_is_not_lost_and_sounds_as_it_says() -> None:
    ear = Stream("PCMU", 20, (0, 0), source(1))
    pcm = bytearray(320)
    heard = []
    for number in range(60):
        if number < 10:
            ear.push(rtp(number, 160 * number, b"\xff" * 160), 172, 20 * number)
        if number in (10, 35):
            ear.push(rtp(10 + number // 20, 160 * number, b"\x28\x00", 13), 14, 20 * number)
        ear.pull(pcm)
        heard.append(max(map(abs, samples(pcm))))
    assert heard[:12] == [0] * 12
    assert all(100 < peak < 800 for peak in heard[13:])  # 40 dB below overload
    assert (ear.concealed, ear.reception.lost) == (0, 0)


def test_an_empty_payload_is_silence() -> None:
    generator = ComfortNoise()
    generator.feed(b"\x10", 0, 1)
    generator.feed(b"", 0, 0)
    assert generator.level == 127
