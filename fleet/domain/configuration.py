"""What a unit is told to be: its channel, its maintenance window, and whether it may have a line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from fleet.domain.errors import InvalidError

MINUTES_OF_DAY = 24 * 60
WINDOW_FROM_MINUTE = 2 * 60  # equipment rules 6: 02:00 to 05:00 at the site by default
WINDOW_UNTIL_MINUTE = 5 * 60


class Channel(StrEnum):
    """The names of the wire's CHANNELS."""

    STABLE = "stable"
    BETA = "beta"


@dataclass(frozen=True, slots=True)
class Configuration:
    """`version` counts up with every change. The window is in minutes of the local day; equal ends: any time."""

    serial: str
    version: int = 1
    channel: Channel = Channel.STABLE
    window_from_minute: int = WINDOW_FROM_MINUTE
    window_until_minute: int = WINDOW_UNTIL_MINUTE
    line_allowed: bool = False

    def changed(self, channel: Channel, window_from_minute: int, window_until_minute: int) -> Configuration:
        """The next version with these settings."""
        for minute in (window_from_minute, window_until_minute):
            if not 0 <= minute < MINUTES_OF_DAY:
                raise InvalidError(f"a minute of the day is 0 to {MINUTES_OF_DAY - 1}, got {minute}")
        return replace(
            self,
            version=self.version + 1,
            channel=channel,
            window_from_minute=window_from_minute,
            window_until_minute=window_until_minute,
        )

    def allowing_line(self, allowed: bool) -> Configuration:
        """The next version with the line allowed or not; itself if that is so already."""
        return self if allowed == self.line_allowed else replace(self, version=self.version + 1, line_allowed=allowed)

    def taking_over(self, old: Configuration) -> Configuration:
        """A replacement's configuration at the swap: what the old unit had, and the line."""
        return replace(old, serial=self.serial, version=self.version + 1, line_allowed=True)


def maintenance_window(settings: Configuration, now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    """The window that is open at `now` or opens next; two equal instants mean any time."""
    if settings.window_from_minute == settings.window_until_minute:
        return now, now
    crosses_midnight = settings.window_until_minute < settings.window_from_minute
    day = now.astimezone(zone).date() - timedelta(1)
    while True:
        begins = datetime.combine(day, _clock(settings.window_from_minute), zone)
        ends = datetime.combine(day + timedelta(crosses_midnight), _clock(settings.window_until_minute), zone)
        if ends > now:
            return begins, ends
        day += timedelta(1)


def _clock(minute: int) -> time:
    return time(*divmod(minute, 60))
