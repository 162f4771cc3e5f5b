"""What a cut has torn: after it, each store holds what it held before the operation, or what it holds after it.

A store is what is read through its own loader: the record pairs, and each file of the file system.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from adapter.records import RecordPair
from tests.firmware.power_cuts import stand_ins
from tests.firmware.power_cuts.cut_points import CutPoint
from tests.firmware.power_cuts.nor_flash import BLOCK_BYTES, ERASED, PARTITIONS, NorFlash, Operation, programmed

_BANK_BYTES = PARTITIONS["settings"][1] // 2
# Each RecordPair of the unit: its partition, and where in it.
RECORDS: dict[str, tuple[str, int, int | None]] = {
    "boot_record": ("boot_record", 0, None),
    "identity": ("identity", 0, None),
    "journal": ("journal", 0, None),
    "settings of slot_a": ("settings", 0, _BANK_BYTES),
    "settings of slot_b": ("settings", _BANK_BYTES, _BANK_BYTES),
}
FILES = "data"


def read_of(blocks: list[bytes], record: str) -> bytes | None:
    """The payload that the record pair of that name holds."""
    return _read(_blocks_of(blocks, RECORDS[record][0]), record)


def files_of(blocks: list[bytes]) -> dict[str, bytes]:
    """The files in the file system; none where it cannot be mounted."""
    return _files(_blocks_of(blocks, FILES))


def _blocks_of(blocks: list[bytes], partition: str) -> tuple[bytes, ...]:
    start, size = PARTITIONS[partition]
    return tuple(blocks[start // BLOCK_BYTES : (start + size) // BLOCK_BYTES])


def _flash_of(partition: str, part: tuple[bytes, ...]) -> Any:
    start = PARTITIONS[partition][0] // BLOCK_BYTES
    return NorFlash([ERASED] * start + list(part), 0).partition(partition)


@lru_cache(maxsize=64)  # an operation changes one partition: all others read as before
def _read(part: tuple[bytes, ...], record: str) -> bytes | None:
    partition, start, size = RECORDS[record]
    payload: bytes | None = RecordPair(_flash_of(partition, part), start, size).load()
    return payload


@lru_cache(maxsize=16)
def _files(part: tuple[bytes, ...]) -> dict[str, bytes]:
    try:
        return stand_ins.files_in(stand_ins.mounted(_flash_of(FILES, part)))
    except OSError:
        return {}


def torn(cut: CutPoint) -> Iterator[str]:
    """What reads neither as before the operation nor as after it."""
    operation = cut.operation
    for name, (partition, _, _) in RECORDS.items():
        if partition == operation.partition:
            found = read_of(cut.blocks, name)
            if found not in _around(operation, name):
                yield f"{name} is torn: it reads {found!r}"
    if operation.partition == FILES:
        before, after = _around(operation, FILES)
        found_files = files_of(cut.blocks)
        for name in before.keys() | after.keys() | found_files.keys():
            if found_files.get(name) not in (before.get(name), after.get(name)):
                yield f"file {name} is torn"


@lru_cache(maxsize=16)
def _around(operation: Operation, name: str) -> tuple[Any, Any]:
    """What was read there before the operation, and what is read after it."""
    blocks = list(operation.blocks)
    if operation.data is None:
        blocks[operation.offset // BLOCK_BYTES] = ERASED
    else:
        for index, block in programmed(operation.blocks, operation.offset, operation.data):
            assert block is not None
            blocks[index] = block
    read = files_of if name == FILES else lambda these: read_of(these, name)
    return read(operation.blocks), read(blocks)
