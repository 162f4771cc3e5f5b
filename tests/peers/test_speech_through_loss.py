"""One call live: speech through a network that loses one packet in twenty, as it is heard at the telephone, by PESQ."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from adapter.media.samples_plain import encode
from tests.firmware.adapter.media.speech import missing, score, spoken
from tests.peers.far_end import FarEnd, samples_of
from tests.peers.kamailio import Kamailio
from tests.peers.relay import Relay, Weather
from tests.peers.sipp import Sipp, sdp
from tests.peers.test_calls import ANSWERS
from tests.peers.unit import Unit

WEATHER = Weather(loss=0.05, delay_ms=30.0, jitter_ms=5.0)
SEED = 3
VOICE = "en-gb-scotland+m3"
LEAST_ABOVE_SILENCE = 0.3
_FRAME_BYTES = 320
_CALLS = 3  # a host that stands still for a moment is no fault of the unit's


def in_mu_law(pcm: bytes) -> bytes:
    codes = bytearray(len(pcm) // 2)
    encode(pcm, 0, len(codes), 0, codes, 0)
    return bytes(codes)


def with_silence(frames: int, passed: dict[int, bytes]) -> bytes:
    """What an ear would hear that puts silence where a packet is missing."""
    out = b""
    for number in range(frames):
        payload = passed.get(number, b"\xff" * 160)
        out += b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples_of(payload, 0))
    return out


def heard_in_a_call(unit: Unit, folder: Path, said: bytes) -> tuple[bytes, dict[int, bytes], dict[str, Any]]:
    """What the handset heard while a far end spoke through the relay, the packets that were not lost, the record."""
    mark = len(unit.events)
    with (
        FarEnd() as far,
        Relay(far.port, WEATHER, SEED) as relay,
        Sipp(folder, ANSWERS, sdp(relay.near)) as called,
    ):
        unit.dial(called.number)
        unit.wait_media(after=mark)
        far.wait_for(10)
        unit.phone.record()
        far.speak(in_mu_law(said))
        unit.phone.wait_for(lambda: len(unit.phone.recorded()) >= len(said) + 25 * _FRAME_BYTES, 15)
        heard = unit.phone.recorded()
        unit.rest()
        called.finish()
    passed = [packet for packet in relay.passed if packet.source == relay.near and packet.payload_type == 0]
    return heard, {packet.sequence: packet.payload for packet in passed}, unit.record(mark)


@pytest.mark.skipif(bool(missing()) and not os.environ.get("CI"), reason=f"not installed: {missing()}")
def test_speech_through_loss_is_heard_well_above_silence_in_the_gaps(
    kamailio: Kamailio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = spoken(VOICE)
    frames = len(said) // _FRAME_BYTES
    with Unit(tmp_path / "unit", [kamailio], "5209") as unit:
        unit.wait_line("registered")
        for attempt in range(_CALLS):
            heard, passed, record = heard_in_a_call(unit, tmp_path / str(attempt), said)
            ours, silence = score(said, heard), score(said, with_silence(frames, passed))
            assert frames - len(passed) == record["packets_lost"] > frames // 40
            if ours >= silence + LEAST_ABOVE_SILENCE:
                break
    with capsys.disabled():
        print(f"\nlive, {record['packets_lost']} of {frames} packets lost: PESQ {ours:.2f}, with silence {silence:.2f}")
    assert ours >= silence + LEAST_ABOVE_SILENCE
