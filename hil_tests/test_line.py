"""A telephone at a registered line: what one hears, and calls."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from hil_tests.rig.report import Measured
from hil_tests.rig.strategy import Strategy
from hil_tests.rig.usb_bridge import bridged
from tools.demo.words import heard_of, words
from tools.sim.handset import read_wav, write_wav

pytestmark = pytest.mark.needs("line_loop")

DIAL_TONE = "350+440"
NO_SUCH_NUMBER = "hear 950 12; hear 1400 5; hear 1800 5"  # special information: three rising tones
RECORD_LIMIT_S = 20
LEAST_SHARE = 0.9
EVENT_LIMIT_S = 20
BRIDGED_LIMIT_S = 60


def _records(found: Strategy) -> list[dict[str, Any]]:
    return list(found.house.world.people.support.client.items(f"/v1/units/{found.serial}/calls"))


def _record(found: Strategy, number: str, before: int) -> dict[str, Any]:
    """The record of the newest call to `number`, once there is one more than before."""

    def look() -> Any:
        fitting = [call for call in _records(found) if call["number"] == number]
        return fitting if len(fitting) > before else None

    return found.hand.wait(f"the record of a call to {number}", look, RECORD_LIMIT_S)[0]


def _calls_to(found: Strategy, number: str) -> int:
    return sum(call["number"] == number for call in _records(found))


def test_lifted_it_gives_dial_tone(registered: Strategy, measured: Measured) -> None:
    told = registered.hand.line.play(f"lift; hear {DIAL_TONE} 5")
    measured(
        "plugged in, lifted, dial tone heard in",
        next(event["at_ms"] for event in told if event["event"] == "tone"),
        "ms",
    )


def test_a_key_silences_dial_tone(registered: Strategy) -> None:
    told = registered.hand.line.play(f"lift; hear {DIAL_TONE} 5; dial 5; wait 0.5")
    tones = [event["value"] for event in told if event["event"] == "tone"]
    assert [] in tones[1:], told


def test_an_echo_gives_back_what_was_said(registered: Strategy, measured: Measured, tmp_path: Path) -> None:
    _echoed(registered, measured, tmp_path)


def _beat(found: Strategy) -> str:
    """When the fleet heard of the unit last."""
    return str(found.house.unit(found.serial)["heartbeat"]["received_at"])


def _is_registered_after(found: Strategy, beat: str) -> bool:
    return _beat(found) > beat and bool(found.house.unit(found.serial)["line"]["state"] == "registered")


def _echoed(registered: Strategy, measured: Measured, tmp_path: Path) -> None:
    said, heard = tmp_path / "said.wav", tmp_path / "heard.wav"
    speech = words(1.2, 1)
    write_wav(said, speech)
    before = _calls_to(registered, "*43")
    registered.hand.line.play(  # 4 s: three tries of an INVITE, should the first two be lost
        f"lift; hear {DIAL_TONE} 5; dial *43; wait 4; record {heard}; say {said}; wait 0.4; say {said}; wait 0.5"
    )
    share = heard_of(speech, read_wav(heard))
    measured("speech that came back", 100 * share, "%")
    assert share >= LEAST_SHARE
    record = _record(registered, "*43", before)
    for name in ("codec", "packets_received", "packets_lost"):
        measured(name.replace("_", " "), record[name])
    assert record["direction"] == "out"
    assert record["codec"] == "PCMU"
    assert record["packets_received"] > 50


def test_911_goes_out_with_its_last_digit(registered: Strategy, measured: Measured) -> None:
    before = _calls_to(registered, "911")
    registered.hand.line.play(f"lift; hear {DIAL_TONE} 5; dial 911; wait 1.5")
    duration_ms = _record(registered, "911", before)["duration_ms"]
    measured("it lasted", duration_ms, "ms")
    assert duration_ms > 0


def test_a_number_that_nobody_has_is_refused(registered: Strategy) -> None:
    registered.hand.line.play(f"lift; hear {DIAL_TONE} 5; dial 5555559999; {NO_SUCH_NUMBER}")


def test_a_tap_of_the_hook_gives_dial_tone_again(registered: Strategy) -> None:
    registered.hand.line.play(f"lift; hear {DIAL_TONE} 5; dial 5555559999; {NO_SUCH_NUMBER}; flash; hear {DIAL_TONE} 5")


class Meanwhile:
    """A telephone that plays its script beside another; `told` raises what went wrong there."""

    def __init__(self, found: Strategy, script: str) -> None:
        self._told: list[dict[str, Any]] = []
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(found, script))
        self._thread.start()

    def _run(self, found: Strategy, script: str) -> None:
        try:
            self._told = found.hand.line.play(script)
        except BaseException as error:
            self._error = error

    def told(self) -> list[dict[str, Any]]:
        """What it heard and saw, when it is done."""
        self._thread.join(EVENT_LIMIT_S * 3)
        if self._error is not None:
            raise self._error
        return self._told


@pytest.mark.needs("second")
def test_it_rings_both_hear_each_other_and_the_display_shows_who_calls(
    registered: Strategy, second: Strategy, measured: Measured, tmp_path: Path
) -> None:
    speech, heard, said = words(1.2, 2), tmp_path / "heard.wav", tmp_path / "said.wav"
    write_wav(said, speech)
    called = Meanwhile(second, f"ring 20; wait 3; answer 20; record {heard}; wait 6")
    registered.hand.line.play(
        f"lift; hear {DIAL_TONE} 5; dial {_number(second)}; wait 8; say {said}; wait 0.4; say {said}; wait 0.4"
    )
    told = called.told()
    share = heard_of(speech, read_wav(heard))
    measured("speech that was heard", 100 * share, "%")
    assert share >= LEAST_SHARE
    shown = [event["value"]["number"] for event in told if event["event"] == "caller"]
    assert shown == ["+1" + _number(registered)], told


@pytest.mark.needs("second")
def test_who_does_not_answer_rings_in_the_callers_ear(registered: Strategy, second: Strategy) -> None:
    registered.hand.line.play(f"lift; hear {DIAL_TONE} 5; dial {_number(second)}; hear 440+480 10")


@pytest.mark.needs("ethernet")
def test_without_its_cable_it_calls_through_the_usb_bridge(
    registered: Strategy, measured: Measured, tmp_path: Path
) -> None:
    hand = registered.hand
    hand.ethernet.off()
    with bridged(hand) as bridge, measured.timed("cable out to a call's end, by USB"):
        bridge.wait_for("unit_attached")
        last = _beat(registered)
        hand.wait("the line registered by USB", lambda: _is_registered_after(registered, last), BRIDGED_LIMIT_S)
        _echoed(registered, measured, tmp_path)
        assert not hand.ethernet.is_on()


def _number(found: Strategy) -> str:
    listed = found.house.world.people.registrar.client.download(f"/v1/subscribers?format=json&serial={found.serial}")
    return str(json.loads(listed)["user"]).removeprefix("+1")
