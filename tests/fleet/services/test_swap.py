"""A swap waits for the call on the old unit, and for nothing longer than it must."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from fleet.domain.access import Actor
from fleet.domain.configuration import Channel
from fleet.domain.heartbeat import MISSED_HEARTBEATS
from fleet.domain.line_allowance import LineLevel
from fleet.domain.rma import Condition, Replacement
from fleet.domain.unit import Service, Trust, Unit
from fleet.services.build import Services
from fleet.services.ingest import GATEWAY
from fleet.services.jobs import SCHEDULER
from fleet.services.unit_messages import Incoming, Outgoing
from fleet.store.waiting_swaps import WaitingSwapRepository
from protocol.wire.enumerations import LINE_STATES
from protocol.wire.messages import pack, unpack
from tests.fleet.conftest import Clock
from tests.fleet.services.equipment import Warehouse, heartbeat, identity, sent, snapshot

HEARTBEAT_S = 60  # of the settings' default
SILENCE = timedelta(seconds=MISSED_HEARTBEATS * HEARTBEAT_S)


@pytest.fixture
def warehouse(services: Services, admin: Actor) -> Warehouse:
    warehouse = Warehouse(services, admin)
    warehouse.load_block()
    return warehouse


@pytest.fixture
def old(warehouse: Warehouse) -> Unit:
    """A unit in service, a replacement of which has arrived."""
    unit = warehouse.place(warehouse.open_account())
    warehouse.services.units.configure(warehouse.actor, unit.serial, Channel.BETA, None)
    return unit


@pytest.fixture
def new(warehouse: Warehouse, old: Unit) -> Unit:
    warehouse.stock()
    return warehouse.replace(warehouse.approved(old))


def beat(warehouse: Warehouse, unit: Unit, line_state: str) -> list[Outgoing]:
    """A heartbeat of the unit, as it travels."""
    version = warehouse.services.units.get(warehouse.actor, unit.serial).configuration.version
    with warehouse.services.transactions.begin(GATEWAY) as uow:
        values = heartbeat(version, 1).values | {"line_state": LINE_STATES.index(line_state)}
        answers = warehouse.registration.heartbeat(
            uow, [Incoming(unit.serial, unpack(pack("heartbeat", values)), uow.now)]
        )
        uow.commit()
        return answers


def lines(warehouse: Warehouse, *units: Unit) -> list[LineLevel]:
    return [warehouse.services.units.get(warehouse.actor, unit.serial).configuration.line_level for unit in units]


def is_swapped(warehouse: Warehouse, old: Unit, new: Unit) -> bool:
    """Whether all of it has moved, and nothing waits; it never moves in parts."""
    moved = [
        lines(warehouse, old, new) == [LineLevel.NONE, LineLevel.FULL],
        warehouse.unit(old.serial).service is Service.REPLACED,
        warehouse.unit(old.serial).trust is Trust.REVOKED,
        identity(warehouse.services, old)[0] == "dead",
        warehouse.services.units.get(warehouse.actor, new.serial).configuration.channel is Channel.BETA,
        not snapshot(warehouse.services)["waiting_swaps"],
    ]
    assert len(set(moved)) == 1, moved
    return moved[0]


def waiting(warehouse: Warehouse, old: Unit, new: Unit) -> list[Outgoing]:
    """A call is up when the replacement registers."""
    beat(warehouse, old, "in_call")
    return warehouse.register(new)


def test_while_a_call_is_up_the_old_unit_keeps_all_and_the_new_one_is_received(
    warehouse: Warehouse, old: Unit, new: Unit, clock: Clock
) -> None:
    heard = waiting(warehouse, old, new)
    assert [answer.name for answer in heard] == ["registered", "configuration"]
    assert not is_swapped(warehouse, old, new)
    assert lines(warehouse, old, new) == [LineLevel.FULL, LineLevel.EMERGENCY_ONLY]
    assert "A call is up" in warehouse.services.units.get(warehouse.actor, new.serial).line.reason.text
    assert warehouse.result(old) == "accepted"
    warehouse.ready(new)
    assert warehouse.unit(new.serial).service is Service.PLACED, "no Activation without its line"
    assert warehouse.services.rmas.get(warehouse.actor, 1)[0].replacement is Replacement.DELIVERED
    for _ in range(5):  # a long call: the old unit is heard, the new one restarts
        clock.advance(seconds=HEARTBEAT_S)
        assert beat(warehouse, old, "in_call") == []
        warehouse.register(new)
        assert not finish(warehouse)
    assert not is_swapped(warehouse, old, new)


def finish(warehouse: Warehouse) -> bool:
    """Run the scheduler's job; whether it told anybody."""
    before = len(sent(warehouse.services, "command"))
    [job] = [job for job in warehouse.services.jobs if job.name == "finish swaps"]
    job.work(SCHEDULER)
    return len(sent(warehouse.services, "command")) > before


