"""A board's flash as a row of blocks: cheap to copy, strict about the NOR rule, and it remembers each operation.

A program may only clear bits, an erase sets whole blocks. Blocks are immutable bytes, so a copy of the flash is a
copy of a list, and a state's digest is the XOR of its blocks' digests, kept up to date with every change. Bits are
compared as big integers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from adapter.errors import FlashError
from boards import catalogue
from ports.unix.flash import Partition

BOARD = catalogue.load("simulated")
BLOCK_BYTES = BOARD.flash.block_bytes
PARTITIONS = {name: (part.offset, part.bytes) for name, part in BOARD.flash.partitions.items()}
ERASED = b"\xff" * BLOCK_BYTES


@lru_cache(maxsize=4096)
def digest_of(index: int, block: bytes) -> int:
    """64 bits that stand for `block` at that place."""
    return int.from_bytes(blake2b(block, digest_size=8, salt=index.to_bytes(16, "big")).digest(), "big")


def partition_at(offset: int) -> str:
    """The name of the partition that has the byte `offset` of the flash, "" between two."""
    for name, (start, size) in PARTITIONS.items():
        if start <= offset < start + size:
            return name
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """A program (`data` to `offset`) or the erase of the block at `offset` (`data` None), as it was about to happen.

    `blocks` and `digest` are the flash before it, `mark` is what the recorder's world said then.
    """

    partition: str
    offset: int
    data: bytes | None
    blocks: list[bytes]
    digest: int
    mark: Any

    def __str__(self) -> str:
        """For people: what it is, and where in its partition."""
        kind = "erase" if self.data is None else f"program of {len(self.data)} bytes"
        return f"{kind} at {self.partition}+0x{self.offset - PARTITIONS[self.partition][0]:x}"


class NorFlash:
    """What ports.unix.flash.Flash is to the firmware, in memory.

    `faults` lists what no flash could do or no unit may: bits set by a program, writes to a guarded slot.
    """

    size = BOARD.flash.bytes
    block_bytes = BLOCK_BYTES

    def __init__(self, blocks: list[bytes] | None = None, digest: int | None = None) -> None:
        self.blocks = list(blocks) if blocks is not None else [ERASED] * (self.size // BLOCK_BYTES)
        if digest is None:
            digest = 0
            for index, block in enumerate(self.blocks):
                digest ^= digest_of(index, block)
        self.digest = digest
        self.faults: list[str] = []
        self.operations: list[Operation] | None = None
        self.mark: Callable[[], Any] = lambda: None
        self.guard: Callable[[str, int], str] = lambda partition, offset: ""
        self._partitions: dict[str, Partition] = {}

    def partition(self, name: str) -> Partition:
        if name not in self._partitions:
            self._partitions[name] = Partition(self, name, *PARTITIONS[name])
        return self._partitions[name]

    def seal(self, name: str) -> None:
        self.partition(name).sealed = True

    def bytes_of(self, name: str) -> bytes:
        start, size = PARTITIONS[name]
        return b"".join(self.blocks[start // BLOCK_BYTES : (start + size) // BLOCK_BYTES])

    def readinto(self, offset: int, buffer: Any) -> None:
        length = len(buffer)
        index, inside = divmod(offset, BLOCK_BYTES)
        if inside + length <= BLOCK_BYTES:
            buffer[:] = self.blocks[index][inside : inside + length]
            return
        at = 0
        while at < length:
            count = min(BLOCK_BYTES - inside, length - at)
            buffer[at : at + count] = self.blocks[index][inside : inside + count]
            at += count
            index += 1
            inside = 0

    def program(self, offset: int, data: Any) -> None:
        data = bytes(data)
        self._note(offset, data)
        for index, block in programmed(self.blocks, offset, data):
            if block is None:
                self.faults.append(f"program at 0x{offset:x} ({partition_at(offset)}) would set bits")
                raise FlashError(self.faults[-1])
            self._put(index, block)

    def erase(self, offset: int, length: int) -> None:
        for start in range(offset, offset + length, BLOCK_BYTES):
            self._note(start, None)
            self._put(start // BLOCK_BYTES, ERASED)

    def _put(self, index: int, block: bytes) -> None:
        self.digest ^= digest_of(index, self.blocks[index]) ^ digest_of(index, block)
        self.blocks[index] = block

    def _note(self, offset: int, data: bytes | None) -> None:
        partition = partition_at(offset)
        fault = self.guard(partition, offset)
        if fault:
            self.faults.append(fault)
        if self.operations is not None:
            operation = Operation(partition, offset, data, list(self.blocks), self.digest, self.mark())
            self.operations.append(operation)


def programmed(blocks: list[bytes], offset: int, data: bytes) -> list[tuple[int, bytes | None]]:
    """The blocks that `data` at `offset` changes, as (index, block); None for one where a bit would be set."""
    changed: list[tuple[int, bytes | None]] = []
    index, inside = divmod(offset, BLOCK_BYTES)
    at = 0
    while at < len(data):
        old = blocks[index]
        part = data[at : at + BLOCK_BYTES - inside]
        stop = inside + len(part)
        new = int.from_bytes(part, "big")
        fits = int.from_bytes(old[inside:stop], "big") & new == new
        changed.append((index, old[:inside] + part + old[stop:] if fits else None))
        at += len(part)
        index += 1
        inside = 0
    return changed
