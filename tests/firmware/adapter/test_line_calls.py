"""The hook, two calls at once, and the bell with its caller ID."""

from __future__ import annotations

from itertools import pairwise

import pytest

from adapter.line import FLASH_MS, HANG_UP_MS, LIFT_MS, PULSE_MS, PULSES_END_MS
from adapter.tones import value
from tests.firmware.adapter.line_user import INCOMING, Unit, in_call, shown, with_held, with_knocking, with_two
from tools.sim.hearing import Caller

# The hook.


def test_a_contact_that_bounces_lifts_nothing_and_the_bell_goes_on() -> None:
    unit = Unit()
    unit.event(*INCOMING)
    unit.hook(True, LIFT_MS - 1)
    assert not unit.line.ringing
    unit.hook(False, 10)
    assert (unit.state, unit.line.ringing, unit.acts()) == ("ringing", True, [])


@pytest.mark.parametrize("open_ms", [1, 19, 20, FLASH_MS - 1])
def test_a_short_opening_in_a_call_is_nothing(open_ms: int) -> None:
    unit = in_call()
    unit.flash(open_ms)
    assert (unit.state, unit.acts()) == ("talking", [])


@pytest.mark.parametrize("open_ms", [FLASH_MS, 300, HANG_UP_MS - 1])
def test_a_longer_one_is_a_flash(open_ms: int) -> None:
    unit = in_call()
    unit.flash(open_ms)
    assert (unit.state, unit.line.other, unit.acts()) == ("dial_tone", "held", [("hold",)])


def test_and_a_long_one_hangs_up_also_if_nobody_looked_meanwhile() -> None:
    unit = in_call()
    unit.line.hook(False, unit.now_ms)
    unit.line.hook(True, unit.now_ms + HANG_UP_MS)
    assert (unit.state, unit.acts()) == ("idle", [("hang_up",)])


@pytest.mark.parametrize("open_ms", [PULSE_MS, 60, FLASH_MS - 1])
def test_a_rotary_dial_dials(open_ms: int) -> None:
    unit = Unit().lift()
    for digit in "911":
        for _ in range(int(digit)):
            unit.hook(False, open_ms)
            unit.hook(True, 100 - 60)
        unit.wait(500)
    assert unit.acts() == [("dial", "911", True)]


def test_a_rotary_zero_is_ten_pulses_and_eleven_are_none() -> None:
    for pulses, dialled in ((10, "0"), (11, "")):
        unit = Unit(plan="x").lift()
        for _ in range(pulses):
            unit.hook(False, 60)
            unit.hook(True, 40)
        unit.wait(20_000)
        assert unit.acts() == ([("dial", dialled, False)] if dialled else [])


def test_the_same_news_twice_is_no_edge() -> None:
    unit = in_call()
    unit.wait(500)
    unit.hook(True, 300)
    assert (unit.state, unit.acts()) == ("talking", [])


def test_a_tap_after_a_failure_or_in_a_vain_attempt_gives_dial_tone_again() -> None:
    for progress, acts in (("ringback", [("hang_up",)]), ("media", [("hang_up",)]), ("busy", []), ("reorder", [])):
        unit = in_call(answered=False)
        unit.event(progress)
        unit.flash()
        assert (unit.state, unit.line.other, unit.acts()) == ("dial_tone", "none", acts)


def test_the_next_timer_is_when_something_is_due() -> None:
    unit = Unit()
    assert unit.line.next_timer(unit.now_ms) == unit.now_ms + 60_000
    unit.line.hook(True, unit.now_ms)
    assert unit.line.next_timer(unit.now_ms) == unit.now_ms + LIFT_MS
    unit.wait(LIFT_MS)
    assert unit.line.next_timer(unit.now_ms) == unit.now_ms + 20_000
    unit.line.hook(False, unit.now_ms)
    assert unit.line.next_timer(unit.now_ms) == unit.now_ms + HANG_UP_MS
    unit.wait(60)
    unit.line.hook(True, unit.now_ms)
    assert unit.line.next_timer(unit.now_ms) == unit.now_ms + PULSES_END_MS
    unit.hang_up()
    unit.event(*INCOMING)
    assert unit.line.next_timer(unit.now_ms) == unit.now_ms + 2000
    assert unit.line.next_timer(unit.now_ms + 5000) == unit.now_ms + 5000


