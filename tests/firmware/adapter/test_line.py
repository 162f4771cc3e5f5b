"""What a person at the line does and hears, the dial plan's timers, and the levels with their emergency calls."""

from __future__ import annotations

import pytest

from adapter.line import LIFT_MS, LONG_MS, MAX_DIGITS, SHORT_MS
from tests.firmware.adapter.line_user import INCOMING, LEVELS, Unit, in_call

# What a person does and hears.


def test_lifted_it_hums_and_the_first_key_ends_that() -> None:
    unit = Unit()
    unit.hook(True, LIFT_MS - 1)
    assert unit.state == "idle"
    unit.wait(1)
    assert (unit.state, unit.hears()) == ("dial_tone", (350, 440))
    unit.dial("5")
    assert (unit.state, unit.hears()) == ("dialling", ())


def test_a_whole_number_goes_out_with_its_last_digit() -> None:
    unit = Unit().lift()
    unit.dial("1555555010")
    assert unit.acts() == []
    unit.dial("0")
    assert (unit.state, unit.acts()) == ("calling", [("dial", "15555550100", False)])


def test_a_number_that_could_go_on_waits_for_the_short_timer_or_the_pound_key() -> None:
    for ending in ("", "#"):
        unit = Unit().lift()
        unit.dial("01144207123")
        unit.wait(SHORT_MS - 130)
        assert unit.acts() == []
        if ending:
            unit.dial("#")
        else:
            unit.wait(130)
        assert unit.acts() == [("dial", "01144207123", False)]


def test_half_a_number_is_refused_after_the_long_timer_with_special_information() -> None:
    unit = Unit().lift()
    unit.dial("155")
    unit.wait(LONG_MS - 130)
    assert unit.state == "dialling"
    unit.wait(130)
    assert (unit.state, unit.hears()) == ("refused", (950,))
    assert unit.hears(900) == ()  # 990 ms of three tones, then 1 s of none
    assert unit.acts() == []


def test_what_no_number_begins_with_is_refused_at_once() -> None:
    unit = Unit().lift()
    unit.dial("121")
    assert unit.state == "dialling"
    unit.dial("1")
    assert unit.state == "refused"


def test_a_pound_key_before_any_digit_ends_nothing() -> None:
    unit = Unit(plan="#31#T|5").lift()
    unit.dial("#")
    assert unit.state == "dialling"
    unit = Unit(plan="5").lift()
    unit.dial("#")
    assert unit.state == "refused"


def test_digits_without_end_are_refused() -> None:
    unit = Unit(plan="x.T").lift()
    unit.dial("5" * (MAX_DIGITS - 1))
    assert unit.state == "dialling"
    unit.dial("5")
    assert (unit.state, unit.acts()) == ("refused", [])


def test_the_called_ones_progress_is_heard() -> None:
    for event, state, heard in (
        ("ringback", "ringback", (440, 480)),
        ("media", "media", ()),
        ("answered", "talking", ()),
        ("busy", "busy", (480, 620)),
        ("reorder", "reorder", (480, 620)),
        ("refused", "refused", (950,)),
        ("ended", "reorder", (480, 620)),
    ):
        unit = in_call(answered=False)
        assert unit.hears() == ()
        assert unit.event(event)
        assert (unit.state, unit.hears()) == (state, heard)


def test_early_media_silences_our_ringback_and_a_later_180_does_not_bring_it_back() -> None:
    unit = in_call(answered=False)
    unit.event("ringback")
    unit.event("media")
    assert not unit.event("ringback")
    assert unit.line.fill(bytearray(320)) is False


def test_when_the_other_one_hangs_up_it_is_congestion_then_the_howler_then_silence() -> None:
    unit = in_call()
    unit.event("ended")
    assert (unit.state, unit.hears()) == ("reorder", (480, 620))
    unit.wait(30_000)
    assert (unit.state, unit.hears()) == ("howler", (1400, 2060, 2450, 2600))
    unit.wait(60_000)
    assert (unit.state, unit.hears()) == ("silent", ())
    unit.hang_up()
    assert (unit.state, unit.acts()) == ("idle", [])


def test_a_handset_left_off_the_hook_goes_the_same_way() -> None:
    unit = Unit().lift()
    seen = []
    for _ in range(200):
        unit.wait(1000)
        if not seen or seen[-1] != unit.state:
            seen.append(unit.state)
    assert seen == ["dial_tone", "reorder", "howler", "silent"]


