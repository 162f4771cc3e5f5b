"""Board files: what the schema lets through and what it refuses."""

from pathlib import Path

import pytest

from boards import catalogue
from boards.flash_map import flash_map_source
from boards.schema import REQUIRED_PARTITIONS

TEXT = (Path(catalogue.__file__).parent / "simulated.toml").read_text()


def test_every_board_file_is_valid_and_named_after_itself() -> None:
    assert "simulated" in catalogue.names()
    assert [catalogue.load(name).name for name in catalogue.names()] == list(catalogue.names())


def test_an_unknown_board_is_refused_with_the_known_ones() -> None:
    with pytest.raises(catalogue.BoardError, match=r"'toaster'; known: .*simulated"):
        catalogue.load("toaster")


def test_the_heap_rule_gives_256_kb_less_32_kb_a_connection_plus_the_image() -> None:
    assert catalogue.load("simulated").simulated_heap_bytes(1000) == 256 * 1024 - 1 * 32 * 1024 + 1000


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("offset = 0x002000", "offset = 0x002001", "does not lie on blocks"),
        ("offset = 0x01A000", "offset = 0x018000", "inside identity"),
        ("slot_b      = { offset = 0x140000", "slot_b      = { offset = 0x150000", "flash at 0x200000"),
        (
            "slot_b      = { offset = 0x140000, bytes = 0x0C0000",
            "slot_b = { offset = 0x140000, bytes = 0x0B0000",
            "one size",
        ),
        (
            "boot_record = { offset = 0x000000, bytes = 0x002000",
            "boot_record = { offset = 0, bytes = 0x1000",
            "two blocks",
        ),
        (
            "settings    = { offset = 0x020000, bytes = 0x008000",
            "settings = { offset = 0x020000, bytes = 0x7000",
            "needs 32768 bytes",
        ),
        ("scratch     =", "scrap =", "lacks scratch"),
        ("hardware_revisions = [1, 4]", "hardware_revisions = [4, 1]", "from 4 to 1"),
        ('name = "simulated"', 'name = "simul_ated"', "pattern"),
        ('name = "simulated"', 'name = "other"', "called 'other'"),
        ("heap_kb = 160", 'heap_kb = "160"', "valid integer"),
        ("[usb]", "[usb]\nbaud = 9600", "not permitted"),
        ("[usb]", "[usb", "simulated.toml"),
    ],
)
def test_a_board_file_that_makes_no_sense_is_refused(old: str, new: str, error: str) -> None:
    assert old in TEXT
    with pytest.raises(catalogue.BoardError, match=error):
        catalogue.parse(TEXT.replace(old, new), "simulated")


def test_the_boot_stage_reads_the_map_of_the_board_file() -> None:
    board = catalogue.load("simulated")
    module: dict[str, object] = {}
    exec(flash_map_source(board), module)
    assert module["BLOCK_BYTES"] == board.flash.block_bytes
    assert module["PARTITIONS"] == {
        name: (partition.offset, partition.bytes) for name, partition in board.flash.partitions.items()
    }
    assert set(REQUIRED_PARTITIONS) <= set(board.flash.partitions)
