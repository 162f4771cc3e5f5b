"""Rubbish from the network is never more than a packet that is not played, under both interpreters alike."""

from unittest.mock import patch

import pytest

from adapter.media import rtp
from adapter.media.rtp import Reception
from tests.conftest import RunMicroPython
from tests.firmware.adapter.media.stream_fuzz import fuzz

SEED = 20261123
PACKETS = 2500


def test_no_rubbish_raises_or_gets_out_of_bounds_and_both_interpreters_hear_the_same(
    micropython: RunMicroPython,
) -> None:
    digest, faults = fuzz(SEED, PACKETS)
    assert faults == []
    script = f"""
import gc
from tests.firmware.adapter.media.stream_fuzz import fuzz
fuzz(1, 50)
gc.collect()
before = gc.mem_alloc()
digest, faults = fuzz({SEED}, {PACKETS})
gc.collect()
print(digest, len(faults), gc.mem_alloc() - before < 2000)
"""
    assert micropython(script, heap="512K").split() == [digest, "0", "True"]


def test_a_reception_that_trusts_lengths_is_found() -> None:
    accept = Reception.accept

    def trusting(self: Reception, packet: bytes, length: int, now_ms: int) -> int:
        kind: int = accept(self, packet, min(length, len(packet)), now_ms)
        self.stop = length + (self.stop - self.start)
        return kind

    with patch.object(rtp.Reception, "accept", trusting):
        assert fuzz(SEED, 400)[1]


@pytest.mark.parametrize("seed", range(3))
def test_other_seeds(seed: int) -> None:
    assert fuzz(seed, 600)[1] == []
