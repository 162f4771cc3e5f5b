"""A rehearsal: a bench of simulated boards and, where no fleet is named, a whole fleet service for it alone.

The folder is the world of the rehearsal: killed anywhere and begun again there, it goes on. Its fleet's secrets lie in
it, for its owner's eyes; nothing of it is for real units.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tools.client import FleetClient
from tools.errors import ToolError
from tools.release.build import build_image
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys, create_keys, standard_names
from tools.release.publication import send
from tools.release.sign import initialise
from tools.sim.board import SimBoard
from tools.sim.service import Service
from tools.station.journal import write_whole
from tools.station.port_states import SETTLED, PortState
from tools.station.run import Port

BOARD: Final = "simulated"
VERSION: Final = "1.0.0"
MAX_SIMULATED: Final = 32
# 70:B3:D5 is the IEEE's own OUI for MA-S blocks; these 4,096 addresses stand in for an operator's registered one.
MAC_BLOCK: Final = {"first": "70:B3:D5:7E:D0:00", "prefix_bits": 36, "registry": "MA-S", "note": "rehearsal"}
ADMIN: Final = {"name": "Rehearsal", "email": "rehearsal@operator.example"}
_SECRET_BYTES: Final = 24


def first_image() -> bytes:
    """The image that simulated boards get when none is named."""
    return build_image(BOARD, VERSION, 1)


@contextmanager
def own_fleet(folder: Path) -> Iterator[tuple[str, str]]:
    """URL and session of a fleet service over `folder`, with addresses and release keys; it ends with this process."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    service = Service(folder / "fleet", dies_with_us=True)
    try:
        service.start()
        session = _session(folder, service)
        with FleetClient(service.url, session) as fleet:
            _open_house(folder, fleet)
        yield service.url, session
    finally:
        service.stop()


class Hand:
    """Plugs boards in, pulls those that are done, and knows when there is nothing more to do."""

    def __init__(self, folder: Path, count: int) -> None:
        if not 1 <= count <= MAX_SIMULATED:
            raise ToolError(f"a rehearsal has 1 to {MAX_SIMULATED} boards, got {count}")
        self._boards = {f"board-{n}": _board(folder / f"board-{n}") for n in range(1, count + 1)}
        self._settled: dict[str, PortState] = {}
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="hand")

    @property
    def ports(self) -> Mapping[str, Path]:
        """The boards' serial ports by their names."""
        return {name: board.usb for name, board in self._boards.items()}

    def plug_in(self) -> None:
        """Power to every board; returns at once."""
        for board in self._boards.values():
            self._pool.submit(board.power_on)

    def present(self) -> dict[str, Path]:
        """The ports of boards that have power."""
        return {name: board.usb for name, board in self._boards.items() if board.powered and board.usb.exists()}

    def changed(self, before: Port, port: Port) -> None:
        """Pulls a board that is done."""
        if port.state is before.state or port.state not in SETTLED:
            return
        self._settled[port.name] = port.state
        if port.state is PortState.DONE:
            self._pool.submit(self._boards[port.name].power_off)

    def ended(self) -> bool:
        """Whether every board is done or failed."""
        return len(self._settled) == len(self._boards)

    @property
    def failed(self) -> int:
        """How many boards failed."""
        return sum(state is PortState.FAILED for state in self._settled.values())

    def unplug_all(self) -> None:
        """No board has power any more."""
        for board in self._boards.values():
            self._pool.submit(board.power_off)
        self._pool.shutdown()


def _board(folder: Path) -> SimBoard:
    known = (folder / "chip.json").exists()
    board = SimBoard(folder) if known else SimBoard.create(folder, BOARD)
    board.usb.unlink(missing_ok=True)  # of a life that was killed: that terminal may be somebody else's by now
    return board


def _session(folder: Path, service: Service) -> str:
    """The secret of a session as the rehearsal's admin, who is made at the first start."""
    path = folder / "admin.json"
    if path.exists():
        password = json.loads(path.read_text())["password"]
    else:
        password = secrets.token_urlsafe(_SECRET_BYTES)
        write_whole(path, json.dumps({"password": password}).encode())
    with FleetClient(service.url) as stranger:
        if service.ready["setup_link"]:
            secret = service.ready["setup_link"].partition("#")[2]
            stranger.post("/v1/setup", {"secret": secret, "password": password, **ADMIN})
        session = stranger.post("/v1/sessions", {"email": ADMIN["email"], "password": password})
    return str(session["secret"])


def _open_house(folder: Path, fleet: FleetClient) -> None:
    """Addresses and release keys, as far as they are missing."""
    if not any(fleet.items("/v1/mac-blocks")):
        fleet.post("/v1/mac-blocks", MAC_BLOCK)
    signed = folder / "releases"
    if not signed.exists():  # made whole or not at all: killed in between it is made anew
        fresh, passphrase = folder / "releases.new", secrets.token_urlsafe(_SECRET_BYTES)
        shutil.rmtree(fresh, ignore_errors=True)
        create_keys(fresh / "keys", standard_names([BOARD]), passphrase)
        online, keys = fleet.get("/v1/update-keys"), OfflineKeys(fresh / "keys", lambda _: passphrase)
        initialise(Bundle(fresh / "bundle"), keys, [BOARD], online, datetime.now(UTC))
        fresh.rename(signed)
    send(fleet, Bundle(signed / "bundle"), "")
