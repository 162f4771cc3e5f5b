"""A board becomes a unit: serial number and MAC, then its certificate, then stock; every step may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from boards import catalogue
from fleet.domain.access import Actor, Permission
from fleet.domain.audit import AuditAction
from fleet.domain.errors import ConflictError, InvalidError
from fleet.domain.reason import check_why
from fleet.domain.refurbishing import Refurbishing, RefurbishingEvent
from fleet.domain.unit import (
    FIRST_EPOCH,
    Custody,
    CustodyEvent,
    Service,
    Trust,
    Unit,
    UnitCondition,
    after,
    unseen_board_uid,
)
from fleet.pki.authority import DeviceAuthority
from fleet.pki.certificates import PkiError
from fleet.pki.tokens import Token, TokenAuthority
from fleet.services.epochs import next_identity
from fleet.services.receiving import check_not_held
from fleet.services.refurbishing_track import round_of, take_step
from fleet.store.configurations import ConfigurationRepository
from fleet.store.identities import IdentityRepository, IssuedIdentity
from fleet.store.mac_addresses import MacAddressRepository
from fleet.store.unit_of_work import Transactions, UnitOfWork
from fleet.store.units import UnitRepository
from protocol.wire.link_enumerations import SELF_TEST_RESULTS, SELF_TESTS
from protocol.wire.mac import MacAddress

PASSED, FAILED = "passed", "failed"
UNDER_WAY = frozenset({Custody.MADE, Custody.CERTIFIED})  # at the bench, in an epoch in which it is not stocked yet
PRESENT_AGAIN = frozenset({Custody.CERTIFIED, Custody.IN_STOCK})  # whose certificate a station may ask for once more


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What a station writes to a unit's identity partition; the names are those of the wire's BLOBS."""

    certificate: bytes
    trust_anchors: bytes
    root_metadata: bytes
    addresses: bytes
    token_keys: bytes


@dataclass(frozen=True, slots=True)
class FleetSide:
    """What every unit is given beside its own certificate. `root_metadata` is read anew for each unit."""

    trust_anchors: bytes
    root_metadata: Callable[[], bytes]
    addresses: bytes
    tokens: TokenAuthority


@dataclass(frozen=True, slots=True)
class StationReport:
    """What the station found: the image it wrote, the self-test's rows, the label's name and its claim code's hash."""

    version: str
    release_counter: int
    self_test: Sequence[Mapping[str, Any]]
    label: str
    claim_code_sha256: str = ""
    bench: Mapping[str, Any] = field(default_factory=dict)  # station, country, line_gain_tenths, clock_ppm


