"""From bare boards to a replacement by `plugtone` alone, each command against the real service."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image as Picture
from sqlalchemy import select

from fleet.services.build import Services
from fleet.store.tables.equipment import stock_records
from tests.tools.commands.conftest import Run
from tools.label import claim_code_sha256
from tools.release.build import build_image
from tools.sim.board import SimBoard

FIRST, SECOND = "PT000000018", "PT000000026"


@pytest.fixture
def boards(tmp_path: Path) -> Iterator[list[SimBoard]]:
    with ExitStack() as held:
        made = [SimBoard.create(tmp_path / f"board-{number}", board_uid=bytes([number] * 8)) for number in (1, 2)]
        for board in made:
            held.enter_context(board).power_on()
        yield made


@pytest.fixture
def stocked(plugtone: Run, boards: list[SimBoard], tmp_path: Path) -> list[dict[str, str]]:
    """Two units in stock, flashed side by side."""
    (tmp_path / "1.0.0.img").write_bytes(build_image("simulated", "1.0.0", 1))
    plugtone("mac", "add", "--first", "8C:1F:64:00:10:00", "--prefix-bits", 36, "--registry", "MA-S")
    ports = [text for board in boards for text in ("--port", str(board.usb))]
    labels = tmp_path / "labels"
    printed = plugtone(
        "station", "flash", *ports, "--image", tmp_path / "1.0.0.img", "--labels", labels, "--dpi", 203, "--json"
    )
    lines = [json.loads(line) for line in printed.splitlines()]
    return sorted((line["unit"] for line in lines if "unit" in line), key=lambda unit: unit["serial"])


def test_boards_flashed_side_by_side_are_in_stock_with_a_label_each(
    plugtone: Run, stocked: list[dict[str, str]], services: Services
) -> None:
    assert [unit["serial"] for unit in stocked] == [FIRST, SECOND]
    listed = plugtone("unit", "list", "--custody", "in_stock", "--json")
    assert [(unit["serial"], unit["mac"], unit["version"]) for unit in listed] == [
        (unit["serial"], unit["mac"], "1.0.0") for unit in stocked
    ]
    with services.transactions.engine.connect() as connection:
        hashes = {row.serial: row.claim_code_sha256 for row in connection.execute(select(stock_records))}
    for unit in stocked:
        assert Picture.open(unit["label"]).info["dpi"] == pytest.approx((203, 203), abs=0.1)
        codes = zxingcpp.read_barcodes(Picture.open(unit["label"]).convert("L"))
        code = next(each.text for each in codes if "#" in each.text).rpartition("-")[2]
        assert hashes[unit["serial"]] == claim_code_sha256(code)


def test_account_order_command_rma_and_quote(plugtone: Run, stocked: list[dict[str, str]]) -> None:
    administrator = ("--administrator-name", "Ann Lee", "--administrator-email", "ann@acme.example")
    account = plugtone("account", "open", "--name", "Acme", *administrator, "--json")["id"]
    assert plugtone("account", "show", account, "--json")["name"] == "Acme"
    order = plugtone("order", "create", "--account", account, "--date", "2026-03-02", "--quantity", 1, "--json")["id"]
    plugtone("order", "ship", order, FIRST, "--carrier", "UPS", "--tracking", "1Z999")
    assert plugtone("order", "show", order, "--json")["lines"][0]["shipped"] == 1
    plugtone("unit", "command", FIRST, "identify", "--argument", 30)
    shown = plugtone("unit", "show", stocked[0]["mac"], "--json")
    assert (shown["serial"], shown["custody"], shown["commands"][0]["argument"]) == (FIRST, "shipped", 30)
    quoted = plugtone("quote", account, "--date", "2026-06-01", "--json")
    assert [line["serial"] for line in quoted["units"]] == [FIRST]
    assert plugtone("term", FIRST, "--json")["months"] > 0
    rma = plugtone("rma", "open", "--unit", FIRST, "--kind", "defect", "--reason", "no dial tone", "--json")["id"]
    plugtone("rma", "approve", rma)
    assert plugtone("rma", "reserve", rma, "--json")["replacement_unit"] == SECOND
    assert plugtone("rma", "release", rma, "--reason", "dusty", "--json")["replacement"] == "none"
    assert plugtone("rma", "reserve", rma, "--json")["replacement_unit"] == SECOND
    plugtone("rma", "ship", rma, "--carrier", "UPS")
    then = ("--at", "2026-03-02T15:00:00")
    assert plugtone("rma", "hand-in", rma, *then, "--json")["return"] == "in_transit"
    assert plugtone("rma", "report-loss", rma, *then, "--reason", "no scan", "--json")["return"] == "in_transit"
    assert plugtone("order", "delivered", FIRST, *then, "--json")["order"] == order
    assert "arrived" in plugtone("order", "lost", FIRST, "--outcome", "lost", *then, status=1)
    plugtone("rma", "receive", rma, "--serial", FIRST, "--condition", "defective", *then)
    assert plugtone("rma", "hold", rma, "--reason", "smells", "--json")["return"] == "in_quarantine"
    assert plugtone("rma", "inspect", rma, "--code", "worn", "--note", "loose", "--json")["return"] == "inspected"
    assert "the replacement is shipped" in plugtone("rma", "close", rma, "--reason", "done", status=1)
    assert plugtone("rma", "show", rma, "--json")["steps"]


def test_people_get_tables(plugtone: Run, stocked: list[dict[str, str]]) -> None:
    table = plugtone("unit", "list")
    assert FIRST in table
    assert "in_stock" in table
    assert "serial" in plugtone("unit", "show", FIRST)
    assert "MA-S" in plugtone("mac", "list")
    for noun in ("account", "order", "rma"):
        plugtone(noun, "list")


def test_refusals_of_the_fleet_are_one_line(plugtone: Run) -> None:
    assert plugtone("unit", "show", FIRST, status=1) == f"plugtone: there is no unit {FIRST}\n"
    assert "no command is called 'explode'" in plugtone("unit", "command", FIRST, "explode", status=1)
    assert "either by --prefix-bits or by --last" in plugtone(
        "mac", "add", "--first", "8C:1F:64:00:10:00", "--registry", "MA-S", status=1
    )


def test_station_without_mac_addresses_says_so_and_leaves_the_board_bare(
    plugtone: Run, boards: list[SimBoard], tmp_path: Path
) -> None:
    (tmp_path / "1.0.0.img").write_bytes(build_image("simulated", "1.0.0", 1))
    port = ("--port", str(boards[0].usb))
    printed = plugtone("station", "flash", *port, "--image", tmp_path / "1.0.0.img", "--labels", tmp_path, status=1)
    assert "MAC" in printed
    assert "1 of 1 boards did not get into stock; run the same command again" in printed
    assert set(boards[0].folder.flash.read_bytes()) == {0xFF}
