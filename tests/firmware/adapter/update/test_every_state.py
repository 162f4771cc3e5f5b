"""The power goes, or the order is taken back, in every state of an update: the unit comes to rest and tells it once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapter.update.errors import NetworkError
from protocol.wire.enumerations import UPDATE_STATES
from tests.firmware.adapter.update.repository import NOW_S, BendableRepository, assigned_repository
from tests.firmware.adapter.update.test_session import LONG_PAYLOAD, cut_after
from tests.firmware.adapter.update.unit import UpdatingUnit
from tests.firmware.model_flash import PowerCutError

MAX_LIVES = 5
NEW, OLD = "1.0.0", "0.9.0"


@pytest.fixture
def repository() -> BendableRepository:
    return assigned_repository(LONG_PAYLOAD)


def power_goes(*args: object) -> None:
    raise PowerCutError


def to_metadata_ok(unit: UpdatingUnit) -> None:
    unit.session.check()
    unit.session._start = power_goes
    with pytest.raises(PowerCutError):
        unit.work()
    del unit.session._start


def to_downloading(unit: UpdatingUnit) -> None:
    unit.session.check()
    cut_after(unit.session.work(NOW_S), unit.repository.files, 50_000)


def to_staged(unit: UpdatingUnit) -> None:
    unit.session.check()
    unit.work()


def to_armed(unit: UpdatingUnit) -> None:
    to_staged(unit)
    unit.session.poll(0)


def to_trial(unit: UpdatingUnit) -> None:
    unit.install()


def to_confirmed(unit: UpdatingUnit) -> None:
    unit.install()
    unit.session.self_test(True)
    unit.session.fleet_answered()


def to_reverted(unit: UpdatingUnit) -> None:
    unit.install()
    unit.session.self_test(False, "led")
    unit.boot("restart")


def to_failed(unit: UpdatingUnit) -> None:
    good = dict(unit.repository.files)
    for path, data in good.items():
        if path.startswith("targets/"):
            unit.repository.files[path] = bytes(len(data))
    to_staged(unit)
    unit.repository.files.update(good)


WAYS: dict[str, Callable[[UpdatingUnit], None]] = {
    "idle": lambda unit: None,
    "metadata_ok": to_metadata_ok,
    "downloading": to_downloading,
    "staged": to_staged,
    "armed": to_armed,
    "trial": to_trial,
    "confirmed": to_confirmed,
    "reverted": to_reverted,
    "failed": to_failed,
}
# How it ends: the version that runs, and the reports of how, each told once.
AFTER_A_POWER_CUT = {state: (NEW, [("confirmed", "none")]) for state in UPDATE_STATES} | {
    "reverted": (OLD, [("reverted", "self_test")]),  # and the same order is not tried again
    "failed": (NEW, [("failed", "hash"), ("confirmed", "none")]),  # the server is good again
}
CANCELLED = (OLD, [("failed", "cancelled")])
AFTER_A_CANCEL = {
    "idle": (OLD, []),
    "metadata_ok": CANCELLED,
    "downloading": CANCELLED,
    "staged": CANCELLED,
    "armed": (NEW, [("confirmed", "none")]),  # too late
    "trial": (NEW, [("confirmed", "none")]),
    "confirmed": (NEW, [("confirmed", "none")]),
    "reverted": (OLD, [("reverted", "self_test")]),
    "failed": (OLD, [("failed", "hash")]),
}


def live_on(unit: UpdatingUnit) -> tuple[str, list[tuple[str, str]]]:
    """Lives until nothing is left to do; the version that runs, and what was told of ends."""
    for _ in range(MAX_LIVES):
        session = unit.session
        session.self_test(True)
        session.fleet_answered()
        unit.report()
        session.check()
        unit.work()
        unit.report()
        if not session.poll(0):
            break
        unit.boot("restart")
    assert (unit.session.state, unit.session.wants_work) == ("idle", False)
    ends = [end for end in unit.told() if end[0] in ("confirmed", "reverted", "failed")]
    return unit.header.version, [end for end in ends if end != ("failed", "refused_before")]


@pytest.mark.parametrize("state", UPDATE_STATES)
def test_the_power_goes(unit: UpdatingUnit, state: str) -> None:
    WAYS[state](unit)
    assert unit.session.state == state
    unit.boot("power_on")
    assert live_on(unit) == AFTER_A_POWER_CUT[state]


@pytest.mark.parametrize("state", UPDATE_STATES)
@pytest.mark.parametrize("power_goes_too", [False, True])
def test_the_order_is_taken_back(unit: UpdatingUnit, state: str, power_goes_too: bool) -> None:
    WAYS[state](unit)
    before = unit.session.state
    unit.repository.assign(None, 7)
    if power_goes_too or state == "armed":  # an armed unit restarts at once
        unit.boot("power_on")
    assert (before, live_on(unit)) == (state, AFTER_A_CANCEL[state])


@pytest.mark.parametrize("state", ["metadata_ok", "downloading", "staged"])
def test_another_order_takes_its_place(unit: UpdatingUnit, state: str) -> None:
    WAYS[state](unit)
    name = unit.repository.add_image("1.1.0", 3)
    unit.repository.publish(bump=("all",))
    unit.repository.assign(name, 7)
    assert live_on(unit) == ("1.1.0", [("confirmed", "none")])


@pytest.mark.parametrize("state", ["metadata_ok", "downloading", "staged"])
def test_a_server_that_is_gone_for_a_while_changes_nothing(unit: UpdatingUnit, state: str) -> None:
    WAYS[state](unit)
    for _ in range(3):
        unit.session.check()
        job = unit.session.work(NOW_S)
        next(job)
        with pytest.raises(NetworkError):
            job.throw(NetworkError("no route"))
        assert unit.session.state == state
    assert live_on(unit) == (NEW, [("confirmed", "none")])


def test_every_state_is_walked() -> None:
    assert set(WAYS) == set(AFTER_A_CANCEL) == set(UPDATE_STATES)
