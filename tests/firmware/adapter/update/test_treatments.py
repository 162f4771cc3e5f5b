"""How a unit takes an update as the fleet's orders say it: forced but for a call, or loaded and kept for months."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapter.update.errors import NetworkError
from adapter.update.fetching import Get
from fleet.domain.treatment import SOFTLY, Mode, Treatment
from fleet.updates.director import ASSIGNMENT_LIFE
from tests.firmware.adapter.update.loading_bench import load
from tests.firmware.adapter.update.repository import NOW, NOW_S, ROLE, BendableRepository
from tests.firmware.adapter.update.test_arming import DAY_S, instant, restarts
from tests.firmware.adapter.update.unit import UpdatingUnit

DOWNLOAD_ONLY, FORCED = Treatment(Mode.DOWNLOAD_ONLY), Treatment(Mode.FORCED)
URGENT = Treatment(Mode.FORCED, urgent=True)


def order(repository: BendableRepository, sequence: int, treatment: Treatment, days: int = 0) -> None:
    """The order for 1.0.0 that the fleet signs so many days after NOW."""
    at = NOW + timedelta(days=days)
    repository.assign("simulated_1.0.0.img", sequence, at=at)
    times = zip(("not_before", "deadline"), treatment.order_times(at), strict=True)
    repository.forge_assignment(**{name: instant(when) for name, when in times if when is not None})


def keep_fresh(repository: BendableRepository, days: int) -> None:
    """The metadata as the fleet serves it so many days after NOW."""
    for role in (repository.timestamp, repository.snapshot, repository.targets, repository.board):
        role.expires = NOW + timedelta(days=days + 30)
    repository.root.expires = NOW + timedelta(days=999)
    repository.root.version += repository.root.version == 1
    repository.publish_root()
    repository.publish(bump=("all",))


@pytest.mark.parametrize("treatment", [FORCED, URGENT])
def test_forced_at_any_hour_but_in_a_call(
    unit: UpdatingUnit, repository: BendableRepository, treatment: Treatment
) -> None:
    order(repository, 2, treatment)
    load(unit)
    for minutes in range(60):
        assert not restarts(unit, NOW_S + 60 * minutes, hours=False, call_up=True)
    assert unit.session.state == "staged"
    assert restarts(unit, NOW_S + 3600, hours=False)  # the call ended


def test_forced_with_an_earliest_restart_waits_for_that_alone(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    order(repository, 2, Treatment(Mode.FORCED, not_before=NOW + timedelta(hours=5)))
    load(unit)
    assert not restarts(unit, NOW_S + 5 * 3600 - 1)
    assert restarts(unit, NOW_S + 5 * 3600, hours=False)


def test_download_only_is_loaded_once_told_once_an_order_and_kept_for_months(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    """The fleet signs the order anew each week; the unit looks each day, and when its order is over."""
    order(repository, 2, DOWNLOAD_ONLY)
    asked = load(unit)
    assert asked
    sequences = [2]
    for day in range(1, 100):
        if day % 7 == 0:
            sequences.append(sequences[-1] + 1)
            order(repository, sequences[-1], DOWNLOAD_ONLY, day)
            keep_fresh(repository, day)
        if day % 10 == 0:
            unit.boot()
        for seconds in (0, DAY_S // 2):
            assert not restarts(unit, NOW_S + day * DAY_S + seconds)
        assert load(unit, now_s=NOW_S + day * DAY_S) == []
        unit.report()
        assert unit.session.state == "staged"
    assert unit.told() == [("downloading", "none")] + [("staged", "none")] * len(sequences)
    assert [report["assignment"] for report in unit.reports] == [2, *sequences]


def test_an_order_that_is_over_is_asked_for_again_and_nothing_is_loaded(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    order(repository, 2, DOWNLOAD_ONLY)
    load(unit)
    over_s = NOW_S + ASSIGNMENT_LIFE.days * DAY_S
    order(repository, 3, DOWNLOAD_ONLY, 7)
    keep_fresh(repository, 20)
    assert not restarts(unit, over_s)
    assert unit.session.wants_work
    assert load(unit, now_s=over_s) == []
    assert unit.session.state == "staged"
    assert not restarts(unit, over_s)
    assert not unit.session.wants_work


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("treatment", [SOFTLY, FORCED])
def test_the_next_rollout_restarts_it_without_loading_anything(
    unit: UpdatingUnit, repository: BendableRepository, treatment: Treatment, restarted: bool
) -> None:
    order(repository, 2, DOWNLOAD_ONLY)
    load(unit)
    unit.report()
    if restarted:
        unit.boot()
    assert not restarts(unit)
    order(repository, 3, treatment)
    assert load(unit) == []
    unit.report()
    assert (unit.reports[-1]["assignment"], unit.told()[-1]) == (3, ("staged", "none"))
    assert restarts(unit, hours=treatment is SOFTLY)
    unit.boot("restart")
    unit.session.self_test(True)
    unit.session.fleet_answered()
    assert unit.told()[-1] == ("confirmed", "none")
    assert unit.reports[-1]["assignment"] == 3


def test_it_is_told_after_a_power_cut_in_the_moment_it_was_loaded(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    """A rollout that only wants it loaded would wait for ever."""
    order(repository, 2, DOWNLOAD_ONLY)
    load(unit)
    unit.boot()
    assert unit.told() == [("staged", "none")]
    unit.boot()
    assert unit.told() == [("staged", "none")]


def test_under_an_order_that_was_not_gone_through_nothing_is_told(
    unit: UpdatingUnit, repository: BendableRepository
) -> None:
    order(repository, 2, DOWNLOAD_ONLY)
    load(unit)
    unit.report()
    order(repository, 3, FORCED)
    keep_fresh(repository, 1)

    def without_role(get: Get, asked: list[str]) -> bytes | None:
        if get.path.endswith(f".{ROLE}.json"):
            raise NetworkError("no route")
        return repository.files.get(get.path)

    with pytest.raises(NetworkError):
        load(unit, without_role)
    assert unit.session._journal.newest == 3
    assert unit.told() == [("downloading", "none"), ("staged", "none")]
    load(unit)
    assert unit.told()[2:] == [("staged", "none")]
    assert unit.reports[-1]["assignment"] == 3
