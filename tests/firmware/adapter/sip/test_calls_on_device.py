"""Whole calls under the real MicroPython, and what they leave in its heap."""

from pathlib import Path

from tests.conftest import RunMicroPython

SCRIPT = Path(__file__).with_name("calls_on_device.py").read_text()
CALLS = 300
MAX_GROWTH_BYTES = 256


def test_300_calls_in_a_row_leave_the_heap_as_it_was(micropython: RunMicroPython) -> None:
    used = [int(line) for line in micropython(SCRIPT, CALLS).split()]
    assert len(used) == 10
    assert max(used) - used[0] <= MAX_GROWTH_BYTES
