"""A bench: a simulated board, a fleet, an image and the folders of a station."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tools.commands.conftest import (  # noqa: F401 - fixtures
    authorities,
    clock,
    offline_keys,
    passwords,
    plugtone,
    services,
    settings,
    url,
)
from tests.tools.station.fleet_double import FleetDouble, client_of
from tools.client import Poster
from tools.release.build import build_image
from tools.sim.board import SimBoard
from tools.station.flasher import Image
from tools.station.journal import Journal
from tools.station.provision import Finished, Job, Report, flash_unit
from tools.station.watch import opened


@dataclass
class Bench:
    """`flash()` is one run of the station over what the runs before it left."""

    folder: Path
    image: bytes
    fleet: FleetDouble
    held: ExitStack = field(default_factory=ExitStack)

    def board(self, number: int = 0) -> SimBoard:
        """A bare board, switched on."""
        board = SimBoard.create(self.folder / f"board-{number}", board_uid=bytes([number] * 8))
        self.held.enter_context(board)
        board.power_on()
        return board

    def flash(
        self,
        board: SimBoard,
        report: Report = lambda *_: None,
        new_epoch: str = "",
        fleet: Poster | None = None,
        journal: Journal | None = None,
    ) -> Finished:
        labels = self.folder / "labels"
        labels.mkdir(exist_ok=True)
        job = Job(Image.parse(self.image), labels, "http://fleet.example/claim", new_epoch=new_epoch)
        with opened(board.usb) as port:
            records = journal or Journal(self.folder / "journal")
            return flash_unit(port, job, fleet or client_of(self.fleet), records, report)


@pytest.fixture(scope="session")
def image() -> bytes:
    return build_image("simulated", "1.0.0", 1)


@pytest.fixture
def bench(tmp_path: Path, image: bytes) -> Iterator[Bench]:
    bench = Bench(tmp_path, image, FleetDouble(tmp_path / "pki"))
    with bench.held:
        yield bench
