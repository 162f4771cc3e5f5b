"""Speech through a network that loses packets: as the unit conceals it, and with silence in the gaps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from statistics import mean
from typing import Any
from unittest.mock import patch

from adapter.media.plc import Concealment
from tests.firmware.adapter.media.sounds import source
from tests.firmware.adapter.media.speech import FRAME_BYTES, VOICES, score, spoken
from tests.firmware.adapter.media.virtual_call import Call, Network

# loss -> by how much PESQ has to be above silence substitution (issue LINE, 2; the first two are ours)
ABOVE_SILENCE = {0.01: 0.0, 0.03: 0.15, 0.05: 0.3, 0.10: 0.45}
JITTER_MS = 40
MOST_ADDED_MS = 80
MOST_LATE = 0.005


@contextmanager
def silence_substitution() -> Iterator[None]:
    """Meanwhile a gap is silence."""

    def conceal(self: Any, at: int, count: int, ahead: int) -> None:
        for i in range(at, at + count):
            self.line[i] = 0

    with patch.object(Concealment, "conceal", conceal):
        yield


def heard(voice: str, loss: float, seed: int, jitter_ms: int = 0) -> Call:
    """One call in which `voice` speaks; the seed decides which packets are lost, whoever speaks."""
    return Call(spoken(voice), Network(source(seed), loss, jitter_ms), seed=seed)


def quality(voice: str, loss: float, seed: int, jitter_ms: int = 0) -> float:
    """PESQ of that call."""
    return score(spoken(voice), bytes(heard(voice, loss, seed, jitter_ms).heard))


def compared(seed: int) -> tuple[int, list[str]]:
    """(calls, what was not better than silence by as much as it has to be, the mean of all voices) at each loss."""
    faults = []
    for loss, least in ABOVE_SILENCE.items():
        ours = mean(quality(voice, loss, seed) for voice in VOICES)
        with silence_substitution():
            silence = mean(quality(voice, loss, seed) for voice in VOICES)
        if ours < silence + least:
            faults.append(f"PESQ {ours:.2f} at {loss:.0%} loss, {silence:.2f} with silence")
    return 2 * len(ABOVE_SILENCE) * len(VOICES), faults


def jittered(seed: int) -> tuple[int, list[str]]:
    """(calls, what jitter cost more than it may) for packets of 10, 20 and 30 ms."""
    said = b"".join(spoken(voice) for voice in VOICES)
    faults = []
    for ptime_ms in (10, 20, 30):
        still = Call(said[: FRAME_BYTES * 50], Network(source(seed)), ptime_ms=ptime_ms)
        call = Call(said, Network(source(seed), 0.0, JITTER_MS), ptime_ms=ptime_ms)
        late = call.ear.buffer.late / call.ear.reception.received
        added_ms = max(call.delays_ms) - max(still.delays_ms)
        if late >= MOST_LATE or added_ms > MOST_ADDED_MS:
            faults.append(f"ptime {ptime_ms}: {late:.2%} late, {added_ms:.0f} ms more delay")
    return 3, faults
