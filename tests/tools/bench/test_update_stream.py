"""An image comes into its slot at no less than half the speed of hash and flash write alone, over TLS too."""

from __future__ import annotations

import pytest

from tools.bench import update_stream
from tools.bench.ratio import MIN_ROUNDS

MAX_TIMES = 2.0
TRIES = 3


def test_streaming_keeps_half_the_speed_of_hash_and_flash_write(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(TRIES):  # the machine may be busy with other tests
        ratios = update_stream.run(MIN_ROUNDS)
        if max(each.ratio for each in ratios) <= MAX_TIMES:
            break
    with capsys.disabled():
        for each in ratios:
            print(f"\n{each.subject}: {each.subject_us / 1000:.0f} ms, {1 / each.ratio:.2f} of its speed alone", end="")
    assert max(each.ratio for each in ratios) <= MAX_TIMES
