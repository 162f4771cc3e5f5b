"""The dial plan: against regular expressions as an oracle, and on what is no plan."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapter.dial_plan import MAX_PLAN_CHARACTERS, DialPlanError, advance, checked, judged
from adapter.tones import value
from fleet.domain.voice_profile import is_digit_map
from tests.conftest import RunMicroPython

KEYS = "0123456789*#ABCD"
ranges = st.sampled_from(["[2-9]", "[02-4]", "[13-57]", "[*#]", "[19]", "[A1-2]"])
elements = st.tuples(st.one_of(st.sampled_from([*KEYS, "x"]), ranges), st.sampled_from(["", "", "."]))
alternatives = st.tuples(st.lists(elements, min_size=1, max_size=5), st.booleans())
plans = st.lists(alternatives, min_size=1, max_size=5)


def text_of(plan: list[tuple[list[tuple[str, str]], bool]]) -> str:
    return "|".join("".join(a + b for a, b in parts) + "T" * timed for parts, timed in plan)


def expression(parts: list[tuple[str, str]]) -> list[str]:
    """Each element as an expression."""
    made = []
    for element, dot in parts:
        one = "[0-9]" if element == "x" else re.escape(element) if len(element) == 1 else element
        made.append(one + "*" * bool(dot))
    return made


def oracle(plan: list[tuple[list[tuple[str, str]], bool]], digits: str) -> tuple[bool, bool]:
    """(whole, more), by asking whether some continuation of up to an alternative's length would match."""
    whole = more = False
    for parts, timed in plan:
        made = expression(parts)
        matches = re.fullmatch("".join(made), digits) is not None
        whole |= matches
        more |= matches and timed
        # `digits` may be followed by another key: they match all elements up to one that can still take a key.
        for count in range(len(made)):
            reached = (
                re.fullmatch("".join(made[:count]) + ("(?:" + made[count] + ")"), digits) if parts[count][1] else None
            )
            more |= re.fullmatch("".join(made[:count]), digits) is not None or reached is not None
    return whole, more


def walk(plan: str, digits: str) -> tuple[bool, bool]:
    places = advance(plan, None, "")
    for key in digits:
        places = advance(plan, places, key)
    return judged(plan, places)


@given(plans, st.text(alphabet="012359*#A", min_size=1, max_size=6))
def test_a_plan_takes_what_its_expressions_take(plan: list[tuple[list[tuple[str, str]], bool]], digits: str) -> None:
    assert walk(checked(text_of(plan)), digits) == oracle(plan, digits)


@given(plans, st.data())
def test_a_number_made_from_the_plan_is_whole(
    plan: list[tuple[list[tuple[str, str]], bool]], data: st.DataObject
) -> None:
    parts, _ = data.draw(st.sampled_from(plan))
    digits = ""
    for element, dot in parts:
        one = "[0-9]" if element == "x" else re.escape(element) if len(element) == 1 else element
        taken = [key for key in KEYS if re.fullmatch(one, key)]
        for _ in range(data.draw(st.integers(0, 3)) if dot else 1):
            digits += data.draw(st.sampled_from(taken))
    if digits:
        assert walk(checked(text_of(plan)), digits)[0]


@pytest.mark.parametrize(
    ("digits", "found"),
    [
        ("911", (True, False)), ("411", (True, False)), ("0", (True, True)), ("15555550100", (True, False)),
        ("5555550100", (True, False)), ("5555550", (True, True)), ("1555555010", (False, True)), ("988", (True, True)),
        ("99", (False, False)), ("9911", (False, False)), ("011442071234567", (True, True)), ("*69", (True, False)),
        ("12", (False, True)), ("11", (False, False)), ("1911", (False, False)),
    ],
)  # fmt: skip
def test_the_plan_of_north_america(digits: str, found: tuple[bool, bool]) -> None:
    assert walk(checked(value("US", "p")), digits) == found


@pytest.mark.parametrize(
    "plan",
    ["", " ", "()", "|", "911|", "|911", "x|T", "[", "[]", "[2-]x", "[9-2]", "[x]", "]", ".x", "x..", "12-3", "9T1",
     "é", "y", "x" * (MAX_PLAN_CHARACTERS + 1), "[2-9", "(911", "T"],
)  # fmt: skip
def test_what_is_no_plan_is_refused(plan: str) -> None:
    with pytest.raises(DialPlanError):
        checked(plan)


def test_blanks_parentheses_and_small_letters_are_fine() -> None:
    assert checked("( 911 | 1Xxx.t )") == "911|1XXX.T"


@given(st.text(alphabet="0129xT.[]-|*#()A ", max_size=40), st.text(alphabet=KEYS, max_size=8))
def test_any_text_is_a_plan_or_is_refused(plan: str, digits: str) -> None:
    try:
        made = checked(plan)
    except DialPlanError:
        return
    walk(made, digits)


def test_a_long_plan_costs_no_more_for_later_digits() -> None:
    plan = checked("|".join(["x.x.x.T"] * 25))
    started = time.process_time()
    walk(plan, "5" * 32)
    assert time.process_time() - started < 0.5


def test_micropython_judges_the_same(micropython: RunMicroPython) -> None:
    plan, numbers = value("US", "p"), ["911", "1911", "01144207", "988", "5555550100", "*69", "#31", "00", "0"]
    script = (
        "import sys\nfrom adapter.dial_plan import *\nplan = checked(sys.argv[1])\nfor digits in sys.argv[2:]:\n"
        " places = advance(plan, None, '')\n for key in digits: places = advance(plan, places, key)\n"
        " print(*judged(plan, places))"
    )
    assert micropython(script, plan, *numbers).split("\n")[:-1] == [
        "{} {}".format(*walk(checked(plan), digits)) for digits in numbers
    ]


plan_text = st.one_of(
    st.text(alphabet="0129xXtT.[]-|*#()Ad e", max_size=12),
    plans.map(text_of).flatmap(
        lambda text: st.sampled_from([text, text[1:], text + ".", f"({text})", text.replace("x", "")])
    ),
)


@settings(max_examples=300)
@given(plan_text)
def test_the_fleet_gives_out_what_units_take_and_nothing_else(plan: str) -> None:
    try:
        checked(plan)
        takes = True
    except DialPlanError:
        takes = False
    assert is_digit_map(plan) == takes


@pytest.mark.parametrize("country", ["US", "GB", "FR", "ES", "NO", "ZZ"])
def test_the_fleet_would_take_our_own_plans(country: str) -> None:
    assert is_digit_map(value(country, "p"))
