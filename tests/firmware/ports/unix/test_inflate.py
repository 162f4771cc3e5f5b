"""Deltas on the real MicroPython: its own inflater, in 32 KB of heap, as fast as a unit needs it, whatever comes."""

from __future__ import annotations

import json
import random
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from protocol.wire.delta import HEADER_BYTES
from tests.conftest import RunMicroPython
from tests.firmware.adapter.update.test_delta import blocks_of, full_buffer_delta, images, many_blocks, mutated
from tools.bench.minor_release import pairs
from tools.release.build import build_image
from tools.release.delta import make_delta

HEAP_BYTES = 32 * 1024  # Done-when 4 of the updates: for the applier with its code
FUZZED = 200

# The firmware comes compiled from the image in the heap, as on a unit. Base and image stay files.
SCRIPT = """
import gc, sys, vfs
firmware, base, delta = sys.argv[1:4]
size, free_bytes, cut = [int(text) for text in sys.argv[4:]]
with open(firmware, "rb") as file:
    rom = bytearray(size)
    file.readinto(rom)
vfs.mount(vfs.VfsRom(memoryview(rom)[256:]), "/rom")
sys.path[:] = ["/rom", ".frozen"]
import json, time
from binascii import unhexlify
from hashlib import sha256
import adapter.update.errors
import protocol.wire.image
names = json.loads(sys.stdin.read())
base_name = (names[0][0], unhexlify(names[0][1]))
image_name = (names[1][0], unhexlify(names[1][1]))
base_file = open(base, "rb")
delta_file = open(delta, "rb")
digest = sha256()
count = 0

def read_base(offset, buffer):
    base_file.seek(offset)
    base_file.readinto(buffer)

def write(data):
    global count
    digest.update(data)
    count += len(data)

piece = bytearray(16 if cut else 512)
ballast = []
gc.collect()
if free_bytes:
    while gc.mem_free() > free_bytes:
        ballast.append(bytearray(1024))
        gc.collect()
    gc.collect()
free = gc.mem_free()
from adapter.update.delta import DeltaApplier
from ports.unix.inflate import Inflater
applier = DeltaApplier(base_name, image_name, read_base, write, Inflater())
fed = blocks = 0
started = time.ticks_us()
while not applier.is_whole:
    taken = delta_file.readinto(piece)
    before = applier.resume
    applier.feed(memoryview(piece)[:taken])
    fed += taken
    if cut and applier.resume[1] != before[1]:  # the power goes after each whole block
        blocks += 1
        delta_file.seek(applier.resume[0])
        applier = DeltaApplier(base_name, image_name, read_base, write, Inflater(), applier.resume)
us = time.ticks_diff(time.ticks_us(), started)
gc.collect()
from binascii import hexlify
made = hexlify(digest.digest()).decode()
print(json.dumps({"sha256": made, "written": count, "free": free, "us": us, "blocks": blocks}))
"""


class Unit:
    """Applies deltas on MicroPython with this firmware's own compiled code."""

    def __init__(self, folder: Path, run: RunMicroPython) -> None:
        self._folder = folder
        self._run = run
        self._firmware = folder / "firmware"
        self._firmware.write_bytes(build_image("simulated", "0.0.1", 1, readable=True))

    def apply(self, base: bytes, image: bytes, delta: bytes, free_bytes: int = 0, cut: bool = False) -> dict[str, Any]:
        """`free_bytes` are left of the heap before the applier's code is loaded; 0 for plenty."""
        for name, data in (("base", base), ("delta", delta)):
            (self._folder / name).write_bytes(data)
        names = [(len(data), sha256(data).hexdigest()) for data in (base, image)]
        size = self._firmware.stat().st_size
        printed = self._run(
            SCRIPT, self._firmware, self._folder / "base", self._folder / "delta", size, free_bytes, int(cut),
            stdin=json.dumps(names), heap=f"{size // 1024 + 256}K",
        )  # fmt: skip
        told: dict[str, Any] = json.loads(printed)
        return told


