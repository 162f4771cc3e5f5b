"""Board files: what the schema lets through, and how it refuses the rest: file, line, remedy."""

import re
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from boards import catalogue
from boards.chips import CHIPS
from boards.flash_map import flash_map_source
from boards.schema import REQUIRED_PARTITIONS

FOLDER = Path(catalogue.__file__).parent


def text_of(name: str) -> str:
    return (FOLDER / f"{name}.toml").read_text()


def test_every_board_file_is_valid_and_named_after_itself() -> None:
    assert set(catalogue.names()) == {"esp32-lan8720", "olimex-esp32-poe", "simulated", "w5500-evb-pico", "wesp32"}
    assert [catalogue.load(name).name for name in catalogue.names()] == list(catalogue.names())


def test_an_unknown_board_is_refused_with_the_known_ones() -> None:
    with pytest.raises(catalogue.BoardError, match=r"'toaster'; known: .*simulated"):
        catalogue.load("toaster")


@pytest.mark.parametrize("name", catalogue.names())
def test_partitions_lie_apart_within_the_flash(name: str) -> None:
    flash = catalogue.load(name).flash
    for (_, one, first), (_, other, second) in combinations(flash.map, 2):
        assert first.end <= second.offset or second.end <= first.offset, (one, other)
    assert all(partition.end <= flash.bytes for _, _, partition in flash.map)


@pytest.mark.parametrize("name", catalogue.names())
def test_no_pin_is_used_twice_and_each_exists(name: str) -> None:
    board = catalogue.load(name)
    pins = [pin for _, pin, _ in board.pin_uses]
    assert len(pins) == len(set(pins))
    assert set(pins) <= CHIPS[board.chip].pins - CHIPS[board.chip].flash_pins
    if board.link.kind == "rmii":
        assert not set(pins) & CHIPS[board.chip].rmii_pins


def test_the_heap_rule_gives_256_kb_less_32_kb_a_connection_plus_the_image() -> None:
    assert catalogue.load("simulated").simulated_heap_bytes(1000) == 256 * 1024 - 1 * 32 * 1024 + 1000


@pytest.mark.parametrize("name", catalogue.names())
def test_an_image_needs_of_a_board_what_its_simulation_says(name: str) -> None:
    board, simulated = catalogue.load(name), catalogue.load("simulated")
    whole = simulated.simulated_heap_bytes(0)
    assert board.heap_needed_bytes(whole) == (whole if board is simulated else simulated.memory.heap_kb * 1024)


@dataclass(frozen=True)
class Mistake:
    """`new` in the place of `old`; the message names the line where `at` then stands, and `remedy`."""

    board: str
    old: str
    new: str
    remedy: str
    at: str = ""


