"""ESP-IDF's partition table, read back by a reader of its own, and its text form."""

import struct
from hashlib import md5

import pytest

from boards import catalogue
from boards.partition_table import table_bytes, table_csv

ESP32 = [name for name in catalogue.names() if catalogue.load(name).chip == "esp32"]


def read(table: bytes) -> list[tuple[str, int, int, int, int]]:
    """(label, type, subtype, offset, size) as the bootloader reads them, up to the MD5, which must fit."""
    rows = []
    for at in range(0, len(table), 32):
        row = table[at : at + 32]
        if row[:2] == b"\xeb\xeb":
            assert row[2:16] == b"\xff" * 14
            assert row[16:] == md5(table[:at]).digest()
            assert table[at + 32 :] == b"\xff" * (len(table) - at - 32)
            return rows
        assert row[:2] == b"\xaa\x50"
        kind, subtype, offset, size = struct.unpack_from("<BBII", row, 2)
        rows.append((row[12:28].rstrip(b"\0").decode(), kind, subtype, offset, size))
        assert row[28:] == bytes(4)
    raise AssertionError("no MD5 row")


@pytest.mark.parametrize("name", ESP32)
def test_the_table_in_flash_says_where_everything_lies(name: str) -> None:
    board = catalogue.load(name)
    table = table_bytes(board)
    assert len(table) == 0xC00
    rows = {label: (kind, subtype, offset, size) for label, kind, subtype, offset, size in read(table)}
    runtime, ours = board.flash.runtime, board.flash.partitions
    assert rows["nvs"] == (1, 2, runtime["nvs"].offset, runtime["nvs"].bytes)
    assert rows["otadata"][:2] == (1, 0)
    assert rows["phy_init"][:2] == (1, 1)
    assert rows["ota_0"] == (0, 0x10, runtime["ota_0"].offset, runtime["ota_0"].bytes)
    assert rows["ota_1"][:2] == (0, 0x11)
    assert rows["identity"] == (1, 6, ours["identity"].offset, ours["identity"].bytes)
    assert rows["romfs"] == (1, 0x8F, ours["slot_a"].offset, 2 * ours["slot_a"].bytes)
    assert set(rows) == {*runtime, *ours, "romfs"} - {"bootloader", "partition_table", "slot_a", "slot_b"}


def test_the_runtimes_part_is_micropythons_own_table_for_4_mb() -> None:
    # ports/esp32/partitions-4MiB-ota.csv of MicroPython, without its blanks.
    stock = """nvs,data,nvs,0x9000,0x4000
otadata,data,ota,0xd000,0x2000
phy_init,data,phy,0xf000,0x1000
ota_0,app,ota_0,0x10000,0x180000
ota_1,app,ota_1,0x190000,0x180000"""
    lines = [line.replace(" ", "").rstrip(",") for line in table_csv(catalogue.load("olimex-esp32-poe")).splitlines()]
    assert lines[2:7] == stock.splitlines()
    assert lines[-1] == "romfs,data,0x8f,0x360000,0xa0000"
    assert "identity,data,undefined,0x312000,0x18000" in lines