def test_the_heartbeat_after_the_call_brings_the_line_over_at_once(
    warehouse: Warehouse, old: Unit, new: Unit, clock: Clock
) -> None:
    waiting(warehouse, old, new)
    clock.advance(hours=2)
    beat(warehouse, old, "in_call")
    clock.advance(seconds=HEARTBEAT_S)
    told = beat(warehouse, old, "registered")
    levels = [(answer.serial, answer.name, answer.values.get("line_level")) for answer in told]
    assert (new.serial, "configuration", 3) in levels
    assert is_swapped(warehouse, old, new)
    assert warehouse.result(old) == "revoked"
    warehouse.ready(new)
    assert warehouse.unit(new.serial).service is Service.ACTIVE
    quote = warehouse.services.terms.quote(warehouse.actor, 1)[1]
    assert [(line.unit, line.state) for line in quote] == [(old.serial, "superseded"), (new.serial, "running")]


def test_the_term_begins_with_the_registration_not_with_the_swap(
    warehouse: Warehouse, old: Unit, new: Unit, clock: Clock
) -> None:
    clock.advance(hours=13)  # 23:00 in New York
    waiting(warehouse, old, new)
    clock.advance(hours=2)  # a call over midnight
    beat(warehouse, old, "registered")
    assert is_swapped(warehouse, old, new)
    assert warehouse.services.terms.quote(warehouse.actor, 1)[1][1].term_from == date(2026, 3, 2)


def test_a_unit_that_dies_in_a_call_is_waited_for_no_longer_than_its_heartbeats(
    warehouse: Warehouse, old: Unit, new: Unit, clock: Clock
) -> None:
    waiting(warehouse, old, new)
    clock.advance(seconds=SILENCE.total_seconds())
    assert not finish(warehouse)
    assert not is_swapped(warehouse, old, new)
    clock.advance(seconds=1)
    assert finish(warehouse), "and the new unit hears of it"
    assert is_swapped(warehouse, old, new)
    before = snapshot(warehouse.services)
    assert not finish(warehouse)
    assert snapshot(warehouse.services) == before


def test_a_call_without_end_is_waited_for_hours_not_days(
    warehouse: Warehouse, old: Unit, new: Unit, clock: Clock
) -> None:
    waiting(warehouse, old, new)
    clock.advance(hours=4, seconds=-1)
    beat(warehouse, old, "in_call")
    assert not is_swapped(warehouse, old, new)
    clock.advance(seconds=1)
    beat(warehouse, old, "in_call")
    assert is_swapped(warehouse, old, new)


@pytest.mark.parametrize("state", [state for state in LINE_STATES if state != "in_call"])
def test_no_call_no_wait(warehouse: Warehouse, old: Unit, new: Unit, state: str) -> None:
    beat(warehouse, old, state)
    warehouse.register(new)
    assert is_swapped(warehouse, old, new)


def test_an_old_call_is_no_call(warehouse: Warehouse, old: Unit, new: Unit, clock: Clock) -> None:
    beat(warehouse, old, "in_call")
    clock.advance(seconds=SILENCE.total_seconds() + 1)
    warehouse.register(new)
    assert is_swapped(warehouse, old, new)


