"""Boards become units: one MAC and serial number each, whoever asks and however often."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.configuration import Channel, Configuration, parse_window
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError
from fleet.domain.identity import Identity, Standing
from fleet.domain.mac_block import Registry
from fleet.domain.unit import Custody, Trust
from fleet.pki.certificates import PkiError
from fleet.services.build import Services
from fleet.services.provisioning import StationReport
from fleet.store.identities import IdentityLookup, IdentityRepository, IssuedIdentity
from protocol.wire import messages
from protocol.wire.mac import MacAddress
from tests.fleet.conftest import someone
from tests.fleet.services.equipment import FIRST_MAC, PASSED, REPORT, Warehouse, make_csr, sent, snapshot

SCRIPT = """
import sys
from datetime import UTC, datetime
from sqlalchemy import select
from fleet.domain.access import system_actor
from fleet.pki.authority import DeviceAuthority
from fleet.pki.tokens import TokenAuthority
from fleet.services.provisioning import FleetSide, Provisioning
from fleet.store.base import make_engine
from fleet.store.unit_of_work import Transactions
from pathlib import Path
data, station, count = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
transactions = Transactions(make_engine(f"sqlite:///{data / 'fleet.db'}"), lambda: datetime.now(UTC))
side = FleetSide(b"", lambda: b"", b"", TokenAuthority.load(data / "pki"))
provisioning = Provisioning(transactions, DeviceAuthority.load(data / "pki"), side)
for number in range(count):
    uid = (station * 1000 + number).to_bytes(8, "big")
    unit = provisioning.allocate(system_actor("station"), "simulated", 1, uid)
    assert provisioning.allocate(system_actor("station"), "simulated", 1, uid) == unit
