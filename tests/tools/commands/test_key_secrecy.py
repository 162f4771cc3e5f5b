"""Done when 2: a unit's private key is in its own flash and nowhere else, in no encoding anybody thought of."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from adapter.identity import LOCKED, IdentityStore
from adapter.reset_wish import wish
from fleet.domain.access import Role
from fleet.services.build import Services
from protocol.wire.link import FrameReader
from tests.firmware.model_flash import CuttingFlash
from tests.fleet.release_owners import Owners
from tools.client import FleetClient
from tools.release.build import build_image
from tools.release.bundle import Bundle
from tools.release.keys import OfflineKeys
from tools.sim.board import SimBoard
from tools.station.cli import opened
from tools.station.flasher import Image
from tools.station.journal import Journal
from tools.station.provision import Finished, Job, flash_unit

MAC_BLOCK = {"first": "70:B3:D5:7E:D0:00", "prefix_bits": 36, "registry": "MA-S", "note": "secrecy"}
START_S = 20.0


class Tapped:
    """A serial port with a tap on both its wires."""

    def __init__(self, port: Any) -> None:
        self._port = port
        self.sent, self.heard = bytearray(), bytearray()

    @property
    def timeout(self) -> float | None:
        timeout: float | None = self._port.timeout
        return timeout

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._port.timeout = seconds

    @property
    def in_waiting(self) -> int:
        return int(self._port.in_waiting)

    def read(self, size: int = 1, /) -> bytes:
        data: bytes = self._port.read(size)
        self.heard += data
        return data

    def write(self, data: bytes, /) -> int | None:
        self.sent += data
        written: int | None = self._port.write(data)
        return written


def encodings(key: bytes) -> dict[str, bytes]:
    """What a key, or half of it, may look like somewhere; DER and PEM hold one of these."""
    forms = {
        "raw": key,
        "its first half": key[:16],
        "its second half": key[16:],
        "little-endian": key[::-1],
        "hex": key.hex().encode(),
        "HEX": key.hex().upper().encode(),
        "hex with colons": key.hex(":").encode(),
        "decimal": str(int.from_bytes(key, "big")).encode(),
        "list": ", ".join(map(str, key)).encode(),
        "repr": repr(key)[2:-1].encode(),
    }
    for shift in range(3):  # where it may begin in a longer text
        for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
            start, stop = -(-8 * shift // 6), (8 * (shift + len(key))) // 6
            forms[f"{name}, shifted by {shift}"] = encode(bytes(shift) + key)[start:stop]
    return forms


def found_in(key: bytes, places: dict[str, bytes]) -> list[str]:
    """Where the key is, and as what."""
    return [
        f"{place}: {form}" for form, text in encodings(key).items() for place, data in places.items() if text in data
    ]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def key_in(board: SimBoard) -> bytes:
    """The key in the chip's flash, as nobody but the chip can read it."""
    identity = IdentityStore(CuttingFlash(board.folder.flash).partition("identity")).load()
    assert identity.stage == LOCKED
    key: bytes = identity.private
    return key


@pytest.fixture
def fleet(services: Services, url: str, offline_keys: OfflineKeys, tmp_path: Path) -> Iterator[FleetClient]:
    owners = Owners(offline_keys, Bundle(tmp_path / "bundle"), services.repository)
    owners.initialise()
    owners.publish()
    with FleetClient(url, services.access.issue_host_token("test", Role.ADMIN).secret) as client:
        client.post("/v1/mac-blocks", MAC_BLOCK)
        yield client


@contextmanager
def bench(folder: Path, fleet: FleetClient) -> Iterator[Any]:
    """`flash(why)` takes the board into stock, over a tapped wire; `tapped` holds what went over it."""
    job = {"image": Image.parse(build_image("simulated", "1.0.0", 1)), "labels": folder / "labels"}
    (folder / "labels").mkdir()
    tapped: list[Tapped] = []
    with SimBoard.create(folder / "board") as board:
        board.power_on()

        def flash(why: str = "") -> Finished:
            with opened(board.usb) as port:
                tapped.append(Tapped(port))
                full = Job(**job, claim_url="http://fleet.example/claim", new_epoch=why, station="bench-7")  # type: ignore[arg-type]
                return flash_unit(tapped[-1], full, fleet, Journal(folder / "journal"), lambda *_: None)

        yield board, flash, tapped


def test_a_search_finds_a_key_however_it_is_written() -> None:
    key = bytes(range(7, 39))
    samples = [
        b"\x30\x77\x02\x01\x01\x04\x20" + key, f"key={key.hex()}".encode(), b64encode(b"\x04 " + key + b"tail"),
        b64encode(b"x" + key), urlsafe_b64encode(key), str(list(key)).encode(), repr(key).encode(), key[::-1],
        str(int.from_bytes(key, "big")).encode(), key.hex(":").encode(), key[16:] + b"...",
    ]  # fmt: skip
    assert [sample for sample in samples if not found_in(key, {"sample": sample})] == []
    assert not found_in(key, {"sample": bytes(1000)})


def test_a_units_key_is_in_its_flash_and_nowhere_else_and_a_reset_destroys_it(
    fleet: FleetClient, services: Services, tmp_path: Path
) -> None:
    with bench(tmp_path, fleet) as (board, flash, tapped):
        first = flash()
        keys = [key_in(board)]
        board.power_off()
        wish(CuttingFlash(board.folder.flash).partition("scratch"))
        board.power_on()
        board.wait(lambda pins: pins.state == "factory", START_S)
        assert not found_in(keys[0], {"flash": board.folder.flash.read_bytes()})
        again = flash("was reset")
        assert (again.serial, again.epoch) == (first.serial, first.epoch + 1)
        keys.append(key_in(board))
        assert keys[0] != keys[1]
        services.transactions.engine.dispose()
        # The fleet's data directory, which is its backup, and the bench: all but the chip.
        assert services.settings.data_dir == tmp_path
        places = {name: data for name, data in files_of(tmp_path).items() if name != "board/flash.bin"}
        for number, tap in enumerate(tapped):
            for way, data in (("sent", bytes(tap.sent)), ("heard", bytes(tap.heard))):
                places[f"wire {number}, {way}"] = data
                places[f"wire {number}, {way}, unframed"] = b"".join(FrameReader().feed(data))
        assert {"board/unit.log", "fleet.db", "pki/token-1.key", f"journal/{first.board_uid}.json"} <= places.keys()
        assert len(places["wire 0, heard, unframed"]) > 300
        assert found_in(keys[1], {"flash": board.folder.flash.read_bytes()}) != []
        assert [found_in(key, places) for key in keys] == [[], []]
        told = fleet.get(f"/v1/units/{first.serial}")
        assert (told["custody"], told["epoch"]) == ("in_stock", 2)