class Provisioning:
    """The station's use cases."""

    def __init__(self, transactions: Transactions, authority: DeviceAuthority, fleet_side: FleetSide) -> None:
        self._transactions = transactions
        self._authority = authority
        self._fleet_side = fleet_side

    def allocate(
        self, actor: Actor, board: str, hardware_revision: int, board_uid: bytes, serial: str | None = None
    ) -> Unit:
        """The unit made of this board: found again by its uid, else with the next serial number and MACs.

        `serial` is the one on the label of a unit that was imported and whose board no station has seen yet.
        """
        actor.require(Permission.UNIT_PROVISION)
        with self._transactions.begin(actor) as uow:
            addresses, units = MacAddressRepository(uow), UnitRepository(uow)
            addresses.lock()
            unit = units.by_board_uid(board_uid)
            if unit is not None:
                _check_same_board(unit, board, hardware_revision, serial)
                return unit
            if serial is not None:
                unit = _bind(units, serial, board, hardware_revision, board_uid)
                uow.audit(AuditAction.UNIT_ALLOCATE, serial, ["board_uid"])
            else:
                given = addresses.allocate(macs_per_unit(board))
                unit = new_unit(given.serial, given.macs[0], board, hardware_revision, board_uid)
                units.add(unit, given.block_id)
                uow.audit(AuditAction.UNIT_ALLOCATE, unit.serial, ["serial", "mac"])
            uow.commit()
            return unit

    def certify(self, actor: Actor, serial: str, csr: bytes, epoch: int) -> Enrolment:
        """The unit's certificate for the key in `csr`; the same again for the same key, ConflictError for another."""
        actor.require(Permission.UNIT_PROVISION)
        root_metadata = self._fleet_side.root_metadata()
        with self._transactions.begin(actor) as uow:
            certificate = self._certificate(uow, UnitRepository(uow).hold(serial), csr, epoch)
            uow.commit()
        side = self._fleet_side
        return Enrolment(certificate, side.trust_anchors, root_metadata, side.addresses, side.tokens.blob)

    def authorize(self, actor: Actor, serial: str, challenge: bytes, key_ids: Collection[bytes]) -> Token:
        """Let the actor provision a unit that was reset, or go on with it: the unit's challenge is good for once.

        The station that the token names is the actor's own reference: nobody gets one for another station.
        ConflictError unless a new epoch has begun for it, in which it was not stocked yet; it is in our hands then.
        """
        actor.require(Permission.UNIT_PROVISION)
        with self._transactions.begin(actor) as uow:
            units = UnitRepository(uow)
            unit = units.hold(serial)
            check_not_held(uow, serial)
            if unit.custody not in UNDER_WAY or units.has_stock_record(unit):
                raise ConflictError(
                    f"{serial} is {unit.custody} in epoch {unit.epoch}: begin a new epoch first "
                    f"(POST /v1/units/{serial}/epochs)"
                )
            try:
                token = self._fleet_side.tokens.sign(key_ids, actor.reference, serial, unit.epoch, challenge, uow.now)
            except PkiError as error:
                raise ConflictError(str(error)) from error
            units.note(serial, AuditAction.UNIT_AUTHORIZE, f"station {actor.reference}, epoch {unit.epoch}")
            uow.audit(AuditAction.UNIT_AUTHORIZE, serial, ["identity"])
            uow.commit()
            return token

    def stock(self, actor: Actor, serial: str, report: StationReport) -> Unit:
        """Take a unit whose self-test passed into stock; a second report of the same epoch changes nothing."""
        actor.require(Permission.UNIT_PROVISION)
        _check_self_test(report.self_test)
        with self._transactions.begin(actor) as uow:
            units = UnitRepository(uow)
            unit = units.hold(serial)
            current = round_of(uow, unit)
            tested = current is not None and current.state is Refurbishing.TESTED
            if (tested or unit.custody is not Custody.CERTIFIED) and units.has_stock_record(unit):
                _check_same_label(units, unit, report.claim_code_sha256)
                return unit
            stocked = after(unit, CustodyEvent.STOCK)
            if current is None:
                unit = stocked
            else:  # on the shelf it is once it is graded
                take_step(uow, current, RefurbishingEvent.PASS, "passed its self-test")
            unit = units.save(replace(unit, version=report.version, release_counter=report.release_counter))
            units.add_stock_record(unit, report.self_test, report.label, report.claim_code_sha256, report.bench)
            configurations = ConfigurationRepository(uow)
            configurations.save(configurations.of(serial))
            uow.audit(AuditAction.UNIT_STOCK, serial, ["custody"])
            uow.commit()
            return unit

    def reprint_label(self, actor: Actor, serial: str, why: str, label: str, claim_code_sha256: str) -> Unit:
        """A unit in our hands has a new label with another claim code; the same again changes nothing."""
        actor.require(Permission.UNIT_PROVISION)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            units = UnitRepository(uow)
            unit = units.hold(serial)
            if unit.account_id is not None or not units.has_stock_record(unit):
                raise ConflictError(
                    f"{serial} is {unit.custody}: a label is printed again for a unit that is labelled and in our hands"
                )
            if units.claim_code_sha256(unit) == claim_code_sha256:
                return unit
            units.replace_label(unit, label, claim_code_sha256)
            units.note(serial, AuditAction.UNIT_REPRINT_LABEL, why)
            uow.audit(AuditAction.UNIT_REPRINT_LABEL, serial, ["label", "claim_code"])
            uow.commit()
            return unit

    def begin_epoch(self, actor: Actor, serial: str, why: str) -> Unit:
        """A new identity epoch for a unit in our hands: the old certificate is dead from now on.

        For one that came back once it is wiped; for one at the bench or in stock on suspicion, or if it lost its key.
        """
        actor.require(Permission.UNIT_PROVISION)
        check_why(why)
        with self._transactions.begin(actor) as uow:
            units = UnitRepository(uow)
            unit = units.hold(serial)
            check_not_held(uow, serial)
            current = round_of(uow, unit)
            if current is not None:
                take_step(uow, current, RefurbishingEvent.BEGIN_EPOCH, why)
                unit = replace(unit, condition=UnitCondition.REFURBISHED)
            unit = units.save(next_identity(uow, unit, why))
            units.note(serial, AuditAction.UNIT_BEGIN_EPOCH, why)
            uow.audit(AuditAction.UNIT_BEGIN_EPOCH, serial, ["epoch", "custody", "trust"])
            uow.commit()
            return unit

    def _certificate(self, uow: UnitOfWork, unit: Unit, csr: bytes, epoch: int) -> bytes:
        if epoch != unit.epoch:
            raise ConflictError(f"{unit.serial} is in epoch {unit.epoch}, the request for epoch {epoch}; begin again")
        issued = self._authority.issue(csr, unit.serial, unit.board_uid, unit.mac, unit.epoch, uow.now)
        identities = IdentityRepository(uow)
        present, current = identities.of(unit), round_of(uow, unit)
        if present is None or unit.custody not in PRESENT_AGAIN:
            unit = after(unit, CustodyEvent.CERTIFY)
            if current is not None:
                take_step(uow, current, RefurbishingEvent.FLASH, "its new key was certified")
            MacAddressRepository(uow).certified(unit.serial)
            identities.add(unit.serial, IssuedIdentity(epoch, issued.fingerprint, issued.public_key_sha256, issued.der))
            UnitRepository(uow).save(unit)
            uow.audit(AuditAction.UNIT_CERTIFY, unit.serial, ["identity", "custody"])
            return issued.der
        if present.public_key_sha256 != issued.public_key_sha256:
            raise ConflictError(
                f"{unit.serial} has another key in epoch {epoch}; if the unit lost it, begin a new epoch "
                f"(POST /v1/units/{unit.serial}/epochs)"
            )
        return present.certificate


