"""A real unit comes back from one account and goes to another: nothing of the first is on it or accepted from it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zxingcpp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from PIL import Image

from boards import catalogue
from fleet.domain.access import system_actor
from fleet.services.build import utc_now
from fleet.store.base import make_engine
from fleet.store.sealing import load_seal
from fleet.store.unit_of_work import Transactions
from fleet.store.voice_accounts import VoiceAccountRepository
from tests.sweeps.refurbishing_drill import facts, to_loader
from tools.demo import calling, living, making
from tools.demo.narrator import Narrator
from tools.demo.story import FIRST, opened_world
from tools.demo.world import World
from tools.sim.board import SimBoard

FLASH = catalogue.load(making.BOARD).flash
WINDOW_BYTES = 16
LEAST_DISTINCT = 5  # octets in a window that could be a trace of somebody, not padding
LEAST_LEFT = 500  # windows that a first account leaves: its configuration, its logs, its journal
READY_TIMEOUT_S = 60.0
PARCEL = ("--carrier", "UPS", "--tracking", "1Z999AA10123456784")
BAKERY = {
    "name": "Corner Bakery",
    "administrator_name": "Ada Baker",
    "administrator_email": "ada@bakery.example",
}
FLORIST = {
    "name": "Elm Street Flowers",
    "administrator_name": "Fern Flower",
    "administrator_email": "fern@flowers.example",
}


@dataclass(frozen=True)
class Secrets:
    """What an identity has in flash, and what an account left there."""

    identity: dict[str, bytes]
    voice: dict[str, bytes]


@pytest.fixture
def world() -> Iterator[World]:
    with opened_world(Narrator(as_json=True)) as world:
        making.open_house(world)
        yield world


@pytest.mark.slow
def test_a_returned_unit_is_sold_again_with_nothing_of_the_first_account_on_it_or_accepted_from_it(
    world: World,
) -> None:
    image = making.sign_first_release(world, FIRST)
    (serial,) = making.make_units(world, 1, image)
    board = world.boards[serial]
    as_made, label = flash_of(board), scanned(world, serial)

    theirs, lived = serve_the_first(world, serial, label)
    come_back(world, serial, label)
    refurbish(world, serial, image)
    fresh = flash_of(board)
    left = windows(lived) - windows(as_made)
    assert len(left) >= LEAST_LEFT
    assert not left & windows(fresh)
    assert scanned(world, serial) != label, "the claim code is a new one"

    order(world, FLORIST, "7 Elm Street, Springfield")
    pick_and_ship(world, "OR-2", scanned(world, serial))
    making.plug_in(world, [serial])
    world.until("registered", lambda: world.unit(serial)["line"]["state"] == "registered", READY_TIMEOUT_S)
    present = secrets_of(world, serial, board)
    board.power_off()
    after = flash_of(board)
    everything = theirs.identity | theirs.voice | {word: word.encode() for word in (*BAKERY.values(), "12 Marsh Lane")}
    assert [name for name, secret in everything.items() if secret in fresh or secret in after] == []
    assert all(secret in after for secret in (present.identity | present.voice).values())
    unit = world.unit(serial)
    assert (unit["account"], unit["service"], unit["epoch"]) == ("AC-2", "active", 2)
    assert [len(calls) for calls in calls_of(world)] == [1, 0], "a call stays with the account that made it"

    board.folder.flash.write_bytes(lived)  # somebody kept all that was in it
    is_refused(world, serial)
    board.folder.flash.write_bytes(after)
    board.power_on()
    board.wait(lambda pins: pins.state == "ready", READY_TIMEOUT_S)


def serve_the_first(world: World, serial: str, scan: str) -> tuple[Secrets, bytes]:
    """Sold, active, with a line and a call; what was in it, and the whole of its flash."""
    board = world.boards[serial]
    order(world, BAKERY, "12 Marsh Lane, Springfield")
    pick_and_ship(world, "OR-1", scan)
    making.plug_in(world, [serial])
    calling.open_lines(world, [serial])
    calling.call_echo(world, serial)
    theirs = secrets_of(world, serial, board)
    board.power_off()
    lived = flash_of(board)
    for name, secret in (theirs.identity | theirs.voice).items():
        assert secret in lived, f"{name} was not there: the search would find nothing"
    return theirs, lived


def order(world: World, customer: dict[str, str], address: str) -> None:
    """A new account orders one unit."""
    support = world.people.support.client
    account = support.post("/v1/accounts", customer)["id"]
    line = {"quantity": 1, "unit_price_cents": 0, "board": making.BOARD}
    location = {"address": address, "disclosure_acknowledged": True}
    support.post("/v1/orders", {"account": account, "lines": [line], "location": location})


def pick_and_ship(world: World, name: str, scan: str) -> None:
    """The warehouse holds the unit before its scanner."""
    warehouse = world.people.warehouse
    assert world.command(warehouse, "pick", "scan", name, scan)["waits_for"] == {}
    sent = world.command(warehouse, "pick", "ship", name, *PARCEL)
    assert [len(parcel["units"]) for parcel in sent["parcels"]] == [1]


def come_back(world: World, serial: str, scan: str) -> None:
    """An RMA, the parcel, a scan at the door, triage."""
    support, warehouse = world.people.support.client, world.people.warehouse
    wanted = {"unit": serial, "kind": "defect", "mode": "on_receipt", "reason": "crackles"}
    rma = support.post("/v1/rmas", wanted)["id"]
    support.post(f"/v1/rmas/{rma}/approve")
    taken = world.command(warehouse, "return", "take-in", scan, "--condition", "sound")
    assert (taken["unit"], taken["rma"]["id"]) == (serial, rma)
    world.command(warehouse, "rma", "inspect", rma, "--code", "no_fault_found", "--note", "as new")


def refurbish(world: World, serial: str, image: Path) -> None:
    """Wiped with proof, in a new epoch, flashed, tested, graded: stock again."""
    warehouse, board = world.people.warehouse, world.boards[serial]
    to_loader(board)
    wiped = world.command(warehouse, "station", "wipe", serial, "--port", str(board.usb))
    assert wiped["state"] == "wiped"
    assert set(flash_of(board)) == {0xFF}
    folders = ("--labels", str(world.folder / "labels"), "--journal", str(world.folder / "station"))
    flash = ("station", "flash", "--port", str(board.usb), "--image", str(image), *folders)
    world.command_lines(warehouse, *flash, "--new-epoch", "refurbished")
    board.power_off()
    graded = world.command(warehouse, "unit", "refurbish", "grade", serial, "--grade", "a", "--reason", "as new")
    assert (graded["state"], graded["custody"], graded["epoch"]) == ("restocked", "in_stock", 2)


def is_refused(world: World, serial: str) -> None:
    """The unit as it was at its first account finds the door shut, and changes nothing the fleet knows."""
    board, before = world.boards[serial], known(world, serial)
    said_before = len(board.folder.log.read_text())
    board.power_on()
    living.see_refused(world, serial, said_before)
    board.power_off()
    assert known(world, serial) == before


def known(world: World, serial: str) -> object:
    """What a unit that is let in, or a report that is taken, would change."""
    return facts(world, serial), calls_of(world)


def calls_of(world: World) -> list[list[object]]:
    """The records of either account's calls."""
    support = world.people.support.client
    return [list(support.items("/v1/calls", account=account)) for account in ("AC-1", "AC-2")]


