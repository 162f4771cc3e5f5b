"""What a unit is told to be: its channel, its maintenance window, what its line may do and its account for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from fleet.domain.errors import InvalidError
from fleet.domain.line_allowance import LineLevel
from fleet.domain.voice_account import VoiceStamp

CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class Channel(StrEnum):
    """The names of the wire's CHANNELS."""

    STABLE = "stable"
    BETA = "beta"


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window in local time at the site; it may cross midnight, and equal ends mean any time."""

    begins: time
    ends: time

    def around(self, now: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
        """The window that is open at `now` or opens next, as instants; two equal ones mean any time."""
        if self.begins == self.ends:
            return now, now
        day = now.astimezone(zone).date() - timedelta(1)
        while True:
            begins = datetime.combine(day, self.begins, zone)
            ends = datetime.combine(day + timedelta(self.ends < self.begins), self.ends, zone)
            if ends > now:
                return begins, ends
            day += timedelta(1)


def parse_window(begins: str, ends: str) -> Window:
    """From two times like `02:00`."""
    return Window(_parse_clock(begins), _parse_clock(ends))


def _parse_clock(text: str) -> time:
    found = CLOCK.fullmatch(text)
    if found is None:
        raise InvalidError(f"a time of day is written 00:00 to 23:59, got {text!r}")
    return time(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Configuration:
    """`version` counts up with every change. `window` None: the operator's default."""

    serial: str
    version: int = 1
    channel: Channel = Channel.STABLE
    window: Window | None = None
    line_level: LineLevel = LineLevel.NONE
    voice: VoiceStamp | None = None

    def changed(self, channel: Channel, window: Window | None) -> Configuration:
        """The next version with these settings."""
        return replace(self, version=self.version + 1, channel=channel, window=window)

    def with_line(self, level: LineLevel, voice: VoiceStamp | None = None) -> Configuration:
        """The next version with that line and voice account; itself if it is so already."""
        same = level is self.line_level and voice == self.voice
        return self if same else replace(self, version=self.version + 1, line_level=level, voice=voice)

    def taking_over(self, old: Configuration) -> Configuration:
        """A replacement's configuration at the swap: all that the old unit had but the line, which facts decide."""
        version = self.version + 1
        return replace(old, serial=self.serial, version=version, line_level=self.line_level, voice=self.voice)

    def reset(self) -> Configuration:
        """The next version with nothing left of what an account chose."""
        return Configuration(self.serial, self.version + 1)