MISTAKES = {
    "a value that is no TOML": Mistake("simulated", "[usb]", "[usb", "mend the line"),
    "a field that no board has": Mistake("simulated", "[usb]", "[usb]\nbaud = 9600", "delete it", "baud"),
    "a field left out": Mistake("wesp32", "mdio = 17\n", "", r"link\.mdio: .*; add it", "[link]"),
    "a table left out": Mistake("wesp32", "[memory]", "[memories]", "add it", "# Silicognition"),
    "a number in quotes": Mistake("simulated", "heap_kb = 160", 'heap_kb = "160"', "without quotes", "heap_kb"),
    "an underscore in the name": Mistake("simulated", 'name = "simulated"', 'name = "simul_ated"', "pattern", "name"),
    "another board's name": Mistake("simulated", 'name = "simulated"', 'name = "other"', "let both be", "name"),
    "an unknown chip": Mistake("wesp32", 'chip = "esp32"', 'chip = "esp64"', "'esp32'.* or 'rp2040'", "chip"),
    "an unknown kind of link": Mistake("wesp32", 'kind = "rmii"', 'kind = "usb"', "'rmii'", "[link]"),
    "an unknown PHY": Mistake("wesp32", 'phy = "RTL8201"', 'phy = "RTL9999"', "'LAN8720'", "phy ="),
    "another chip's machine code": Mistake("wesp32", '"xtensawin"', '"armv6m"', "xtensawin; write that", "mpy_arch"),
    "revisions backwards": Mistake("simulated", "[1, 4]", "[4, 1]", r"from 4 to 1; write \[first", "hardware_rev"),
    "a watchdog too patient": Mistake("w5500-evb-pico", "= 8000", "= 9000", "8388 ms at most", "watchdog_ms"),
    "a partition off its block": Mistake(
        "simulated", "offset = 0x002000", "offset = 0x002001", "multiples of 0x1000", "identity"
    ),
    "a partition inside another": Mistake(
        "wesp32", "journal     = { offset = 0x42A000", "journal = { offset = 0x428000", "0x42a000 or later", "journal"
    ),
    "a partition inside the runtime": Mistake(
        "esp32-lan8720", "boot_record = { offset = 0x310000", "boot_record = { offset = 0x300000", "inside ota_1",
        "boot_record",
    ),
    "a partition past the end": Mistake(
        "simulated", "slot_b      = { offset = 0x140000", "slot_b = { offset = 0x150000", "smaller by 0x10000", "slot_b"
    ),
    "a partition left out": Mistake("simulated", "scratch     =", "scrap =", "lacks scratch", "[flash.part"),
    "slots of two sizes": Mistake(
        "simulated", "offset = 0x140000, bytes = 0x0C0000", "offset = 0x140000, bytes = 0x0B0000", "0xc0000 here",
        "slot_b",
    ),
    "one block for two records": Mistake(
        "simulated", "{ offset = 0x000000, bytes = 0x002000", "{ offset = 0, bytes = 0x1000", "0x2000 or more",
        "boot_record",
    ),
    "too little for the settings": Mistake("simulated", "0x020000, bytes = 0x008000", "0x020000, bytes = 0x007000",
                                           "0x8000 or more", "settings"),
    "slots that one mapping cannot show": Mistake(
        "wesp32", "slot_b      = { offset = 0x540000", "slot_b = { offset = 0x550000", "slot_b at 0x540000", "slot_b"
    ),
    "a program off its page": Mistake(
        "wesp32", "ota_1           = { offset = 0x210000, bytes = 0x200000",
        "ota_1 = { offset = 0x211000, bytes = 0x1FF000", "multiple of 0x10000", "ota_1",
    ),
    "a pin the chip lacks": Mistake("wesp32", "ring_mode = 4", "ring_mode = 20", "known: 0-19, 21-23", "ring_mode"),
    "a pin of the flash": Mistake("wesp32", "ring_mode = 4", "ring_mode = 6", "take another one", "ring_mode"),
    "an output on an input": Mistake("wesp32", "ring_mode = 4", "ring_mode = 34", "input only", "ring_mode"),
    "a pin of the MAC": Mistake("wesp32", "ring_mode = 4", "ring_mode = 21", "taken by the RMII MAC", "ring_mode"),
    "a pin used twice": Mistake("w5500-evb-pico", "ws = 7", "ws = 7, sd = 6 }\n#", r"taken by line\.ear\.sck", "ear"),
    "a clock on a wrong pin": Mistake("wesp32", "clock = 0", "clock = 2", "in on pin 0, not on 2", "clock ="),
    "a word clock elsewhere": Mistake("w5500-evb-pico", "ws = 11", "ws = 13", "write 11", "mouth"),
    "both directions on one bus": Mistake(
        "wesp32", "mouth = { bus = 1", "mouth = { bus = 0", "a bus each", "mouth"
    ),
    "RMII on a chip without": Mistake("w5500-evb-pico", "kind = \"spi\"", "kind = \"rmii\"", "link", "[link]"),
    "another chip's loader": Mistake("wesp32", 'kind = "esptool"', 'kind = "uf2"', "add it|delete it", "[loader]"),
    "half a pair of USB ids": Mistake("wesp32", "vendor_id = 0x10C4\n", "", "write both or none", "[usb]"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_wrong_board_file_is_refused_with_its_line_and_the_remedy(mistake: Mistake) -> None:
    text = text_of(mistake.board)
    assert mistake.old in text
    wrong = text.replace(mistake.old, mistake.new, 1)
    with pytest.raises(catalogue.BoardError, match=mistake.remedy) as refused:
        catalogue.parse(wrong, mistake.board)
    said = str(refused.value).splitlines()
    matching = [line for line in said if re.search(mistake.remedy, line)]
    assert matching, said
    file, number, _ = matching[0].split(":", 2)
    assert file == f"boards/{mistake.board}.toml"
    if mistake.at:
        assert wrong.splitlines()[int(number) - 1].startswith(mistake.at)


def test_the_boot_stage_reads_the_map_of_the_board_file() -> None:
    board = catalogue.load("simulated")
    module: dict[str, object] = {}
    exec(flash_map_source(board), module)
    assert module["BLOCK_BYTES"] == board.flash.block_bytes
    assert module["PARTITIONS"] == {
        name: (partition.offset, partition.bytes) for name, partition in board.flash.partitions.items()
    }
    assert set(REQUIRED_PARTITIONS) <= set(board.flash.partitions)