def test_a_quarantined_old_unit_has_no_call_to_wait_for(warehouse: Warehouse, old: Unit, new: Unit) -> None:
    waiting(warehouse, old, new)
    warehouse.services.units.quarantine(warehouse.actor, old.serial, "seen twice")
    assert finish(warehouse)
    assert is_swapped(warehouse, old, new)


def test_a_quarantined_replacement_takes_over_once_it_is_cleared(warehouse: Warehouse, old: Unit, new: Unit) -> None:
    waiting(warehouse, old, new)
    warehouse.services.units.quarantine(warehouse.actor, new.serial, "seen twice")
    beat(warehouse, old, "registered")
    assert lines(warehouse, old, new) == [LineLevel.FULL, LineLevel.NONE], "the old unit serves on"
    warehouse.services.units.clear(warehouse.actor, new.serial, "explained")
    beat(warehouse, old, "registered")
    assert is_swapped(warehouse, old, new)


def test_an_old_unit_that_comes_back_meanwhile_is_in_no_call(warehouse: Warehouse, old: Unit, new: Unit) -> None:
    waiting(warehouse, old, new)
    warehouse.services.rmas.receive(warehouse.actor, 1, old.serial, Condition.DEFECTIVE)
    assert lines(warehouse, old, new) == [LineLevel.NONE, LineLevel.FULL]
    assert identity(warehouse.services, old)[0] == "dead"
    assert not snapshot(warehouse.services)["waiting_swaps"]


def test_a_replacement_that_leaves_before_its_turn_leaves_the_old_unit_its_line(
    warehouse: Warehouse, old: Unit, new: Unit
) -> None:
    waiting(warehouse, old, new)
    warehouse.approved(new)
    warehouse.services.rmas.receive(warehouse.actor, 2, new.serial, Condition.DEFECTIVE)
    beat(warehouse, old, "registered")
    assert lines(warehouse, old, new) == [LineLevel.FULL, LineLevel.NONE]
    assert not snapshot(warehouse.services)["waiting_swaps"]


def test_a_swap_cut_off_leaves_the_wait(warehouse: Warehouse, old: Unit, new: Unit, monkeypatch: Any) -> None:
    waiting(warehouse, old, new)
    before = snapshot(warehouse.services)
    monkeypatch.setattr(WaitingSwapRepository, "end", cut)
    with pytest.raises(RuntimeError, match="cut"):
        beat(warehouse, old, "registered")
    assert snapshot(warehouse.services) == before
    monkeypatch.undo()
    beat(warehouse, old, "registered")
    assert is_swapped(warehouse, old, new)


def cut(*_arguments: object) -> None:
    raise RuntimeError("cut")


@pytest.mark.parametrize("comes_back", [True, False])
@pytest.mark.parametrize("in_call", [True, False])
def test_what_replaces_a_replacement_before_its_turn_takes_over_from_the_unit_that_served_on(
    warehouse: Warehouse, old: Unit, new: Unit, clock: Clock, in_call: bool, comes_back: bool
) -> None:
    """Else two units had the line's number, for ever."""
    waiting(warehouse, old, new)
    warehouse.services.units.quarantine(warehouse.actor, new.serial, "seen twice")
    warehouse.stock()
    rma = warehouse.approved(new)
    third = warehouse.replace(rma)
    clock.advance(days=2)
    if comes_back:
        warehouse.services.rmas.receive(warehouse.actor, rma.id, new.serial, Condition.SOUND)
    beat(warehouse, old, "in_call" if in_call else "registered")
    warehouse.register(third)
    if in_call:
        assert lines(warehouse, old, third) == [LineLevel.FULL, LineLevel.EMERGENCY_ONLY]
        beat(warehouse, old, "registered")
    assert is_swapped(warehouse, old, third)
    assert warehouse.unit(new.serial).trust is Trust.REVOKED
