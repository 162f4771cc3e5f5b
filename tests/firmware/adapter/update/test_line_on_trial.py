"""What is staged waits, and a trial is judged, by the telephone line too."""

from __future__ import annotations

import pytest

from adapter.update.session import TRIAL_DEADLINE_MS
from tests.firmware.adapter.update.test_arming import restarts, stage
from tests.firmware.adapter.update.unit import UpdatingUnit


def on_trial_with(unit: UpdatingUnit, line_before: bool, line_now: bool) -> None:
    unit.session.line_proved = line_before
    unit.session.fleet_answered()
    stage(unit)
    assert restarts(unit)
    unit.boot("restart")
    unit.session.line_proved = line_now
    unit.session.self_test(True)
    unit.session.fleet_answered()


@pytest.mark.parametrize(("before", "now"), [(True, True), (False, True), (False, False)])
def test_a_trial_is_confirmed_with_the_line_or_where_the_image_before_it_had_none(
    unit: UpdatingUnit, before: bool, now: bool
) -> None:
    on_trial_with(unit, before, now)
    assert unit.told()[-1] == ("confirmed", "none")


def test_an_image_that_loses_the_line_goes_back(unit: UpdatingUnit) -> None:
    on_trial_with(unit, line_before=True, line_now=False)
    assert not unit.session.poll(TRIAL_DEADLINE_MS - 1)
    assert unit.session.poll(TRIAL_DEADLINE_MS)
    unit.boot("restart")
    assert unit.told()[-1] == ("reverted", "self_test")


def test_what_is_staged_says_when_it_is_to_be_looked_at(unit: UpdatingUnit) -> None:
    assert unit.session.staged is None
    stage(unit)
    journal = unit.session._journal
    assert unit.session.staged == (journal.not_before_s, journal.expires_s)
    journal.deadline_s = journal.expires_s - 1
    assert unit.session.staged == (journal.not_before_s, journal.deadline_s)
