"""When a staged image is tried: calls, hours, the order's own times; what happens first, and which images never are."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapter.reports import Reports
from adapter.settings import SCHEMA
from adapter.update.errors import NetworkError
from adapter.update.journal import MAX_TRIES
from adapter.update.session import ALONE_DEADLINE_MS, MAX_MOVES, TRIAL_DEADLINE_MS
from protocol.wire.image import ImageHeader
from protocol.wire.messages import pack
from tests.firmware.adapter.update.repository import NOW, NOW_S, BendableRepository
from tests.firmware.adapter.update.unit import UpdatingUnit

DAY_S = 86_400


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def order(repository: BendableRepository, sequence: int, **times: datetime) -> None:
    """The order for 1.0.0, with its times."""
    repository.assign("simulated_1.0.0.img", sequence)
    repository.forge_assignment(**{name: instant(at) for name, at in times.items()})


def stage(unit: UpdatingUnit, now_s: int = NOW_S) -> None:
    unit.session.check()
    unit.work(now_s=now_s)
    assert unit.session.state == "staged", unit.told()


def restarts(unit: UpdatingUnit, now_s: int = NOW_S, hours: bool = True, call_up: bool = False) -> bool:
    return bool(unit.session.poll(0, hours, now_s, call_up))


def test_a_call_holds_back_the_restart(unit: UpdatingUnit) -> None:
    stage(unit)
    assert not restarts(unit, call_up=True)
    assert unit.session.state == "staged"
    assert restarts(unit)


@pytest.mark.parametrize("restarted", [False, True])
def test_an_order_holds_back_the_restart_until_its_instant(
    unit: UpdatingUnit, repository: BendableRepository, restarted: bool
) -> None:
    order(repository, 2, not_before=NOW + timedelta(hours=5))
    stage(unit)
    if restarted:
        unit.boot()
    assert not restarts(unit, NOW_S + 5 * 3600 - 1)
    assert restarts(unit, NOW_S + 5 * 3600)


@pytest.mark.parametrize("restarted", [False, True])
def test_from_the_deadline_on_hours_hold_back_nothing_but_a_call_does(
    unit: UpdatingUnit, repository: BendableRepository, restarted: bool
) -> None:
    order(repository, 2, deadline=NOW + timedelta(hours=5))
    stage(unit)
    if restarted:
        unit.boot()
    assert not restarts(unit, NOW_S + 5 * 3600 - 1, hours=False)
    assert not restarts(unit, NOW_S + 5 * 3600, hours=False, call_up=True)
    assert restarts(unit, NOW_S + 5 * 3600, hours=False)


def test_without_a_deadline_hours_hold_back_until_the_order_ends(unit: UpdatingUnit) -> None:
    stage(unit)
    assert not restarts(unit, NOW_S + 13 * DAY_S, hours=False)
    assert not unit.session.wants_work
    assert not restarts(unit, NOW_S + 14 * DAY_S)  # expired: asked again, not armed
    assert unit.session.wants_work
    unit.work(now_s=NOW_S + 14 * DAY_S)
    assert unit.told()[-1] == ("failed", "expired")


def test_a_new_order_for_what_is_staged_brings_its_own_times(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    order(repository, 2, not_before=NOW + timedelta(days=9))
    stage(unit)
    order(repository, 3)
    stage(unit)
    unit.boot()
    assert restarts(unit)
    unit.boot("restart")
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert unit.told()[-1] == ("confirmed", "none")
    assert unit.reports[-1]["assignment"] == 3


def test_an_order_seen_but_not_gone_through_keeps_an_older_ones_image_from_being_armed(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    """The power went between the new order and what it meant."""
    stage(unit)
    repository.assign(None, 2)
    unit.session.check()
    job = unit.session.work(NOW_S)
    get = next(job)
    while not get.path.startswith("director/"):
        get = job.send(repository.files.get(get.path))
    journal = unit.session._journal
    journal.newest = 2
    journal.save()
    unit.boot()
    assert not restarts(unit)
    journal = unit.session._journal
    journal.newest = 1
    unit.work()
    assert unit.told()[-1] == ("failed", "cancelled")
    assert unit.session.state == "idle"


def test_a_check_that_the_network_prevents_does_not_hold_back_for_ever(unit: UpdatingUnit) -> None:
    stage(unit)
    unit.session.check()
    for _ in range(MAX_TRIES - 1):
        job = unit.session.work(NOW_S)
        next(job)
        with pytest.raises(NetworkError):
            job.throw(NetworkError("no route"))
        assert not restarts(unit)
    job = unit.session.work(NOW_S)
    next(job)
    with pytest.raises(StopIteration):
        job.throw(NetworkError("no route"))
    assert restarts(unit)


ODD: dict[str, Callable[[BendableRepository], Any]] = {
    "no instant": lambda r: r.forge_assignment(not_before="soon"),
    "a number": lambda r: r.forge_assignment(deadline=5),
}


@pytest.mark.parametrize("bend", ODD.values(), ids=ODD)
def test_an_order_with_odd_times_is_refused(
    unit: UpdatingUnit, repository: BendableRepository, bend: Callable[[BendableRepository], Any]
) -> None:
    bend(repository)
    unit.session.check()
    unit.work()
    assert unit.told() == [("failed", "mismatch")]


def test_instants_beyond_what_the_journal_holds_are_as_late_as_it_can_say(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    repository.forge_assignment(not_before="9000-01-01T00:00:00Z", expires="9999-01-01T00:00:00Z")
    stage(unit)
    unit.boot()
    assert not restarts(unit, 0xFFFFFFFE)


def test_the_issue_of_an_order_is_a_time_that_is_past(unit: UpdatingUnit, repository: BendableRepository) -> None:
    repository.assign(
        "simulated_1.0.0.img", 2, at=NOW + timedelta(minutes=4)
    )  # within the tolerance: not in the future
    stage(unit)
    repository.assign("simulated_1.0.0.img", 3, at=NOW - timedelta(days=2))
    stage(unit)
    assert unit.times_seen == [NOW_S, NOW_S - 2 * DAY_S]
    repository.assign("simulated_1.0.0.img", 4, serial="PT000000028")
    unit.session.check()
    unit.work()
    assert len(unit.times_seen) == 2  # of a refused order nothing is believed


# The fleet out of reach.


def on_trial(unit: UpdatingUnit, reached: bool) -> None:
    if reached:
        unit.session.fleet_answered()
    stage(unit)
    assert restarts(unit)
    unit.boot("restart")


def test_a_trial_is_not_sent_back_for_a_fleet_that_the_image_before_it_did_not_reach_either(
    unit: UpdatingUnit,
) -> None:
    on_trial(unit, reached=False)
    unit.boot("power_on")
    unit.session.self_test(True)
    assert not unit.session.poll(ALONE_DEADLINE_MS - 1)
    unit.session.fleet_answered()
    assert unit.told()[-1] == ("confirmed", "none")


def test_but_not_even_then_for_ever_and_never_without_a_self_test(unit: UpdatingUnit) -> None:
    on_trial(unit, reached=False)
    assert unit.session.poll(TRIAL_DEADLINE_MS)
    unit.boot("restart")
    assert unit.told()[-1] == ("reverted", "deadline")


def test_a_lonely_trial_ends_after_a_day(unit: UpdatingUnit) -> None:
    on_trial(unit, reached=False)
    unit.session.self_test(True)
    assert unit.session.poll(ALONE_DEADLINE_MS)
    unit.boot("restart")
    assert unit.told()[-1] == ("reverted", "fleet_unreachable")


# Settings.


def report(sequence: int) -> bytes:
    return pack("command_result", {"command_id": sequence, "result": 0, "detail": ""}, 7, sequence)


@pytest.mark.parametrize("schema", [1, 2, 3])
def test_the_staged_image_finds_its_settings_in_its_bank(
    unit: UpdatingUnit, repository: BendableRepository, schema: int
) -> None:
    unit.settings.keep_configuration(b"configuration")
    Reports(unit.settings).add(report(1))
    name = repository.add_image("1.2.0", 5, data_schema=schema)
    repository.publish(bump=("all",))
    repository.assign(name, 2)
    on_trial(unit, reached=True)
    assert unit.slot == 1
    assert unit.settings._own.load()[0] == min(schema, SCHEMA)
    assert len(Reports(unit.settings)) == 1
    assert unit.settings.configuration == (b"" if schema == 1 else b"configuration")
    unit.session.self_test(False)
    unit.boot("restart")
    assert (unit.slot, unit.settings.configuration) == (0, b"configuration")


def test_once_confirmed_the_other_images_reports_are_forgotten(unit: UpdatingUnit) -> None:
    Reports(unit.settings).add(report(1))
    on_trial(unit, reached=True)
    assert unit.settings.left_behind() != b"\x00"
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert unit.settings.left_behind() == b"\x00"


# Counters.


def install(unit: UpdatingUnit, repository: BendableRepository, name: str, sequence: int) -> None:
    repository.assign(name, sequence)
    unit.report()
    unit.install()
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert unit.told()[-1] == ("confirmed", "none")


def test_going_back_to_an_older_release_works_down_to_the_security_floor_and_no_further(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    at_floor = repository.add_image("1.4.0", 4)
    safe = repository.add_image("1.6.0", 6, security_counter=4)
    newest = repository.add_image("1.9.0", 9, security_counter=2)  # of a branch that lacks the fix's mark
    below = repository.add_image("1.3.0", 3)
    repository.publish(bump=("all",))
    for sequence, name in enumerate((below, safe, newest, at_floor), 2):
        install(unit, repository, name, sequence)
    assert unit.slots.floor == 4
    repository.assign(below, 9)  # a genuine director's order, a genuine image
    unit.report()
    before = unit.other_slot()
    unit.session.check()
    unit.work()
    assert unit.told()[-1] == ("failed", "rollback")
    assert (unit.other_slot(), unit.slots.floor) == (before, 4)
    unit.boot()
    assert unit.header.version == "1.4.0"


def test_a_trial_that_goes_back_leaves_the_floor_where_it_was(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    name = repository.add_image("1.6.0", 6, security_counter=6)
    repository.publish(bump=("all",))
    repository.assign(name, 2)
    on_trial(unit, reached=True)
    unit.session.self_test(False)
    unit.boot("restart")
    assert unit.slots.floor == 0


def test_an_image_that_would_lock_itself_out_is_refused_by_its_signed_facts(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    name = repository.add_image("1.6.0", 6, security_counter=7)
    repository.publish(bump=("all",))
    repository.assign(name, 2)
    before = unit.other_slot()
    unit.session.check()
    unit.work()
    assert unit.told() == [("failed", "mismatch")]
    assert unit.other_slot() == before


def test_and_by_its_own_header_where_the_facts_hide_it(unit: UpdatingUnit, repository: BendableRepository) -> None:
    name = repository.add_image("1.6.0", 6, security_counter=7)
    repository.board.targets[name].custom["security_counter"] = 0
    repository.publish(bump=("all",))
    repository.assign(name, 2)
    unit.session.check()
    unit.work()
    assert unit.told() == [("downloading", "none"), ("failed", "mismatch")]


def test_a_floor_never_rises_above_the_image_that_raises_it(unit: UpdatingUnit, repository: BendableRepository) -> None:
    """A last line of defence, for an image that an earlier firmware let in."""
    on_trial(unit, reached=True)
    header = ImageHeader("simulated", 1, 4, 6, 2, 99, 1, 1000, "1.0.0")
    slot = unit.flash.partition("slot_b")
    slot.erase(0, slot.block_bytes)
    slot.program(0, header.pack(b"payload"))
    unit.slots.confirm()
    assert unit.slots.floor == 2


def test_an_image_of_unknown_settings_is_refused(unit: UpdatingUnit, repository: BendableRepository) -> None:
    name = repository.add_image("1.6.0", 6, data_schema=0)
    repository.publish(bump=("all",))
    repository.assign(name, 2)
    before = unit.other_slot()
    unit.session.check()
    unit.work()
    assert unit.told() == [("failed", "mismatch")]
    assert unit.other_slot() == before


# Arming that fails.


def test_flash_that_fails_while_arming_is_told_once_and_does_not_restart_the_unit(
    unit: UpdatingUnit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> None:
        raise OSError("program failed")

    for _ in range(2):
        stage(unit)
        monkeypatch.setattr(unit.slots, "arm_trial", broken)
        assert not restarts(unit)
        assert unit.told().count(("failed", "flash")) == 1
        assert unit.session.state == "idle"


def test_arming_that_power_cuts_prevent_again_and_again_is_given_up(unit: UpdatingUnit) -> None:
    stage(unit)
    for _ in range(MAX_MOVES):
        unit.session._move("armed")  # and the power goes before the boot record knows
        unit.boot()
        if unit.session._journal.moves >= MAX_MOVES:
            break
    assert unit.session.state == "staged"
    assert not restarts(unit)
    assert unit.told()[-1] == ("failed", "deadline")
