"""The keys of a tone telephone, heard by machine code under MicroPython: what Q.24 asks for, and what is no key."""

import json

import pytest

from tests.conftest import RunMicroPython

SCRIPT = """
import json, math, struct, sys
from ports.hardware.keypad import Keypad
def windows(tones, count, noise, after):
    seed = 12345
    for window in range(count):
        pcm = bytearray(320)
        for index in range(160):
            t = (window * 160 + index) / 8000
            value = 0
            if t >= after / 1000:
                value = sum([height * math.sin(2 * math.pi * hz * t) for hz, height in tones])
            seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
            value += (seed >> 8) % (2 * noise + 1) - noise
            struct.pack_into("<h", pcm, 2 * index, max(-32768, min(32767, int(value))))
        yield pcm
for case in json.loads(sys.stdin.read()):
    keypad, heard = Keypad(), []
    for pcm in windows(*case):
        keypad.feed(pcm)
        if not heard or heard[-1] != keypad.down:
            heard.append(keypad.down)
    print(json.dumps([key for key in heard if key]))
"""
KEYS = "123A456B789C*0#D"
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
# A tone of 1000 is -27 dBm0, one of 16,000 -3 dBm0.
FIVE = [[770, 4000], [1336, 4000]]


def heard(micropython: RunMicroPython, cases: list[tuple[object, int, int, float]]) -> list[list[str]]:
    """The keys of each case: tones (Hz, peak), windows of 20 ms, noise's peak, ms of silence before."""
    return [json.loads(line) for line in micropython(SCRIPT, stdin=json.dumps(cases)).splitlines()]


@pytest.mark.parametrize("peak", [1000, 16_000])
def test_every_key_is_heard_from_24_db_below_to_full_level(micropython: RunMicroPython, peak: int) -> None:
    cases = [([[low, peak], [high, peak]], 3, 0, 0.0) for low in LOW for high in HIGH]
    assert heard(micropython, cases) == [[key] for key in KEYS]


def test_a_key_is_heard_in_spite_of_twist_drift_noise_and_a_late_begin(micropython: RunMicroPython) -> None:
    cases: list[tuple[object, int, int, float]] = [
        ([[770, 4000], [1336, 2000]], 3, 0, 0.0),  # 6 dB apart (Q.24: 4 to 8)
        ([[770, 2000], [1336, 4000]], 3, 0, 0.0),
        ([[770 * 1.015, 4000], [1336 * 1.015, 4000]], 3, 0, 0.0),  # Q.24: 1.5 % off at least
        ([[770 * 0.985, 4000], [1336 * 0.985, 4000]], 3, 0, 0.0),
        (FIVE, 5, 1500, 0.0),
        (FIVE, 5, 0, 13.0),
    ]
    assert heard(micropython, cases) == [["5"]] * len(cases)


def test_what_is_no_key_is_none(micropython: RunMicroPython) -> None:
    cases: list[tuple[object, int, int, float]] = [
        ([], 50, 8000, 0.0),
        ([[350, 4000], [440, 4000]], 20, 0, 0.0),  # dial tone
        ([[480, 4000], [620, 4000]], 20, 0, 0.0),  # busy tone
        ([[770, 9000]], 10, 0, 0.0),
        ([[770, 4000], [852, 4000], [1336, 4000]], 10, 0, 0.0),
        ([[770, 8000], [1336, 2000]], 10, 0, 0.0),  # 12 dB apart
        ([[770 * 1.04, 4000], [1336 * 1.04, 4000]], 10, 0, 0.0),  # Q.24: 3.5 % off is none
        ([*FIVE, [300, 6000], [2200, 6000]], 10, 0, 0.0),  # a voice that has both tones in it
        (FIVE, 1, 0, 0.0),  # 20 ms
    ]
    assert heard(micropython, cases) == [[]] * len(cases)


def test_a_window_allocates_nothing(micropython: RunMicroPython) -> None:
    script = (
        "import micropython\nfrom ports.hardware.keypad import Keypad\nkeypad, pcm = Keypad(), bytearray(320)\n"
        "keypad.feed(pcm)\nmicropython.heap_lock()\nkeypad.feed(pcm)\nmicropython.heap_unlock()\nprint('none')"
    )
    assert micropython(script).strip() == "none"
