"""`plugtone label`: labels of units that the fleet knows, as files and to a printer."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from PIL import Image as Picture

from fleet.domain.access import Role
from fleet.services.build import Services
from fleet.store.units import UnitRepository
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import Warehouse
from tests.tools.commands.conftest import Run
from tests.tools.label.readers import codes, of_pdf, of_zpl
from tools.label import claim_code_sha256


@pytest.fixture
def serial(services: Services) -> str:
    warehouse = Warehouse(services, someone(Role.ADMIN))
    warehouse.load_block()
    return warehouse.stock().serial


@pytest.fixture
def printer() -> Iterator[tuple[str, Queue[bytes]]]:
    """A printer's address, and the jobs it got."""
    jobs: Queue[bytes] = Queue()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def take() -> None:
            line, _ = listening.accept()
            with line:
                job = b""
                while data := line.recv(65536):
                    job += data
                jobs.put(job)

        thread = threading.Thread(target=take, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}", jobs
        thread.join(10)


def test_box_label_is_printed_and_has_no_claim_code(
    plugtone: Run, serial: str, printer: tuple[str, Queue[bytes]]
) -> None:
    address, jobs = printer
    assert f"1 sent to {address}" in plugtone("label", "box", serial.lower(), "--printer", address, "--dpi", 203)
    (picture,) = of_zpl(jobs.get(timeout=10))
    assert codes(picture) == ["8C1F64AAB000", serial]


def test_sheet_of_labels_is_a_pdf(plugtone: Run, serial: str, tmp_path: Path) -> None:
    out = tmp_path / "boxes.pdf"
    plugtone("label", "sheet", serial, serial, "--sheet", "letter-box", "--dpi", 203, "--out", out)
    (page,) = of_pdf(out.read_bytes(), 203)
    assert codes(page) == ["8C1F64AAB000"] * 2 + [serial] * 2


def test_label_of_a_unit_by_hand_is_printed_with_a_new_code_and_audited(
    plugtone: Run, serial: str, services: Services, tmp_path: Path, printer: tuple[str, Queue[bytes]]
) -> None:
    address, jobs = printer
    options = ("--reason", "smudged", "--labels", tmp_path, "--dpi", 203)
    assert f"sent to {address}" in plugtone("label", "unit", serial.lower(), *options, "--printer", address)
    (picture,) = of_zpl(jobs.get(timeout=10))
    assert codes(picture) == codes(Picture.open(tmp_path / f"{serial}.png"))
    (claim,) = [text for text in codes(picture) if "#" in text]
    with services.transactions.read(someone(Role.ADMIN)) as uow:
        units = UnitRepository(uow)
        assert units.claim_code_sha256(units.get(serial)) == claim_code_sha256(claim.rpartition("-")[2])
    audited = services.audit.page(someone(Role.ADMIN), 100, None, serial)
    assert [entry.action for entry in audited].count("unit:reprint_label") == 1


def test_label_that_no_printer_took_is_printed_with_the_same_code_later(
    plugtone: Run, serial: str, services: Services, tmp_path: Path, printer: tuple[str, Queue[bytes]]
) -> None:
    address, jobs = printer
    options = ("--reason", "smudged", "--labels", tmp_path)
    assert "not for 72" in plugtone("label", "unit", serial, *options, "--dpi", 72, status=1)
    said = plugtone("label", "unit", serial, *options, "--printer", "127.0.0.1:1", status=1)
    assert "is it on, with paper?" in said
    first = codes(Picture.open(tmp_path / f"{serial}.png"))
    plugtone("label", "unit", serial, *options, "--printer", address)
    (picture,) = of_zpl(jobs.get(timeout=10))
    assert codes(picture) == first
    audited = services.audit.page(someone(Role.ADMIN), 100, None, serial)
    assert [entry.action for entry in audited].count("unit:reprint_label") == 1


def test_where_and_how_to_print_is_said(plugtone: Run, serial: str, tmp_path: Path) -> None:
    both = ("--out", tmp_path / "a.png", "--printer", "x:1")
    for arguments, why in (
        ((serial,), "say either --out FILE or --printer"),
        ((serial, *both), "say either --out FILE or --printer"),
        ((serial, "--out", tmp_path / "a.bmp"), "formats are png, pdf, zpl, got 'bmp'"),
        ((serial, serial, "--out", tmp_path / "a.png"), "a PNG holds one picture"),
        ((serial, "--out", tmp_path / "a.png", "--dpi", 72), "not for 72"),
    ):
        assert why in plugtone("label", "box", *arguments, status=1)
    assert list(tmp_path.glob("a.*")) == []