def test_messages_stutter_and_blink() -> None:
    unit = Unit()
    unit.event("messages", 3)
    assert unit.line.lamp == "blink"
    unit.lift()
    assert unit.hears() == (350, 440)
    assert unit.hears() == ()  # 100 ms of tone, 100 ms of none
    unit.event("messages", 0)
    assert unit.line.lamp == "off"


@pytest.mark.parametrize("state_of", ["talking", "media"])
def test_keys_in_a_call_go_out_as_events_each_with_its_end(state_of: str) -> None:
    unit = in_call(answered=state_of == "talking")
    if state_of == "media":
        unit.event("media")
    unit.line.digit("5", True, unit.now_ms)
    unit.line.digit("6", True, unit.now_ms)  # a detector that stumbles
    unit.line.digit("6", False, unit.now_ms)
    unit.line.digit("\xc8", True, unit.now_ms)
    assert unit.acts() == [("digit", "5", True)]
    unit.event("ended")
    unit.line.digit("5", False, unit.now_ms)
    assert unit.acts() == [("digit", "5", False)]


def test_the_end_of_the_last_dialled_key_is_none_of_the_calls() -> None:
    unit = Unit().lift()
    for key in "91":
        unit.dial(key)
    unit.line.digit("1", True, unit.now_ms)
    unit.event("answered")
    unit.line.digit("1", False, unit.now_ms)
    assert unit.acts() == [("dial", "911", True)]


# The levels, and 911.


@pytest.mark.parametrize(
    ("level", "registered", "state", "heard"),
    [
        ("full", True, "dial_tone", (350, 440)), ("outgoing_only", True, "dial_tone", (350, 440)),
        ("emergency_only", True, "dial_tone", (350, 440)), ("full", False, "no_service", (480, 620)),
        ("emergency_only", False, "no_service", (480, 620)), ("none", True, "dead", ()), ("none", False, "dead", ()),
    ],
)  # fmt: skip
def test_what_a_lifted_handset_hears_by_level(level: str, registered: bool, state: str, heard: tuple[int, ...]) -> None:
    unit = Unit(level=level, registered=registered).lift()
    assert (unit.state, unit.hears()) == (state, heard)


def test_the_dial_tone_of_an_emergency_line_is_interrupted() -> None:
    unit = Unit(level="emergency_only").lift()
    assert unit.hears(300) == (350, 440)
    pcm = bytearray(b"\x55" * 320)
    assert unit.line.fill(pcm)
    assert not any(pcm)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("registered", [True, False])
@pytest.mark.parametrize("digits", ["911", "1911", "9911"])
def test_an_emergency_number_is_dialled_from_every_level_but_none(level: str, registered: bool, digits: str) -> None:
    unit = Unit(level=level, registered=registered).lift()
    unit.dial(digits)
    assert unit.acts() == ([] if level == "none" else [("dial", "911", True)])
    assert unit.line.emergency == (level != "none")


def test_an_emergency_number_is_dialled_although_the_plan_knows_none() -> None:
    for plan in ("5xx", "9xxxxxx", "x.T", "[[["):
        for number, digits in (("112", "112"), ("000", "000"), ("000", "1000"), ("911", "9911")):
            unit = Unit(plan=plan, emergency="911, 112,000").lift()
            unit.dial(digits)
            unit.wait(LONG_MS)
            open_plan = plan == "x.T" and digits != number  # which has a number 9911 as well
            assert unit.acts() == [("dial", digits if open_plan else number, not open_plan)], (plan, digits)


def test_what_the_plan_itself_has_behind_a_nine_is_no_emergency() -> None:
    unit = Unit(plan="9911").lift()
    unit.dial("9911")
    assert unit.acts() == [("dial", "9911", False)]


def test_when_an_emergency_call_has_ended_the_line_is_as_ever() -> None:
    unit = Unit().lift()
    unit.dial("911")
    unit.event("answered")
    unit.event("ended")
    unit.acts()
    unit.wait(SHORT_MS)
    unit.dial("5")
    assert (unit.line.emergency, unit.acts()) == (False, [])
    unit.flash()
    assert unit.state == "dial_tone"


def test_who_pauses_while_dialling_loses_nothing() -> None:
    unit = Unit().lift()
    unit.dial("155")
    unit.wait(LONG_MS - 200)
    unit.dial("55550100")
    assert unit.acts() == [("dial", "15555550100", False)]


def test_a_detector_that_raves_does_no_harm() -> None:
    unit = in_call()
    for key in ("\xc8", "\0", "E", "", "12"):
        unit.line.digit(key, True, unit.now_ms)
    assert unit.acts() == []
    unit = Unit(registered=False).lift()
    for _ in range(500):
        unit.line.digit("5", True, unit.now_ms)
    assert len(unit.line._digits) <= MAX_DIGITS + 1


