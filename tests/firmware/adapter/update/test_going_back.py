"""An image on trial goes back: not in the middle of a call, and it is refused also where the journal is lost."""

from __future__ import annotations

from adapter.update.session import ALONE_DEADLINE_MS, TRIAL_DEADLINE_MS
from tests.firmware.adapter.update.repository import BendableRepository
from tests.firmware.adapter.update.unit import UpdatingUnit


def test_a_call_holds_back_the_trials_deadline(unit: UpdatingUnit) -> None:
    unit.install()
    assert not unit.session.poll(TRIAL_DEADLINE_MS, call_up=True)
    assert unit.session.state == "trial"
    assert unit.session.poll(TRIAL_DEADLINE_MS)


def test_but_not_for_ever(unit: UpdatingUnit) -> None:
    unit.install()
    assert not unit.session.poll(ALONE_DEADLINE_MS - 1, call_up=True)
    assert unit.session.poll(ALONE_DEADLINE_MS, call_up=True)


def test_a_lost_journal_forgives_nothing_until_newer_metadata(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    unit.install()
    unit.session.self_test(False, "led")
    journal = unit.flash.partition("journal")
    journal.erase(0, journal.size)
    for _ in range(2):
        unit.boot("restart")
        unit.session.check()
        unit.work()
        assert unit.told()[-1] == ("failed", "refused_before")
        assert unit.session.state == "idle"
    repository.publish(bump=("all",))
    unit.session.check()
    unit.work()
    assert unit.session.state == "staged"
