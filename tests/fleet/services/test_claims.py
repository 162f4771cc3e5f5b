"""A unit that is nobody's is claimed by the code on its label; guesses are few, stored, and learn nothing."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from fleet.domain.access import Actor, ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.claim import CLAIM_WINDOW_S, MAX_FAILED_CLAIMS
from fleet.domain.errors import ConflictError, InvalidError, TooManyAttemptsError
from fleet.domain.line_allowance import LineLevel
from fleet.domain.money import Money
from fleet.domain.order import Agreement, OrderLine, Plan
from fleet.domain.ownership import Ownership
from fleet.domain.quote import TermState
from fleet.domain.refurbishing import Grade
from fleet.domain.rma import RmaKind
from fleet.domain.unit import Custody, Service, Unit
from fleet.services.build import Services
from fleet.store.people import PeopleRepository
from protocol.wire.serial_number import make_serial
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import HOME, REPORT, Warehouse, make_csr, sent, snapshot

CODE = "7K2M9QXR4TVW"
SAME_WORDS = "no unit can be claimed by this serial number and code; read both from the label again"
OURS, THEIRS = (someone(Role.ACCOUNT_ADMINISTRATOR, account_id=number) for number in (1, 2))


@pytest.fixture
def warehouse(services: Services, admin: Actor) -> Warehouse:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    warehouse.open_account("Heron Dental")
    warehouse.open_account("Osprey Books")
    return warehouse


@pytest.fixture
def unit(warehouse: Warehouse) -> Unit:
    return labelled(warehouse)


def labelled(warehouse: Warehouse, code: str = CODE, unit: Unit | None = None) -> Unit:
    """A unit in stock whose label says `code`; a new one, or `unit` in its present epoch."""
    unit = unit or warehouse.allocate()
    warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial), unit.epoch)
    report = replace(REPORT, claim_code_sha256=sha256(code.encode()).hexdigest() if code else "")
    return warehouse.provisioning.stock(warehouse.actor, unit.serial, report)


def administrator_secret(warehouse: Warehouse, account: Account) -> str:
    """The session of the account's Administrator, who has chosen a password and signed in."""
    people, password = warehouse.services.people, "four words nobody guessed"
    with warehouse.services.transactions.read(warehouse.actor) as uow:
        [person] = PeopleRepository(uow).administrators_of(account.id)
    people.choose_password(people.password_link(warehouse.actor, person.id).partition("#")[2], password)
    return warehouse.services.access.sign_in(person.email, password, "").secret


def refused(services: Services, actor: Actor, serial: str, code: str) -> None:
    with pytest.raises(ConflictError) as error:
        services.claims.claim(actor, serial, code)
    assert str(error.value) == SAME_WORDS


def test_who_holds_a_unit_of_nobody_takes_it_into_their_account(
    services: Services, warehouse: Warehouse, unit: Unit
) -> None:
    assert warehouse.result(unit) == "accepted"  # it was on already, as one in stock
    claimed = services.claims.claim(OURS, unit.serial, CODE)
    assert (claimed.custody, claimed.service, claimed.account_id) == (Custody.AT_ACCOUNT, Service.PLACED, 1)
    assert services.units.get(OURS, unit.serial).unit == warehouse.unit(unit.serial) == claimed
    assert sent(services, "revoke") == [{"serial": unit.serial, "epoch": 1}], "it registers again, from its account"
    log = services.audit.page(warehouse.actor, 100, None, unit.serial)
    assert (log[0].action, log[0].actor) == ("unit:claim", "PE-900")
    warehouse.register(unit)
    assert services.units.get(OURS, unit.serial).configuration.line_level is LineLevel.EMERGENCY_ONLY
    services.locations.register(warehouse.actor, unit.serial, HOME)
    services.numbers.assign(warehouse.actor, unit.serial)
    warehouse.ready(unit)
    assert warehouse.unit(unit.serial).service is Service.ACTIVE
    assert services.units.get(OURS, unit.serial).configuration.line_level is LineLevel.FULL
    assert CODE not in str(snapshot(services))


