"""A warehouse and its customers: units are made, certified, stocked, sent and plugged in, as stations and units do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select

from boards import catalogue
from fleet.domain.access import Actor, unit_actor
from fleet.domain.account import Account
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.mac_block import Registry
from fleet.domain.money import ZERO, Money
from fleet.domain.order import OrderLine, usual_ownership
from fleet.domain.refurbishing import Grade, WipeProof, blank_sha256
from fleet.domain.rma import ReplacementMode, Rma, RmaKind
from fleet.domain.unit import Unit
from fleet.pki.authority import DeviceAuthority
from fleet.pki.tokens import TokenAuthority
from fleet.services.build import Services
from fleet.services.locations import LocationSaid
from fleet.services.provisioning import FleetSide, Provisioning, StationReport
from fleet.services.registration import Registration
from fleet.services.shipping import Parcel
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.services.voice_accounts import complete
from fleet.store.base import metadata
from fleet.store.tables.equipment import identities
from fleet.store.tables.journal import outbox
from protocol.wire.enumerations import LINE_STATES, REGISTER_RESULTS
from protocol.wire.mac import MacAddress
from protocol.wire.messages import Message, pack, unpack

FIRST_MAC = MacAddress(bytes.fromhex("8c1f64aab000"))
PASSED = [{"test": "ram", "result": "passed", "value": 0}, {"test": "led", "result": "skipped", "value": 0}]
REPORT = StationReport("1.0.0", 1, PASSED, "label.png")
PARCEL = Parcel("UPS", "1Z999")
DISTRIBUTOR = "Phones & More"
AS_NEW = Inspection(InspectionCode.NO_FAULT_FOUND, note="as new")
FLASH_BYTES = catalogue.load("simulated").flash.bytes
NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # of a unit's clock before it knows the time
HOME = LocationSaid("12 Marsh Lane, Springfield", disclosure_acknowledged=True)
NUMBERS = b"first,last\n+15555550100,+15555550199\n"


def make_csr(serial: str, key: ec.EllipticCurvePrivateKey | None = None) -> bytes:
    """A request as a unit makes it."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, serial)])
    key = key or ec.generate_private_key(ec.SECP256R1())
    return x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256()).public_bytes(Encoding.DER)


def proof_of(unit: Unit) -> WipeProof:
    """What the loader of the unit's chip says when its flash is blank."""
    return WipeProof(unit.board_uid, FLASH_BYTES, blank_sha256(FLASH_BYTES))


def sent(services: Services, kind: str) -> list[dict[str, Any]]:
    """What waits in the outbox."""
    with services.transactions.engine.connect() as connection:
        rows = connection.execute(select(outbox.c.payload).where(outbox.c.kind == kind).order_by(outbox.c.id))
        return [json.loads(row.payload) for row in rows]


def identity(services: Services, unit: Unit) -> tuple[str, str]:
    """The state and fingerprint of the unit's last identity."""
    with services.transactions.engine.connect() as connection:
        query = select(identities).where(identities.c.serial == unit.serial).order_by(identities.c.epoch.desc())
        row = connection.execute(query.limit(1)).one()
        return row.state, row.fingerprint


def snapshot(services: Services) -> dict[str, list[Any]]:
    """Every row of every table."""
    with services.transactions.engine.connect() as connection:
        return {name: [tuple(row) for row in connection.execute(select(t))] for name, t in metadata.tables.items()}


def register_values(unit: Unit) -> dict[str, Any]:
    """What a unit says of itself when it registers."""
    return {
        "serial": unit.serial,
        "mac": unit.mac.octets,
        "epoch": unit.epoch,
        "board": unit.board,
        "hardware_revision": unit.hardware_revision,
        "version": "1.0.0",
        "release_counter": 1,
        "image_sha256": bytes(32),
        "slot": 0,
        "abi": 6,
        "boot_reason": 0,
        "free_heap_bytes": 0,
        "clock_s": 0,
    }


