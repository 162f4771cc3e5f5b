"""How fast a delta becomes an image: on MicroPython against hash and flash write, on this host against detools."""

from __future__ import annotations

import io
from hashlib import sha256

from tools.bench.delta_size import can_compare
from tools.bench.minor_release import ImagePair
from tools.bench.on_micropython import readings
from tools.bench.ratio import Ratio, measure, ratio_of
from tools.release.delta import apply_delta, make_delta

_REPEATED = 3

_SCRIPT = """
import gc, time
from binascii import unhexlify
from hashlib import sha256
from adapter.update.delta import DeltaApplier
from adapter.update.slot_writer import SlotWriter
from ports.unix.inflate import Inflater
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
    names = [(len(data), sha256(data).hexdigest()) for data in (pair.base, pair.image)]
    files = {"delta": delta, "image": pair.image}
    pairs = readings(_SCRIPT, rounds, files, {"names": names}, slot_a=pair.base)
    return ratio_of(f"delta to slot ({pair.name})", "whole image to slot", [(ours, whole) for ours, whole in pairs])


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
