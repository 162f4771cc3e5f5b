"""Speech through a network that loses packets: as the unit conceals it, and with silence in the gaps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from adapter.media.plc import Concealment
from tests.firmware.adapter.media.sounds import source
from tests.firmware.adapter.media.speech import score, spoken
from tests.firmware.adapter.media.virtual_call import Call, Network

# loss -> by how much PESQ has to be above silence substitution (issue LINE, 2)
ABOVE_SILENCE = {0.05: 0.3, 0.10: 0.45}


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
