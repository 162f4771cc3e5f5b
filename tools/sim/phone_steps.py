"""What a telephone is to do, as text: steps that follow each other, checked before the first is taken.

    lift                 take the handset off        say FILE      speak a WAV file (8 kHz, one channel, 16 bits)
    hang-up              put it down                 record FILE   keep what is heard from here on
    answer [S]           wait for the bell, lift     wait S        let that many seconds pass
    dial KEYS            press keys                  ring [S]      wait for the bell
    pulse DIGITS         turn a dial                 quiet [S]     wait until it does not ring
    flash                tap the hook                hear HZ [S]   wait for a tone: 350+440

S is in seconds, the longest wait; without it, 60. Steps stand on lines of their own or between semicolons; a line
that begins with # is for people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from tools.sim.folder import SimulationError
from tools.sim.handset import KEYS, read_wav
from tools.sim.hearing import TONES_HZ, Caller
from tools.sim.phone import Phone

WAIT_S = 60.0
MAX_WAIT_S = 86_400.0
_SLICE_S = 0.2

Tell = Callable[[dict[str, Any]], None]


class StepError(SimulationError):
    """A step that is not one; says which, and what there is."""


class Step(NamedTuple):
    """A step: its name, what it is done with, and how long it may take."""

    name: str
    what: str = ""
    limit_s: float = WAIT_S

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.what)))


# name: what it needs ("": nothing), and whether seconds may follow
_STEPS = {
    "lift": ("", False), "hang-up": ("", False), "answer": ("", True), "dial": ("keys", False),
    "pulse": ("digits", False), "flash": ("", False), "say": ("file", False), "record": ("file", False),
    "wait": ("seconds", False), "ring": ("", True), "quiet": ("", True), "hear": ("hertz", True),
}  # fmt: skip


def parsed(text: str) -> list[Step]:
    """The steps of a script; StepError for what is none."""
    lines = [line.split() for line in text.replace(";", "\n").splitlines()]
    return [_step(words) for words in lines if words and not words[0].startswith("#")]


def _step(words: Sequence[str]) -> Step:
    name, *values = words
    if name not in _STEPS:
        raise StepError(f"no step {name!r}; there are {', '.join(_STEPS)}")
    needs, timed = _STEPS[name]
    if needs and not values:
        raise StepError(f"`{name}` needs {needs}")
    what = values.pop(0) if needs else ""
    limit_s = _seconds(name, values.pop(0)) if timed and values else WAIT_S
    if values:
        raise StepError(f"`{name}` takes no {values[0]!r}")
    if needs == "keys" and set(what) - set(KEYS):
        raise StepError(f"a telephone has the keys {''.join(sorted(KEYS))}, not {what!r}")
    if needs == "digits" and not what.isdecimal():
        raise StepError(f"a dial has digits, not {what!r}")
    if needs == "seconds":
        limit_s = _seconds(name, what)
    if needs == "hertz":
        _frequencies(what)
    return Step(name, what, limit_s)


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= MAX_WAIT_S:
        raise StepError(f"`{name}` wants 0 to {MAX_WAIT_S:.0f}, not {text!r}")
    return value


def _frequencies(text: str) -> tuple[int, ...]:
    parts = text.split("+")
    if not all(part.isdecimal() and int(part) in TONES_HZ for part in parts):
        raise StepError(f"{text!r} is no tone that this telephone knows: frequencies of {TONES_HZ}, joined by +")
    return tuple(sorted(int(part) for part in parts))


class Performance:
    """Takes steps at a telephone and tells what is seen and heard meanwhile, one dict at a time."""

    def __init__(self, phone: Phone, tell: Tell) -> None:
        self._phone = phone
        self._tell = tell
        self._told = 0
        self._tones: tuple[int, ...] = ()
        self._record: Path | None = None

    def perform(self, steps: Sequence[Step]) -> None:
        """Takes them all; SimulationError for the first that does not come about."""
        try:
            for step in steps:
                self._tell({"event": "step", "step": str(step)})
                self._take(step)
                self.look()
        finally:
            if self._record is not None:
                self._phone.save(self._record)

    def look(self) -> None:
        """Tells what is new."""
        events = self._phone.events
        for event in events[self._told :]:
            value: Any = asdict(event.value) if isinstance(event.value, Caller) else event.value
            self._tell({"event": event.kind, "at_ms": event.at_ms, "value": value})
        self._told = len(events)
        tones = self._phone.tones()
        if tones != self._tones:
            self._tones = tones
            self._tell({"event": "tone", "at_ms": self._phone.at_ms, "value": list(tones)})

    def wait(self, predicate: Callable[[], bool], limit_s: float) -> bool:
        """As Phone.wait_for, telling meanwhile."""
        left_s = limit_s
        while not self._phone.wait_for(predicate, min(left_s, _SLICE_S)):
            self.look()
            left_s -= _SLICE_S
            if left_s <= 0:
                return False
        return True

    def _take(self, step: Step) -> None:
        phone = self._phone
        if step.name in ("answer", "ring"):
            self._expect(step, lambda: phone.ringing, "the bell did not ring")
        if step.name in ("lift", "answer"):
            phone.lift()
        elif step.name == "hang-up":
            phone.hang_up()
        elif step.name == "flash":
            phone.flash()
        elif step.name == "dial":
            phone.dial(step.what)
        elif step.name == "pulse":
            phone.pulse(step.what)
        elif step.name == "say":
            phone.say(read_wav(Path(step.what)))
        elif step.name == "record":
            self._record = Path(step.what)
            phone.record()
        elif step.name == "quiet":
            self._expect(step, lambda: not phone.ringing, "the bell still rings")
        elif step.name == "hear":
            wanted = _frequencies(step.what)
            self._expect(step, lambda: phone.tones() == wanted, f"{step.what} Hz was not heard")
        elif step.name == "wait":
            self.wait(lambda: False, step.limit_s)
        self.wait(lambda: not phone.busy, MAX_WAIT_S)

    def _expect(self, step: Step, predicate: Callable[[], bool], otherwise: str) -> None:
        if not self.wait(predicate, step.limit_s):
            raise SimulationError(
                f"{otherwise} in {step.limit_s:g} s; heard now: {self._phone.tones() or 'nothing like a tone'}"
            )