# Two calls.


def test_a_flash_holds_and_gives_a_second_dial_tone_and_the_next_one_takes_it_back() -> None:
    unit = in_call()
    unit.flash()
    pcm = bytearray(320)
    assert unit.line.fill(pcm)
    unit.acts()
    unit = in_call()
    unit.flash()
    assert (unit.acts(), unit.hears(0)) == ([("hold",)], (350, 440))
    assert unit.hears(0) == ()  # three short bursts, 100 ms and 100 ms, and then it stays
    assert unit.hears(400) == unit.hears(0) == (350, 440)
    unit.flash()
    assert (unit.state, unit.line.other, unit.acts()) == ("talking", "none", [("swap",)])


def test_two_calls_are_swapped_and_hanging_up_rings_for_the_one_that_is_left() -> None:
    unit = with_two()
    unit.flash()
    assert (unit.state, unit.acts()) == ("talking", [("swap",)])
    unit.hang_up()
    assert (unit.state, unit.line.ringing, unit.acts()) == ("ringing", True, [("hang_up",)])
    unit.lift()
    assert (unit.state, unit.line.other, unit.acts()) == ("talking", "none", [("swap",)])


def test_a_second_attempt_is_given_up_by_a_flash() -> None:
    unit = with_held()
    unit.dial("411")
    unit.acts()
    unit.flash()
    assert (unit.state, unit.line.other, unit.acts()) == ("talking", "none", [("hang_up",), ("swap",)])


def test_call_waiting_is_heard_in_the_call_and_only_for_its_bursts() -> None:
    unit = with_knocking()
    heard = []
    pcm = bytearray(320)
    for _ in range(1050):
        heard.append(unit.line.fill(pcm))
        unit.wait(20)
    assert [index for index, (before, after) in enumerate(pairwise(heard)) if before != after] == [
        14,
        514,
        529,
        1029,
        1044,
    ]
    unit.flash()
    assert (unit.state, unit.line.other, unit.acts()) == ("talking", "held", [("answer",)])


def test_who_knocks_rings_when_the_call_is_hung_up_and_is_shown() -> None:
    unit = with_knocking()
    unit.hang_up()
    assert (unit.state, unit.line.ringing, unit.acts()) == ("ringing", True, [("hang_up",)])
    assert shown(unit) == Caller("5551234567", "ADA BAKER", "11230830")
    unit.lift()
    assert (unit.state, unit.line.other, unit.acts()) == ("talking", "none", [("answer",)])


def test_who_still_knocks_when_the_call_has_ended_is_answered_by_a_flash() -> None:
    unit = with_knocking()
    unit.event("ended")
    assert unit.state == "reorder"
    unit.flash()
    assert (unit.state, unit.line.other, unit.acts()) == ("talking", "none", [("answer",)])


def test_an_emergency_call_goes_before_who_still_knocks() -> None:
    unit = with_knocking()
    unit.event("ended")
    unit.dial("911")
    assert (unit.state, unit.line.other, unit.acts()) == ("calling", "none", [("reject",), ("dial", "911", True)])


def test_a_third_call_is_refused() -> None:
    for unit in (with_two(), with_knocking(), with_held()):
        assert not unit.event(*INCOMING)


def test_an_emergency_call_beside_a_held_one() -> None:
    unit = with_held()
    unit.dial("411")
    unit.event("busy")
    unit.acts()
    unit.dial("911")
    assert (unit.state, unit.line.other, unit.acts()) == ("calling", "held", [("dial", "911", True)])


