"""Caller ID: the message's bytes, its sound as an independent receiver reads it, and nothing allocated on the way."""

from __future__ import annotations

import hashlib
from array import array
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.caller_id import MAX_NAME_CHARACTERS, MAX_NUMBER_CHARACTERS, Fsk, message
from tests.conftest import RunMicroPython
from tools.sim.hearing import Caller, caller, level_dbm0

WAIT_FRAMES = 25
printable = st.text(alphabet=[chr(code) for code in range(32, 127)])


def sent(data: bytes, standard: str = "") -> bytes:
    """The sound of a message, without the wait before it."""
    sender, pcm, out = Fsk(data, standard), bytearray(b"\x55" * 320), b""
    for _ in range(WAIT_FRAMES):
        assert not sender.fill(pcm)
    assert pcm == b"\x55" * 320
    while sender.fill(pcm):
        out += bytes(pcm)
    return out


def test_the_message_byte_by_byte() -> None:
    body = "0108" + b"03240902".hex() + "020a" + b"8005551212".hex() + "0708" + b"JOHN DOE".hex()
    assert message("8005551212", "JOHN DOE", "03240902").hex() == "8020" + body + "84"
    # The rule of the last byte is that of a message seen on a real line: its sum is 0, too.
    seen = bytes.fromhex("0412" + b"09301224".hex() + b"6095551212".hex() + "51")
    assert sum(seen) & 255 == sum(message("8005551212", "JOHN DOE", "03240902")) & 255 == 0


@pytest.mark.parametrize(
    ("number", "name", "when", "shown"),
    [
        ("5551234567", "ADA BAKER", "11230830", Caller("5551234567", "ADA BAKER", "11230830")),
        ("5551234567", "", "", Caller("5551234567")),
        ("anonymous", "Ada", "11230830", Caller(when="11230830", absent="P")),
        ("", "", "", Caller(absent="O")),
        ("+" + "1" * 30, "A" * 30, "x", Caller("1" * MAX_NUMBER_CHARACTERS, "A" * MAX_NAME_CHARACTERS)),
        ("12", "Jörg\n", "", Caller("12", "J?rg?")),
    ],
)  # fmt: skip
@pytest.mark.parametrize("standard", ["", "v23"])
def test_what_a_display_shows(number: str, name: str, when: str, shown: Caller, standard: str) -> None:
    assert caller(sent(message(number, name, when), standard)) == shown


@settings(max_examples=12, deadline=None)
@given(st.text(alphabet="0123456789*#+", min_size=1, max_size=20), printable.filter(lambda text: len(text) <= 15))
def test_any_number_and_name_come_across(number: str, name: str) -> None:
    assert caller(sent(message(number, name, "01010000"))) == Caller(number, name, "01010000")


def test_a_damaged_message_is_not_shown() -> None:
    """The receiver is no rubber stamp."""
    good = message("5551234567", "ADA", "11230830")
    for at in range(len(good)):
        assert caller(sent(good[:at] + bytes([good[at] ^ 4]) + good[at + 1 :])) is None
    assert caller(bytes(16000)) is None


def test_seizure_marks_and_level_are_those_of_the_standard() -> None:
    samples = array("h", sent(message("5551234567", "ADA", "11230830")))
    seizure, marks = samples[:2000], samples[2000:3200]  # 300 bits and 180 bits of 6 2/3 samples
    assert level_dbm0(marks, 1200) == pytest.approx(-13, abs=0.1)
    assert level_dbm0(marks, 2200) < -60
    assert level_dbm0(seizure, 1200) == pytest.approx(level_dbm0(seizure, 2200), abs=1.5)
    assert samples[1] > 0.95 * 5110  # it begins with a space: the sine of 99 degrees, of a mark it were that of 54
    end = round((480 + 10 * (2 + 10 + 12 + 5 + 1)) * 20 / 3)
    assert level_dbm0(samples[end : end + 60], 1200) == pytest.approx(-13, abs=1)  # marks behind it
    assert abs(len(samples) - (480 + 10 * (2 + 10 + 12 + 5 + 1) + 10) * 20 / 3) <= 160
    assert max(abs(after - before) for before, after in pairwise(samples[:160])) < 2 * 5110


BOTH = """
import hashlib, micropython
from adapter.caller_id import Fsk, message
pcm = bytearray(320)
digest = hashlib.sha256()
sender = Fsk(message("5551234567", "ADA BAKER", "11230830"), "")
def frame():
    micropython.heap_lock()
    sounds = sender.fill(pcm)
    micropython.heap_unlock()
    return sounds
for _ in range(200):
    if frame():
        digest.update(pcm)
print(''.join('%02x' % byte for byte in digest.digest()))
"""


def test_micropython_sends_the_same_without_allocating(micropython: RunMicroPython) -> None:
    here = hashlib.sha256(sent(message("5551234567", "ADA BAKER", "11230830"))).hexdigest()
    assert micropython(BOTH).strip() == here