def macs_per_unit(board: str) -> int:
    """How many MAC addresses a unit of that board has; InvalidError for a board nobody knows."""
    try:
        return catalogue.load(board).macs
    except catalogue.BoardError as error:
        raise InvalidError(str(error)) from None


def new_unit(serial: str, mac: MacAddress, board: str, hardware_revision: int, board_uid: bytes) -> Unit:
    """A unit as it is made, before it has an identity."""
    return Unit(
        serial=serial,
        mac=mac,
        board=board,
        hardware_revision=hardware_revision,
        board_uid=board_uid,
        epoch=FIRST_EPOCH,
        custody=Custody.MADE,
        service=Service.UNPLACED,
        trust=Trust.GOOD,
    )


def _bind(units: UnitRepository, serial: str, board: str, hardware_revision: int, board_uid: bytes) -> Unit:
    unit = units.hold(serial)
    _check_same_board(unit, board, hardware_revision, serial)
    if unit.board_uid != unseen_board_uid(serial):
        raise ConflictError(f"{serial} is the unit of another board, {unit.board_uid.hex()}; read the label again")
    return units.bind_board(unit, board_uid)


def _check_same_board(unit: Unit, board: str, hardware_revision: int, serial: str | None) -> None:
    if (unit.board, unit.hardware_revision) != (board, hardware_revision):
        raise ConflictError(
            f"this board's uid is that of {unit.serial}, a {unit.board} of revision {unit.hardware_revision}, "
            f"not a {board} of revision {hardware_revision}"
        )
    if serial not in (None, unit.serial):
        raise ConflictError(f"this board is {unit.serial} already, its label says {serial}; do not ship it")


def _check_same_label(units: UnitRepository, unit: Unit, claim_code_sha256: str) -> None:
    """Nobody is told that a label counts whose claim code is not the one on record."""
    if claim_code_sha256 not in ("", units.claim_code_sha256(unit)):
        raise ConflictError(
            f"{unit.serial} has another label since, this one's claim code is dead: throw it away and print the label "
            f"again (plugtone station reprint {unit.serial})"
        )


def _check_self_test(rows: Sequence[Mapping[str, Any]]) -> None:
    """Each test once, none failed; one that a board cannot make is skipped."""
    names = [row["test"] for row in rows]
    if len(set(names)) != len(names) or not names or not set(names) <= set(SELF_TESTS):
        raise InvalidError(f"a self-test reports each of {', '.join(SELF_TESTS)} at most once, got {names}")
    unknown = [row["result"] for row in rows if row["result"] not in SELF_TEST_RESULTS]
    if unknown:
        raise InvalidError(f"a test's result is one of {', '.join(SELF_TEST_RESULTS)}, got {unknown[0]!r}")
    failed = [row["test"] for row in rows if row["result"] == FAILED]
    if failed or PASSED not in {row["result"] for row in rows}:
        raise ConflictError(f"the self-test failed in {', '.join(failed) or 'every part'}: mend the unit and repeat")