"""


def current(warehouse: Warehouse, serial: str) -> IssuedIdentity:
    with warehouse.services.transactions.read(warehouse.actor) as uow:
        found = IdentityRepository(uow).of(warehouse.unit(serial))
    assert found is not None
    return found


def standing(warehouse: Warehouse, fingerprint: str) -> Standing:
    found = IdentityLookup(warehouse.services.transactions, warehouse.actor).find(fingerprint)
    assert isinstance(found, Identity)
    return found.standing


def test_units_take_serial_numbers_and_macs_in_order(warehouse: Warehouse) -> None:
    first, second = warehouse.allocate(), warehouse.allocate()
    assert (first.serial, second.serial) == ("PT000000018", "PT000000026")
    assert (first.mac, int(second.mac)) == (FIRST_MAC, int(FIRST_MAC) + 1)


def test_a_board_asked_for_twice_is_the_same_unit(warehouse: Warehouse) -> None:
    unit = warehouse.allocate()
    before = snapshot(warehouse.services)
    warehouse.made -= 1
    assert warehouse.allocate() == unit
    assert snapshot(warehouse.services) == before


def test_a_known_board_under_another_name_is_refused(warehouse: Warehouse) -> None:
    warehouse.allocate()
    warehouse.made -= 1
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="not a other of revision 1"):
        warehouse.allocate("other")
    assert snapshot(warehouse.services) == before


def test_when_a_block_is_used_up_the_next_one_serves_and_then_none(services: Services, admin: Actor) -> None:
    warehouse = Warehouse(services, admin)
    warehouse.load_block(prefix_bits=47)
    services.mac_blocks.add(admin, Registry.MA_S, MacAddress(bytes.fromhex("8c1f64aac000")), prefix_bits=48)
    macs = [str(warehouse.allocate().mac) for _ in range(3)]
    assert macs == ["8C:1F:64:AA:B0:00", "8C:1F:64:AA:B0:01", "8C:1F:64:AA:C0:00"]
    before = snapshot(services)
    with pytest.raises(ConflictError, match="load one"):
        warehouse.allocate()
    assert snapshot(services) == before


def test_an_overlapping_block_is_refused(warehouse: Warehouse, admin: Actor) -> None:
    last = MacAddress.from_int(int(FIRST_MAC) + 4095)
    for first, prefix_bits in ((FIRST_MAC, 44), (last, 48)):
        with pytest.raises(ConflictError, match="overlap block 1"):
            warehouse.services.mac_blocks.add(admin, Registry.MA_S, first, prefix_bits=prefix_bits)
    beside = MacAddress.from_int(int(FIRST_MAC) + 4096)
    assert warehouse.services.mac_blocks.add(admin, Registry.MA_S, beside, prefix_bits=36).block.id == 2
    below = MacAddress.from_int(int(FIRST_MAC) - 4096)
    assert warehouse.services.mac_blocks.add(admin, Registry.MA_S, below, prefix_bits=36).block.id == 3


def test_threads_get_addresses_without_holes_or_doubles(warehouse: Warehouse) -> None:
    def allocate(number: int) -> int:
        # Every board is asked for twice, by two threads.
        unit = warehouse.provisioning.allocate(warehouse.actor, "simulated", 1, (number // 2).to_bytes(8, "big"))
        return int(unit.mac)

    with ThreadPoolExecutor(8) as pool:
        macs = list(pool.map(allocate, range(80)))
    assert sorted(set(macs)) == [int(FIRST_MAC) + n for n in range(40)]
    assert all(macs.count(mac) == 2 for mac in set(macs))


def test_processes_get_addresses_without_holes_or_doubles(warehouse: Warehouse) -> None:
    data = warehouse.services.settings.data_dir
    stations = [
        subprocess.Popen([sys.executable, "-c", SCRIPT, str(data), str(n), "15"], cwd=Path.cwd()) for n in range(3)
    ]
    assert [station.wait(timeout=60) for station in stations] == [0, 0, 0]
    units = warehouse.services.units.page(warehouse.actor, 100, None)
    assert [int(unit.mac) for unit in units] == [int(FIRST_MAC) + n for n in range(45)]
    assert len({unit.board_uid for unit in units}) == 45


def test_a_certificate_is_given_once_and_again_for_the_same_key(warehouse: Warehouse) -> None:
    unit, key = warehouse.allocate(), ec.generate_private_key(ec.SECP256R1())
    first = warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial, key), 1)
    before = snapshot(warehouse.services)
    again = warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial, key), 1)
    assert again == first
    assert snapshot(warehouse.services) == before
    assert (first.trust_anchors, first.root_metadata, first.addresses) == (b"anchor", b"root", b"addresses")
    assert warehouse.unit(unit.serial).custody is Custody.CERTIFIED
    assert standing(warehouse, current(warehouse, unit.serial).fingerprint) is Standing.GOOD


def test_another_key_in_the_same_epoch_is_refused(warehouse: Warehouse) -> None:
    unit = warehouse.allocate()
    warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial), 1)
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="another key in epoch 1"):
        warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial), 1)
    assert snapshot(warehouse.services) == before


def test_a_key_seen_on_any_unit_or_epoch_is_never_certified_again(warehouse: Warehouse) -> None:
    one, other, key = warehouse.allocate(), warehouse.allocate(), ec.generate_private_key(ec.SECP256R1())
    warehouse.provisioning.certify(warehouse.actor, one.serial, make_csr(one.serial, key), 1)
    warehouse.provisioning.begin_epoch(warehouse.actor, one.serial, "lost its key")
    before = snapshot(warehouse.services)
    for unit, epoch in ((other, 1), (one, 2)):
        with pytest.raises(ConflictError, match=f"certified before, for {one.serial}"):
            warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial, key), epoch)
    assert snapshot(warehouse.services) == before


def test_a_request_for_another_unit_or_epoch_is_refused(warehouse: Warehouse) -> None:
    one, other = warehouse.allocate(), warehouse.allocate()
    before = snapshot(warehouse.services)
    with pytest.raises(PkiError, match=f"CN={one.serial}"):
        warehouse.provisioning.certify(warehouse.actor, one.serial, make_csr(other.serial), 1)
    with pytest.raises(ConflictError, match="is in epoch 1"):
        warehouse.provisioning.certify(warehouse.actor, one.serial, make_csr(one.serial), 2)
    assert snapshot(warehouse.services) == before


def test_a_station_may_provision_a_reset_unit_once_a_new_epoch_has_begun(warehouse: Warehouse) -> None:
    serial = warehouse.stock().serial
    keys = warehouse.provisioning._fleet_side.tokens.blob
    key_ids = [sha256(keys[:65]).digest()[:8]]
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="is in_stock in epoch 1: begin a new epoch first"):
        warehouse.provisioning.authorize(warehouse.actor, serial, bytes(32), key_ids)
    assert snapshot(warehouse.services) == before
    warehouse.provisioning.begin_epoch(warehouse.actor, serial, "was reset")
    with pytest.raises(ConflictError, match="knows none of our 1 token keys"):
        warehouse.provisioning.authorize(warehouse.actor, serial, bytes(32), [bytes(8)])
    token = warehouse.provisioning.authorize(warehouse.actor, serial, bytes(32), key_ids)
    values = messages.unpack(token.token)
    assert (values.name, values["station"], values["serial"], values["epoch"], values["challenge"]) == (
        "provisioning_token", warehouse.actor.reference, serial, 2, bytes(32),
    )  # fmt: skip
    after = snapshot(warehouse.services)
    assert "unit:authorize" in str(after["audit_log"][-1])
    assert f"station {warehouse.actor.reference}, epoch 2" in str(after["unit_notes"][-1])


def test_a_station_that_was_cut_off_may_go_on_until_the_unit_is_stocked(warehouse: Warehouse) -> None:
    serial, provisioning = warehouse.stock().serial, warehouse.provisioning
    key_ids = [sha256(provisioning._fleet_side.tokens.blob[:65]).digest()[:8]]

    def epoch_of(challenge: bytes) -> int:
        token = provisioning.authorize(warehouse.actor, serial, challenge, key_ids).token
        return int(messages.unpack(token)["epoch"])

    provisioning.begin_epoch(warehouse.actor, serial, "was reset")
    assert epoch_of(bytes(32)) == 2
    provisioning.certify(warehouse.actor, serial, make_csr(serial), 2)
    assert epoch_of(bytes([1] * 32)) == 2
    assert "unit:authorize" in str(snapshot(warehouse.services)["audit_log"][-1])
    provisioning.stock(warehouse.actor, serial, REPORT)
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="is in_stock in epoch 2: begin a new epoch first"):
        epoch_of(bytes([2] * 32))
    assert snapshot(warehouse.services) == before


def test_a_refurbished_unit_that_passed_and_waits_to_be_graded_gets_no_token(warehouse: Warehouse) -> None:
    """It stays certified until then: its stock record says that it is through."""
    provisioning = warehouse.provisioning
    unit = warehouse.place(warehouse.open_account())
    serial = unit.serial
    warehouse.take_back(unit)
    unit = warehouse.certify_and_stock(warehouse.renew(unit))
    assert unit.custody is Custody.CERTIFIED
    key_ids = [sha256(provisioning._fleet_side.tokens.blob[:65]).digest()[:8]]
    with pytest.raises(ConflictError, match="is certified in epoch 2: begin a new epoch first"):
        provisioning.authorize(warehouse.actor, serial, bytes(32), key_ids)


def test_without_the_right_to_provision_nobody_gets_a_token(warehouse: Warehouse) -> None:
    serial = warehouse.allocate().serial
    before = snapshot(warehouse.services)
    with pytest.raises(ForbiddenError, match="unit:provision"):
        warehouse.provisioning.authorize(someone(Role.SUPPORT), serial, bytes(32), [bytes(8)])
    assert snapshot(warehouse.services) == before


def test_a_unit_is_stocked_once(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    assert (unit.custody, unit.version, unit.release_counter) == (Custody.IN_STOCK, "1.0.0", 1)
    before = snapshot(warehouse.services)
    assert warehouse.provisioning.stock(warehouse.actor, unit.serial, REPORT) == unit
    assert snapshot(warehouse.services) == before


def test_a_second_report_with_another_label_is_refused(warehouse: Warehouse) -> None:
    """Another station, or one that lost its journal, has printed a claim code that nobody would know."""
    first, second = (replace(REPORT, claim_code_sha256=digit * 64) for digit in "ab")
    serial, provisioning = warehouse.allocate().serial, warehouse.provisioning
    provisioning.certify(warehouse.actor, serial, make_csr(serial), 1)
    unit = provisioning.stock(warehouse.actor, serial, first)
    before = snapshot(warehouse.services)
    with pytest.raises(ConflictError, match="has another label since"):
        provisioning.stock(warehouse.actor, serial, second)
    assert provisioning.stock(warehouse.actor, serial, first) == unit
    assert snapshot(warehouse.services) == before


def test_a_unit_without_a_certificate_is_not_stocked(warehouse: Warehouse) -> None:
    unit = warehouse.allocate()
    before = snapshot(warehouse.services)
    with pytest.raises(IllegalTransitionError, match="made"):
        warehouse.provisioning.stock(warehouse.actor, unit.serial, REPORT)
    assert snapshot(warehouse.services) == before


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        ([], InvalidError, "at most once"),
        ([*PASSED, PASSED[0]], InvalidError, "at most once"),
        ([{"test": "coffee", "result": "passed"}], InvalidError, "at most once"),
        ([{"test": "ram", "result": "fine"}], InvalidError, "got 'fine'"),
        ([*PASSED, {"test": "usb", "result": "failed"}], ConflictError, "failed in usb"),
        ([PASSED[1]], ConflictError, "failed in every part"),
    ],
    ids=["empty", "twice", "unknown", "no result", "failed", "all skipped"],
)
def test_a_unit_that_did_not_pass_its_self_test_is_not_stocked(
    warehouse: Warehouse, rows: list[dict[str, object]], error: type[Exception], words: str
) -> None:
    unit = warehouse.allocate()
    warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial), 1)
    before = snapshot(warehouse.services)
    with pytest.raises(error, match=words):
        warehouse.provisioning.stock(warehouse.actor, unit.serial, StationReport("1.0.0", 1, rows, ""))
    assert snapshot(warehouse.services) == before


def test_a_new_epoch_kills_the_old_certificate_and_keeps_serial_and_mac(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    old = current(warehouse, unit.serial)
    renewed = warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "refurbished")
    assert renewed == replace(unit, epoch=2, custody=Custody.MADE, trust=Trust.GOOD)
    assert standing(warehouse, old.fingerprint) is Standing.DEAD
    stocked = warehouse.certify_and_stock(renewed)
    assert (stocked.epoch, stocked.custody) == (2, Custody.IN_STOCK)
    assert standing(warehouse, old.fingerprint) is Standing.DEAD
    assert standing(warehouse, current(warehouse, unit.serial).fingerprint) is Standing.GOOD


def test_a_new_epoch_throws_the_unit_out_and_forgets_what_it_was_told(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    warehouse.services.units.configure(warehouse.actor, unit.serial, Channel.STABLE, parse_window("01:00", "02:00"))
    warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "refurbished")
    assert sent(warehouse.services, "revoke") == [{"serial": unit.serial, "epoch": 1}]
    settings = warehouse.services.units.get(warehouse.actor, unit.serial).configuration
    assert settings == Configuration(unit.serial, version=3)


def test_a_unit_at_an_account_begins_no_epoch(warehouse: Warehouse) -> None:
    unit = warehouse.place(warehouse.open_account())
    before = snapshot(warehouse.services)
    with pytest.raises(IllegalTransitionError, match="at_account"):
        warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "why not")
    assert snapshot(warehouse.services) == before


def test_a_warehouse_provisions_and_support_does_not(warehouse: Warehouse) -> None:
    warehouse.actor = someone(Role.WAREHOUSE)
    warehouse.stock()
    warehouse.actor = someone(Role.SUPPORT)
    with pytest.raises(ForbiddenError, match="unit:provision"):
        warehouse.allocate()
