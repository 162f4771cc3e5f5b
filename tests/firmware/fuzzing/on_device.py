"""Runs under MicroPython: reads a fixture and mutants from standard input, prints what the firmware makes of each.

Input: blobs, each behind its length u32, big-endian: the serial number, the time (text), "first_root" and each of
KINDS, the delta's base and image; then for each mutant its kind (text) and its bytes. Output: a line each, its result
and the milliseconds it took.
"""

import gc
import sys
import time
from hashlib import sha256

from adapter.update.delta import DeltaApplier
from adapter.update.errors import DeltaError
from ports.unix.inflate import Inflater
from protocol.wire.errors import WireError
from protocol.wire.image import ImageHeader
from tests.firmware.fuzzing.acceptance import KINDS, Bench


def read_blob():
    """The next blob, None at the end."""
    head = sys.stdin.buffer.read(4)
    if len(head) < 4:
        return None
    return sys.stdin.buffer.read(int.from_bytes(head, "big"))


def main():
    """Prints a line for each mutant."""
    serial, now_s = read_blob().decode(), int(read_blob().decode())
    files = {"first_root": read_blob()}
    for name in KINDS:
        files[name] = read_blob()
    base, image = read_blob(), read_blob()
    bench = Bench(files, serial, now_s)
    while True:
        kind = read_blob()
        if kind is None:
            return
        data = read_blob()
        gc.collect()
        started_ms = time.ticks_ms()
        try:
            found = outcome(bench, base, image, kind.decode(), data)
        except Exception as error:
            found = f"raised {error!r}"
        print(f"{time.ticks_diff(time.ticks_ms(), started_ms)} {found}")


def outcome(bench, base, image, kind, data):
    """One word, or what was raised."""
    if kind == "delta":
        return make(base, image, data)
    if kind == "image":
        try:
            ImageHeader.unpack(data).refusal("simulated", 2, 6)
        except WireError:
            return "WireError"
        return "accepted"
    return bench.outcome(kind, data)


def make(base, image, delta):
    """What a delta comes to."""
    out = bytearray()

    def read_base(offset, buffer):
        if offset < 0 or offset + len(buffer) > len(base):
            raise AssertionError("read outside the base")
        buffer[:] = base[offset : offset + len(buffer)]

    names = [(len(each), sha256(each).digest()) for each in (base, image)]
    applier = DeltaApplier(names[0], names[1], read_base, out.extend, Inflater())
    try:
        for at in range(0, len(delta), 500):
            applier.feed(memoryview(delta)[at : at + 500])
    except DeltaError:
        return "DeltaError"
    return "accepted" if bytes(out) == image else "other bytes"


if __name__ == "__main__":
    main()
