"""A unit in stock: through the station, locked, sold to nobody."""

from __future__ import annotations

import pytest

from hil_tests.link import Link
from hil_tests.rig.report import Measured
from hil_tests.rig.strategy import Strategy
from protocol.wire.link_enumerations import LINK_MODES, LINK_RESULTS
from tools.station.errors import RefusedByUnitError
from tools.station.watch import opened

ASKED = {
    "lock": {}, "restart": {}, "run_self_test": {}, "finish_provisioning": {"certificate_sha256": bytes(32)},
    "put_blob": {"blob": 0, "total_bytes": 4, "offset": 0, "data": b"mine"},
    "begin_provisioning": {
        "serial": "PT000000075", "mac": bytes(6), "epoch": 1, "hardware_revision": 1, "country": "US",
        "entropy": bytes(32),
    },
}  # fmt: skip
RESET_LIMIT_S = 12
LIGHT_LIMIT_S = 30


def test_says_who_it_is(provisioned: Strategy, link: Link, measured: Measured) -> None:
    hello = link.ask("hello")
    measured("serial", provisioned.serial)
    unit = provisioned.house.unit(provisioned.serial)
    assert LINK_MODES[hello["mode"]] == "locked"
    assert hello["serial"] == provisioned.serial
    assert hello["provisioned"]
    assert hello["mac"].hex(":").upper() == unit["mac"].upper()


@pytest.mark.parametrize("question", ASKED)
def test_refuses_everything_of_the_bench(provisioned: Strategy, link: Link, question: str) -> None:
    reply = link.ask(question, **ASKED[question])
    assert reply.name == "done"
    assert LINK_RESULTS[reply["result"]] == "refused"


@pytest.mark.parametrize("noise", [b"\x03\x03\x01", b"\x05A\x01\x00" * 40, b"\xff" * 4000], ids=lambda n: n[:3].hex())
def test_a_terminal_gets_no_prompt(provisioned: Strategy, link: Link, noise: bytes) -> None:
    link.send(noise + b"\r\nprint(1)\r\n\x04\x00")
    hello = link.ask("hello")
    assert LINK_MODES[hello["mode"]] == "locked"
    assert hello["serial"] == provisioned.serial


def test_a_computer_alone_does_not_reset_it(provisioned: Strategy) -> None:
    with pytest.raises(RefusedByUnitError, match="boot button"):
        provisioned.hand.ask("factory_reset")


def test_is_in_stock_and_without_service(provisioned: Strategy) -> None:
    unit = provisioned.house.unit(provisioned.serial)
    assert unit["custody"] == "in_stock"
    assert unit["service"] == "unplaced"
    assert unit["trust"] == "good"


@pytest.mark.needs("light", "ethernet")
def test_its_light_says_when_the_cable_is_out(provisioned: Strategy) -> None:
    hand = provisioned.hand
    hand.ethernet.off()
    hand.wait("one flash", lambda: hand.simulated.pins().led == "one_flash", LIGHT_LIMIT_S)


@pytest.mark.needs("button", "power")
def test_a_hand_at_the_button_resets_it_and_only_a_token_of_the_fleet_lets_it_in_again(
    provisioned: Strategy, measured: Measured
) -> None:
    hand, serial = provisioned.hand, provisioned.serial
    hand.simulated.hold_strap(True)

    def reset() -> bool:
        try:
            hand.ask("factory_reset")
        except RefusedByUnitError:  # "hold on", until it was held long enough
            return False
        return True

    with measured.timed("button held until the reset"):
        hand.wait("the reset", reset, RESET_LIMIT_S)
    hand.simulated.hold_strap(False)
    hello = hand.wait("mode reset", lambda: _in_mode(hand.hello(), "reset"), RESET_LIMIT_S)
    assert not hello["provisioned"]
    with pytest.raises(RefusedByUnitError):
        hand.ask("begin_provisioning", "csr", **ASKED["begin_provisioning"])
    with measured.timed("provisioned again in"), opened(hand.port) as port:
        assert provisioned.house.make(port) == serial
    again = hand.wait("locked again", lambda: _in_mode(hand.hello(), "locked"), RESET_LIMIT_S)
    assert (again["serial"], again["epoch"]) == (serial, hello["epoch"] + 1 if hello["epoch"] else again["epoch"])


def _in_mode(hello, mode: str):
    return hello if hello is not None and hello.name == "hello_reply" and LINK_MODES[hello["mode"]] == mode else None
