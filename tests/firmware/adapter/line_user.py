"""A line, its clock and a person at it: for the line's tests."""

from __future__ import annotations

from adapter.line import HANG_UP_MS, LIFT_MS, Line
from tools.sim.hearing import Caller, caller, tones

LEVELS = ("none", "emergency_only", "outgoing_only", "full")
INCOMING = ("incoming", "5551234567", "ADA BAKER", "11230830", 0)


class Unit:
    """A line, its clock, and a person at it."""

    def __init__(
        self, country: str = "US", plan: str = "", emergency: str = "", level: str = "full", registered: bool = True
    ) -> None:
        self.now_ms = 1000
        self.line = Line(country, plan, emergency)
        self.line.event("service", self.now_ms, level, registered)

    @property
    def state(self) -> str:
        return str(self.line.state)

    def wait(self, ms: int) -> None:
        """Lets time pass as a unit does: from timer to timer."""
        until = self.now_ms + ms
        while (due := self.line.next_timer(self.now_ms)) < until:
            self.now_ms = max(self.now_ms + 1, due)
            self.line.poll(self.now_ms)
        self.now_ms = until
        self.line.poll(until)

    def hook(self, off_hook: bool, then_ms: int = 0) -> None:
        self.line.hook(off_hook, self.now_ms)
        self.wait(then_ms)

    def lift(self) -> Unit:
        self.hook(True, LIFT_MS)
        return self

    def hang_up(self) -> None:
        self.hook(False, HANG_UP_MS)

    def flash(self, ms: int = 300) -> None:
        self.hook(False, ms)
        self.hook(True, 20)

    def dial(self, digits: str) -> None:
        for key in digits:
            self.line.digit(key, True, self.now_ms)
            self.wait(80)
            self.line.digit(key, False, self.now_ms)
            self.wait(40)

    def event(self, name: str, *values: object) -> bool:
        return bool(self.line.event(name, self.now_ms, *values))

    def acts(self) -> list[tuple[object, ...]]:
        """What has come out since it was asked last."""
        found = list(self.line.events)
        self.line.events.clear()
        return found

    def hears(self, after_ms: int = 0) -> tuple[int, ...]:
        """The tone of the 100 ms after `after_ms`."""
        pcm, heard = bytearray(320), b""
        for _ in range((after_ms + 100) // 20):
            self.wait(20)
            heard += bytes(pcm) if self.line.fill(pcm) else bytes(320)
        return tones(heard)


def in_call(answered: bool = True, **options: str) -> Unit:
    unit = Unit(**options).lift()  # type: ignore[arg-type]
    unit.dial("5555550100")
    if answered:
        unit.event("answered")
    unit.acts()
    return unit


def with_held() -> Unit:
    unit = in_call()
    unit.flash()
    unit.acts()
    return unit


def with_two() -> Unit:
    """Talking, with another call on hold."""
    unit = with_held()
    unit.dial("411")
    unit.event("answered")
    unit.acts()
    return unit


def with_knocking() -> Unit:
    unit = in_call()
    assert unit.event(*INCOMING)
    return unit


def shown(unit: Unit) -> Caller | None:
    """Plays until the second ring, at most 8 s."""
    pcm, heard = bytearray(320), b""
    for _ in range(400):
        if unit.line.fill(pcm):
            assert not unit.line.ringing
            heard += bytes(pcm)
        unit.wait(20)
    return caller(heard + bytes(320))
