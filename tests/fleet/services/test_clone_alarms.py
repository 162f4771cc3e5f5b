"""Copies of units are found, quarantined and shown to the operator; units that merely restart never are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fleet.domain.access import ForbiddenError, Role
from fleet.domain.clone_alarm import LATEST, CloneEvidence, Resolution
from fleet.domain.configuration import Channel
from fleet.domain.errors import ConflictError, IllegalTransitionError, InvalidError
from fleet.domain.line_allowance import LineLevel
from fleet.domain.unit import Custody, Trust, Unit
from fleet.store.clone_alarms import KeptAlarm
from fleet.store.unit_starts import MAX_STARTS
from tests.fleet.conftest import START, Clock, someone
from tests.fleet.services.equipment import Warehouse, identity, sent, snapshot

APART_S = 10  # beyond all doubt of the order


@pytest.fixture
def unit(warehouse: Warehouse) -> Unit:
    return warehouse.place(warehouse.open_account())


def alarms(warehouse: Warehouse) -> list[KeptAlarm]:
    return warehouse.services.clone_alarms.page(warehouse.actor, 100, None)


def line(warehouse: Warehouse, unit: Unit) -> LineLevel:
    return warehouse.services.units.get(warehouse.actor, unit.serial).configuration.line_level


def start(warehouse: Warehouse, unit: Unit, clock: Clock, boot_id: int, after_s: float = APART_S) -> str:
    """The result of a registration by that start, so much later."""
    clock.advance(seconds=after_s)
    warehouse.boot_id = boot_id
    return warehouse.result(unit, clock_s=int(clock().timestamp()))


def copy(warehouse: Warehouse, unit: Unit, clock: Clock) -> str:
    """The unit and a copy of it register in turn."""
    return [start(warehouse, unit, clock, boot_id) for boot_id in (1, 2, 1)][-1]


def test_who_claims_another_units_mac_is_quarantined_and_the_other_is_not(warehouse: Warehouse, unit: Unit) -> None:
    victim = warehouse.place(warehouse.open_account("Quiet Dental"))
    before = (warehouse.unit(victim.serial), line(warehouse, victim), identity(warehouse.services, victim))
    assert warehouse.result(unit, mac=victim.mac.octets) == "bad_identity"
    [kept] = alarms(warehouse)
    assert (kept.alarm.evidence, kept.alarm.quarantined, kept.alarm.claimed) == (
        CloneEvidence.OTHER_KEY,
        unit.serial,
        victim.serial,
    )
    assert (kept.seen.mac, kept.seen.at, kept.resolution) == (victim.mac, START, None)
    assert warehouse.unit(unit.serial).trust is Trust.QUARANTINED
    assert line(warehouse, unit) is LineLevel.NONE
    assert warehouse.result(unit) == "quarantined"
    assert sent(warehouse.services, "revoke") == [{"serial": unit.serial, "epoch": 1}]
    assert before == (warehouse.unit(victim.serial), line(warehouse, victim), identity(warehouse.services, victim))
    assert sent(warehouse.services, "webhook") == [
        {
            "event": "clone_alarm",
            "alarm": "CA-1",
            "unit": unit.serial,
            "claimed": victim.serial,
            "evidence": "other_key",
            "reason": str(kept.alarm.reason),
        }
    ]


def test_claims_silence_nobody_else_and_do_not_fill_the_table(warehouse: Warehouse, unit: Unit) -> None:
    victims = [warehouse.stock() for _ in range(3)]
    for victim in victims * 3:
        warehouse.register(unit, mac=victim.mac.octets)
    assert [kept.alarm.claimed for kept in alarms(warehouse)] == [victims[0].serial]
    assert {warehouse.unit(victim.serial).trust for victim in victims} == {Trust.GOOD}
    assert len(sent(warehouse.services, "webhook")) == 1


def test_a_mac_of_nobody_is_a_false_claim_and_no_clone(warehouse: Warehouse, unit: Unit) -> None:
    assert warehouse.result(unit, mac=bytes(6)) == "bad_identity"
    assert alarms(warehouse) == []
    assert warehouse.unit(unit.serial).trust is Trust.GOOD


def test_one_identity_at_two_places_loses_line_configuration_and_session(
    warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    assert copy(warehouse, unit, clock) == "quarantined"
    [kept] = alarms(warehouse)
    assert (kept.alarm.evidence, kept.alarm.quarantined, kept.seen.boot_id) == (
        CloneEvidence.TWO_PLACES,
        unit.serial,
        1,
    )
    assert [s.boot_id for s in kept.sightings] == [1, 2]
    assert line(warehouse, unit) is LineLevel.NONE
    assert [answer.name for answer in warehouse.register(unit)] == ["registered"]
    warehouse.services.units.configure(warehouse.actor, unit.serial, Channel.BETA, None)
    assert sent(warehouse.services, "command") == [], "a doubtful identity hears no configuration"
    assert warehouse.beat(unit) == []
    assert sent(warehouse.services, "revoke") == [{"serial": unit.serial, "epoch": 1}]
    actions = [entry.action for entry in warehouse.services.audit.page(warehouse.actor, 100, None, unit.serial)]
    assert "unit:quarantine" in actions


def test_a_heartbeat_of_a_start_that_another_one_followed_tells_of_a_copy(
    warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    start(warehouse, unit, clock, 1)
    start(warehouse, unit, clock, 2)
    warehouse.beat(unit)
    assert alarms(warehouse) == []
    clock.advance(seconds=APART_S)
    warehouse.boot_id = 1
    warehouse.beat(unit, warehouse.stock())
    assert [kept.alarm.evidence for kept in alarms(warehouse)] == [CloneEvidence.TWO_PLACES]
    warehouse.beat(unit)
    assert len(alarms(warehouse)) == 1
    assert warehouse.result(unit) == "quarantined"


def test_restarts_of_a_lifetime_are_no_alarm_and_few_are_kept(warehouse: Warehouse, unit: Unit, clock: Clock) -> None:
    for boot_id in range(1, MAX_STARTS + 10):
        for _ in range(2):
            assert start(warehouse, unit, clock, boot_id) == "accepted"
    assert alarms(warehouse) == []
    copy_of_old = start(warehouse, unit, clock, MAX_STARTS)
    assert copy_of_old == "quarantined"
    assert len(alarms(warehouse)[0].sightings) == MAX_STARTS


@pytest.mark.parametrize("lie_s", [-3600, 60])
def test_a_copy_that_lies_about_the_time_is_found_once_the_unit_speaks_again(
    warehouse: Warehouse, unit: Unit, clock: Clock, lie_s: int
) -> None:
    start(warehouse, unit, clock, 1)
    clock.advance(hours=2)
    warehouse.boot_id = 2
    assert warehouse.result(unit, clock_s=int(clock().timestamp()) + lie_s) == "accepted"
    assert start(warehouse, unit, clock, 1) == "quarantined"


def test_a_copy_that_starts_again_and_again_does_not_crowd_the_unit_out(
    warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    start(warehouse, unit, clock, 1)
    for boot_id in range(2, 3 * MAX_STARTS):
        start(warehouse, unit, clock, boot_id, after_s=0.25)
    assert start(warehouse, unit, clock, 1) == "quarantined"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_unit_that_restarts_and_whose_messages_come_late_twice_and_in_any_order_is_never_suspected(
    warehouse: Warehouse, unit: Unit, clock: Clock, data: st.DataObject
) -> None:
    base, made_s = clock(), 0.0
    messages: list[tuple[float, int, int]] = []  # when it came, of which start, what its clock said
    for boot_id in range(1, data.draw(st.integers(2, 5)) + 1):
        wrong_s = data.draw(st.floats(-2, 2))
        for _ in range(data.draw(st.integers(1, 3))):
            made_s += data.draw(st.floats(0.1, 20) | st.just(2 * LATEST.total_seconds()))
            clock_s = int(base.timestamp() + made_s + wrong_s)
            for late_s in data.draw(st.lists(st.sampled_from((0.0, 0.1, 3.0, 5.1, 9.0, 40.0)), min_size=1, max_size=2)):
                messages.append((made_s + late_s, boot_id, clock_s))
    forget(warehouse, unit)
    for came_s, boot_id, clock_s in sorted(messages):
        clock.now = base
        clock.advance(seconds=came_s)
        warehouse.boot_id = boot_id
        assert warehouse.result(unit, clock_s=clock_s) == "accepted"
    assert alarms(warehouse) == []


def forget(warehouse: Warehouse, unit: Unit) -> None:
    """A unit as never seen before: what a resolved false alarm does."""
    warehouse.services.units.quarantine(warehouse.actor, unit.serial, "test")
    warehouse.services.units.clear(warehouse.actor, unit.serial, "test")


def test_a_false_alarm_brings_everything_back_and_a_real_copy_the_next_alarm(
    warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    copy(warehouse, unit, clock)
    kept = warehouse.services.clone_alarms.resolve(warehouse.actor, 1, Resolution.FALSE_ALARM, "a bench test")
    assert (kept.resolution, kept.why, kept.resolved_by) == (Resolution.FALSE_ALARM, "a bench test", "PE-900")
    assert warehouse.unit(unit.serial).trust is Trust.GOOD
    assert line(warehouse, unit) is LineLevel.FULL
    assert len(sent(warehouse.services, "revoke")) == 2, "it comes back at once"
    assert start(warehouse, unit, clock, 2) == "accepted"
    assert start(warehouse, unit, clock, 1) == "accepted"
    assert start(warehouse, unit, clock, 2) == "quarantined"
    assert [kept.resolution for kept in alarms(warehouse)] == [Resolution.FALSE_ALARM, None]
    open_only = warehouse.services.clone_alarms.page(warehouse.actor, 100, None, open_only=True)
    assert [kept.reference for kept in open_only] == ["CA-2"]


def test_revoked_is_for_ever(warehouse: Warehouse, unit: Unit, clock: Clock) -> None:
    copy(warehouse, unit, clock)
    warehouse.services.clone_alarms.resolve(warehouse.actor, 1, Resolution.REVOKED, "the key was read out")
    assert warehouse.unit(unit.serial).trust is Trust.REVOKED
    assert identity(warehouse.services, unit)[0] == "dead"
    assert warehouse.result(unit) == "revoked"


def test_a_new_epoch_needs_the_unit_in_our_hands(warehouse: Warehouse, unit: Unit, clock: Clock) -> None:
    copy(warehouse, unit, clock)
    before = snapshot(warehouse.services)
    with pytest.raises(IllegalTransitionError):
        warehouse.services.clone_alarms.resolve(warehouse.actor, 1, Resolution.NEW_EPOCH, "flash it again")
    assert snapshot(warehouse.services) == before
    shelved = warehouse.stock()
    copy(warehouse, shelved, clock)
    kept = warehouse.services.clone_alarms.resolve(warehouse.actor, 2, Resolution.NEW_EPOCH, "flash it again")
    assert (kept.resolution, kept.why) == (Resolution.NEW_EPOCH, "flash it again")
    renewed = warehouse.unit(shelved.serial)
    assert (renewed.epoch, renewed.trust, renewed.custody) == (2, Trust.GOOD, Custody.MADE)


def test_an_alarm_is_resolved_once_with_why_and_by_the_operators_people(
    warehouse: Warehouse, unit: Unit, clock: Clock
) -> None:
    copy(warehouse, unit, clock)
    resolve, before = warehouse.services.clone_alarms.resolve, snapshot(warehouse.services)
    for refused in (someone(Role.WAREHOUSE), someone(Role.ACCOUNT_ADMINISTRATOR, account_id=1)):
        with pytest.raises(ForbiddenError):
            resolve(refused, 1, Resolution.FALSE_ALARM, "mine")
    with pytest.raises(ForbiddenError):
        resolve(someone(Role.ADMIN, account_id=1), 1, Resolution.FALSE_ALARM, "mine")
    with pytest.raises(InvalidError):
        resolve(warehouse.actor, 1, Resolution.FALSE_ALARM, " ")
    assert snapshot(warehouse.services) == before
    resolve(someone(Role.SUPPORT), 1, Resolution.FALSE_ALARM, "explained")
    after = snapshot(warehouse.services)
    for resolution in Resolution:
        with pytest.raises(ConflictError, match="CA-1 was resolved as false_alarm by PE-900"):
            resolve(warehouse.actor, 1, resolution, "again")
    assert snapshot(warehouse.services) == after


def swapped(warehouse: Warehouse, unit: Unit) -> None:
    warehouse.stock()
    warehouse.register(warehouse.replace(warehouse.approved(unit)))


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        (lambda w, u: w.services.units.clear(w.actor, u.serial, "known"), Resolution.FALSE_ALARM),
        (lambda w, u: w.services.units.revoke(w.actor, u.serial, "stolen"), Resolution.REVOKED),
        (swapped, Resolution.REVOKED),
    ],
    ids=["cleared", "revoked", "replaced"],
)
def test_whatever_ends_the_quarantine_resolves_the_alarm(
    warehouse: Warehouse, unit: Unit, clock: Clock, end: Any, expected: Resolution
) -> None:
    copy(warehouse, unit, clock)
    end(warehouse, unit)
    assert [kept.resolution for kept in alarms(warehouse)] == [expected]
    log = warehouse.services.audit.page(warehouse.actor, 100, None, "CA-1")
    assert [entry.action for entry in log] == ["clone_alarm:resolve", "clone_alarm:raise"]
