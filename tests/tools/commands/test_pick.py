"""`plugtone pick`: an order's units by scan, its parcel and packing slip, against the real service."""

import io
import json
from pathlib import Path

import pypdfium2
import pytest

from fleet.domain.access import Role
from fleet.domain.money import ZERO
from fleet.domain.order import OrderLine
from fleet.services.build import Services
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run
from tools.label import LabelError


@pytest.fixture
def warehouse(services: Services) -> Warehouse:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return warehouse


def test_order_is_picked_by_serial_mac_and_qr_and_shipped_with_its_slip(
    plugtone: Run,
    warehouse: Warehouse,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    account = warehouse.open_account()
    units = [warehouse.stock() for _ in range(4)]
    doubted = units[3]
    services.units.quarantine(warehouse.actor, doubted.serial, "seen twice")
    monkeypatch.setenv("PLUGTONE_TOKEN", services.access.issue_host_token("picker", Role.WAREHOUSE).secret)
    services.orders.create(warehouse.actor, account.id, None, [OrderLine("simulated", 3, ZERO)])
    (listed,) = plugtone("pick", "list", "--json")
    assert (listed["order"], listed["waits_for"]) == ("OR-1", {"simulated": 3})
    assert "2 x simulated" in plugtone("pick", "scan", "OR-1", units[0].serial)
    assert "STOP" in plugtone("pick", "scan", "OR-1", doubted.serial, status=1)

    qr = f"https://voice.example/claim#{units[2].serial}-ABCDEFGHJKMN"
    typed = [doubted.mac, str(units[1].mac).lower(), units[1].serial, qr]
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
    error = plugtone("pick", "scan", "OR-1", status=1)
    assert f"STOP: {doubted.serial} is quarantined" in error
    assert "1 scanned for OR-1 do not belong" in error
    assert len(plugtone("pick", "show", "OR-1", "--json")["picked"]) == 3

    plugtone("pick", "put-back", "OR-1", units[0].serial, "--reason", "box is torn")
    ship = ("pick", "ship", "OR-1", "--carrier", "UPS", "--tracking", "1Z999", "--slip")
    assert "still waits for 1 x simulated" in plugtone(*ship, tmp_path / "slip.pdf", status=1)
    assert "ends in .pdf or .txt" in plugtone(*ship, tmp_path / "slip.doc", status=1)
    assert not list(tmp_path.glob("slip.*"))
    plugtone("pick", "scan", "OR-1", units[0].serial)
    sent = plugtone(*ship, tmp_path / "slip.pdf", "--json")
    assert (sent["waits_for"], sent["picked"], len(sent["parcels"][0]["units"])) == ({}, [], 3)
    with pypdfium2.PdfDocument(tmp_path / "slip.pdf") as document:
        text = document[0].get_textpage().get_text_range()
    assert all(unit.serial in text and str(unit.mac) in text for unit in units[:3])
    assert "UPS 1Z999" in text
    shown = plugtone("pick", "slip", "OR-1")
    assert "3 in this parcel\nThe order is complete." in shown
    assert "has 1 parcels, got 2" in plugtone("pick", "slip", "OR-1", "--parcel", 2, status=1)
    assert "ABCDEFGHJKMN" not in json.dumps(sent) + shown + error


def test_box_label_that_did_not_come_out_comes_at_the_next_scan_of_its_unit(
    plugtone: Run,
    warehouse: Warehouse,
    services: Services,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account, unit = warehouse.open_account(), warehouse.stock()
    services.orders.create(warehouse.actor, account.id, None, [OrderLine("simulated", 1, ZERO)])
    jobs: list[bytes] = []

    def printing(_printer: str, job: bytes) -> None:
        jobs.append(job)
        if len(jobs) == 1:
            raise LabelError("it is out of paper")

    monkeypatch.setattr("tools.commands.pick.send", printing)
    scan = ("pick", "scan", "OR-1", "--printer", "labels.example", str(unit.mac).lower())
    assert "out of paper" in plugtone(*scan, status=1)
    assert "picked already" in plugtone(*scan)
    assert jobs[0] == jobs[1]
