"""Where the parts of a board's flash lie, in ESP-IDF's own two forms: the table a build reads, and the one in flash.

ESP-IDF Programming Guide, "Partition Tables", and components/partition_table/gen_esp32part.py: a row of 32 bytes is
magic 0xAA 0x50, type u8, subtype u8, offset u32, size u32, label (16 bytes, zero-padded), flags u32, little-endian;
after the last row one of 0xEB 0xEB, 14 bytes of 0xFF and the MD5 of all rows; the rest of 0xC00 bytes is 0xFF.
"""

import struct
from dataclasses import dataclass
from hashlib import md5
from typing import Final

from boards.schema import SLOTS, Board

TABLE_BYTES: Final = 0xC00
_ROW: Final = struct.Struct("<2sBBII16sI")
_MAGIC: Final = b"\xaa\x50"
_MD5_ROW: Final = b"\xeb\xeb" + b"\xff" * 14
_APP, _DATA = 0, 1
_OTA_FIRST: Final = 0x10
_UNDEFINED: Final = 0x06  # of type data: whatever a label says it is
# MicroPython looks for a partition of this subtype and this label, and maps it (ports/esp32/esp32_partition.c).
_ROMFS: Final = 0x8F
ROMFS_LABEL: Final = "romfs"
# What the runtime's partitions are, by their labels; the bootloader and the table itself stand in no table.
_KINDS: Final = {"nvs": (_DATA, 0x02), "otadata": (_DATA, 0x00), "phy_init": (_DATA, 0x01), "factory": (_APP, 0x00)}
_UNLISTED: Final = ("bootloader", "partition_table")
_TYPE_NAMES: Final = {_APP: "app", _DATA: "data"}
_SUBTYPE_NAMES: Final = {
    (_DATA, 0x00): "ota", (_DATA, 0x01): "phy", (_DATA, 0x02): "nvs", (_DATA, _UNDEFINED): "undefined",
    (_APP, 0x00): "factory",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One partition as ESP-IDF sees it."""

    label: str
    type: int
    subtype: int
    offset: int
    bytes: int


def rows_of(board: Board) -> list[Row]:
    """The board's partitions in the order of their offsets; both slots are one, which MicroPython maps."""
    found = []
    for _, name, partition in board.flash.map:
        if name in _UNLISTED or name == SLOTS[1]:
            continue
        size = partition.bytes
        if name == SLOTS[0]:
            label, kind = ROMFS_LABEL, (_DATA, _ROMFS)
            size += board.flash.partitions[SLOTS[1]].bytes
        elif name.startswith("ota_"):
            label, kind = name, (_APP, _OTA_FIRST + int(name.removeprefix("ota_")))
        else:
            label, kind = name, _KINDS.get(name, (_DATA, _UNDEFINED))
        found.append(Row(label, *kind, partition.offset, size))
    return found


def table_csv(board: Board) -> str:
    """The table for a build of MicroPython (CONFIG_PARTITION_TABLE_CUSTOM_FILENAME)."""
    lines = [f"# Board {board.name}; generated from boards/{board.name}.toml.", "# Name, Type, SubType, Offset, Size"]
    for row in rows_of(board):
        subtype = _SUBTYPE_NAMES.get((row.type, row.subtype))
        if subtype is None:
            subtype = f"ota_{row.subtype - _OTA_FIRST}" if row.type == _APP else f"{row.subtype:#04x}"
        lines.append(f"{row.label}, {_TYPE_NAMES[row.type]}, {subtype}, {row.offset:#x}, {row.bytes:#x},")
    return "\n".join([*lines, ""])


def table_bytes(board: Board) -> bytes:
    """The table as it lies in flash, at the offset of flash.runtime.partition_table."""
    packed = b"".join(
        _ROW.pack(_MAGIC, row.type, row.subtype, row.offset, row.bytes, row.label.encode(), 0) for row in rows_of(board)
    )
    table = packed + _MD5_ROW + md5(packed, usedforsecurity=False).digest()
    return table.ljust(TABLE_BYTES, b"\xff")
