"""Returned units become stock again by one way only; every way round it is refused and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.account import Account
from fleet.domain.configuration import Channel, Configuration, parse_window
from fleet.domain.errors import ConflictError, FleetError, IllegalTransitionError, NotFoundError
from fleet.domain.inspection import Inspection, InspectionCode
from fleet.domain.refurbishing import Grade, Refurbishing
from fleet.domain.rma import Condition
from fleet.domain.unit import Custody, Trust, Unit, UnitCondition
from fleet.services.provisioning import StationReport
from fleet.store.placements import PlacementRepository
from tests.fleet.conftest import Clock, someone
from tests.fleet.services.equipment import (
    AS_NEW,
    PASSED,
    REPORT,
    Warehouse,
    identity,
    make_csr,
    proof_of,
    sent,
    snapshot,
)

WORN = Inspection(InspectionCode.WORN, note="the plug is loose")
BROKEN = [*PASSED, {"test": "usb", "result": "failed", "value": 0}]


@pytest.fixture
def unit(warehouse: Warehouse, account: Account) -> Unit:
    return warehouse.place(account)


def state(warehouse: Warehouse, unit: Unit) -> Refurbishing:
    return warehouse.services.refurbishings.of_unit(warehouse.actor, unit.serial).round.state


def refused(warehouse: Warehouse, act: Callable[[], Any], words: str, error: type[Exception] = ConflictError) -> None:
    before = snapshot(warehouse.services)
    with pytest.raises(error, match=words):
        act()
    assert snapshot(warehouse.services) == before


def test_a_returned_unit_becomes_stock_step_by_step(warehouse: Warehouse, unit: Unit, clock: Clock) -> None:
    rma = warehouse.take_back(unit)
    bench = warehouse.services.refurbishings
    assert [r.serial for r in bench.page(warehouse.actor, 10, None)] == [unit.serial]
    warehouse.wipe(unit)
    renewed = warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "refurbished")
    assert (renewed.epoch, renewed.custody, renewed.condition) == (2, Custody.MADE, UnitCondition.REFURBISHED)
    tested = warehouse.certify_and_stock(renewed)
    assert (tested.custody, state(warehouse, unit)) == (Custody.CERTIFIED, Refurbishing.TESTED)
    clock.advance(minutes=5)
    detail = bench.grade(warehouse.actor, unit.serial, Grade.B, "a scratch on the lid")
    assert (detail.unit.custody, detail.unit.trust, detail.round.grade) == (Custody.IN_STOCK, Trust.GOOD, Grade.B)
    assert [(s.event, s.state) for s in detail.steps] == [
        ("triage", "waiting"), ("wipe", "wiped"), ("begin_epoch", "new_epoch"), ("flash", "flashed"),
        ("pass", "tested"), ("grade", "restocked"),
    ]  # fmt: skip
    assert (detail.steps[-1].actor, detail.steps[-1].at, detail.steps[-1].why) == (
        "PE-900", clock.now, "a scratch on the lid",
    )  # fmt: skip
    assert detail.steps[1].evidence == proof_of(unit).evidence
    assert (detail.round.rma_id, detail.round.number) == (rma.id, 1)
    assert bench.page(warehouse.actor, 10, None) == []
    assert [r.grade for r in bench.page(warehouse.actor, 10, None, Refurbishing.RESTOCKED)] == [Grade.B]
    assert warehouse.services.units.get(warehouse.actor, unit.serial).refurbishing == detail.round


def test_a_unit_that_came_back_is_refused_every_way_round_the_bench(warehouse: Warehouse, unit: Unit) -> None:
    rma = warehouse.approved(unit, mode="on_receipt")
    warehouse.services.rmas.receive(warehouse.actor, rma.id, unit.serial, Condition.SOUND)
    provisioning, actor = warehouse.provisioning, warehouse.actor

    def begin() -> object:
        return provisioning.begin_epoch(actor, unit.serial, "quickly")

    def certify() -> object:
        return provisioning.certify(actor, unit.serial, make_csr(unit.serial), unit.epoch)

    def stock() -> object:
        return provisioning.stock(actor, unit.serial, REPORT)

    osprey = warehouse.open_account("Osprey Legal")
    refused(warehouse, begin, "nobody has looked at it: inspect it first")
    refused(warehouse, lambda: warehouse.wipe(unit), "nobody has looked at it")
    refused(warehouse, certify, "nobody has looked at it")
    refused(warehouse, stock, "nobody has looked at it")
    refused(warehouse, lambda: warehouse.services.units.scrap(actor, unit.serial, "no"), "nobody has looked at it")
    warehouse.services.returns.inspect(actor, rma.id, AS_NEW)
    refused(warehouse, begin, "is waiting: begin_epoch is not possible now")
    refused(warehouse, certify, "returned: certify", IllegalTransitionError)
    before = snapshot(warehouse.services)
    assert stock() == warehouse.unit(unit.serial), "the station's report of that epoch once more"
    assert snapshot(warehouse.services) == before
    refused(warehouse, lambda: warehouse.services.rmas.reserve(actor, rma.id, unit.serial), "returned: reserve")
    warehouse.wipe(unit)
    refused(warehouse, certify, "returned: certify")
    begin()
    refused(warehouse, certify, "is in epoch 2, the request for epoch 1")
    refused(warehouse, stock, "made: stock")
    warehouse.certify_and_stock(warehouse.unit(unit.serial))
    refused(warehouse, lambda: warehouse.services.rmas.reserve(actor, rma.id, unit.serial), "certified: reserve")
    with pytest.raises(IllegalTransitionError):
        warehouse.send(osprey, unit)
    warehouse.services.refurbishings.grade(actor, unit.serial, Grade.A, "as new")
    warehouse.send(osprey, unit)
    assert warehouse.unit(unit.serial).custody is Custody.SHIPPED


def test_a_returned_unit_asking_for_its_old_certificate_gets_none(warehouse: Warehouse, account: Account) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    unit, key = warehouse.allocate(), ec.generate_private_key(ec.SECP256R1())
    warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial, key), 1)
    warehouse.provisioning.stock(warehouse.actor, unit.serial, REPORT)
    warehouse.send(account, unit)
    warehouse.register(unit)
    warehouse.take_back(unit)
    csr = make_csr(unit.serial, key)
    refused(
        warehouse, lambda: warehouse.provisioning.certify(warehouse.actor, unit.serial, csr, 1), "returned: certify"
    )


def test_a_wipe_without_its_proof_counts_for_nothing(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.take_back(unit)
    bench, good = warehouse.services.refurbishings, proof_of(unit)
    for wrong in (replace(good, board_uid=bytes(8)), replace(good, erased_bytes=4096), replace(good, sha256="0" * 64)):
        refused(warehouse, lambda wrong=wrong: bench.wipe(warehouse.actor, unit.serial, wrong), unit.serial)  # type: ignore[misc]


def test_a_defective_unit_is_repaired_before_it_is_wiped(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.take_back(unit, WORN)
    refused(warehouse, lambda: warehouse.wipe(unit), "was found worn: repair or scrap, wipe is not possible now")
    warehouse.services.refurbishings.repair(warehouse.actor, unit.serial, "new plug")
    assert warehouse.refurbish(unit).custody is Custody.IN_STOCK


def test_a_failed_self_test_stocks_nothing_and_a_unit_given_up_begins_anew(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.take_back(unit)
    renewed = warehouse.renew(unit)
    warehouse.provisioning.certify(warehouse.actor, unit.serial, make_csr(unit.serial), 2)
    bad = StationReport("1.0.0", 1, BROKEN, "")
    refused(warehouse, lambda: warehouse.provisioning.stock(warehouse.actor, unit.serial, bad), "failed in usb")
    bench = warehouse.services.refurbishings
    refused(warehouse, lambda: bench.grade(warehouse.actor, unit.serial, Grade.A, "nice"), "flashed: grade")
    bench.fail(warehouse.actor, unit.serial, "self-test: usb")
    refused(warehouse, lambda: warehouse.provisioning.stock(warehouse.actor, unit.serial, REPORT), "failed: pass")
    begin = warehouse.provisioning.begin_epoch
    refused(warehouse, lambda: begin(warehouse.actor, unit.serial, "again"), "failed: begin_epoch")
    bench.repair(warehouse.actor, unit.serial, "new socket")
    assert warehouse.refurbish(renewed).epoch == 3


def test_scrap_ends_the_round_the_identity_and_the_address(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.take_back(unit, WORN)
    detail = warehouse.services.refurbishings.scrap(warehouse.actor, unit.serial, "not worth it")
    assert (detail.unit.custody, detail.unit.trust) == (Custody.SCRAPPED, Trust.REVOKED)
    assert (detail.round.state, detail.steps[-1].why) == (Refurbishing.SCRAPPED, "not worth it")
    assert identity(warehouse.services, unit)[0] == "dead"
    assert warehouse.services.mac_blocks.history(warehouse.actor, unit.mac).state == "retired"
    refused(warehouse, lambda: warehouse.wipe(unit), "scrapped and not being refurbished")


def test_a_scrapped_unit_of_the_shelf_needs_no_round(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.take_back(unit)
    warehouse.wipe(unit)
    warehouse.services.units.scrap(warehouse.actor, unit.serial, "fell off the bench")
    assert state(warehouse, unit) is Refurbishing.SCRAPPED
    shelf = warehouse.stock()
    assert warehouse.services.units.scrap(warehouse.actor, shelf.serial, "run over").custody is Custody.SCRAPPED


def test_a_suspect_unit_is_graded_only_after_it_is_cleared_or_renewed(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.take_back(unit)
    warehouse.certify_and_stock(warehouse.renew(unit))
    warehouse.services.units.quarantine(warehouse.actor, unit.serial, "its key was on a screen")
    bench = warehouse.services.refurbishings
    refused(warehouse, lambda: bench.grade(warehouse.actor, unit.serial, Grade.A, "nice"), "is quarantined: clear it")
    renewed = warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "its key was on a screen")
    assert (renewed.epoch, renewed.trust, state(warehouse, unit)) == (3, Trust.GOOD, Refurbishing.NEW_EPOCH)
    warehouse.certify_and_stock(renewed)
    assert bench.grade(warehouse.actor, unit.serial, Grade.A, "nice").unit.custody is Custody.IN_STOCK


@pytest.mark.parametrize("act", ["quarantine", "revoke"])
def test_suspicion_of_a_unit_in_our_hands_starts_an_epoch_that_is_trusted_again(warehouse: Warehouse, act: str) -> None:
    unit = warehouse.stock()
    getattr(warehouse.services.units, act)(warehouse.actor, unit.serial, "seen twice")
    old = identity(warehouse.services, unit)[1]
    renewed = warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "seen twice")
    assert (renewed.epoch, renewed.trust, renewed.condition) == (2, Trust.GOOD, UnitCondition.NEW)
    assert warehouse.certify_and_stock(renewed).custody is Custody.IN_STOCK
    assert identity(warehouse.services, unit)[1] != old


def test_suspicion_of_a_unit_at_an_account_ends_when_it_is_back_and_renewed(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.services.units.quarantine(warehouse.actor, unit.serial, "seen twice")
    warehouse.take_back(unit)
    assert warehouse.refurbish(unit).trust is Trust.GOOD


def test_a_unit_that_came_back_by_no_rma_is_taken_in_by_itself(warehouse: Warehouse, account: Account) -> None:
    unit = warehouse.place(account)
    warehouse.stock()
    rma = warehouse.approved(unit)
    replacement = warehouse.replace(rma)
    warehouse.services.rmas.lose(warehouse.actor, rma.id, "returned")
    take_in = warehouse.services.refurbishings.take_in
    refused(warehouse, lambda: take_in(warehouse.actor, replacement.serial, AS_NEW), "is lost and no account's")
    refused(warehouse, lambda: take_in(warehouse.actor, unit.serial, AS_NEW), "at_account and still an account's")
    warehouse.services.rmas.receive(warehouse.actor, rma.id, unit.serial, Condition.SOUND)
    refused(warehouse, lambda: take_in(warehouse.actor, unit.serial, AS_NEW), "came back for RMA-1: inspect it there")


def test_the_bench_is_the_operators_and_its_warehouses(warehouse: Warehouse, account: Account, unit: Unit) -> None:
    warehouse.take_back(unit)
    bench = warehouse.services.refurbishings
    for actor in (someone(Role.SUPPORT), someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1)):
        refused(
            warehouse,
            lambda actor=actor: bench.wipe(actor, unit.serial, proof_of(unit)),
            "unit:provision",
            ForbiddenError,
        )  # type: ignore[misc]
    administrator = someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1)
    assert bench.page(administrator, 10, None) == []
    bench.wipe(someone(Role.WAREHOUSE), unit.serial, proof_of(unit))
    warehouse.certify_and_stock(warehouse.provisioning.begin_epoch(warehouse.actor, unit.serial, "refurbished"))
    bench.grade(warehouse.actor, unit.serial, Grade.A, "nice")
    warehouse.send(account, unit)
    with pytest.raises(NotFoundError, match="never refurbished"):
        bench.of_unit(administrator, unit.serial)
    assert warehouse.services.units.get(administrator, unit.serial).refurbishing is None


def test_a_replacement_gets_what_its_account_chose_and_never_what_the_next_one_did(
    warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    window = parse_window("01:00", "02:00")
    configure = warehouse.services.units.configure
    configure(warehouse.actor, unit.serial, Channel.BETA, window)
    rma = warehouse.take_back(unit)
    warehouse.refurbish(unit)
    next_account = warehouse.open_account("Osprey Legal")
    clock.advance(hours=1)
    warehouse.send(next_account, unit)
    warehouse.register(warehouse.unit(unit.serial))
    configure(warehouse.actor, unit.serial, Channel.STABLE, parse_window("05:00", "06:00"))
    theirs = warehouse.services.units.get(warehouse.actor, unit.serial).configuration
    warehouse.stock()
    new = warehouse.replace(rma)
    warehouse.register(new)
    got = warehouse.services.units.get(warehouse.actor, new.serial).configuration
    assert (got.channel, got.window, got.line_level) == (Channel.BETA, window, "full")
    assert warehouse.services.units.get(warehouse.actor, unit.serial).configuration == theirs
    assert theirs.line_level == "full"
    with warehouse.services.transactions.read(warehouse.actor) as uow:
        assert PlacementRepository(uow).open_of(unit.serial) is not None


def test_a_new_epoch_leaves_nothing_that_the_former_account_chose_or_heard(warehouse: Warehouse, unit: Unit) -> None:
    services = warehouse.services
    services.units.configure(warehouse.actor, unit.serial, Channel.BETA, parse_window("01:00", "02:00"))
    services.units.command(warehouse.actor, unit.serial, "identify", 30)
    warehouse.beat(unit)
    warehouse.take_back(unit)
    warehouse.refurbish(unit)
    detail = services.units.get(warehouse.actor, unit.serial)
    assert detail.configuration == Configuration(unit.serial, detail.configuration.version)
    assert (detail.heartbeat, detail.readiness) == (None, None)
    heard = [message.name for message in warehouse.register(detail.unit)]
    assert heard == ["registered", "configuration"], "a command for the former account's unit is not told to this one"
    assert [command.command for command in detail.commands] == ["identify"], "it stays the unit's history"
    assert sent(services, "revoke")[-1] == {"serial": unit.serial, "epoch": 1}


ON_THE_WAY = ("wipe", "epoch", "certify", "stock", "grade")
ACTS = (*ON_THE_WAY, "repair", "fail", "scrap", "send", "register", "quarantine", "clear")
RIGHT = dict(zip(("waiting", "wiped", "new_epoch", "flashed", "tested"), ON_THE_WAY, strict=True))
RIGHT |= {"repaired": "wipe", "failed": "repair", "restocked": "send", "scrapped": "wipe"}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_is_tried_a_returned_unit_reaches_the_shelf_only_wiped_renewed_and_tested(
    warehouse: Warehouse, data: st.DataObject
) -> None:
    """Random acts, each by its service; the shelf is reached by the whole way or not at all."""
    actor, services = warehouse.actor, warehouse.services
    account = warehouse.open_account(f"Heron{warehouse.made}")
    unit = warehouse.place(account)
    serial, epoch = unit.serial, unit.epoch
    found = Inspection(data.draw(st.sampled_from(InspectionCode)), note="as it is")
    warehouse.take_back(unit, found)
    done: list[str] = []
    acts: dict[str, Callable[[], object]] = {
        "wipe": lambda: warehouse.wipe(unit),
        "epoch": lambda: warehouse.provisioning.begin_epoch(actor, serial, "why"),
        "certify": lambda: warehouse.provisioning.certify(
            actor, serial, make_csr(serial), warehouse.unit(serial).epoch
        ),
        "stock": lambda: warehouse.provisioning.stock(actor, serial, REPORT),
        "grade": lambda: services.refurbishings.grade(actor, serial, Grade.C, "why"),
        "repair": lambda: services.refurbishings.repair(actor, serial, "why"),
        "fail": lambda: services.refurbishings.fail(actor, serial, "why"),
        "scrap": lambda: services.refurbishings.scrap(actor, serial, "why"),
        "send": lambda: warehouse.send(account, unit),
        "register": lambda: warehouse.result(unit) == "accepted" or _refuse(),
        "quarantine": lambda: services.units.quarantine(actor, serial, "why"),
        "clear": lambda: services.units.clear(actor, serial, "why"),
    }
    for wanted in data.draw(st.lists(st.one_of(st.none(), st.sampled_from(ACTS)), min_size=5, max_size=12)):
        before = state(warehouse, unit)
        act = wanted or RIGHT[before]
        try:
            acts[act]()
        except FleetError:
            continue
        if state(warehouse, unit) is not before:
            done.append(act)
        now = warehouse.unit(serial)
        if now.custody in (Custody.IN_STOCK, Custody.RESERVED, Custody.SHIPPED, Custody.AT_ACCOUNT):
            assert done[-4:] == ["epoch", "certify", "stock", "grade"], done
            assert [each for each in done if each not in ("epoch", "certify", "stock")][-2:] == ["wipe", "grade"], done
            assert now.epoch > epoch
        else:
            assert act not in ("send", "register"), done


def _refuse() -> None:
    raise ConflictError("not accepted")
