"""Made-up sound: goes on where sound ended, fades in time, and meets what comes after the gap."""

import math
from itertools import pairwise

import pytest

from adapter.media.plc import HISTORY, NEXT_SAMPLES, Concealment

FRAME = 160


def wave(at: int, hertz: float, peak: float = 8000.0) -> int:
    return int(peak * (math.sin(2 * math.pi * hertz * at / 8000) + 0.4 * math.sin(4 * math.pi * hertz * at / 8000)))


def spoken(hertz: float, peak: float = 8000.0) -> Concealment:
    """An ear that has heard 100 ms of a steady voice, up to sample 0."""
    ear = Concealment()
    for frame in range(-5, 0):
        ear.shift()
        for i in range(FRAME):
            ear.line[HISTORY + i] = wave(frame * FRAME + i, hertz, peak)
        ear.heard(HISTORY, FRAME)
    return ear


def concealed(ear: Concealment, frames: int) -> list[int]:
    out: list[int] = []
    for _ in range(frames):
        ear.shift()
        ear.conceal(HISTORY, FRAME, 0)
        out += ear.line[HISTORY:]
    return out


@pytest.mark.parametrize("hertz", [70, 100, 150, 220])
def test_a_steady_voice_goes_on_in_phase(hertz: float) -> None:
    made = concealed(spoken(hertz), 1)
    error = sum((made[i] - wave(i, hertz)) ** 2 for i in range(80))
    assert error < 0.04 * sum(wave(i, hertz) ** 2 for i in range(80))


def test_it_is_as_loud_as_before_for_10_ms_and_gone_after_60() -> None:
    ear = spoken(100, 4000.0)
    made = concealed(ear, 4)
    peaks = [max(map(abs, made[at : at + 80])) for at in range(0, 640, 80)]
    assert peaks[0] >= 0.95 * max(abs(wave(i, 100, 4000.0)) for i in range(80))
    assert all(later < earlier for earlier, later in pairwise(peaks[:7]))
    assert peaks[6:] == [0, 0]


def test_a_gap_whose_end_is_known_meets_it_without_a_step() -> None:
    ear = spoken(100)
    for i in range(NEXT_SAMPLES):
        ear.next[i] = wave(FRAME + i + 37, 100)  # the voice has moved on by a part of a period
    ear.shift()
    ear.conceal(HISTORY, FRAME, FRAME)
    made = list(ear.line[HISTORY:])
    expected = [wave(FRAME + i + 37, 100) for i in range(-8, 0)]
    assert max(abs(m - e) for m, e in zip(made[-8:], expected, strict=True)) < 1000
    steps = [abs(b - a) for a, b in zip([wave(-1, 100), *made], [*made, ear.next[0]], strict=True)]
    assert max(steps) < 2 * max(abs(wave(i + 1, 100) - wave(i, 100)) for i in range(80))


@pytest.mark.parametrize("moved", [10, 25, 37, 50, 65])
def test_a_gap_of_two_frames_fades_from_one_side_to_the_other_when_its_end_is_known_at_once(moved: int) -> None:
    ear = spoken(100)
    for i in range(NEXT_SAMPLES):
        ear.next[i] = wave(2 * FRAME + i + moved, 100)
    made = [wave(-1, 100)]
    for ahead in (2 * FRAME, FRAME):
        ear.shift()
        ear.conceal(HISTORY, FRAME, ahead)
        made += ear.line[HISTORY:]
    last = [wave(2 * FRAME + i + moved, 100) for i in range(-8, 0)]
    assert max(abs(m - e) for m, e in zip(made[-8:], last, strict=True)) < 1000
    steepest = max(abs(wave(i + 1, 100) - wave(i, 100)) for i in range(80))
    assert max(abs(b - a) for a, b in pairwise(made)) < 1.2 * steepest


def test_sound_that_comes_again_is_faded_in_and_then_as_it_came() -> None:
    ear = spoken(150)
    concealed(ear, 1)
    ear.shift()
    for i in range(FRAME):
        ear.line[HISTORY + i] = 5000
    before = ear.line[HISTORY - 1]
    ear.heard(HISTORY, FRAME)
    assert abs(ear.line[HISTORY] - before) < 1500  # not 5000 at once
    assert list(ear.line[HISTORY + 32 :]) == [5000] * 128


def test_silence_is_concealed_by_silence() -> None:
    ear = Concealment()
    assert set(concealed(ear, 3)) == {0}
