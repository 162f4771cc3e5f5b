"""A telephone without a wire, 20 ms at a time."""

from __future__ import annotations

import math
import wave
from array import array
from pathlib import Path

import pytest

from tools.sim.folder import SimulationError
from tools.sim.handset import FRAME_BYTES, Handset, read_wav, write_wav
from tools.sim.hearing import level_dbm0


def played(handset: Handset, ticks: int) -> list[bytes]:
    return [handset.frame() or b"" for _ in range(ticks)]


def sounding(sound: int, ring: int = 0, lamp: int = 0) -> bytes:
    return bytes([ring, lamp, 1, 0]) + bytes([sound, 0]) * 160


def test_down_it_says_so_once_and_lifted_it_speaks_each_tick() -> None:
    handset = Handset()
    assert [bool(frame) for frame in played(handset, 3)] == [True, False, False]
    handset.lift()
    assert [frame[0] for frame in played(handset, 3)] == [1, 1, 1]
    handset.hang_up()
    assert [frame[:1] for frame in played(handset, 3)] == [b"\0", b"", b""]
    handset.reattached()
    assert played(handset, 1)[0][0] == 0


def test_a_key_is_two_tones_and_its_detector_is_a_little_late() -> None:
    handset = Handset()
    handset.lift()
    handset.dial("5")
    assert handset.busy
    frames = played(handset, 12)
    assert not handset.busy
    assert [frame[1] for frame in frames] == [0, 0, 53, 53, 53, 53, 0, 0, 0, 0, 0, 0]
    sound = array("h", b"".join(frame[4:] for frame in frames[:5]))
    assert level_dbm0(sound, 770) == pytest.approx(-11.6, abs=0.3)
    assert level_dbm0(sound, 1336) == pytest.approx(-11.6, abs=0.3)
    assert not any(b"".join(frame[4:] for frame in frames[5:]))
    assert {len(frame) for frame in frames} == {FRAME_BYTES}


def test_a_flash_opens_the_loop_and_a_dial_opens_it_ten_times_a_second() -> None:
    handset = Handset()
    handset.lift()
    handset.flash(100)
    handset.pulse("2")
    assert [frame[0] for frame in played(handset, 18)] == [0] * 5 + [0, 0, 0, 1, 1] * 2 + [1] * 3


def test_what_a_telephone_has_not_is_refused_and_nothing_is_pressed() -> None:
    handset = Handset()
    for wrong in ("1x", "é"):
        with pytest.raises(SimulationError):
            handset.dial(wrong)
    with pytest.raises(SimulationError):
        handset.pulse("*")


def test_speech_goes_out_sample_by_sample_and_hanging_up_ends_it() -> None:
    handset = Handset()
    handset.lift()
    said = bytes(range(256)) * 3
    handset.say(said)
    assert b"".join(frame[4:] for frame in played(handset, 3)) == said.ljust(960, b"\0")
    handset.say(said * 10)
    handset.hang_up()
    assert not handset.busy


def test_the_record_has_every_frame_in_order_and_silence_where_none_came() -> None:
    handset = Handset()
    handset.lift()
    played(handset, 5)
    handset.record()
    for sound in range(1, 11):
        handset.frame()
        handset.heard(sounding(sound))
    played(handset, 10)
    for sound in range(11, 14):
        handset.frame()
        handset.heard(sounding(sound))
    assert handset.recording is not None
    found = [handset.recording[at] for at in range(0, len(handset.recording), 320)]
    assert found == [*range(1, 11), *[0] * 8, 11, 12, 13]


def test_bell_and_lamp_are_told_with_their_times() -> None:
    handset = Handset()
    for tick in range(20):
        handset.frame()
        handset.heard(bytes([5 <= tick < 10 or tick == 15, tick >= 12, 0, 0]) + bytes(320))
    assert [(event.at_ms, event.kind, event.value) for event in handset.events] == [
        (120, "ring", True), (220, "ring", False), (260, "lamp", True), (320, "ring", True), (340, "ring", False),
    ]  # fmt: skip
    assert handset.cadence() == [100, 100, 20]


def test_wav_files_of_a_telephone_and_others(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    write_wav(path, b"\1\2" * 100)
    assert read_wav(path) == b"\1\2" * 100
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes(bytes(400))
    with pytest.raises(SimulationError, match="sox"):
        read_wav(path)
    path.write_bytes(b"RIFF")
    with pytest.raises(SimulationError, match="no WAV file"):
        read_wav(path)


def test_a_calibrated_codec_makes_good_what_the_line_takes() -> None:
    samples = array("h", (round(8000 * math.sin(math.pi * at / 4)) for at in range(160))).tobytes()

    def level(line_gain: int, codec_gain: int) -> float:
        handset = Handset(line_gain)
        handset.heard(bytes([0, 0, 1, codec_gain & 0xFF]) + samples)
        return level_dbm0(array("h", handset.recent(20)), 1000)

    exact = level(0, 0)
    assert abs(level(-7, 0) - (exact - 0.7)) < 0.02
    assert abs(level(-7, 7) - exact) < 0.02
    assert abs(level(25, -25) - exact) < 0.02