def scanned(world: World, serial: str) -> str:
    """What a scanner reads in the QR code of the unit's label."""
    with Image.open(world.folder / "labels" / f"{serial}.png") as label:
        return next(each.text for each in zxingcpp.read_barcodes(label.convert("L")) if "#" in each.text)


def flash_of(board: SimBoard) -> bytes:
    return board.folder.flash.read_bytes()


def windows(flash: bytes) -> set[bytes]:
    """Every stretch of what a unit keeps that could tell of somebody: all partitions but the images in the slots."""
    kept = [part for name, part in FLASH.partitions.items() if not name.startswith("slot_")]
    found = set[bytes]()
    for part in kept:
        found |= {flash[at : at + WINDOW_BYTES] for at in range(part.offset, part.end - WINDOW_BYTES)}
    return {window for window in found if len(set(window)) >= LEAST_DISTINCT}


def secrets_of(world: World, serial: str, board: SimBoard) -> Secrets:
    """Key and certificate as the identity's record has them (firmware/adapter/identity.py), the line's account."""
    part = FLASH.partitions["identity"]
    record = flash_of(board)[part.offset : part.end]
    at = record.index(serial.encode()) + 11 + 16
    private, public = record[at : at + 32], record[at + 32 : at + 97]
    (size,) = struct.unpack_from(">H", record, at + 97)
    certificate = x509.load_der_x509_certificate(der := record[at + 99 : at + 99 + size])
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1()).public_key()
    assert public == key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    identity = {"key": private, "public key": public[1:], "certificate": der, "signature": certificate.signature}
    engine = make_engine(f"sqlite:///{world.service.data_dir / 'fleet.db'}")
    transactions = Transactions(engine, utc_now, load_seal(world.service.data_dir))
    with transactions.read(system_actor("test")) as uow:
        account = VoiceAccountRepository(uow).of([serial])[serial]
    engine.dispose()
    voice = {"voice account": account.user.encode(), "voice password": account.password.encode()}
    return Secrets(identity, voice)
