"""What time it is: UTC seconds since 1970-01-01, counted on from the last trusted setting.

There is no battery clock, no calendar and no time zone here. The floor is a time that is certainly past:
MADE_AFTER_S, or the newest that the fleet or trusted update metadata named: of that, the instant at which the
director issued an order, for TUF's own roles say only until when they hold. The clock neither reads below the
floor nor lets itself be set below it.
"""

from micropython import const

from adapter.errors import AdapterError

MADE_AFTER_S = const(1_767_225_600)  # 2026-01-01: no unit was made before
_YEAR_S = const(31_557_600)
_FLOOR_STEP_S = const(30 * 86_400)
_DAY_S = const(86_400)
FARTHEST_S = 25 * _YEAR_S  # above the floor; a setting beyond it is a fault or an attack


class ClockError(AdapterError):
    """A setting that cannot be true; says which time was offered and what the bound is."""


class Clock:
    """UTC, once it was set. `now_ms` is always the unit's uptime, which goes too fast by `ppm`."""

    def __init__(self, floor_s=MADE_AFTER_S, ppm=0):
        self.floor_s = max(floor_s, MADE_AFTER_S)
        self.is_set = False
        self._ppm = ppm
        self._at_zero_ms = 0

    def set(self, utc_ms, now_ms):
        """Takes `utc_ms` for the time at `now_ms`; ClockError, and no change, if it cannot be."""
        if utc_ms < self.floor_s * 1000:
            raise ClockError("time %d s is before %d s, which is certainly past" % (utc_ms // 1000, self.floor_s))
        if utc_ms > (self.floor_s + FARTHEST_S) * 1000:
            raise ClockError("time %d s is more than 25 years after %d s" % (utc_ms // 1000, self.floor_s))
        self._at_zero_ms = utc_ms - now_ms + now_ms * self._ppm // 1_000_000
        self.is_set = True

    def raise_floor(self, floor_s):
        """From now on no time below `floor_s` is believed; a floor never sinks."""
        self.floor_s = max(self.floor_s, floor_s)

    def next_floor_s(self, now_ms):
        """The time as a floor to keep over restarts."""
        return self.floor_for(self.utc_s(now_ms))

    def floor_for(self, utc_s):
        """A time that somebody trusted named, as a floor: at most 30 days above the floor of now.

        One server with a wrong clock must not shut a unit out of the true time for ever.
        """
        return min(utc_s, self.floor_s + _FLOOR_STEP_S)

    def utc_s(self, now_ms):
        """Seconds since 1970 at `now_ms`; 0 while the time is unknown."""
        if not self.is_set:
            return 0
        return max((self._at_zero_ms + now_ms - now_ms * self._ppm // 1_000_000) // 1000, self.floor_s)

    def at_least_s(self, now_ms):
        """A time that is not after the true one: the clock's, or the floor while it is not set."""
        return max(self.utc_s(now_ms), self.floor_s)


def in_daily_window(now_s, from_s, until_s):
    """True in the hours from `from_s` to `until_s` and in the same hours of every other day; equal ends: always.

    The fleet names one day's hours as UTC instants; they hold until it names others.
    """
    return from_s == until_s or (now_s - from_s) % _DAY_S < until_s - from_s


class Uptime:
    """Milliseconds since boot.py's first line, from a tick counter that wraps.

    Call it at least once in half a period of the counter (6 days on a board).
    """

    def __init__(self, ticks_ms, ticks_diff, started_ms):
        self._ticks_ms = ticks_ms
        self._ticks_diff = ticks_diff
        self._last = started_ms
        self._sum_ms = 0

    def __call__(self):
        ticks = self._ticks_ms()
        self._sum_ms += self._ticks_diff(ticks, self._last)
        self._last = ticks
        return self._sum_ms
