"""Done when 3: more than fifty ways into a unit over USB, on the real firmware; each refused, and nothing written."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
import serial

from protocol.wire.link_enumerations import LINK_RESULTS
from tests.firmware.adapter.factory_bench import token_for
from tests.usb_door import ways
from tests.usb_door.doors import Door, made
from tools.station.reset import reset_unit

OK = LINK_RESULTS.index("ok")
PROMPTS = (b">>>", b"raw REPL", b"Traceback", b"MicroPython v", b"paste mode")


def opened(factory: pytest.TempPathFactory, was_reset: bool) -> Iterator[Door]:
    board, private = made(factory.mktemp("door") / "board", was_reset)
    with board, serial.Serial(str(board.usb)) as port:
        yield Door(board, port, private)


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    yield from opened(tmp_path_factory, was_reset=False)


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    yield from opened(tmp_path_factory, was_reset=True)


def refused(door: Door, data: bytes, allowed: frozenset[str] = frozenset()) -> None:
    """Sends it; whatever comes back is a refusal, and the unit goes on as it was. `allowed` may be answered."""
    before, boots, (_, _, mode) = door.flash(), door.board.pins().boots, door.say(b"")
    heard, messages, mode_after = door.say(data)
    assert not [prompt for prompt in PROMPTS if prompt in heard]
    assert door.private not in heard
    for message in messages:
        if message.name == "done":
            assert message["result"] != OK or "authorize_provisioning" in allowed, message
        else:
            assert message.name in allowed | {"hello_reply"}, message
    assert mode_after == mode
    assert door.flash() == before
    assert door.board.pins().boots == boots


def test_there_are_fifty_ways_and_more() -> None:
    assert len(ways.LOCKED) >= 50


@pytest.mark.parametrize("way", ways.LOCKED)
def test_a_unit_in_service_refuses(locked: Door, way: str) -> None:
    assert locked.say(b"")[2] == "locked"
    refused(locked, ways.LOCKED[way])


def test_a_unit_in_service_is_not_reset_by_a_short_press_or_by_asking_seldom(locked: Door) -> None:
    refused(locked, ways.frame("factory_reset"))
    locked.board.hold_strap(True)
    refused(locked, ways.frame("factory_reset") * 3)
    time.sleep(1.2)
    refused(locked, ways.frame("factory_reset"))
    locked.board.hold_strap(False)
    refused(locked, ways.frame("factory_reset"))


def challenge_of(door: Door) -> dict[str, object]:
    ((message,), _) = door.say(ways.frame("ask_challenge", station="bench-1"))[1:]
    assert message.name == "challenge"
    found: dict[str, object] = message.values
    return found


WITH_A_TOKEN = frozenset({"challenge", "authorize_provisioning"})


@pytest.mark.parametrize("way", ways.at_reset_unit({"serial": ways.SERIAL, "epoch": 2, "challenge": bytes(32)}))
def test_a_reset_unit_refuses(emptied: Door, way: str) -> None:
    assert emptied.say(b"")[2] == "reset"
    good = "good token" in way or "one session" in way
    data = ways.at_reset_unit(challenge_of(emptied))[way]
    refused(emptied, data, WITH_A_TOKEN if good else frozenset({"challenge"}))


def test_and_with_the_right_token_it_makes_one_new_key_for_that_epoch(emptied: Door) -> None:
    token = token_for(challenge_of(emptied))
    begin = {**ways.BEGIN, "epoch": 2}
    said = ways.frame("authorize_provisioning", **token) + ways.frame("begin_provisioning", **begin)
    _, (done, csr), mode = emptied.say(said, boot_id=7)
    assert (done["result"], csr.name, mode) == (OK, "csr", "factory")
    assert emptied.say(b"")[2] == "reset"  # to anybody else
    for change in ({"epoch": 3}, {"serial": "PT000000026"}):
        _, (answer,), _ = emptied.say(ways.frame("begin_provisioning", **{**begin, **change}))
        assert (answer.name, LINK_RESULTS[answer["result"]]) == ("done", "refused")
    _, (again,), _ = emptied.say(ways.frame("authorize_provisioning", boot_id=1, **token))
    assert LINK_RESULTS[again["result"]] == "wrong_state"


def test_a_hand_and_a_computer_together_reset_a_unit_and_its_key_is_gone(locked: Door) -> None:
    locked.board.hold_strap(True)
    said: list[str] = []
    assert reset_unit(locked.port, said.append) == ways.SERIAL
    locked.board.hold_strap(False)
    assert "hold on" in said[0]
    assert len(said) > 5
    locked.board.wait(lambda pins: pins.boots > 1 and pins.state == "factory", 20)
    assert locked.say(b"")[2] == "reset"
    assert locked.private not in locked.board.folder.flash.read_bytes()