def test_who_knocks_may_give_up() -> None:
    unit = with_knocking()
    assert unit.event("other_ended")
    assert (unit.state, unit.line.other) == ("talking", "none")
    assert not unit.line.fill(bytearray(320))
    assert unit.event(*INCOMING)


def test_the_held_one_may_hang_up() -> None:
    unit = with_two()
    assert unit.event("other_ended")
    assert (unit.state, unit.line.other) == ("talking", "none")
    for unit in (with_two(), with_knocking()):
        unit.hang_up()
        assert unit.state == "ringing"
        assert unit.event("other_ended")
        assert unit.state == "idle"


# The bell.


@pytest.mark.parametrize(
    ("country", "pattern", "beats"),
    [
        ("US", 0, [2000, 4000]), ("US", 1, [2000, 4000]), ("US", 2, [800, 400, 800, 4000]),
        ("US", 3, [400, 200, 400, 200, 800, 4000]), ("US", 4, [300, 200, 1000, 200, 300, 4000]),
        ("US", 9, [2000, 4000]), ("GB", 0, [400, 200, 400, 2000]), ("FR", 0, [1500, 3500]),
        ("DE", 0, [1000, 4000]), ("JP", 0, [1000, 2000]),
    ],
)  # fmt: skip
def test_the_bell_rings_in_its_cadence_to_the_millisecond(country: str, pattern: int, beats: list[int]) -> None:
    unit = Unit(country=country)
    assert unit.event("incoming", "1", "", "", pattern)
    assert unit.line.ringing
    for beat in beats * 3:
        was = unit.line.ringing
        unit.wait(beat - 1)
        assert unit.line.ringing == was
        unit.wait(1)
        assert unit.line.ringing != was


@pytest.mark.parametrize("country", ["US", "GB", "FR", "AU"])
def test_caller_id_comes_between_the_first_and_the_second_ring_and_not_again(country: str) -> None:
    unit = Unit(country=country)
    unit.event(*INCOMING)
    cadence = [int(beat) for beat in value(country, "k").split(",")]
    pcm, heard = bytearray(320), []
    start = unit.now_ms
    while unit.now_ms < start + 3 * sum(cadence):
        if unit.line.fill(pcm):
            heard.append(unit.now_ms - start)
        unit.wait(20)
    first, second = sum(cadence[:-1]), sum(cadence)
    assert first + 480 <= heard[0] <= first + 540
    assert heard[-1] + 20 < second - 100
    assert [after - before for before, after in pairwise(heard)] == [20] * (len(heard) - 1)


def test_where_phones_want_another_caller_id_none_is_sent() -> None:
    unit = Unit(country="NL")
    unit.event(*INCOMING)
    pcm = bytearray(320)
    for _ in range(500):
        unit.wait(20)
        assert not unit.line.fill(pcm)


def test_a_withheld_number_is_p_and_an_unknown_one_o() -> None:
    for number, absent in (("anonymous", "P"), ("", "O")):
        unit = Unit()
        unit.event("incoming", number, "", "", 0)
        assert shown(unit) == Caller(absent=absent)


def test_lifting_ends_the_bell_at_once_and_answers() -> None:
    unit = Unit()
    unit.event(*INCOMING)
    unit.wait(500)
    unit.hook(True)
    assert not unit.line.ringing
    unit.wait(LIFT_MS)
    assert (unit.state, unit.acts()) == ("talking", [("answer",)])


def test_nobody_answers() -> None:
    unit = Unit()
    unit.event(*INCOMING)
    unit.wait(200_000)
    assert (unit.state, unit.line.ringing, unit.acts()) == ("idle", False, [("reject",)])
    unit.event(*INCOMING)
    unit.event("ended")
    assert (unit.state, unit.line.ringing, unit.acts()) == ("idle", False, [])


def test_a_call_comes_in_only_where_there_is_a_line_and_a_handset_down() -> None:
    assert not Unit(level="none").event(*INCOMING)
    assert not Unit().lift().event(*INCOMING)
    unit = Unit()
    unit.hook(True, 10)  # being lifted just now
    assert not unit.event(*INCOMING)
