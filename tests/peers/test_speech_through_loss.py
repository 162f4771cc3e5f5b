"""One call live: speech through a network that loses one packet in twenty, as it is heard at the telephone, by PESQ."""

from __future__ import annotations

import os
from pathlib import Path

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


@pytest.mark.skipif(bool(missing()) and not os.environ.get("CI"), reason=f"not installed: {missing()}")
def test_speech_through_loss_is_heard_well_above_silence_in_the_gaps(
    kamailio: Kamailio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = spoken(VOICE)
    with (
        FarEnd() as far,
        Relay(far.port, WEATHER, SEED) as relay,
        Unit(tmp_path / "unit", [kamailio]) as unit,
        Sipp(tmp_path, ANSWERS, sdp(relay.near)) as called,
    ):
        unit.wait_line("registered")
        unit.dial(called.number)
        unit.wait_media()
        far.wait_for(10)
        unit.phone.record()
        far.speak(in_mu_law(said))
        unit.phone.wait_for(lambda: len(unit.phone.recorded()) >= len(said) + 25 * _FRAME_BYTES, 15)
        heard = unit.phone.recorded()
        unit.hang_up()
        called.finish()
        record = unit.wait_for("call_record")["call_record"]
    passed = {
        packet.sequence: packet.payload
        for packet in relay.passed
        if packet.source == relay.near and packet.payload_type == 0
    }
    frames = len(said) // _FRAME_BYTES
    ours, silence = score(said, heard), score(said, with_silence(frames, passed))
    with capsys.disabled():
        print(f"\nlive, {record['packets_lost']} of {frames} packets lost: PESQ {ours:.2f}, with silence {silence:.2f}")
    assert ours >= silence + LEAST_ABOVE_SILENCE
    assert frames - len(passed) == record["packets_lost"] > frames // 40
    assert record["packets_discarded"] <= frames // 50  # the host may stand still for a moment
