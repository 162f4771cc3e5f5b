"""A random life of a line, the same on both interpreters: what came out of it, as a hash.

`python -m tests.firmware.adapter.line_trace FIRST COUNT STEPS` prints a hash for each seed.
"""

import sys
from hashlib import sha256

from adapter.line import Line

_COUNTRIES = ("US", "GB", "DE", "FR", "IT", "NL", "AU", "ZZ")
_PLANS = ("", "x.T", "9xxxxxxT|1xx", "[2-9]x.#|*xx", "broken[", "11|0T")
_LEVELS = ("none", "emergency_only", "outgoing_only", "full")
_CALLS = ("ringback", "media", "answered", "busy", "reorder", "refused", "ended", "other_ended")
_WAITS_MS = (0, 10, 20, 40, 60, 100, 300, 800, 1000, 4000, 16_000, 60_000)


class Chance:
    """A generator of its own, for `random` differs (Numerical Recipes' LCG, its high bits)."""

    def __init__(self, seed):
        self._state = seed * 2654435761 & 0xFFFFFFFF

    def below(self, count):
        """0 to count - 1."""
        self._state = (self._state * 1664525 + 1013904223) & 0xFFFFFFFF
        return (self._state >> 8) % count


def trace(seed, steps):
    """The hash of all that a line did in `steps` things that happened to it, in hexadecimal."""
    chance = Chance(seed)
    line = Line(_COUNTRIES[chance.below(8)], _PLANS[chance.below(6)], ("", "911,112", ",")[chance.below(3)])
    digest = sha256()
    pcm = bytearray(320)
    now_ms = 0
    line.event("service", 0, _LEVELS[3 - chance.below(2)], True)
    for _ in range(steps):
        happen(line, chance, now_ms)
        wait_ms = _WAITS_MS[chance.below(12)]
        until = now_ms + wait_ms
        while now_ms < until:
            now_ms = min(until, max(line.next_timer(now_ms), now_ms + 1))
            line.poll(now_ms)
        for _ in range(3):
            digest.update(bytes(pcm) if line.fill(pcm) else b"-")
        told = (line.state, line.other, line.ringing, line.lamp, line.off_hook, line.emergency, line.events)
        digest.update(repr(told).encode())
        line.events.clear()
    return digest.digest().hex()


def happen(line, chance, now_ms):
    """One thing."""
    kind = chance.below(10)
    if kind < 2:
        line.hook(chance.below(3) > 0, now_ms)
    elif kind < 6:
        key = "0123456789*#A\xc8911"[chance.below(17)]
        line.digit(key, True, now_ms)
        line.digit(key, False, now_ms + 50)
    elif kind == 6:
        line.event("service", now_ms, _LEVELS[chance.below(4)], chance.below(2) == 1)
    elif kind == 7:
        line.event("incoming", now_ms, ("5551234", "", "anonymous")[chance.below(3)], "A", "", chance.below(7))
    elif kind == 8:
        line.event("messages", now_ms, chance.below(2))
    else:
        line.event(_CALLS[chance.below(8)], now_ms)


if __name__ == "__main__":
    first, count, steps = [int(text) for text in sys.argv[1:4]]
    for seed in range(first, first + count):
        print(trace(seed, steps))
