"""Where the power can go in a flash operation, and what it leaves behind.

| operation | left behind |
|---|---|
| program | the bytes before the cut as they were meant, of the byte at the cut some bits, the rest old |
| program | in the page of 256 bytes at the cut, any of its bits in any order; pages before it whole |
| erase | the first part of the block set and the rest old, or the other way round |
| erase | of the whole block, or of all of it but some bytes, an unstable mix: some of the cleared bits set |

A cut before an operation is the cut at byte 0 of it; a cut after the last one is the end of the run. A program is
cut at every byte, in a slot's data at the first, middle and last one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.firmware.power_cuts.nor_flash import BLOCK_BYTES, ERASED, Operation, digest_of, programmed

PAGE_BYTES = 256  # programmed at once by the flash chips of the boards
SCATTERED_A_PROGRAM = 4
MIXED_AN_ERASE = 4
SLOTS = ("slot_a", "slot_b")


@dataclass(frozen=True, slots=True)
class CutPoint:
    """`blocks` is the flash that the cut leaves, `digest` its digest; `how` names the cut for people."""

    operation: Operation
    how: str
    blocks: list[bytes]
    digest: int


def cuts_of(operation: Operation, chance: random.Random, share: float = 1.0) -> Iterator[CutPoint]:
    """The cut points of `operation`, or that share of them; `chance` picks them and draws the torn bits."""
    yield from _picked(iter((CutPoint(operation, "before", operation.blocks, operation.digest),)), chance, share)
    if operation.data is None:
        yield from _picked(_torn_erases(operation, chance), chance, share)
    else:
        yield from _torn_programs(operation, operation.data, chance, share)


def _picked(cuts: Iterator[CutPoint], chance: random.Random, share: float) -> Iterator[CutPoint]:
    return (cut for cut in cuts if share == 1.0 or chance.random() < share)


def _torn_programs(operation: Operation, data: bytes, chance: random.Random, share: float) -> Iterator[CutPoint]:
    index, inside = divmod(operation.offset, BLOCK_BYTES)
    old = b"".join(operation.blocks[index : index + (inside + len(data) - 1) // BLOCK_BYTES + 1])
    old = old[inside : inside + len(data)]
    for at in _places(operation, len(data)):
        if at and (share == 1.0 or chance.random() < share):
            yield _after_program(operation, "clean", at, data[:at])
        if share < 1.0 and chance.random() >= share:
            continue
        clears = old[at] & ~data[at]
        if clears & clears - 1:  # more than one bit: it can be done in part
            yield _after_program(operation, "torn", at, data[:at] + bytes((_part_cleared(old[at], clears, chance),)))
    for _ in range(SCATTERED_A_PROGRAM):
        if share < 1.0 and chance.random() >= share:
            continue
        at = chance.randrange(len(data))
        start = max(0, at - (operation.offset + at) % PAGE_BYTES)
        stop = min(len(data), start + PAGE_BYTES - (operation.offset + start) % PAGE_BYTES)
        scattered = _some_bits(old[start:stop], data[start:stop], chance)
        yield _after_program(operation, "scattered", at, data[:start] + scattered)


def _places(operation: Operation, length: int) -> list[int]:
    if operation.partition in SLOTS:
        return sorted({0, length // 2, length - 1})
    return list(range(length))


def _part_cleared(old: int, clears: int, chance: random.Random) -> int:
    """`old` with some of the bits of `clears` cleared: neither none nor all of them."""
    while True:
        part = clears & chance.getrandbits(8)
        if part not in (0, clears):
            return old & ~part


def _some_bits(old: bytes, new: bytes, chance: random.Random) -> bytes:
    """`old` with some of the bits cleared that make it `new`."""
    before = int.from_bytes(old, "big")
    mask = chance.getrandbits(8 * len(old))
    return (before & (int.from_bytes(new, "big") | mask)).to_bytes(len(old), "big")


def _after_program(operation: Operation, kind: str, at: int, data: bytes) -> CutPoint:
    return _changed(operation, f"{kind} at byte {at}", programmed(operation.blocks, operation.offset, data))


def _torn_erases(operation: Operation, chance: random.Random) -> Iterator[CutPoint]:
    index = operation.offset // BLOCK_BYTES
    old = operation.blocks[index]
    cuts = {1, PAGE_BYTES, BLOCK_BYTES // 2, BLOCK_BYTES - 1, chance.randrange(1, BLOCK_BYTES)}
    for at in sorted(cuts):
        yield _changed(operation, f"first {at} bytes", [(index, ERASED[:at] + old[at:])])
        yield _changed(operation, f"all but {at} bytes", [(index, old[:at] + ERASED[at:])])
    for _ in range(MIXED_AN_ERASE):
        start, stop = sorted(chance.sample(range(BLOCK_BYTES + 1), 2))
        share = chance.choice((1, 2, 3))  # of 1/2, 3/4 and 7/8 of the bits of the mix are set
        mask = 0
        for _ in range(share):
            mask |= chance.getrandbits(8 * BLOCK_BYTES)
        mixed = (int.from_bytes(old, "big") | mask).to_bytes(BLOCK_BYTES, "big")
        rest = chance.choice((ERASED, mixed, old))
        yield _changed(operation, f"mixed {start} to {stop}", [(index, rest[:start] + mixed[start:stop] + rest[stop:])])


def _changed(operation: Operation, how: str, changes: list[tuple[int, bytes | None]]) -> CutPoint:
    blocks = list(operation.blocks)
    digest = operation.digest
    for index, block in changes:
        assert block is not None, "a program of the uncut run would set bits"
        digest ^= digest_of(index, blocks[index]) ^ digest_of(index, block)
        blocks[index] = block
    return CutPoint(operation, how, blocks, digest)
