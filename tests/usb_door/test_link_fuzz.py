"""A seeded sample of the frames; a million and more by `make soak AREA=warehouse`."""

from __future__ import annotations

import pytest

from tests.usb_door.link_fuzz import MODES, fuzz

SEED = 20261123
FRAMES = 5200  # a mode; 20,000 and more in all

BROKEN = {
    "a token is taken unseen": (
        "reset",
        "from adapter import provisioning_token as t\nt.Challenge.epoch_of = lambda *_: 9",
    ),
    "a reset needs no hand": (
        "locked",
        "from adapter import locked_link as l\nl.LockedLink._reset = lambda self: l.done('ok')",
    ),
    "a locked unit raises": ("locked", "from adapter import locked_link as l\nl._int = lambda data: data[9]"),
    "a reset unit is taken for a bare one": (
        "reset",
        "from adapter import factory as f\nf.RESET, f.BENCH = 9, 0",
    ),
    "a half-provisioned unit is taken for a new one": (
        "half",
        "from adapter import factory as f\nf.BENCH = 3",
    ),
    "what was heard is kept": (
        "locked",
        "from protocol.wire import link as l\nkept, feed = [], l.FrameReader.feed\n"
        "def keep(self, data):\n    kept.append(bytes(data))\n    return feed(self, data)\nl.FrameReader.feed = keep",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_no_frame_makes_a_unit_raise_grow_or_take_what_it_must_not(mode: str) -> None:
    found = fuzz(mode, SEED, FRAMES)
    assert not found.fault
    assert found.frames == FRAMES
    assert found.answers > FRAMES // 2


@pytest.mark.parametrize("way", BROKEN)
def test_the_fuzzing_finds_a_link_that_is_got_wrong(way: str) -> None:
    mode, broken = BROKEN[way]
    assert fuzz(mode, SEED, 2000, broken).fault
