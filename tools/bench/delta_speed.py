"""How fast a delta becomes an image: on MicroPython against hash and flash write, on this host against detools."""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

from boards import catalogue
from tools.bench.delta_size import can_compare
from tools.bench.minor_release import BOARD, ImagePair
from tools.bench.ratio import Ratio, measure
from tools.release.build import REPOSITORY
from tools.release.delta import apply_delta, make_delta

_TIMEOUT_S = 120
_HEAP = "4M"
_REPEATED = 3

_SCRIPT = """
import gc, json, sys, time
from binascii import unhexlify
from hashlib import sha256
from adapter.update.delta import DeltaApplier
from adapter.update.slot_writer import SlotWriter
from ports.unix.flash import Flash
from ports.unix.inflate import Inflater
facts = json.loads(sys.stdin.read())
partitions = {name: tuple(place) for name, place in facts["partitions"].items()}
flash = Flash(facts["flash"], facts["bytes"], facts["block_bytes"], partitions)
base, other = flash.partition("slot_a"), flash.partition("slot_b")
names = [(length, unhexlify(digest)) for length, digest in facts["names"]]

class Sink:
    def __init__(self):
        self.digest = sha256()
        self._writer = SlotWriter(other, names[1][0], 0)

    def write(self, data):
        self.digest.update(data)
        self._writer.write(data)

def timed(path, feed_of):
    gc.collect()
    sink = Sink()
    feed = feed_of(sink)
    buffer = memoryview(bytearray(512))
    started = time.ticks_us()
    with open(path, "rb") as file:
        while True:
            taken = file.readinto(buffer)
            if not taken:
                break
            feed(buffer[:taken])
    us = time.ticks_diff(time.ticks_us(), started)
    assert sink.digest.digest() == names[1][1]
    return us

def by_delta(sink):
    return DeltaApplier(names[0], names[1], base.readinto, sink.write, Inflater()).feed

def by_image(sink):
    return sink.write

for _ in range(facts["rounds"] + 1):  # the first one warms up
    print(timed(facts["delta"], by_delta), timed(facts["image"], by_image))
"""


def run(pair: ImagePair, rounds: int) -> list[Ratio]:
    """The pair's image from its delta, against the whole image; and against detools where it is installed."""
    delta = make_delta(pair.base, pair.image)
    ratios = [_on_micropython(pair, delta, rounds)]
    if can_compare():
        ratios.append(_on_this_host(pair, delta, rounds))
    return ratios


def _on_micropython(pair: ImagePair, delta: bytes, rounds: int) -> Ratio:
    board = catalogue.load(BOARD)
    slot = board.flash.partitions["slot_a"].offset
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        for name, data in (("delta", delta), ("image", pair.image), ("script.py", _SCRIPT.encode())):
            (folder / name).write_bytes(data)
        blank = b"\xff" * board.flash.bytes
        (folder / "flash").write_bytes(blank[:slot] + pair.base + blank[slot + len(pair.base) :])
        facts = {
            "flash": str(folder / "flash"), "bytes": board.flash.bytes, "block_bytes": board.flash.block_bytes,
            "partitions": {name: (part.offset, part.bytes) for name, part in board.flash.partitions.items()},
            "names": [(len(data), sha256(data).hexdigest()) for data in (pair.base, pair.image)],
            "delta": str(folder / "delta"), "image": str(folder / "image"), "rounds": rounds,
        }  # fmt: skip
        done = subprocess.run(
            [_micropython(), "-X", f"heapsize={_HEAP}", str(folder / "script.py")],
            input=json.dumps(facts), capture_output=True, check=True, text=True, timeout=_TIMEOUT_S,
            env={**os.environ, "MICROPYPATH": f"{REPOSITORY}:{REPOSITORY / 'firmware'}:.frozen"},
        )  # fmt: skip
    readings = [[int(text) for text in line.split()] for line in done.stdout.splitlines()[1:]]
    return Ratio(
        subject=f"delta to slot ({pair.name})",
        reference="whole image to slot",
        subject_us=statistics.median(ours for ours, _ in readings),
        reference_us=statistics.median(whole for _, whole in readings),
        ratio=statistics.median(ours / whole for ours, whole in readings),
        rounds=rounds,
    )


def _on_this_host(pair: ImagePair, delta: bytes, rounds: int) -> Ratio:
    import detools  # noqa: PLC0415 not installed everywhere, see can_compare

    patch = io.BytesIO()
    detools.create_patch(io.BytesIO(pair.base), io.BytesIO(pair.image), patch, compression="heatshrink")

    def ours() -> None:
        for _ in range(_REPEATED):
            apply_delta(pair.base, delta)

    def theirs() -> None:
        for _ in range(_REPEATED):
            patch.seek(0)
            detools.apply_patch(io.BytesIO(pair.base), patch, io.BytesIO())

    return measure(f"apply here ({pair.name})", ours, "detools, heatshrink", theirs, _REPEATED, rounds)


def _micropython() -> str:
    beside = Path(sys.executable).parent / "micropython"
    return str(beside) if beside.exists() else shutil.which("micropython") or "micropython"
