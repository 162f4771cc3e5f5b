"""A release on trial: it proves itself or goes back, whatever becomes of the power."""

from __future__ import annotations

import os
import signal

import pytest

from hil_tests.rig.report import Measured
from hil_tests.rig.strategy import Strategy
from protocol.wire.enumerations import UNIT_STATES

CONFIRM_LIMIT_S = 60
BOOT_LIMIT_S = 20
MAX_ATTEMPTS = 3  # firmware/adapter/boot_record.py
FIRST = "1.0.0"

pytestmark = pytest.mark.needs("ethernet")


@pytest.mark.needs("flash")
def test_runs_from_the_other_slot(trial: Strategy) -> None:
    pins = trial.hand.simulated.pins()
    assert pins.trial
    assert pins.slot == 1
    record = trial.hand.simulated.folder.boot_record(trial.hand.board)
    assert record is not None
    assert record.confirmed == 0


@pytest.mark.needs("light")
def test_its_light_says_that_it_updates_or_has_no_network(trial: Strategy) -> None:
    assert trial.hand.simulated.pins().led in ("one_flash", "wink")


def test_proves_itself_once_the_cable_is_in(trial: Strategy, measured: Measured) -> None:
    trial.hand.ethernet.on()
    with measured.timed("cable in to the new version in service"):
        trial.hand.wait("the new version in service", lambda: _serves(trial), CONFIRM_LIMIT_S)

    def confirmed() -> bool:
        unit = trial.house.unit(trial.serial)
        beat = unit["heartbeat"]
        return unit["version"] == trial.trial_version and beat["update_state"] in ("confirmed", "idle")

    with measured.timed("from there to confirmed"):
        trial.hand.wait("confirmed", confirmed, CONFIRM_LIMIT_S)


@pytest.mark.needs("power")
def test_power_cuts_in_the_trial_bring_the_old_release_back(trial: Strategy, measured: Measured) -> None:
    hand = trial.hand
    versions = []
    for _ in range(MAX_ATTEMPTS):
        hand.power.off()
        hand.power.on()
        hello = hand.hello(BOOT_LIMIT_S)
        versions.append(hello["version"])
        if hello["version"] == FIRST:
            break
    measured("versions after each cut", ", ".join(versions))
    assert versions[0] == trial.trial_version, "one cut is no reason to go back"
    assert versions[-1] == FIRST, versions


@pytest.mark.needs("faults")
def test_a_release_that_hangs_on_trial_goes_back_at_the_watchdog(trial: Strategy, measured: Measured) -> None:
    board = trial.hand.simulated
    os.kill(board.pins().pid, signal.SIGSTOP)
    with measured.timed("hung to the old release"):
        board.wait(lambda pins: pins.version == FIRST and not pins.trial, BOOT_LIMIT_S)
    assert trial.hand.hello(BOOT_LIMIT_S)["version"] == FIRST


def _serves(found: Strategy) -> bool:
    hello = found.hand.hello()
    return bool(
        hello is not None and hello["version"] == found.trial_version and UNIT_STATES[hello["state"]] == "ready"
    )
