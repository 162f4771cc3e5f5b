"""Makes the delta that turns one image into another (docs/delta.md), and tries it before it is given away.

The same two images give the same bytes. Several parses are tried, and for each block several ways to deflate
it; the smallest is taken.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from hashlib import sha256

from protocol.wire import delta as wire
from protocol.wire.errors import WireError
from tools.release.delta_parse import CHANGE, COPY, INSERT, Costs, Parser, Run, difference, learned
from tools.release.errors import ReleaseError

PARSES = 4  # each with the costs learned from the one before; more of them gain nothing
_HOPELESS_PART = 2  # a delta of more than one part in so many of its image is no use; no time is spent on it
_STRATEGIES = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FILTERED, zlib.Z_FIXED)
_BEST_LEVEL = 9
_MOST_WINDOW_BITS = 11  # with 12 a delta is 0.8 % shorter, and units whose heap is in pieces have no 4 KB for a window
_BEST_MEMORY_LEVEL = 9


class DeltaFaultError(ReleaseError):
    """A delta that does not make its image."""


def make_delta(base: bytes, image: bytes) -> bytes:
    """The delta from `base` to `image`, both whole with their headers; WireError if one is empty or too long."""
    header = wire.pack_header((len(base), sha256(base).digest()), (len(image), sha256(image).digest()))
    parser = Parser(base, image)
    costs = Costs()
    bodies = []
    for _ in range(PARSES):
        runs = parser.parse(costs)
        bodies.append(_body(base, image, runs))
        if len(bodies[0]) * _HOPELESS_PART > len(image):
            break
        costs = learned(base, image, runs)
    delta = bytes(header) + min(bodies, key=len)
    if apply_delta(base, delta) != image:
        raise DeltaFaultError("the delta does not make its image; this is a fault in tools/release/delta.py")
    return delta


def apply_delta(base: bytes, delta: bytes) -> bytes:
    """The image; DeltaFaultError if `delta` is none from `base`. In memory, unlike the unit's own way."""
    try:
        named_base, named_image = wire.unpack_header(delta[: wire.HEADER_BYTES].ljust(wire.HEADER_BYTES, b"\0"))
        if named_base != (len(base), sha256(base).digest()):
            raise DeltaFaultError("the delta is of another base")
        image = bytearray()
        at = wire.HEADER_BYTES
        while at < len(delta):
            head = delta[at : at + wire.BLOCK_HEAD_BYTES]
            made, deflated, window_bits = wire.unpack_block_head(head, named_image[0] - len(image))
            at += wire.BLOCK_HEAD_BYTES + deflated
            records = zlib.decompress(delta[at - deflated : at], -window_bits)
            image += _made(base, records, len(image), made)
    except (WireError, zlib.error, IndexError) as error:
        raise DeltaFaultError(f"the delta is damaged: {error}") from error
    if named_image != (len(image), sha256(image).digest()):
        raise DeltaFaultError("the delta makes another image than it names")
    return bytes(image)


def _made(base: bytes, records: bytes, source: int, size: int) -> bytes:
    """What a block's records make, the first one jumping from `source`."""
    out = bytearray()
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            at += 1
            value |= (records[at - 1] & 127) << shift
            if records[at - 1] < 128:
                return value
            shift += 7

    while len(out) < size:
        jump = number()
        source += -(jump + 1 >> 1) if jump & 1 else jump >> 1
        while True:
            copied = number()
            changed = number()
            out += base[source : source + copied]
            source += copied
            if not changed:
                break
            out += bytes(map(_added, base[source : source + changed], records[at : at + changed]))
            source += changed
            at += changed
        inserted = number()
        out += records[at : at + inserted]
        at += inserted
    return bytes(out)


def _added(old: int, change: int) -> int:
    return (old + change) & 255


def _body(base: bytes, image: bytes, runs: Sequence[Run]) -> bytes:
    """All blocks; each the longest that fits the format's bounds."""
    body = b""
    begin = 0
    while begin < len(image):
        size = min(wire.MAX_BLOCK_IMAGE_BYTES, len(image) - begin)
        while True:
            records, copies = _records(base, image, _clipped(runs, begin, begin + size))
            deflated, window_bits = _deflated(records)
            excess = max(len(deflated) / wire.MAX_DEFLATED_BYTES, copies / wire.MAX_BLOCK_COPIES)
            if excess <= 1:
                break
            if size <= wire.BLOCK_UNIT_BYTES:  # many short copies may be longer than the bytes themselves
                deflated, window_bits = _deflated(_records(base, image, [Run(begin, begin + size, INSERT, 0)])[0])
                break
            units = int(size / excess) // wire.BLOCK_UNIT_BYTES
            # At least one unit less than before, for the estimate may be as long.
            units = min(units, (size - 1) // wire.BLOCK_UNIT_BYTES)
            size = max(units, 1) * wire.BLOCK_UNIT_BYTES
        body += bytes(wire.pack_block_head(size, len(deflated), window_bits)) + deflated
        begin += size
    return body


def _clipped(runs: Sequence[Run], begin: int, end: int) -> list[Run]:
    """What of `runs` lies between the two positions in the image."""
    return [
        Run(max(run.begin, begin), min(run.end, end), run.kind, run.shift)
        for run in runs
        if run.begin < end and run.end > begin
    ]


def _records(base: bytes, image: bytes, runs: Sequence[Run]) -> tuple[bytes, int]:
    """The runs of a block as its records, and how many copies there are, empty ones too."""
    out = bytearray()
    copies = 0
    source = runs[0].begin
    left = list(reversed(runs))

    def goes_on(kind: int) -> bool:
        return bool(left) and left[-1].kind == kind and left[-1].begin + left[-1].shift == source

    while left:
        jump = left[-1].begin + left[-1].shift - source if left[-1].kind != INSERT else 0
        out += _number(2 * jump if jump >= 0 else -2 * jump - 1)
        source += jump
        changed = True
        while changed:
            copies += 1
            copied = left.pop() if goes_on(COPY) else None
            source += copied.end - copied.begin if copied else 0
            out += _number(copied.end - copied.begin if copied else 0)
            changed = goes_on(CHANGE)
            changes = difference(base, image, left.pop()) if changed else b""
            source += len(changes)
            out += _number(len(changes)) + changes
        inserted = left.pop() if left and left[-1].kind == INSERT else None
        out += _number(inserted.end - inserted.begin) + image[inserted.begin : inserted.end] if inserted else b"\0"
    return bytes(out), copies


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _deflated(records: bytes) -> tuple[bytes, int]:
    """The shortest raw deflate of `records`, and its window in bits."""
    pack = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)  # stored: it refers to nothing, so it needs no window
    ways = [(pack.compress(records) + pack.flush(), wire.MIN_WINDOW_BITS)]
    for window_bits in range(wire.MIN_WINDOW_BITS, _MOST_WINDOW_BITS + 1):
        for strategy in _STRATEGIES:
            pack = zlib.compressobj(_BEST_LEVEL, zlib.DEFLATED, -window_bits, _BEST_MEMORY_LEVEL, strategy)
            ways.append((pack.compress(records) + pack.flush(), window_bits))
    return min(ways, key=lambda way: len(way[0]))