@pytest.fixture
def unit(tmp_path: Path, micropython: RunMicroPython) -> Unit:
    return Unit(tmp_path, micropython)


def test_a_minor_release_is_made_in_32_kb_of_heap(unit: Unit, tmp_path: Path) -> None:
    for pair in pairs(tmp_path / "sources"):
        delta = make_delta(pair.base, pair.image)
        told = unit.apply(pair.base, pair.image, delta, free_bytes=HEAP_BYTES)
        assert told["free"] <= HEAP_BYTES
        assert told["sha256"] == sha256(pair.image).hexdigest()
        assert told["written"] == len(pair.image)
        print(f"\n{pair.name}: {len(delta)} bytes make {len(pair.image)} in {told['us']} us")


def test_after_a_cut_at_every_block_a_fresh_applier_goes_on(unit: Unit) -> None:
    base, image, delta = many_blocks()
    told = unit.apply(base, image, delta, cut=True)
    assert told["sha256"] == sha256(image).hexdigest()
    assert told["blocks"] == len(blocks_of(delta, len(image))) - 1


FUZZ_SCRIPT = """
import json, sys, time
from binascii import unhexlify
from hashlib import sha256
from adapter.update.delta import DeltaApplier
from adapter.update.errors import DeltaError
from ports.unix.inflate import Inflater
base, image, *deltas = [unhexlify(line) for line in sys.stdin.read().split("\\n")]
base_name = (len(base), sha256(base).digest())
image_name = (len(image), sha256(image).digest())
view = memoryview(base)
slot = bytearray()

def read_base(offset, buffer):
    assert 0 <= offset <= len(view) - len(buffer)
    buffer[:] = view[offset : offset + len(buffer)]

ends = {"refused": 0, "made": 0, "wrong": 0, "short": 0}
slowest = 0
for delta in deltas:
    slot = bytearray()
    started = time.ticks_ms()
    applier = DeltaApplier(base_name, image_name, read_base, slot.extend, Inflater())
    try:
        applier.feed(delta)
        end = "short" if not applier.is_whole else "made" if slot == image else "wrong"
    except DeltaError:
        end = "refused"
    assert len(slot) <= len(image)
    ends[end] += 1
    slowest = max(slowest, time.ticks_diff(time.ticks_ms(), started))
print(json.dumps([ends, slowest]))
"""


def test_a_mutated_delta_ends_in_a_delta_error_or_another_hash_and_soon(micropython: RunMicroPython) -> None:
    chance = random.Random(11)
    base, image = images(5, 8)
    delta = make_delta(base, image)
    deltas = [delta, *(mutated(delta, chance) for _ in range(FUZZED))]
    printed = micropython(FUZZ_SCRIPT, stdin="\n".join(data.hex() for data in (base, image, *deltas)), heap="64M")
    ends, slowest_ms = json.loads(printed)
    assert ends["made"]
    assert ends["refused"] > FUZZED // 4, ends
    assert sum(ends.values()) == len(deltas)
    assert slowest_ms < 1000


def test_records_that_end_with_what_was_inflated_are_no_fault(micropython: RunMicroPython) -> None:
    ends, _ = json.loads(micropython(FUZZ_SCRIPT, stdin="\n".join(data.hex() for data in full_buffer_delta())))
    assert ends["made"] == 1, ends


def test_a_block_that_ends_early_does_not_take_bytes_of_the_one_before(unit: Unit) -> None:
    """The inflater's buffer is used again: what it held of a longer block is behind the end of the next."""
    base, image, delta = many_blocks()
    at, made = blocks_of(delta, len(image))[1]
    assert at > HEADER_BYTES
    length = int.from_bytes(delta[at + 2 : at + 4], "big")
    shorter = delta[: at + 2] + (length // 2).to_bytes(2, "big") + delta[at + 4 : at + 5 + length // 2]
    with pytest.raises(AssertionError, match="DeltaError"):
        unit.apply(base, image, shorter + bytes(600))
    assert made
