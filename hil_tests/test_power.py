"""What a board does when its power comes and goes, before it has an identity."""

from __future__ import annotations

import pytest

from hil_tests.rig.report import Measured
from hil_tests.rig.strategy import Strategy
from protocol.wire.link_enumerations import LINK_MODES

BOOT_LIMIT_S = 15


def test_is_silent_without_power(off: Strategy) -> None:
    assert off.hand.power is not None
    assert not off.hand.power.is_on()
    assert off.hand.hello(0.5) is None


@pytest.mark.needs("power")
def test_answers_again_after_a_power_cut(factory: Strategy, measured: Measured) -> None:
    hand = factory.hand
    assert hand.power is not None
    hand.power.off()
    with measured.timed("power to its first answer"):
        hand.power.on()
        hello = hand.hello(BOOT_LIMIT_S)
    assert hello is not None
    assert LINK_MODES[hello["mode"]] == "factory"


@pytest.mark.needs("light")
def test_its_light_says_that_it_is_not_provisioned(factory: Strategy) -> None:
    factory.hand.simulated.wait(lambda pins: pins.led == "slow_blink", BOOT_LIMIT_S)


@pytest.mark.needs("faults")
def test_starts_again_after_its_program_was_killed(factory: Strategy, measured: Measured) -> None:
    board = factory.hand.simulated
    before = board.pins().boots
    board.kill_unit()
    with measured.timed("killed to factory mode"):
        board.wait(lambda pins: pins.boots > before and pins.state == "factory", BOOT_LIMIT_S)
    assert factory.hand.hello(BOOT_LIMIT_S)["mode"] == LINK_MODES.index("factory")


@pytest.mark.needs("button", "power")
def test_its_boot_button_holds_it_in_its_loader(factory: Strategy) -> None:
    hand = factory.hand
    assert hand.power is not None
    hand.power.off()
    hand.simulated.hold_strap(True)
    hand.power.on()
    assert hand.hello(BOOT_LIMIT_S).name == "done"