@dataclass
class Warehouse:
    """`actor` does everything people do; units speak for themselves."""

    services: Services
    actor: Actor
    made: int = 0
    sequence: int = 0
    boot_id: int = 1  # of the start in which units speak
    provisioning: Provisioning = field(init=False)
    registration: Registration = field(init=False)

    def __post_init__(self) -> None:
        pki = self.services.settings.data_dir / "pki"
        authority = DeviceAuthority.load(pki)
        fleet_side = FleetSide(b"anchor", lambda: b"root", b"addresses", TokenAuthority.load(pki))
        self.provisioning = Provisioning(self.services.transactions, authority, fleet_side)
        self.registration = Registration(self.services.units._downlinks)

    def load_block(self, prefix_bits: int = 36) -> None:
        """Addresses for units, and numbers for their lines."""
        self.services.mac_blocks.add(self.actor, Registry.MA_S, FIRST_MAC, prefix_bits=prefix_bits)
        self.services.numbers.take_in(self.actor, BytesIO(NUMBERS), dry_run=False)

    def allocate(self, board: str = "simulated") -> Unit:
        self.made += 1
        return self.provisioning.allocate(self.actor, board, 1, self.made.to_bytes(8, "big"))

    def stock(self, board: str = "simulated") -> Unit:
        """A new unit, ready to be sent."""
        unit = self.allocate(board)
        return self.certify_and_stock(unit)

    def certify_and_stock(self, unit: Unit) -> Unit:
        self.provisioning.certify(self.actor, unit.serial, make_csr(unit.serial), unit.epoch)
        return self.provisioning.stock(self.actor, unit.serial, REPORT)

    def open_account(self, name: str = "Blue Heron Dental") -> Account:
        mail = f"{name.split(maxsplit=1)[0].lower()}@example.com"
        if not self.services.distributors.page(self.actor, 1, None):
            self.services.distributors.register(self.actor, DISTRIBUTOR)
        return self.services.accounts.create(self.actor, name, "Ada Finch", mail)

    def send(self, account: Account, *units: Unit, price: int = 0, order_date: date | None = None) -> None:
        """Order those units and ship them."""
        day = order_date or self.services.transactions.clock().date()
        whose = usual_ownership(Money(price), ZERO)
        lines = [OrderLine(unit.board, 1, Money(price), ownership=whose) for unit in units]
        order = self.services.orders.create(self.actor, account.id, day, lines, said=HOME)
        self.services.orders.ship(self.actor, order.id, [unit.serial for unit in units], PARCEL)

    def place(self, account: Account, price: int = 0) -> Unit:
        """A unit at the account, plugged in and active."""
        unit = self.stock()
        self.send(account, unit, price=price)
        self.register(unit)
        self.ready(unit)
        return self.unit(unit.serial)

    def approved(self, unit: Unit, kind: RmaKind = RmaKind.DEFECT, mode: str = "advance") -> Rma:
        rma = self.services.rmas.open(self.actor, unit.serial, kind, ReplacementMode(mode), "no dial tone")
        return self.services.rmas.approve(self.actor, rma.id)

    def replace(self, rma: Rma) -> Unit:
        """A replacement on its way."""
        rma = self.services.rmas.reserve(self.actor, rma.id)
        self.services.rmas.ship(self.actor, rma.id, PARCEL)
        return self.unit(rma.replacement_serial or "")

    def take_back(self, unit: Unit, found: Inspection = AS_NEW, rma: Rma | None = None) -> Rma:
        """The unit comes back under an RMA and is inspected: it waits at the bench."""
        rma = rma or self.approved(unit, mode="on_receipt")
        self.services.rmas.receive(self.actor, rma.id, unit.serial, found.condition)
        return self.services.returns.inspect(self.actor, rma.id, found)

    def wipe(self, unit: Unit) -> None:
        self.services.refurbishings.wipe(self.actor, unit.serial, proof_of(unit))

    def renew(self, unit: Unit) -> Unit:
        """A unit on the bench, wiped and in its next epoch."""
        self.wipe(unit)
        return self.provisioning.begin_epoch(self.actor, unit.serial, "refurbished")

    def refurbish(self, unit: Unit) -> Unit:
        """A unit on the bench becomes stock."""
        self.certify_and_stock(self.renew(unit))
        self.services.refurbishings.grade(self.actor, unit.serial, Grade.B, "a scratch")
        return self.unit(unit.serial)

    def unit(self, serial: str) -> Unit:
        return self.services.units.get(self.actor, serial).unit

    def register(self, unit: Unit, **changed: Any) -> list[Outgoing]:
        return self._say(unit, "register", register_values(unit) | changed, self.registration.register)

    def result(self, unit: Unit, **changed: Any) -> str:
        """The result of a registration, by name."""
        return REGISTER_RESULTS[self.register(unit, **changed)[0].values["result"]]

    def ready(self, unit: Unit, line_state: str = "registered") -> None:
        values = {"config_version": 1, "line_state": LINE_STATES.index(line_state), "configured_ms": 900, "tls_ms": 300}
        values["clock_s"] = 0
        self._say(unit, "service_ready", values, self.registration.service_ready)

    def beat(self, *units: Unit, config_version: int = 1) -> list[Outgoing]:
        with self.services.transactions.begin(unit_actor("gateway")) as uow:
            messages = [heartbeat(config_version, n, self.boot_id, uow.now) for n, _ in enumerate(units)]
            batch = [Incoming(unit.serial, message, uow.now) for unit, message in zip(units, messages, strict=True)]
            answers = complete(uow, self.registration.heartbeat(uow, batch))
            uow.commit()
            return answers

    def _say(self, unit: Unit, name: str, values: dict[str, Any], handler: Any) -> list[Outgoing]:
        self.sequence += 1
        message = unpack(pack(name, values, boot_id=self.boot_id, sequence=self.sequence))
        with self.services.transactions.begin(unit_actor(unit.serial)) as uow:
            answers = complete(uow, handler(uow, Incoming(unit.serial, message, uow.now)))
            uow.commit()
        for answer in answers:
            pack(answer.name, dict(answer.values))
        return answers


def heartbeat(config_version: int, uptime_s: int, boot_id: int = 1, at: datetime = NEVER) -> Message:
    values = {
        "uptime_s": uptime_s,
        "state": 7,
        "line_state": 0,
        "update_state": 0,
        "slot": 0,
        "release_counter": 1,
        "config_version": config_version,
        "free_heap_bytes": 50_000,
        "waiting_reports": 0,
        "clock_s": int(at.timestamp()),
    }
    message: Message = unpack(pack("heartbeat", values, boot_id=boot_id))
    return message