def test_it_is_customer_equipment_on_an_order_of_its_own_without_a_term(
    services: Services, warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    claimed = services.claims.claim(OURS, unit.serial, CODE)
    warehouse.register(unit)
    warehouse.ready(unit)
    clock.advance(days=1)
    assert claimed.ownership is Ownership.CUSTOMER
    [order] = services.orders.page(OURS, 9, None)
    assert (order.lines[0].brought, order.lines[0].is_free, order.shipped) == (True, False, (1,))
    [line] = services.terms.quote(warehouse.actor, 1)[1]
    assert (line.state, line.fee.cents) == (TermState.NONE, 0)


def test_the_code_of_a_former_label_claims_nothing_after_a_refurbishing(
    services: Services, warehouse: Warehouse, unit: Unit
) -> None:
    services.claims.claim(OURS, unit.serial, CODE)
    warehouse.register(unit)
    warehouse.take_back(unit, rma=warehouse.approved(unit, RmaKind.WRONG_ITEM, "on_receipt"))
    labelled(warehouse, "3FHN8PWZ5JCD", warehouse.renew(unit))
    services.refurbishings.grade(warehouse.actor, unit.serial, Grade.A, "as new")
    refused(services, THEIRS, unit.serial, CODE)
    assert services.claims.claim(THEIRS, unit.serial, "3FHN8PWZ5JCD").account_id == 2


@pytest.mark.parametrize("typed", ["7k2m 9qxr 4tvw", "7K2M-9QXR-4TVW", " 7K2M9QXR4TVW "])
def test_a_code_may_be_typed_as_people_type(services: Services, unit: Unit, typed: str) -> None:
    assert services.claims.claim(OURS, unit.serial, typed).account_id == 1


def test_every_failure_says_the_same_and_is_stored_and_moves_nothing_else(
    services: Services, warehouse: Warehouse, unit: Unit
) -> None:
    unlabelled, doubted = labelled(warehouse, ""), labelled(warehouse)
    warehouse.services.units.quarantine(warehouse.actor, doubted.serial, "seen twice")
    sold = warehouse.place(warehouse.open_account("Third Street Gym"))
    before = snapshot(services)
    wrong = [(unit.serial, "0" * 12), (unlabelled.serial, ""), (doubted.serial, CODE), (sold.serial, CODE)]
    for serial, code in [*wrong, (make_serial(999), CODE)]:
        refused(services, OURS, serial, code)
    after = snapshot(services)
    assert len(after.pop("claim_failures")) == MAX_FAILED_CLAIMS
    before.pop("claim_failures")
    assert after == before


def test_what_was_brought_along_decides_no_plan(services: Services, warehouse: Warehouse, unit: Unit) -> None:
    """An account keeps the plan of its first order; a claim is none from us."""
    services.claims.claim(OURS, unit.serial, CODE)
    line, annual = OrderLine("simulated", 1, Money(0)), Agreement(Plan.ANNUAL, Money(12000))
    assert services.orders.create(warehouse.actor, 1, None, [line], annual).agreement == annual
    with pytest.raises(ConflictError, match="on the annual plan"):
        services.orders.create(warehouse.actor, 1, None, [line])


def test_a_unit_is_claimed_once(services: Services, unit: Unit) -> None:
    services.claims.claim(OURS, unit.serial, CODE)
    refused(services, THEIRS, unit.serial, CODE)
    refused(services, OURS, unit.serial, CODE)


def test_after_five_failures_an_account_waits_a_day_even_with_the_right_code(
    services: Services, warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    for number in range(MAX_FAILED_CLAIMS):
        refused(services, OURS, make_serial(900 + number), CODE)
        clock.advance(minutes=1)
    before = snapshot(services)
    with pytest.raises(TooManyAttemptsError) as stopped:
        services.claims.claim(OURS, unit.serial, CODE)
    assert stopped.value.retry_after_s == CLAIM_WINDOW_S - MAX_FAILED_CLAIMS * 60
    assert snapshot(services) == before
    assert services.claims.claim(THEIRS, labelled(warehouse).serial, CODE).account_id == 2
    clock.advance(seconds=stopped.value.retry_after_s)
    assert services.claims.claim(OURS, unit.serial, CODE).account_id == 1


def test_guesses_at_one_unit_count_together_whoever_makes_them(
    services: Services, warehouse: Warehouse, unit: Unit
) -> None:
    for number in range(MAX_FAILED_CLAIMS):
        refused(services, (OURS, THEIRS)[number % 2], unit.serial, "0" * 12)
    with pytest.raises(TooManyAttemptsError):
        services.claims.claim(THEIRS, unit.serial, CODE)
    assert services.claims.claim(THEIRS, labelled(warehouse).serial, CODE).account_id == 2


def test_only_administrators_of_an_account_claim(services: Services, warehouse: Warehouse, unit: Unit) -> None:
    before = snapshot(services)
    for actor in (someone(Role.SUPPORT), someone(Role.VIEWER, account_id=1)):
        with pytest.raises(ForbiddenError):
            services.claims.claim(actor, unit.serial, CODE)
    with pytest.raises(InvalidError, match="acts for none"):
        services.claims.claim(warehouse.actor, unit.serial, CODE)
    for serial in ("PT000000019", "x", "PT000000018/.."):
        with pytest.raises(InvalidError):
            services.claims.claim(OURS, serial, CODE)
    assert snapshot(services) == before