@pytest.mark.parametrize("key", "0119")
def test_what_may_still_become_an_emergency_number_is_not_refused_on_the_way(key: str) -> None:
    unit = Unit(plan="5xx", emergency="000,911").lift()
    unit.dial(key)
    assert (unit.state, unit.hears()) == ("dialling", ())


def test_a_plan_that_ends_within_an_emergency_number_waits_for_it() -> None:
    unit = Unit(plan="11", emergency="112").lift()
    unit.dial("11")
    assert unit.acts() == []
    unit.dial("2")
    assert unit.acts() == [("dial", "112", True)]
    unit = Unit(plan="11", emergency="112").lift()
    unit.dial("11")
    unit.wait(SHORT_MS)
    assert unit.acts() == [("dial", "11", False)]


def test_a_tap_of_the_hook_begins_the_number_anew_also_without_service() -> None:
    unit = Unit(registered=False).lift()
    unit.dial("91")
    unit.flash()
    unit.dial("911")
    assert unit.acts() == [("dial", "911", True)]


def test_a_line_that_is_taken_away_while_dialling_dials_no_more() -> None:
    unit = Unit().lift()
    unit.dial("91")
    unit.event("service", "none", False)
    unit.dial("1")
    unit.wait(LONG_MS)
    assert unit.acts() == []


def test_behind_a_nine_it_waits_where_the_plan_has_such_numbers() -> None:
    unit = Unit(plan="9xxxxxxT").lift()
    unit.dial("9911")
    assert unit.acts() == []
    unit.wait(LONG_MS)
    assert unit.acts() == [("dial", "911", True)]
    unit = Unit(plan="9xxxxxxT").lift()
    unit.dial("9911234")
    unit.wait(SHORT_MS)
    assert unit.acts() == [("dial", "9911234", False)]


@pytest.mark.parametrize("level", ["full", "emergency_only"])
def test_without_service_a_wrong_number_is_forgotten_after_a_pause(level: str) -> None:
    unit = Unit(registered=False, level=level).lift()
    unit.dial("5" * 100)
    unit.wait(SHORT_MS)
    unit.dial("911")
    assert unit.acts() == [("dial", "911", True)]


@pytest.mark.parametrize(
    ("level", "registered"), [("full", False), ("emergency_only", True), ("emergency_only", False)]
)
@pytest.mark.parametrize("digits", ["18005559111", "5911", "59911", "0119114", "2911"])
def test_911_within_a_longer_number_is_no_emergency_whatever_the_line_may_do(
    level: str, registered: bool, digits: str
) -> None:
    unit = Unit(registered=registered, level=level).lift()
    unit.dial(digits)
    unit.wait(SHORT_MS)
    assert unit.acts() == []


@pytest.mark.parametrize("heard", ["busy", "reorder", "refused", "howler", "silent"])
def test_an_emergency_number_is_dialled_whatever_is_heard(heard: str) -> None:
    unit = in_call(answered=False)
    unit.event("refused" if heard == "refused" else "busy" if heard == "busy" else "ended")
    unit.wait({"howler": 30_000, "silent": 90_000}.get(heard, 0))
    assert unit.state == heard
    unit.dial("5")
    unit.wait(SHORT_MS)
    assert (unit.state, unit.acts()) == (heard, [])
    unit.dial("911")
    assert unit.acts() == [("dial", "911", True)]
    assert unit.event("answered")


def test_an_emergency_line_refuses_any_other_number() -> None:
    unit = Unit(level="emergency_only").lift()
    unit.dial("5")
    assert (unit.state, unit.hears(), unit.acts()) == ("refused", (950,), [])


def test_in_an_emergency_call_nothing_interrupts() -> None:
    unit = Unit().lift()
    unit.dial("911")
    unit.event("answered")
    assert not unit.event(*INCOMING)
    unit.acts()
    unit.flash()
    assert (unit.state, unit.acts()) == ("talking", [])
    unit.hang_up()
    assert unit.acts() == [("hang_up",)]
    assert unit.event(*INCOMING)


def test_service_that_comes_or_goes_is_heard_at_once_but_breaks_no_dialling() -> None:
    unit = Unit(registered=False).lift()
    assert unit.event("service", "full", True)
    assert unit.hears() == (350, 440)
    unit.event("service", "none", True)
    assert (unit.state, unit.hears()) == ("dead", ())
    unit.event("service", "full", True)
    unit.dial("5")
    unit.event("service", "full", False)
    assert unit.state == "dialling"
    unit = in_call()
    unit.event("service", "none", False)
    assert unit.state == "talking"
