"""The chapter of the story in which people telephone: with an echo, and with each other."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tools.demo.switchboard import Switchboard
from tools.demo.words import heard_of, words
from tools.demo.world import NotSeenError, World
from tools.errors import ToolError
from tools.sim.folder import Pins, SimulationError
from tools.sim.phone import Phone

DOMAIN = "voice.operator.example"
ECHO = "*43"
DIAL_TONE = (350, 440)
WORDS_S = 1.2
LEAST_SHARE = 0.9  # of what was said: where the delay adapts, a frame is stretched or left out
STEP_S = 10.0
RECORD_S = 15.0
REGISTERED_S = 30.0
ATTEMPTS = 4
DOWN_S = 1.2  # the handset between two attempts: lifted within 0.8 s, the hook was only tapped
_KEY_MS = 60
_ON_THE_WAY_S = 0.4
_REPEATS = 6


def open_lines(world: World, serials: list[str]) -> None:
    """A registrar for the lines, and the profile that tells units of it; they register by themselves."""
    with world.narrator.step(
        "A registrar opens; the voice profile tells the adapters, and their lines register"
    ) as step:
        world.switchboard = Switchboard(world.folder, world.service.url, world.people.registrar.secret)
        place = world.switchboard.address
        found = world.command(
            world.people.admin, "voice", "profile", "set", "--domain", DOMAIN, "--registrar", f"{place}/udp"
        )

        def registered() -> bool:
            return all(world.unit(serial)["line"]["state"] == "registered" for serial in serials)

        world.until("all lines registered", registered, REGISTERED_S)
        step.see(f"{place}, for {DOMAIN}; profile version {found['version']}; {len(serials)} lines registered")


def call_echo(world: World, serial: str) -> None:
    """Somebody lifts the handset, dials the echo, speaks and hears themselves; the fleet has the record."""
    with world.narrator.step(f"Somebody lifts the handset at {serial}, dials {ECHO}, and hears what they say") as step:
        said = words(WORDS_S, 1)

        def attempt() -> float:
            with ExitStack() as stack:
                phone = _lifted(world, stack, serial)
                phone.dial(ECHO, _KEY_MS, _KEY_MS)
                return _talk([(phone, said, phone, said)])

        share = called_until_kept(world, [serial], attempt)
        record = _record(world, serial, lambda call: call["number"] == ECHO)
        step.see(f"dial tone, answer, {share:.0%} of the speech came back sample by sample\n{_in_words(record)}")


def call_each_other(world: World, caller: str, called: str) -> None:
    """One rings the other; both speak at once and hear each other."""
    with world.narrator.step(f"{caller} calls {called}: it rings, both speak, both hear") as step:
        numbers = {serial: _number(world, serial) for serial in (caller, called)}

        def attempt() -> float:
            with ExitStack() as stack:
                answering = _phone(world, stack, called)
                phone = _lifted(world, stack, caller)
                phone.dial(numbers[called].removeprefix("+1"), _KEY_MS, _KEY_MS)
                _see(answering, lambda: answering.ringing, "the bell")
                answering.lift()
                one, other = words(WORDS_S, 2), words(WORDS_S, 3)
                return _talk([(phone, one, answering, one), (answering, other, phone, other)])

        share = called_until_kept(world, [caller, called], attempt)
        records = [
            _record(world, caller, lambda call: call["direction"] == "out" and call["number"] != ECHO),
            _record(world, called, lambda call: call["direction"] == "in" and call["number"] == numbers[caller]),
        ]
        step.see("\n".join([f"rang, {share:.0%} of both speeches heard", *map(_in_words, records)]))


def _phone(world: World, stack: ExitStack, serial: str) -> Phone:
    phone = stack.enter_context(Phone(world.boards[serial].folder.path))
    phone.attach()
    return phone


def _lifted(world: World, stack: ExitStack, serial: str) -> Phone:
    """A telephone off the hook, with dial tone."""
    phone = _phone(world, stack, serial)
    phone.lift()
    _see(phone, lambda: phone.tones() == DIAL_TONE, "dial tone")
    return phone


def _talk(ways: list[tuple[Phone, bytes, Phone, bytes]]) -> float:
    """Each says its words until the other has heard them: nobody sees when a call is answered. The smallest share."""
    for _, _, ear, _ in ways:
        ear.record()
    shares = [0.0]
    for _ in range(_REPEATS):
        for mouth, said, _, _ in ways:
            mouth.say(said)
        for mouth, _, _, _ in ways:
            mouth.done(STEP_S)
        ways[0][0].wait_for(lambda: False, _ON_THE_WAY_S)
        shares = [heard_of(wanted, ear.recorded()) for _, _, ear, wanted in ways]
        if min(shares) >= LEAST_SHARE:
            for mouth, *_ in ways:
                mouth.hang_up()
            return min(shares)
    raise NotSeenError(f"heard {shares} of what was said")


def called_until_kept(world: World, serials: list[str], attempt: Callable[[], float]) -> float:
    """A call of which the units have the record, so that no loss of power takes it from them any more.

    It is made once more if something came between, as people do; SimulationError or NotSeenError of the last one.
    """
    for number in range(1, ATTEMPTS + 1):
        try:
            processes = {serial: world.boards[serial].pins().pid for serial in serials}
            share = attempt()
            for serial, pid in processes.items():
                _see_kept(world, serial, pid)
            return share
        except (SimulationError, NotSeenError) as error:
            if number == ATTEMPTS:
                raise
            world.narrator.say(f"they try again: {error}")
            time.sleep(DOWN_S)
    raise AssertionError("the last attempt returns or raises")


def _see_kept(world: World, serial: str, pid: int) -> None:
    """Returns when the call is over for the unit, which writes its record first; NotSeenError if its power went."""

    def look() -> Pins | None:
        pins = world.boards[serial].pins()
        return pins if pins.pid != pid or pins.more.get("line") != "in_call" else None

    pins: Pins = world.until(f"the end of the call at {serial}", look, STEP_S)
    if pins.pid != pid:
        raise NotSeenError(f"{serial} lost its power before it kept the record of the call")


def _see(phone: Phone, look: Callable[[], bool], what: str) -> None:
    if not phone.wait_for(look, STEP_S):
        raise NotSeenError(f"no {what} in {STEP_S:.0f} s; heard {phone.tones()}")


def _record(world: World, serial: str, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The fleet's record of an answered call of that unit."""

    def look() -> dict[str, Any] | None:
        calls = world.people.support.client.items(f"/v1/units/{serial}/calls")
        return next((call for call in calls if call["duration_ms"] and wanted(call)), None)

    found: dict[str, Any] = world.until(f"the record of a call of {serial}", look, RECORD_S)
    return found


def _number(world: World, serial: str) -> str:
    """The number a unit is called by."""
    listed = world.people.registrar.client.download(f"/v1/subscribers?format=json&serial={serial}")
    if not listed:
        raise ToolError(f"{serial} has no account at the registrar")
    number: str = json.loads(listed)["user"]
    return number


def _in_words(call: dict[str, Any]) -> str:
    """A record as the story shows it."""
    return (
        f"{call['unit']}: {call['direction']} {call['number']}, {call['duration_ms'] / 1000:.1f} s, {call['codec']}, "
        f"lost {call['packets_lost']} of {call['packets_received'] + call['packets_lost']}, R {call['r_factor']}, "
        f"MOS {call['mos_tenths'] / 10:.1f}"
    )
