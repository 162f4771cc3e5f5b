"""The line's table: every state with every event, and any life of a line by hypothesis."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from adapter.line import HANG_UP_MS, LIFT_MS, MAX_DIGITS, SHORT_MS, STATES, TABLE, following
from tests.conftest import RunMicroPython
from tests.firmware.adapter.line_user import LEVELS, Unit

ALL_STATES = [row.split(" ")[0] for row in STATES.strip().split("\n")]
ROWS = [row.split(" ") for row in TABLE.strip().split("\n")]
EVENTS = sorted({row[0] for row in ROWS})
OTHERS = ("none", "held", "knocks")
ON_HOOK = ("idle", "ringing")
IN_CALL = ("calling", "ringback", "media", "talking")
ACTS = {".", "dial", "answer", "reject", "hang_up", "hold", "swap"}
# Which of the other call is possible where: what knocks, knocks in a call, and is left when that ends.
POSSIBLE = {
    **dict.fromkeys(("ringing", "talking", "reorder", "howler", "silent"), OTHERS),
    **dict.fromkeys(("dial_tone", "dialling", "calling", "ringback", "media", "busy", "refused"), ("none", "held")),
    **dict.fromkeys(("no_service", "dead"), ("none", "held")),
    "idle": ("none",),
}


def test_each_row_names_what_there_is_and_none_stands_twice() -> None:
    seen = set()
    for event, states, beside, after, beside_then, acts in ROWS:
        for state in ALL_STATES if states == "-" else states.split(","):
            assert state in ALL_STATES
            key = (event, state, beside)
            assert key not in seen
            seen.add(key)
        assert after in (*ALL_STATES, "=")
        assert beside in (*OTHERS, "-")
        assert beside_then in (*OTHERS, "=")
        assert set(acts.split(",")) <= ACTS


@pytest.mark.parametrize("state", ALL_STATES)
def test_every_event_in_every_state_leads_to_a_possible_one_or_nowhere(state: str) -> None:
    for other in POSSIBLE[state]:
        for event in EVENTS:
            found = following(state, other, event)
            if found is None:
                continue
            after, other_then, acts = found
            assert other_then in POSSIBLE[after], (state, other, event)
            # Each call is accounted for: it goes on, or it ended or is ended.
            active = state in IN_CALL
            if active and after not in IN_CALL and event in ("hang_up", "flash"):
                assert "hang_up" in acts or "hold" in acts
            if other != "none" and other_then == "none" and after != "ringing":
                assert event in ("other_ended", "ended", "timeout") or {"swap", "answer", "reject"} & set(acts), (
                    state,
                    other,
                    event,
                )


@pytest.mark.parametrize("state", [state for state in ALL_STATES if state not in ON_HOOK])
def test_hanging_up_leads_to_idle_from_everywhere(state: str) -> None:
    for other in POSSIBLE[state]:
        after, other_then, acts = following(state, other, "hang_up")
        assert ("hang_up" in acts) == (state in IN_CALL)
        assert after == ("idle" if other == "none" else "ringing")
        assert other_then == other
        if after == "ringing":
            assert following(after, other_then, "timeout") == ("idle", "none", ["reject"])
            assert following(after, other_then, "ended")[0] == "idle"


def test_events_that_calls_do_not_have_are_refused_and_change_nothing() -> None:
    unit = Unit()
    for name in (
        "ringback",
        "media",
        "answered",
        "busy",
        "reorder",
        "ended",
        "other_ended",
        "nonsense",
        "",
        "lift\nhang_up",
    ):
        assert not unit.event(name)
        assert (unit.state, unit.acts()) == ("idle", [])


class LifeOfALine(RuleBasedStateMachine):
    """Anything happens, in any order, at any time; a model keeps count of the calls."""

    @initialize(
        level=st.sampled_from(LEVELS), registered=st.booleans(), country=st.sampled_from(["US", "GB", "DE", "ZZ"]),
        plan=st.sampled_from(["x.T", "9xxxxxxT|1xx|0", "[02-9]x.T|1xx"]),
    )  # fmt: skip
    def begin(self, level: str, registered: bool, plan: str, country: str) -> None:
        self.unit = Unit(country=country, plan=plan, emergency="911,112", level=level, registered=registered)
        self.active = self.held = self.coming = 0  # calls, as a voice part would count them
        self.down = ""

    def settle(self) -> None:
        """Does as a voice part does with the acts that came out."""
        for act, *values in self.unit.acts():
            if act == "dial":
                assert self.active == 0
                digits, is_emergency = values
                assert 0 < len(digits) <= MAX_DIGITS  # type: ignore[arg-type]
                assert is_emergency == (digits in ("911", "112"))
                assert is_emergency or self.unit.line.level in ("full", "outgoing_only")
                self.active = 1
            elif act == "answer":
                assert self.coming == 1
                self.held, self.active, self.coming = self.held + self.active, 1, 0
                assert self.held <= 1
            elif act == "hang_up":
                assert self.active == 1
                self.active = 0
            elif act == "reject":
                assert self.active == 0
                assert self.held + self.coming == 1
                self.held = self.coming = 0
            elif act == "hold":
                assert (self.active, self.held) == (1, 0)
                self.active, self.held = 0, 1
            elif act == "swap":
                assert self.held == 1
                self.active, self.held = 1, self.active
            else:
                key, down = values
                assert (self.down == "") if down else (self.down == key)
                self.down = str(key) if down else ""

    @rule(ms=st.one_of(st.integers(0, 900), st.sampled_from([4000, 16_000, 20_000, 60_000, 200_000])))
    def wait(self, ms: int) -> None:
        self.unit.wait(ms)
        self.settle()

    @rule(off_hook=st.booleans(), ms=st.sampled_from([0, 10, 30, 60, 300, 799, 800, 2000]))
    def hook(self, off_hook: bool, ms: int) -> None:
        self.unit.hook(off_hook, ms)
        self.settle()

    @rule(key=st.sampled_from("0159#*"), down=st.booleans())
    def key(self, key: str, down: bool) -> None:
        self.unit.line.digit(key, down, self.unit.now_ms)
        self.settle()

    @rule(digits=st.sampled_from(["911", "112", "1911", "5555550100", "0"]))
    def dials(self, digits: str) -> None:
        self.unit.dial(digits)
        self.settle()

    @rule(level=st.sampled_from(LEVELS), registered=st.booleans())
    def service(self, level: str, registered: bool) -> None:
        self.unit.event("service", level, registered)
        self.settle()

    @rule(pattern=st.integers(0, 6))
    def incoming(self, pattern: int) -> None:
        if self.coming == 0 and self.unit.event("incoming", "555", "A", "", pattern):
            self.coming = 1
        self.settle()

    @rule(name=st.sampled_from(["ringback", "media", "answered", "busy", "reorder"]))
    def progress(self, name: str) -> None:
        if self.active:
            told = self.unit.event(name)
            if name in ("busy", "reorder") and told:
                self.active = 0
        self.settle()

    @rule(then=st.sampled_from(["", "incoming", "flash", "flash and dial"]))
    def talks(self, then: str) -> None:
        """The way to where most can go wrong, which chance alone seldom finds: a call, and a second one beside it."""
        self.leaves_it_alone()
        self.unit.event("service", "full", True)
        self.unit.hang_up()
        self.settle()
        self.unit.lift()
        self.unit.dial("102")
        self.unit.wait(SHORT_MS)
        self.settle()
        if self.active and self.unit.event("answered"):
            if then == "incoming":
                self.incoming(0)
            elif then:
                self.unit.flash()
                self.settle()
                if then == "flash and dial":
                    self.dials("0")

    @rule()
    def active_ends(self) -> None:
        if self.active:
            self.active = 0
            assert self.unit.event("ended")
        self.settle()

    @rule()
    def other_ends(self) -> None:
        ringing = self.unit.state == "ringing"
        if self.held or self.coming:
            self.held = self.coming = 0
            assert self.unit.event("ended" if ringing else "other_ended")
        self.settle()

    @rule()
    def leaves_it_alone(self) -> None:
        """From any state: handset down, nobody answers, and the line is idle; then 911 goes out."""
        self.unit.hook(False, HANG_UP_MS)
        self.unit.wait(200_000)
        self.settle()
        assert (self.unit.state, self.unit.line.ringing) == ("idle", False)
        assert (self.active, self.held, self.coming, self.down) == (0, 0, 0, "")
        if self.unit.line.level != "none":
            self.unit.hook(True, LIFT_MS)
            self.unit.dial("911")
            assert self.unit.acts() == [("dial", "911", True)]
            self.active = 1

    @invariant()
    def counts_agree_and_the_bell_is_silent_off_hook(self) -> None:
        line = self.unit.line
        assert not (line.ringing and (line.off_hook or line.state != "ringing"))
        assert line.off_hook == (line.state not in ON_HOOK)
        assert self.active == (line.state in IN_CALL)
        assert (self.held == 1) == (line.other == "held")
        assert (self.coming == 1) == (line.other == "knocks" or (line.state == "ringing" and line.other == "none"))
        assert line.next_timer(self.unit.now_ms) >= self.unit.now_ms
        if self.down:
            assert line.state in ("media", "talking")
        pcm = bytearray(b"\x55" * 320)
        assert line.fill(pcm) or pcm == b"\x55" * 320


TestLifeOfALine = LifeOfALine.TestCase
TestLifeOfALine.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)

BOTH = """
import sys
from adapter.line import STATES, TABLE, following
events = sorted(set(row.split(" ")[0] for row in TABLE.strip().split("\\n")))
for row in STATES.strip().split("\\n"):
    state = row.split(" ")[0]
    for other in ("none", "held", "knocks"):
        for event in events:
            print(following(state, other, event))
