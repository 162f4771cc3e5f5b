"""Units come on: who is let in, what they hear, when they are active, what a replacement takes over."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

from fleet.domain.access import unit_actor
from fleet.domain.admission import RETRY_S, Admission
from fleet.domain.configuration import Channel, parse_window
from fleet.domain.line_allowance import LineLevel
from fleet.domain.rma import Condition, Replacement
from fleet.domain.suspension import SuspensionReason
from fleet.domain.unit import Custody, Service, Trust, Unit
from fleet.services.build import Services
from fleet.services.unit_messages import Incoming
from fleet.store.heartbeats import HeartbeatRepository
from protocol.wire.enumerations import COMMAND_RESULTS, LINE_LEVELS
from protocol.wire.messages import pack, unpack
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse, heartbeat, identity, sent, snapshot
from tests.fleet.store.voice_faults import PROFILE

NONE, EMERGENCY_ONLY, FULL = (LINE_LEVELS.index(level) for level in ("none", "emergency_only", "full"))


def configuration(warehouse: Warehouse, unit: Unit) -> dict[str, Any]:
    return dict(warehouse.register(unit)[1].values)


def events(services: Services) -> list[tuple[Any, ...]]:
    return [row[2:4] for row in snapshot(services)["term_events"]]


def test_a_unit_in_stock_is_let_in_without_a_line_and_is_not_received(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    assert warehouse.result(unit) == "accepted"
    assert configuration(warehouse, unit)["line_level"] == NONE
    warehouse.ready(unit)
    assert warehouse.unit(unit.serial).service is Service.UNPLACED
    assert events(warehouse.services) == []


def test_the_first_registration_from_the_account_is_receipt_and_brings_the_line(
    warehouse: Warehouse, clock: Clock
) -> None:
    unit = warehouse.stock()
    warehouse.send(warehouse.open_account(), unit)
    clock.advance(days=3)
    assert warehouse.unit(unit.serial).custody is Custody.SHIPPED
    assert configuration(warehouse, unit) == {
        "config_version": 2,
        "heartbeat_s": 60,
        "channel": 0,
        "maintenance_from_s": 1772780400,  # 2026-03-06 02:00 in New York
        "maintenance_until_s": 1772791200,
        "line_allowed": 1,
        "update_mirrors": [],
        "line_level": FULL,
        "voice": [],
    }
    assert warehouse.unit(unit.serial).custody is Custody.AT_ACCOUNT
    assert events(warehouse.services) == [(1, "shipped"), (1, "registered")]
    warehouse.register(unit)
    assert events(warehouse.services) == [(1, "shipped"), (1, "registered")]


def test_a_registration_tells_what_the_unit_runs(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    warehouse.register(unit, version="2.0.0", release_counter=2)
    assert (warehouse.unit(unit.serial).version, warehouse.unit(unit.serial).release_counter) == ("2.0.0", 2)


def test_service_ready_makes_a_registered_unit_active_once(warehouse: Warehouse) -> None:
    unit = warehouse.stock()
    warehouse.send(warehouse.open_account(), unit)
    warehouse.ready(unit)
    assert warehouse.unit(unit.serial).service is Service.PLACED  # not registered from its account yet
    warehouse.register(unit)
    warehouse.ready(unit)
    warehouse.ready(unit)
    detail = warehouse.services.units.get(warehouse.actor, unit.serial)
    assert detail.unit.service is Service.ACTIVE
    assert events(warehouse.services) == [(1, "shipped"), (1, "registered"), (1, "activated")]
    assert detail.readiness is not None
    assert (detail.readiness.configured_ms, detail.readiness.tls_ms) == (900, 300)


def test_without_service_for_the_account_there_are_emergency_calls_only_and_no_activation(warehouse: Warehouse) -> None:
    account, unit = warehouse.open_account(), warehouse.stock()
    warehouse.send(account, unit)
    warehouse.services.suspensions.suspend(warehouse.actor, account.id, SuspensionReason.SECURITY)
    heard = configuration(warehouse, unit)
    assert (heard["line_level"], heard["line_allowed"]) == (EMERGENCY_ONLY, 0)
    warehouse.ready(unit)
    assert warehouse.unit(unit.serial).service is Service.PLACED


@pytest.mark.parametrize(
    ("claim", "result"),
    [({"epoch": 2}, "bad_identity"), ({"mac": bytes(6)}, "bad_identity"), ({"board": "other"}, "bad_identity")],
    ids=["epoch", "mac", "board"],
)
def test_a_false_claim_is_refused_and_changes_nothing(warehouse: Warehouse, claim: dict[str, Any], result: str) -> None:
    unit = warehouse.stock()
    warehouse.send(warehouse.open_account(), unit)
    before = snapshot(warehouse.services)
    assert warehouse.result(unit, **claim) == result
    after = snapshot(warehouse.services)
    assert after.pop("audit_log")[:-1] == before.pop("audit_log")
    assert after == before


def test_a_false_claim_is_audited_but_not_each_time_it_is_repeated(warehouse: Warehouse, clock: Clock) -> None:
    """It is the evidence of a clone; a unit that repeats it all day must not fill the log."""
    unit = warehouse.stock()
    warehouse.send(warehouse.open_account(), unit)

    def refusals() -> list[tuple[Any, ...]]:
        entries = warehouse.services.audit.page(warehouse.actor, 100, None, unit.serial)
        return [(entry.actor, entry.fields) for entry in entries if entry.action == "unit:refuse"]

    for _ in range(3):
        warehouse.register(unit, mac=bytes(6), epoch=2)
    assert refusals() == [(unit.serial, ("mac", "epoch"))]
    clock.advance(seconds=RETRY_S[Admission.BAD_IDENTITY] + 1)
    warehouse.register(unit, epoch=2)
    assert refusals() == [(unit.serial, ("epoch",)), (unit.serial, ("mac", "epoch"))]


def test_units_not_in_stock_nor_placed_are_refused_and_nothing_changes(warehouse: Warehouse) -> None:
    made, doubted, revoked = warehouse.allocate(), warehouse.stock(), warehouse.stock()
    warehouse.services.units.quarantine(warehouse.actor, doubted.serial, "seen twice")
    warehouse.services.units.revoke(warehouse.actor, revoked.serial, "stolen")
    before = snapshot(warehouse.services)
    assert warehouse.result(made) == "not_in_stock"
    assert warehouse.result(doubted) == "quarantined"
    assert warehouse.result(revoked) == "revoked"
    answers = warehouse.register(doubted)
    assert [answer.name for answer in answers] == ["registered"]  # no configuration
    assert snapshot(warehouse.services) == before


def test_a_replacements_first_registration_swaps_it_in_at_once(warehouse: Warehouse, clock: Clock) -> None:
    account = warehouse.open_account()
    old = warehouse.place(account)
    warehouse.services.units.configure(warehouse.actor, old.serial, Channel.BETA, parse_window("01:00", "04:00"))
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(old))
    clock.advance(days=4)
    assert warehouse.result(old) == "accepted"  # until the swap the old unit has everything
    assert identity(warehouse.services, old)[0] == "current"
    heard = configuration(warehouse, new)

    assert (heard["channel"], heard["line_level"]) == (1, FULL)
    swapped = warehouse.unit(old.serial)
    assert (swapped.custody, swapped.service, swapped.trust) == (Custody.AT_ACCOUNT, Service.REPLACED, Trust.REVOKED)
    assert identity(warehouse.services, old)[0] == "dead"
    assert identity(warehouse.services, new)[0] == "current"
    assert warehouse.result(old) == "revoked"
    assert sent(warehouse.services, "revoke") == [{"serial": old.serial, "epoch": 1}]
    rma, steps = warehouse.services.rmas.get(warehouse.actor, 1)
    assert rma.replacement is Replacement.DELIVERED
    assert (steps[-1].why, steps[-1].actor) == (f"first registration of {new.serial}", new.serial)
    settings = warehouse.services.units.get(warehouse.actor, old.serial).configuration
    assert settings.line_level is LineLevel.NONE

    lines = warehouse.services.terms.quote(warehouse.actor, account.id)[1]
    assert [(line.unit, line.state, line.fee.cents) for line in lines] == [
        (old.serial, "superseded", 0),
        (new.serial, "running", 5000),
    ]
    assert lines[1].term_from == clock().date()


def test_the_swap_happens_once(warehouse: Warehouse) -> None:
    old = warehouse.place(warehouse.open_account())
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(old))
    warehouse.register(new)
    version = configuration(warehouse, new)["config_version"]
    assert configuration(warehouse, new)["config_version"] == version
    assert len(sent(warehouse.services, "revoke")) == 1


def test_a_swap_that_fails_on_the_way_leaves_the_old_unit_in_service(warehouse: Warehouse) -> None:
    old = warehouse.place(warehouse.open_account())
    warehouse.stock()
    new = warehouse.replace(warehouse.approved(old))
    before = snapshot(warehouse.services)
    failing = failing_statements(warehouse, "INSERT INTO outbox")
    with pytest.raises(RuntimeError, match="cut"):
        warehouse.register(new)
    event.remove(*failing)
    assert snapshot(warehouse.services) == before
    assert warehouse.result(new) == "accepted"
    assert warehouse.unit(old.serial).trust is Trust.REVOKED


def failing_statements(warehouse: Warehouse, start: str) -> tuple[Any, str, Any]:
    def cut(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(start):
            raise RuntimeError("cut")

    listener = (warehouse.services.transactions.engine, "before_cursor_execute", cut)
    event.listen(*listener)
    return listener


def test_an_old_unit_that_came_back_first_dies_with_the_swap(warehouse: Warehouse) -> None:
    old = warehouse.place(warehouse.open_account())
    rma = warehouse.approved(old, mode="on_receipt")
    warehouse.services.rmas.receive(warehouse.actor, rma.id, old.serial, Condition.SOUND)
    warehouse.stock()
    new = warehouse.replace(rma)
    assert identity(warehouse.services, old)[0] == "current"
    warehouse.register(new)
    assert identity(warehouse.services, old)[0] == "dead"
    assert warehouse.unit(old.serial).service is Service.UNPLACED


def test_an_old_unit_already_refurbished_keeps_its_new_identity(warehouse: Warehouse) -> None:
    old = warehouse.place(warehouse.open_account())
    rma = warehouse.take_back(old)
    warehouse.stock()
    new = warehouse.replace(rma)
    warehouse.refurbish(old)
    warehouse.register(new)
    assert identity(warehouse.services, old)[0] == "current"
    assert warehouse.unit(old.serial).trust is Trust.GOOD


def test_heartbeats_of_many_units_are_one_write_and_the_last_of_each_counts(warehouse: Warehouse) -> None:
    units = [warehouse.stock() for _ in range(3)]
    written = []
    listener = (
        warehouse.services.transactions.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_rest: written.append(statement),
    )
    event.listen(*listener)
    warehouse.beat(*units, units[0])
    event.remove(*listener)
    assert len([statement for statement in written if "INSERT INTO heartbeats" in statement]) == 1
    warehouse.beat(units[1])
    with warehouse.services.transactions.read(warehouse.actor) as uow:
        beats = [HeartbeatRepository(uow).of(unit.serial) for unit in units]
    assert [beat and beat.uptime_s for beat in beats] == [3, 0, 2]


def test_a_unit_that_runs_an_old_configuration_hears_the_present_one(warehouse: Warehouse) -> None:
    one, other = warehouse.stock(), warehouse.stock()
    warehouse.services.units.configure(warehouse.actor, one.serial, Channel.STABLE, None)
    answers = warehouse.beat(one, other)
    assert [(answer.serial, answer.name, answer.values["config_version"]) for answer in answers] == [
        (one.serial, "configuration", 2)
    ]
    assert warehouse.beat(one, config_version=2) == []


def test_a_commands_answer_is_kept_once_and_only_from_its_unit(warehouse: Warehouse) -> None:
    unit, other = warehouse.stock(), warehouse.stock()
    command = warehouse.services.units.command(warehouse.actor, unit.serial, "identify", 0)
    assert sent(warehouse.services, "command") == [
        {"serial": unit.serial, "name": "command", "values": {"command_id": 1, "command": 2, "argument": 0}}
    ]

    def answer(sender: Unit, result: str) -> None:
        values = {"command_id": command.id, "result": COMMAND_RESULTS.index(result), "detail": ""}
        with warehouse.services.transactions.begin(unit_actor(sender.serial)) as uow:
            message = unpack(pack("command_result", values))
            warehouse.registration.command_result(uow, Incoming(sender.serial, message, uow.now))
            uow.commit()

    for sender, result in ((other, "failed"), (unit, "done"), (unit, "refused")):
        answer(sender, result)
    assert [c.result for c in warehouse.services.units.get(warehouse.actor, unit.serial).commands] == ["done"]


def test_a_unit_that_was_away_hears_at_registration_what_it_missed(warehouse: Warehouse, clock: Clock) -> None:
    unit = warehouse.stock()
    units, actor = warehouse.services.units, warehouse.actor
    units.command(actor, unit.serial, "self_test", 0)
    clock.advance(minutes=61)
    for command in ("identify", "restart", "check_update", "identify"):
        last = units.command(actor, unit.serial, command, 5)
    heard = [dict(answer.values) for answer in warehouse.register(unit) if answer.name == "command"]
    assert heard == [{"command_id": last.id, "command": 2, "argument": 5}]


def test_a_thousand_heartbeats_are_stored_in_one_call(warehouse: Warehouse) -> None:
    with warehouse.services.transactions.begin(unit_actor("gateway")) as uow:
        batch = [Incoming(f"PT{number:09}", heartbeat(1, 1), uow.now) for number in range(1000)]
        assert warehouse.registration.heartbeat(uow, batch) == []
        uow.commit()
    assert len(snapshot(warehouse.services)["heartbeats"]) == 1000


def test_activation_waits_for_an_account_that_is_on_its_way(warehouse: Warehouse) -> None:
    """The first profile is set between the unit's configuration and its word that it is ready."""
    unit, services = warehouse.stock(), warehouse.services
    warehouse.send(warehouse.open_account(), unit)
    warehouse.register(unit)
    services.voice.set_profile(warehouse.actor, PROFILE)
    warehouse.ready(unit, "not_configured")
    assert warehouse.unit(unit.serial).service is Service.PLACED
    services.voice.bring_profile(warehouse.actor)
    warehouse.ready(unit)
    assert warehouse.unit(unit.serial).service is Service.ACTIVE
