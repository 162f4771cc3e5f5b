"""The fixture `micropython` runs the real interpreter with the wire in reach, and hides no failure."""

import pytest

from tests.conftest import MicroPythonError, RunMicroPython


def test_script_runs_under_micropython_and_imports_the_wire(micropython: RunMicroPython) -> None:
    script = """
import sys
from protocol.wire.serial_number import make_serial
print(sys.implementation.name, make_serial(1), sys.argv[1:], sys.stdin.read())
"""
    assert micropython(script, "a", 2, stdin="fed") == "micropython PT000000018 ['a', '2'] fed\n"


def test_failing_script_fails_the_test_with_its_traceback(micropython: RunMicroPython) -> None:
    with pytest.raises(MicroPythonError, match="ValueError: no such luck"):
        micropython("raise ValueError('no such luck')")


def test_heap_is_as_small_as_asked(micropython: RunMicroPython) -> None:
    with pytest.raises(MicroPythonError, match="MemoryError"):
        micropython("bytearray(100_000)", heap="64K")