"""


def test_micropython_reads_the_table_the_same(micropython: RunMicroPython) -> None:
    here = [str(following(state, other, event)) for state in ALL_STATES for other in OTHERS for event in EVENTS]
    assert micropython(BOTH).splitlines() == here


STEADY = """
import micropython
from adapter.line import Line
pcm = bytearray(320)
def steady(line, start_ms, frames):
    micropython.heap_lock()
    now_ms = start_ms
    for _ in range(frames):
        line.poll(now_ms)
        line.next_timer(now_ms)
        line.fill(pcm)
        now_ms += 20
    micropython.heap_unlock()
line = Line("US", "", "")
line.event("service", 0, "full", True)
steady(line, 0, 100)
line.event("incoming", 2000, "5551234567", "ADA BAKER", "11230830", 0)
steady(line, 2000, 99)
line.poll(4000)  # the first ring ends: caller ID is made
steady(line, 4000, 300)
line.hook(True, 10000)
line.poll(10040)
steady(line, 10040, 100)
line.event("incoming", 13000, "5551234567", "ADA BAKER", "11230830", 0)
steady(line, 13000, 600)
line.event("other_ended", 30000)
line.event("ended", 30000)
steady(line, 30000, 100)
print(line.state, line.events)
"""


def test_nothing_is_allocated_while_nothing_happens(micropython: RunMicroPython) -> None:
    assert micropython(STEADY).strip() == "reorder [('answer',)]"
