"""How well speech is heard through loss, by PESQ: three voices, five seeds each, in virtual time."""

from statistics import mean

import pytest

from tests.firmware.adapter.media import speech
from tests.firmware.adapter.media.voice_quality import ABOVE_SILENCE, heard, quality, silence_substitution

SEEDS = range(5)
WELL = {0.05: 3.4, 0.10: 3.0}  # what to aim at, by itself

pytestmark = pytest.mark.skipif(bool(speech.missing()), reason=f"not installed: {speech.missing()}")


@pytest.mark.parametrize("loss", WELL)
def test_concealment_is_heard_above_silence_in_the_gaps(loss: float, record_property: object) -> None:
    ours = mean(quality(voice, loss, seed) for voice in speech.VOICES for seed in SEEDS)
    with silence_substitution():
        silence = mean(quality(voice, loss, seed) for voice in speech.VOICES for seed in SEEDS)
    record_property(f"pesq at {loss:.0%}", f"{ours:.2f}, silence {silence:.2f}")  # type: ignore[operator]
    assert ours >= silence + ABOVE_SILENCE[loss]
    assert ours >= WELL[loss]


def test_speech_suffers_little_from_jitter_and_none_is_lost_by_it() -> None:
    calls = [(voice, heard(voice, 0.0, seed, jitter_ms=40)) for voice in speech.VOICES for seed in SEEDS]
    scores = [speech.score(speech.spoken(voice), bytes(call.heard)) for voice, call in calls]
    assert mean(scores) >= mean(quality(voice, 0.0, 0) for voice in speech.VOICES) - 0.3
    assert sum(call.ear.buffer.discarded for _, call in calls) == 0
    assert sum(call.ear.buffer.late for _, call in calls) < 0.005 * sum(call.ear.frames for _, call in calls)
