"""The telephone's ear: what is a tone and what is not, and at which level."""

from __future__ import annotations

import math
import random
import struct
from array import array

import pytest

from tools.sim.handset import KEYS, key_tone
from tools.sim.hearing import caller, level_dbm0, tones

PEAK_OF_0_DBM0 = 22827


def sine(*frequencies: float, dbm0: float = -13, ms: int = 200) -> bytes:
    peak = PEAK_OF_0_DBM0 * 10 ** (dbm0 / 20)
    count = 8 * ms
    values = [sum(peak * math.sin(2 * math.pi * hz * at / 8000) for hz in frequencies) for at in range(count)]
    return struct.pack(f"<{count}h", *map(round, values))


@pytest.mark.parametrize(
    "wanted", [(350, 440), (440, 480), (480, 620), (425,), (400, 450), (413, 438), (400, 425), (1400, 2060, 2450, 2600)]
)
def test_a_tone_is_told_by_its_frequencies(wanted: tuple[int, ...]) -> None:
    assert tones(sine(*wanted)) == wanted
    assert tones(sine(*wanted, dbm0=-35)) == wanted


def test_neither_silence_nor_noise_nor_speechlike_sound_nor_keys_are_tones() -> None:
    chance = random.Random(5)
    noise = struct.pack("<1600h", *(chance.randrange(-8000, 8000) for _ in range(1600)))
    voice = sine(130, 260, 390, 520, 650, 780)
    keys = [key_tone(key, 200) for key in KEYS]
    for sound in (b"", bytes(400), bytes(3200), noise, voice, sine(425, ms=50), sine(425, dbm0=-45), *keys):
        assert tones(sound) == ()


def test_a_level_is_that_of_the_sine() -> None:
    for dbm0 in (0, -13, -24, -40):
        assert level_dbm0(array("h", sine(1000, dbm0=dbm0)), 1000) == pytest.approx(dbm0, abs=0.1)
    assert level_dbm0(array("h", bytes(1600)), 1000) == -120
    assert level_dbm0(array("h"), 1000) == -120


def test_noise_is_no_caller() -> None:
    chance = random.Random(6)
    for _ in range(3):
        assert caller(struct.pack("<8000h", *(chance.randrange(-8000, 8000) for _ in range(8000)))) is None
    assert caller(b"") is None
    assert caller(sine(1200, ms=1000)) is None
