"""The updates' task starts anew in the same start of the unit: it settles nothing that only the next start knows."""

from __future__ import annotations

from adapter.update.session import TRIAL_DEADLINE_MS
from protocol.wire.enumerations import UPDATE_REASONS
from tests.firmware.adapter.update.unit import UpdatingUnit


def only_restarts(unit: UpdatingUnit) -> None:
    """Whatever happens now, the unit writes nothing, reports nothing, and restarts."""
    before = unit.path.read_bytes()
    unit.session.fleet_answered()
    unit.session.self_test(True)
    unit.session.check()
    assert not unit.session.take_report(unit.reports.append)
    assert unit.session.poll(TRIAL_DEADLINE_MS)
    assert unit.path.read_bytes() == before


def test_between_arming_and_restart(unit: UpdatingUnit) -> None:
    unit.session.check()
    unit.work()
    assert unit.session.poll(0)
    unit.start_task()
    only_restarts(unit)
    unit.boot("restart")
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert (unit.slot, unit.told()[-1]) == (1, ("confirmed", "none"))


def test_between_the_way_back_and_restart(unit: UpdatingUnit) -> None:
    unit.install()
    unit.session.self_test(False, "led")
    unit.start_task()
    only_restarts(unit)
    unit.boot("restart")
    assert (unit.slot, unit.told()) == (0, [("reverted", "self_test")])


def test_between_boot_record_and_journal_of_the_way_back(unit: UpdatingUnit) -> None:
    unit.install()
    unit.slots.revert(UPDATE_REASONS.index("self_test"))
    unit.start_task()
    only_restarts(unit)
    unit.boot("restart")
    assert (unit.slot, unit.told()) == (0, [("reverted", "self_test")])


def test_after_confirmation_it_goes_on_as_it_was(unit: UpdatingUnit) -> None:
    unit.install()
    unit.session.self_test(True)
    unit.session.fleet_answered()
    unit.start_task()
    assert not unit.session.poll(TRIAL_DEADLINE_MS)
    assert (unit.slot, unit.told()[-1]) == (1, ("confirmed", "none"))


def test_within_a_trial_it_goes_on_with_it(unit: UpdatingUnit) -> None:
    unit.install()
    unit.start_task()
    assert not unit.session.poll(TRIAL_DEADLINE_MS - 1)
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert unit.told()[-1] == ("confirmed", "none")
