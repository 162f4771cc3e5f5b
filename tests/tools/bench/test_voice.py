"""A full duplex call takes at most 2 % of a core, and no frame of it 2 ms (issue LINE, 3)."""

from __future__ import annotations

import pytest

from tools.bench import voice
from tools.bench.ratio import MIN_ROUNDS

MOST_OF_A_CORE = 0.02


def test_a_call_takes_little_of_a_core_and_no_frame_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    share, _, worst, worst_plain = voice.run(MIN_ROUNDS)
    with capsys.disabled():
        print(f"\na call's frame: {share.subject_us:.0f} us, {share.ratio:.2%} of a core", end="; ")
        print(f"the worst: {worst.subject_us:.0f} us, in plain Python {worst_plain.subject_us:.0f} us")
    assert share.ratio <= MOST_OF_A_CORE
    assert worst.ratio < 1
