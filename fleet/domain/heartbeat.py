"""What a unit last said of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

MISSED_HEARTBEATS: Final = 3  # a unit counts as online until it has missed so many


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a unit last said; numbers are indexes into the wire's enumerations."""

    received_at: datetime
    uptime_s: int
    state: int
    line_state: int
    update_state: int
    slot: int
    release_counter: int
    config_version: int
    free_heap_bytes: int
    clock_s: int  # its clock then, UTC seconds since 1970; 0: it did not know the time
