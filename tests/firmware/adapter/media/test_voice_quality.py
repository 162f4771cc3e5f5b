"""How well speech is heard through loss, by PESQ: three voices, five seeds each, in virtual time."""

import os
from statistics import mean

import pytest

from tests.firmware.adapter.media import speech
from tests.firmware.adapter.media.voice_quality import ABOVE_SILENCE, heard, quality, silence_substitution

SEEDS = range(5)
WELL = {0.05: 3.4, 0.10: 3.0}  # what to aim at, by itself

LACKING = speech.missing()
pytestmark = pytest.mark.skipif(bool(LACKING) and not os.environ.get("CI"), reason=f"not installed: {LACKING}")


@pytest.mark.parametrize("loss", WELL)
def test_concealment_is_heard_above_silence_in_the_gaps(loss: float, capsys: pytest.CaptureFixture[str]) -> None:
    ours = mean(quality(voice, loss, seed) for voice in speech.VOICES for seed in SEEDS)
    with silence_substitution():
        silence = mean(quality(voice, loss, seed) for voice in speech.VOICES for seed in SEEDS)
    with capsys.disabled():
        print(f"\nPESQ at {loss:.0%} loss: {ours:.2f}, with silence in the gaps {silence:.2f}")
    assert ours >= silence + ABOVE_SILENCE[loss]
    assert ours >= WELL[loss]


def test_speech_suffers_little_from_jitter_and_none_is_lost_by_it() -> None:
    calls = [(voice, heard(voice, 0.0, seed, jitter_ms=40)) for voice in speech.VOICES for seed in SEEDS]
    scores = [speech.score(speech.spoken(voice), bytes(call.heard)) for voice, call in calls]
    assert mean(scores) >= mean(quality(voice, 0.0, 0) for voice in speech.VOICES) - 0.3
    assert sum(call.ear.buffer.discarded for _, call in calls) == 0
    assert sum(call.ear.buffer.late for _, call in calls) < 0.005 * sum(call.ear.frames for _, call in calls)
